/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hits of entries: from the kernel's table, by addresses and slots, into the state file, by names
 * and prefixes ("folding"). Each packet is counted once, wherever the command is killed: an old
 * table stays pinned until the state file says that it has been merged.
 */
#ifndef ALLOWXDP_HITS_H
#define ALLOWXDP_HITS_H

#include "hits_state.h"
#include "instance.h"
#include "plan.h"

/*
 * Folds by `running`, the policy that packets went by (NULL: none did yet), and notes which entries
 * `next` has, which is going to be in force (NULL: that can wait). The caller holds the lock. What
 * goes wrong is only warned of: no change of the filter may fail for that.
 */
void hits_fold(const struct instance *i, const struct policy *running, const struct policy *next);

/*
 * The same for the policies of a plan, or for one entry that comes or goes: little enough is noted
 * down instead, unless it is time to fold anyway (hits_changes.h).
 */
void hits_fold_changes(const struct instance *i, const struct plan *plan);
void hits_fold_entry(const struct instance *i, const struct policy *p, const struct entry *e,
		     bool removed);

/*
 * What is known of one entry of the policy that packets go by, up to now; changes nothing. False:
 * nothing is known.
 */
bool hits_peek(const struct instance *i, const struct policy *p, const struct entry *e,
	       struct entry_hits *out);

/* hits_fold() for a command that changes nothing: takes the lock, where the instance is loaded. */
void hits_refresh(const struct paths *paths);

/* The state file as it is. False, and *h is empty, where there is none that can be read. */
bool hits_known(const struct paths *paths, struct hits *h);

#endif
