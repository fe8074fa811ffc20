/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RUN/layout: what lies where in the counter maps of the running instance, by names, so that
 * another version of the command, whose maps look otherwise, can read them.
 */
#ifndef ALLOWXDP_COUNTERS_LAYOUT_H
#define ALLOWXDP_COUNTERS_LAYOUT_H

#include "paths.h"
#include "policy.h"

enum { LAYOUT_REASONS = 256, LAYOUT_SERVICES = 256, LAYOUT_WORD_MAX = 63 };

/* What the map of some version holds. */
struct counters_layout {
	uint32_t directions, services, families;
	uint32_t n_drop, n_pass; /* drop reasons come first */
	char reasons[LAYOUT_REASONS][LAYOUT_WORD_MAX + 1];
	struct counters_layout_service {
		char name[LAYOUT_WORD_MAX + 1];
		uint32_t slot, direction;
	} names[LAYOUT_SERVICES];
	uint32_t n_names;
};

/*
 * For a policy that is about to be put in force; its services have their slots. Services of
 * `previous` (may be NULL) that it does not have, but whose slots it leaves alone, are written
 * too: it may be rolled back.
 */
int counters_layout_write(const struct paths *paths, const struct policy *next,
			  const struct policy *previous, struct error *err);

/* *l is all zero. */
int counters_layout_read(const struct paths *paths, struct counters_layout *l, struct error *err);

/* Does a map that was filled by RUN/layout look as this version's do? */
bool counters_layout_fits(const struct paths *paths, int map);

/*
 * What RUN/layout knows of the policy that runs: its services' names, slots and directions, so that
 * a new one has them at the same slots where nothing else is known. *p is empty.
 */
int counters_layout_services(const struct paths *paths, struct policy *p);

#endif
