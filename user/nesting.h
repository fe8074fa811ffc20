/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What covers a place in the order of prefixes, each list for itself: for walks over sorted entries
 * that ask which entry of a list decides there. Pure.
 */
#ifndef ALLOWXDP_NESTING_H
#define ALLOWXDP_NESTING_H

#include "hits_match.h"

struct nesting {
	struct covering covering; /* entries, the longest last */
	uint32_t *below;          /* of each: number of the next wider one of its list; 0: none */
	size_t cap;
	uint32_t last[POLICY_MAX_LISTS]; /* number (from 1) of each list's longest; 0: none */
};

#define _cleanup_nesting_ __attribute__((cleanup(nesting_free)))
void nesting_free(struct nesting *n);

/* Goes on to a prefix behind the last one: what does not cover it is left. */
void nesting_leave(struct nesting *n, const struct prefix *next);
/* -ENOMEM. */
int nesting_enter(struct nesting *n, const struct entry *e);

/* Does `c` match at least as long as `e`? */
static inline bool entry_outlasts(const struct entry *c, const struct entry *e)
{
	return !c->until || (e->until && c->until >= e->until);
}

/* The longest entry of the list that covers the place and has not expired by `now`, or NULL. */
const struct entry *nesting_nearest(const struct nesting *n, size_t list, uint32_t now);

/* The one that decides over all of e's prefix, if it lists it at least as long as e does. */
const struct entry *nesting_decides(const struct nesting *n, size_t list, const struct entry *e,
				    uint32_t now);

#endif
