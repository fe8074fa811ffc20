/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which entry lets an address in: for many addresses at once, in one walk over the policy's sorted
 * entries. The same answer as explain.h gives for one. Pure.
 */
#ifndef ALLOWXDP_HITS_MATCH_H
#define ALLOWXDP_HITS_MATCH_H

#include "policy.h"

/* All entries of a policy in one order: prefix_compare, list, those of commands first. */
struct merged {
	const struct policy *policy;
	const struct entry **v;
	size_t n;
};

#define _cleanup_merged_ __attribute__((cleanup(merged_free)))
void merged_free(struct merged *m);
int merged_make(struct merged *m, const struct policy *p);

/* A listed address and service, as packets were counted under it. */
struct hit_sample {
	struct prefix address;      /* /32 or /128 */
	uint8_t service, direction; /* slot, enum axp_direction */
	uint64_t packets;
	uint32_t first, last; /* seconds since 1970 */
};

struct match {
	const struct service *service;
	const struct entry *entry; /* NULL: there is none */
};

/* Entries that cover a place in the order: the longest last. */
struct covering {
	const struct entry **v;
	size_t n, cap;
};

#define _cleanup_covering_ __attribute__((cleanup(covering_free)))
void covering_free(struct covering *c);
/* Goes on to a prefix behind the last one: what does not cover it is left. */
void covering_leave(struct covering *c, const struct prefix *next);
int covering_enter(struct covering *c, const struct entry *e);

static inline bool allows(const struct service *s, size_t list)
{
	return s->allow[list / 64] >> (list % 64) & 1;
}

/* Sorts the samples by address and fills matches[n]. -ENOMEM. */
int hits_match(const struct merged *m, struct hit_sample *samples, size_t n, struct match *matches);

#endif
