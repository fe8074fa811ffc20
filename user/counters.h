/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet counters of an interface, summed over CPUs, with the names that users see. */
#ifndef ALLOWXDP_COUNTERS_H
#define ALLOWXDP_COUNTERS_H

#include "instance.h"
#include "policy.h"

/* One line of `stats`, one element of its JSON, one time series. Strings are borrowed. */
struct counter {
	const char *interface, *direction, *service, *family, *verdict, *reason;
	uint64_t packets, bytes;
};

/*
 * Calls `show` for every counter of the interface that is not zero, and for each service's listed
 * and unlisted packets even if zero, so that a rate can be taken from the first packet on. Stops at
 * the first non-zero return, which it returns.
 */
int counters_each(const struct paths *paths, const struct policy *p, const char *interface,
		  int (*show)(const struct counter *c, void *arg), void *arg, struct error *err);

/* Sets the counters of a service slot to zero, when it is given to another service. */
int counters_reset_service(const struct paths *paths, const char *interface, uint32_t slot,
			   struct error *err);

const char *direction_name(uint32_t direction);
const char *family_name(uint32_t family);
const char *verdict_name(uint32_t verdict);
const char *reason_name(uint32_t reason);
const char *reason_help(uint32_t reason);

#endif
