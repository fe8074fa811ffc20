/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of service slots, by the generation that a packet was judged by: a reload may rename them.
 */
#ifndef ALLOWXDP_SERVICE_NAMES_H
#define ALLOWXDP_SERVICE_NAMES_H

#include <stdint.h>
#include "paths.h"
#include "policy.h"

enum { SERVICE_NAMES_KEPT = 4 };

/* The policies of the last generations that were asked for; files of old ones may be gone. */
struct service_names {
	const struct paths *paths;
	struct {
		uint64_t generation; /* 0: none */
		bool known;
		struct policy policy;
	} v[SERVICE_NAMES_KEPT];
	unsigned int next;
};

#define _cleanup_service_names_ __attribute__((cleanup(service_names_free)))
void service_names_free(struct service_names *n);

/* "-" for AXP_NO_SERVICE, "?" where nobody knows any more. Valid until a few generations later. */
const char *service_name(struct service_names *n, uint64_t generation, uint32_t slot);

/* The policy of a generation; NULL: nobody knows. */
const struct policy *service_names_policy(struct service_names *n, uint64_t generation);

#endif
