// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "abi.h"
#include "cleanup.h"
#include "reserved.h"

static const struct {
	struct reserved reserved;
	uint8_t family, len;
	uint8_t addr[16];
} ranges[] = {
	{ { RESERVED_NEVER, "\"this network\" (RFC 791)", "0.0.0.0/8" }, AXP_IPV4, 8, { 0 } },
	{ { RESERVED_PRIVATE, "private (RFC 1918)", "10.0.0.0/8" }, AXP_IPV4, 8, { 10 } },
	{ { RESERVED_PRIVATE, "shared behind a provider's NAT (RFC 6598)", "100.64.0.0/10" },
	  AXP_IPV4,
	  10,
	  { 100, 64 } },
	{ { RESERVED_NEVER, "loopback (RFC 1122)", "127.0.0.0/8" }, AXP_IPV4, 8, { 127 } },
	{ { RESERVED_PRIVATE, "link-local (RFC 3927)", "169.254.0.0/16" },
	  AXP_IPV4,
	  16,
	  { 169, 254 } },
	{ { RESERVED_PRIVATE, "private (RFC 1918)", "172.16.0.0/12" }, AXP_IPV4, 12, { 172, 16 } },
	{ { RESERVED_NEVER, "for protocols (RFC 6890)", "192.0.0.0/24" },
	  AXP_IPV4,
	  24,
	  { 192, 0, 0 } },
	{ { RESERVED_EXAMPLES, "for documentation (RFC 5737)", "192.0.2.0/24" },
	  AXP_IPV4,
	  24,
	  { 192, 0, 2 } },
	{ { RESERVED_PRIVATE, "private (RFC 1918)", "192.168.0.0/16" },
	  AXP_IPV4,
	  16,
	  { 192, 168 } },
	{ { RESERVED_EXAMPLES, "for benchmarks (RFC 2544)", "198.18.0.0/15" },
	  AXP_IPV4,
	  15,
	  { 198, 18 } },
	{ { RESERVED_EXAMPLES, "for documentation (RFC 5737)", "198.51.100.0/24" },
	  AXP_IPV4,
	  24,
	  { 198, 51, 100 } },
	{ { RESERVED_EXAMPLES, "for documentation (RFC 5737)", "203.0.113.0/24" },
	  AXP_IPV4,
	  24,
	  { 203, 0, 113 } },
	{ { RESERVED_NEVER, "multicast (RFC 5771)", "224.0.0.0/4" }, AXP_IPV4, 4, { 224 } },
	{ { RESERVED_NEVER, "reserved (RFC 1112)", "240.0.0.0/4" }, AXP_IPV4, 4, { 240 } },
	{ { RESERVED_NEVER, "unspecified (RFC 4291)", "::/128" }, AXP_IPV6, 128, { 0 } },
	{ { RESERVED_NEVER, "loopback (RFC 4291)", "::1/128" }, AXP_IPV6, 128, { [15] = 1 } },
	{ { RESERVED_TRANSLATED, "IPv4 behind a translator (RFC 6052)", "64:ff9b::/96" },
	  AXP_IPV6,
	  96,
	  { 0, 0x64, 0xff, 0x9b } },
	{ { RESERVED_PRIVATE, "IPv4 behind a translator of one's own (RFC 8215)",
	    "64:ff9b:1::/48" },
	  AXP_IPV6,
	  48,
	  { 0, 0x64, 0xff, 0x9b, 0, 1 } },
	{ { RESERVED_NEVER, "discarded (RFC 6666)", "100::/64" }, AXP_IPV6, 64, { 1 } },
	{ { RESERVED_EXAMPLES, "for benchmarks (RFC 5180)", "2001:2::/48" },
	  AXP_IPV6,
	  48,
	  { 0x20, 0x01, 0, 2 } },
	{ { RESERVED_EXAMPLES, "for documentation (RFC 3849)", "2001:db8::/32" },
	  AXP_IPV6,
	  32,
	  { 0x20, 0x01, 0x0d, 0xb8 } },
	{ { RESERVED_EXAMPLES, "for documentation (RFC 9637)", "3fff::/20" },
	  AXP_IPV6,
	  20,
	  { 0x3f, 0xff } },
	{ { RESERVED_PRIVATE, "private (RFC 4193)", "fc00::/7" }, AXP_IPV6, 7, { 0xfc } },
	{ { RESERVED_PRIVATE, "link-local (RFC 4291)", "fe80::/10" },
	  AXP_IPV6,
	  10,
	  { 0xfe, 0x80 } },
	{ { RESERVED_NEVER, "multicast (RFC 4291)", "ff00::/8" }, AXP_IPV6, 8, { 0xff } },
};

static struct prefix range_prefix(size_t i)
{
	struct prefix p = { .family = ranges[i].family, .len = ranges[i].len };

	memcpy(p.addr, ranges[i].addr, sizeof(p.addr));
	return p;
}

struct reserved reserved_covering(const struct prefix *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct prefix range = range_prefix(i);

		if (prefix_covers(&range, p))
			return ranges[i].reserved;
	}
	return (struct reserved){ .kind = RESERVED_NONE };
}

struct reserved reserved_touched(const struct prefix *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct prefix range = range_prefix(i);

		if (prefix_covers(&range, p) || prefix_covers(p, &range))
			return ranges[i].reserved;
	}
	return (struct reserved){ .kind = RESERVED_NONE };
}
