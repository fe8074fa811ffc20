/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prefixes that a list hardly ever means: too wide, or of ranges with a purpose of their own. Pure.
 */
#ifndef ALLOWXDP_SPECIAL_H
#define ALLOWXDP_SPECIAL_H

#include "abi.h"
#include "reserved.h"

enum {
	WIDE_IPV4 = 16, /* shorter ones are too wide */
	WIDE_IPV6 = 32,
};

static inline bool prefix_too_wide(const struct prefix *p)
{
	return p->len < (p->family == AXP_IPV4 ? WIDE_IPV4 : WIDE_IPV6);
}

/* False for most prefixes, by their first bytes: they are in no such range. */
static inline bool prefix_may_be_special(const struct prefix *p)
{
	uint8_t first = p->addr[0];

	if (p->family == AXP_IPV4)
		return first == 192 || first == 198 || first == 203 || first >= 224 || !first ||
		       first == 127;
	return first < 2 || first >= 0xfe || first == 0x3f || first == 0x5f ||
	       (first == 0x20 && p->addr[1] == 1);
}

/*
 * The range that the prefix is inside of, none for private ones: in a network of one's own hosts do
 * send from there. One around the translators' is found too, if it is not too wide anyway.
 */
struct reserved prefix_special(const struct prefix *p);

/* The IPv4 prefix behind one inside 64:ff9b::/96; false: there is none. */
bool prefix_translated(const struct prefix *p, struct prefix *out);

#endif
