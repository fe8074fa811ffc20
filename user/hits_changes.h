/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries that came and went since hits were last folded: STATE/hits.changes, a line each,
 * appended. So `remove`, and a `reload` that changes little, need not fold: what is in the kernel's
 * table is later given to whom it was for. Lost lines cost a little exactness, nothing else.
 */
#ifndef ALLOWXDP_HITS_CHANGES_H
#define ALLOWXDP_HITS_CHANGES_H

#include "hits_state.h"
#include "plan.h"

struct hits_change {
	char list[POLICY_NAME_MAX + 1];
	struct prefix prefix;
	uint32_t when; /* seconds since 1970 */
	bool removed, carve;
};

struct hits_changes {
	struct hits_change *v; /* as they happened */
	size_t n, cap;
};

#define _cleanup_hits_changes_ __attribute__((cleanup(hits_changes_free)))
void hits_changes_free(struct hits_changes *c);

/* What is there of it; -ENOMEM. */
int hits_changes_read(const struct paths *paths, struct hits_changes *out);

/* Appends one entry of the policy, or all that a plan changes, as of `now`. 0 or a negative errno.
 */
int hits_changes_note(const struct paths *paths, const struct policy *p, const struct entry *e,
		      bool removed, uint32_t now);
int hits_changes_note_plan(const struct paths *paths, const struct plan *plan, uint32_t now);

/* May changes be noted, or is it time to fold: they are many, or the file is old, or not there? */
bool hits_changes_may_wait(const struct paths *paths, uint32_t now);

/* All have been folded. */
void hits_changes_forget(const struct paths *paths);

/* Entries that came: known since then. -ENOMEM. */
int hits_changes_follow(const struct hits_changes *c, struct hits *h);

/*
 * The policy as hits are given out by: with the entries that went, up to when they did. *seen
 * borrows all of p but its `added`, to be freed.
 */
int hits_changes_seen(const struct hits_changes *c, const struct policy *p, struct policy *seen);

#endif
