/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that were seen, as few prefixes as what was seen justifies. Pure. */
#ifndef ALLOWXDP_LEARN_GROUP_H
#define ALLOWXDP_LEARN_GROUP_H

#include "abi.h"
#include "prefix.h"

struct learn_rules {
	uint32_t min_sources;         /* so many addresses speak for their prefix */
	uint8_t widest[AXP_FAMILIES]; /* no prefix is shorter */
};

/*
 * A prefix stands for the addresses that were seen in it, where there are min_sources of them, or,
 * IPv4, where it holds no other address. None is wider than allowed, or than they need; IPv6
 * networks are /64 or wider, or single addresses. None covers what is barred. Of what is left each
 * address gets the widest.
 *
 * `seen` are whole addresses, sorted, no two alike, none of them barred; `barred` are prefixes,
 * sorted. `out` has room for n. Returns how many prefixes there are, sorted, no two overlapping.
 */
size_t learn_group(const struct learn_rules *r, const struct prefix *seen, size_t n,
		   const struct prefix *barred, size_t n_barred, struct prefix *out);

#endif
