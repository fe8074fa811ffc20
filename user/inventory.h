/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a policy holds, counted. */
#ifndef ALLOWXDP_INVENTORY_H
#define ALLOWXDP_INVENTORY_H

#include "policy.h"

struct inventory {
	size_t entries[POLICY_MAX_LISTS][AXP_FAMILIES]; /* of each list, carve-outs included */
	size_t prefixes[AXP_FAMILIES]; /* distinct ones, whatever list they are in */
};

void inventory_take(const struct policy *p, struct inventory *out);

#endif
