// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "abi.h"
#include "cleanup.h"
#include "feed_guard.h"
#include "reserved.h"

/* All public IPv6 addresses are inside of this one. */
static const struct prefix global_ipv6 = { .family = AXP_IPV6, .len = 3, .addr = { 0x20 } };

struct feed_limits feed_limits_defaults(void)
{
	return (struct feed_limits){
		.max_shrink = FEED_MAX_SHRINK,
		.shortest = { [AXP_IPV4] = FEED_SHORTEST_IPV4, [AXP_IPV6] = FEED_SHORTEST_IPV6 },
	};
}

static bool allowed(enum reserved_kind kind, const struct feed_limits *l)
{
	if (kind == RESERVED_NONE)
		return true;
	return l->allow_private && (kind == RESERVED_PRIVATE || kind == RESERVED_EXAMPLES);
}

static int check_range(const struct prefix *p, const struct feed_limits *l, struct error *err)
{
	struct reserved r = reserved_touched(p);
	char text[PREFIX_TEXT_MAX];

	prefix_text(p, text);
	if (!allowed(r.kind, l))
		return error_set(err, EINVAL, "%s is in or around %s, %s%s", text, r.range, r.what,
				 r.kind == RESERVED_PRIVATE || r.kind == RESERVED_EXAMPLES
					 ? ": \"allow-private: true\" allows it"
					 : "");
	if (p->family == AXP_IPV6 && r.kind == RESERVED_NONE && !prefix_covers(&global_ipv6, p))
		return error_set(err, EINVAL,
				 "%s is outside of 2000::/3, where public addresses are", text);
	return 0;
}

int feed_guard_content(const struct feed_items *news, const struct feed_limits *l,
		       struct error *err)
{
	const struct prefix *widest = NULL;
	char text[PREFIX_TEXT_MAX];
	int rc = 0;

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
	for (size_t i = 0; !rc && i < news->n; i++)
		rc = check_range(&news->v[i].prefix, l, err);
	return rc;
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
