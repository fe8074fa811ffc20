/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * May what a feed says now take the place of what it said before? Pure. Somebody else writes it, so
 * it is looked at before it opens a door, or closes one on half of the callers.
 */
#ifndef ALLOWXDP_FEED_GUARD_H
#define ALLOWXDP_FEED_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include "feed_parse.h"

struct feed_limits {
	uint8_t max_shrink;  /* percent that may go at once; 100: all but the last */
	uint8_t shortest[3]; /* prefix lengths by enum axp_family */
	bool allow_private;  /* private and documentation ranges are let through */
};

enum { FEED_MAX_SHRINK = 50, FEED_SHORTEST_IPV4 = 8, FEED_SHORTEST_IPV6 = 19 };

struct feed_limits feed_limits_defaults(void);

/*
 * Is there anything, nothing too wide, nothing of a range that no provider calls from? -EINVAL with
 * the reason, which names the worst offender and how to allow it.
 */
int feed_guard_content(const struct feed_items *news, const struct feed_limits *l,
		       struct error *err);

/*
 * Does it shrink by more than the limit? By addresses of a family, or by entries, unless wider ones
 * cover those that are gone. Both are sorted; nothing before is no shrinking. Returns 0, or
 * -EOVERFLOW with what would go, or -ENOMEM.
 */
int feed_guard_shrink(const struct feed_items *before, const struct feed_items *news,
		      const struct feed_limits *l, struct error *err);

/* How many of `these` the entries of `those` do not cover; both sorted. */
size_t feed_uncovered(const struct feed_items *these, const struct feed_items *those);

#endif
