/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which entries of a feed are wanted: "service=EC2, region=ap-south-1|eu-*", all conditions at
 * once. `!=` turns one round; a "*" at the end of a value stands for anything. Pure.
 */
#ifndef ALLOWXDP_FEED_FILTER_H
#define ALLOWXDP_FEED_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include "error.h"

enum { FEED_CONDITIONS = 8 };

/* Points into the text that it was made of. */
struct feed_condition {
	const char *key, *values; /* values: one or more, with "|" between them */
	size_t key_len, values_len;
	bool negated;
	bool seen; /* by whoever looks the key up: something had it */
};

struct feed_filter {
	struct feed_condition v[FEED_CONDITIONS];
	size_t n;
};

/* NULL and "" are no conditions. -EINVAL: "\"filter\" ...". */
int feed_filter_parse(const char *text, struct feed_filter *out, struct error *err);

/* Is it one of the values? Does not look at `negated`. */
bool feed_condition_names(const struct feed_condition *c, const char *value, size_t n);

/* Nothing in the feed had a key of a condition: -EINVAL. */
int feed_filter_check_seen(const struct feed_filter *f, struct error *err);

/* The next part of a text between commas, without blanks around it; false: no more. */
bool feed_next_part(const char **text, const char **part, size_t *n);

#endif
