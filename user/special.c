// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "cleanup.h"
#include "special.h"

#define V4(length, ...)                                                      \
	{                                                                    \
		.family = AXP_IPV4, .len = (length), .addr = { __VA_ARGS__ } \
	}
#define V6(length, ...)                                                      \
	{                                                                    \
		.family = AXP_IPV6, .len = (length), .addr = { __VA_ARGS__ } \
	}

/*
 * What IANA's registries of special-purpose addresses (RFC 6890) call neither global nor private.
 * Where two of them cover a prefix, the first one is meant.
 */
static const struct special specials[] = {
	{ V4(24, 192, 0, 2), SPECIAL_DOCUMENTATION, "for documentation (RFC 5737)" },
	{ V4(24, 198, 51, 100), SPECIAL_DOCUMENTATION, "for documentation (RFC 5737)" },
	{ V4(24, 203, 0, 113), SPECIAL_DOCUMENTATION, "for documentation (RFC 5737)" },
	{ V4(24, 233, 252, 0), SPECIAL_DOCUMENTATION, "for documentation (RFC 6676)" },
	{ V4(8, 0), SPECIAL_RESERVED, "\"this network\" (RFC 791)" },
	{ V4(8, 127), SPECIAL_RESERVED, "loopback (RFC 1122)" },
	{ V4(24, 192, 0, 0), SPECIAL_RESERVED, "for protocols of the IETF (RFC 5736, 6890)" },
	{ V4(24, 192, 88, 99), SPECIAL_RESERVED, "of 6to4 relays, which are gone (RFC 7526)" },
	{ V4(15, 198, 18), SPECIAL_RESERVED, "for benchmarks (RFC 2544)" },
	{ V4(4, 224), SPECIAL_RESERVED, "multicast (RFC 5771), and no source" },
	{ V4(4, 240), SPECIAL_RESERVED, "reserved (RFC 1112)" },
	{ V6(32, 0x20, 0x01, 0x0d, 0xb8), SPECIAL_DOCUMENTATION, "for documentation (RFC 3849)" },
	{ V6(20, 0x3f, 0xff), SPECIAL_DOCUMENTATION, "for documentation (RFC 9637)" },
	{ V6(96, 0x00, 0x64, 0xff, 0x9b), SPECIAL_TRANSLATED, "RFC 6052" },
	{ V6(48, 0x00, 0x64, 0xff, 0x9b, 0, 1), SPECIAL_TRANSLATED, "RFC 8215" },
	{ V6(127, 0), SPECIAL_RESERVED, "unspecified or loopback (RFC 4291)" },
	{ V6(64, 0x01, 0x00), SPECIAL_RESERVED, "where packets are discarded (RFC 6666)" },
	{ V6(32, 0x20, 0x01, 0, 0), SPECIAL_RESERVED, "of Teredo (RFC 4380), which is gone" },
	{ V6(48, 0x20, 0x01, 0, 2), SPECIAL_RESERVED, "for benchmarks (RFC 5180)" },
	{ V6(28, 0x20, 0x01, 0, 0x10), SPECIAL_RESERVED, "of ORCHID (RFC 4843)" },
	{ V6(16, 0x5f, 0x00), SPECIAL_RESERVED, "of segments, not hosts (RFC 9602)" },
	{ V6(10, 0xfe, 0xc0), SPECIAL_RESERVED, "site-local (RFC 3879), which is gone" },
	{ V6(8, 0xff), SPECIAL_RESERVED, "multicast (RFC 4291), and no source" },
};

const struct special *prefix_special(const struct prefix *p)
{
	if (!prefix_may_be_special(p))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(specials); i++) {
		const struct special *s = &specials[i];

		if (prefix_covers(&s->range, p))
			return s;
		if (s->kind == SPECIAL_TRANSLATED && !prefix_too_wide(p) &&
		    prefix_covers(p, &s->range))
			return s;
	}
	return NULL;
}

bool prefix_translated(const struct prefix *p, struct prefix *out)
{
	static const uint8_t start[12] = { 0x00, 0x64, 0xff, 0x9b };

	if (p->family != AXP_IPV6 || p->len < 96 || memcmp(p->addr, start, sizeof(start)))
		return false;
	*out = (struct prefix){ .family = AXP_IPV4, .len = (uint8_t)(p->len - 96) };
	memcpy(out->addr, p->addr + sizeof(start), 4);
	return true;
}
