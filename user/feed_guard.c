// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "abi.h"
#include "cleanup.h"
#include "feed_guard.h"

#define V4(length, ...)                                                      \
	{                                                                    \
		.family = AXP_IPV4, .len = (length), .addr = { __VA_ARGS__ } \
	}
#define V6(length, ...)                                                      \
	{                                                                    \
		.family = AXP_IPV6, .len = (length), .addr = { __VA_ARGS__ } \
	}

/* IANA's registries of special-purpose addresses: what is not reached from everywhere. */
static const struct {
	struct prefix range;
	const char *name;
} reserved_ranges[] = {
	{ V4(8, 0), "0.0.0.0/8 (\"this network\")" },
	{ V4(8, 10), "10.0.0.0/8 (private)" },
	{ V4(10, 100, 64), "100.64.0.0/10 (shared by carriers)" },
	{ V4(8, 127), "127.0.0.0/8 (loopback)" },
	{ V4(16, 169, 254), "169.254.0.0/16 (link-local)" },
	{ V4(12, 172, 16), "172.16.0.0/12 (private)" },
	{ V4(24, 192, 0, 0), "192.0.0.0/24 (protocols of the IETF)" },
	{ V4(24, 192, 0, 2), "192.0.2.0/24 (documentation)" },
	{ V4(16, 192, 168), "192.168.0.0/16 (private)" },
	{ V4(15, 198, 18), "198.18.0.0/15 (benchmarks)" },
	{ V4(24, 198, 51, 100), "198.51.100.0/24 (documentation)" },
	{ V4(24, 203, 0, 113), "203.0.113.0/24 (documentation)" },
	{ V4(4, 224), "224.0.0.0/4 (multicast)" },
	{ V4(4, 240), "240.0.0.0/4 (reserved)" },
	{ V6(32, 0x20, 0x01, 0x00, 0x00), "2001::/32 (Teredo)" },
	{ V6(48, 0x20, 0x01, 0x00, 0x02), "2001:2::/48 (benchmarks)" },
	{ V6(28, 0x20, 0x01, 0x00, 0x10), "2001:10::/28 (ORCHID)" },
	{ V6(28, 0x20, 0x01, 0x00, 0x20), "2001:20::/28 (ORCHID)" },
	{ V6(32, 0x20, 0x01, 0x0d, 0xb8), "2001:db8::/32 (documentation)" },
	{ V6(16, 0x20, 0x02), "2002::/16 (6to4)" },
	{ V6(20, 0x3f, 0xff), "3fff::/20 (documentation)" },
};

/* All public IPv6 addresses are inside of this one. */
static const struct prefix global_ipv6 = V6(3, 0x20);

struct feed_limits feed_limits_defaults(void)
{
	return (struct feed_limits){
		.max_shrink = FEED_MAX_SHRINK,
		.shortest = { [AXP_IPV4] = FEED_SHORTEST_IPV4, [AXP_IPV6] = FEED_SHORTEST_IPV6 },
	};
}

const char *feed_reserved_range(const struct prefix *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved_ranges); i++) {
		const struct prefix *range = &reserved_ranges[i].range;

		if (prefix_covers(range, p) || prefix_covers(p, range))
			return reserved_ranges[i].name;
	}
	if (p->family == AXP_IPV6 && !prefix_covers(&global_ipv6, p))
		return "what is not 2000::/3 (no public addresses)";
	return NULL;
}

int feed_guard_content(const struct feed_items *news, const struct feed_limits *l,
		       struct error *err)
{
	const struct prefix *widest = NULL;
	char text[PREFIX_TEXT_MAX];

	if (!news->n)
		return error_set(err, EINVAL, "it is empty");
	for (size_t i = 0; i < news->n; i++) {
		const struct prefix *p = &news->v[i].prefix;

		if (p->len < l->shortest[p->family] && (!widest || p->len < widest->len))
			widest = p;
	}
	if (widest)
		return error_set(err, EINVAL, "%s is wider than /%u: \"min-prefix%d\" allows it",
				 prefix_text(widest, text), l->shortest[widest->family],
				 widest->family == AXP_IPV4 ? 4 : 6);
	for (size_t i = 0; !l->reserved && i < news->n; i++) {
		const char *range = feed_reserved_range(&news->v[i].prefix);

		if (range)
			return error_set(err, EINVAL,
					 "%s is in %s: \"allow-reserved: true\" allows it",
					 prefix_text(&news->v[i].prefix, text), range);
	}
	return 0;
}

/* Sorted: what covers an entry stands before it. */
static void count_addresses(const struct feed_items *items, double addresses[AXP_FAMILIES])
{
	const struct prefix *around = NULL;

	for (size_t i = 0; i < items->n; i++) {
		const struct prefix *p = &items->v[i].prefix;

		if (around && prefix_covers(around, p))
			continue;
		around = p;
		addresses[p->family] += exp2(prefix_max_len(p->family) - p->len);
	}
}

/*
 * Those that are not inside of one of `those`. Halves that make up a whole are not put together: a
 * feed that splits what it had is rare, and held at worst.
 */
size_t feed_uncovered(const struct feed_items *these, const struct feed_items *those)
{
	const struct prefix *around = NULL;
	size_t n = 0, next = 0;

	for (size_t i = 0; i < these->n; i++) {
		const struct prefix *p = &these->v[i].prefix;

		while (next < those->n && prefix_compare(&those->v[next].prefix, p) <= 0) {
			if (!around || !prefix_covers(around, &those->v[next].prefix))
				around = &those->v[next].prefix;
			next++;
		}
		n += !around || !prefix_covers(around, p);
	}
	return n;
}

static bool too_few(double now, double before, const struct feed_limits *l)
{
	return now < before * (100 - l->max_shrink) / 100;
}

static const char *count_text(double n, char buf[static 32])
{
	snprintf(buf, 32, n < 1e9 ? "%.0f" : "%.3g", n);
	return buf;
}

static int shrinks(const char *what, double before, double now, const struct feed_limits *l,
		   struct error *err)
{
	char from[32], to[32];

	return error_set(err, EOVERFLOW,
			 "it shrinks from %s to %s %s, by more than %u %% (\"max-shrink\")",
			 count_text(before, from), count_text(now, to), what, l->max_shrink);
}

int feed_guard_shrink(const struct feed_items *before, const struct feed_items *news,
		      const struct feed_limits *l, struct error *err)
{
	static const char *const what[] = {
		[AXP_IPV4] = "IPv4 addresses", [AXP_IPV6] = "IPv6 addresses"
	};
	double was[AXP_FAMILIES] = { 0 }, is[AXP_FAMILIES] = { 0 };

	if (too_few((double)news->n, (double)before->n, l) &&
	    too_few((double)(before->n - feed_uncovered(before, news)), (double)before->n, l))
		return shrinks("entries", (double)before->n, (double)news->n, l, err);
	count_addresses(before, was);
	count_addresses(news, is);
	for (int family = AXP_IPV4; family < AXP_FAMILIES; family++) {
		if (too_few(is[family], was[family], l))
			return shrinks(what[family], was[family], is[family], l, err);
	}
	return 0;
}
