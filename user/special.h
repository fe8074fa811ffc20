/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prefixes that a list hardly ever means: too wide, or of ranges with a purpose of their own. Pure.
 */
#ifndef ALLOWXDP_SPECIAL_H
#define ALLOWXDP_SPECIAL_H

#include "abi.h"
#include "prefix.h"

enum {
	WIDE_IPV4 = 16, /* shorter ones are too wide */
	WIDE_IPV6 = 32,
};

static inline bool prefix_too_wide(const struct prefix *p)
{
	return p->len < (p->family == AXP_IPV4 ? WIDE_IPV4 : WIDE_IPV6);
}

enum special_kind {
	SPECIAL_DOCUMENTATION, /* RFC 5737, 3849, 9637: in examples only */
	SPECIAL_RESERVED,      /* no host sends from there */
	SPECIAL_TRANSLATED,    /* IPv4 as a translator shows it to IPv6 hosts: 64:ff9b::/96 */
};

struct special {
	struct prefix range;
	enum special_kind kind;
	const char *what; /* "for documentation (RFC 5737)" */
};

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
 * The range that `p` is inside of, or NULL. Private and shared ones (RFC 1918, 4193, 6598) and
 * link-local ones are not among them: hosts do send from there. A prefix around the translators' is
 * found too, if it is not too wide anyway.
 */
const struct special *prefix_special(const struct prefix *p);

/* The IPv4 prefix behind one inside 64:ff9b::/96; false: there is none. */
bool prefix_translated(const struct prefix *p, struct prefix *out);

#endif
