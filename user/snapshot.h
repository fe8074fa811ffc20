/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy that the kernel was given, kept beside it in the run directory, one file for each
 * generation. It makes every later command speak of what really runs, not of files that may have
 * been edited since, and lets `add` at a million prefixes touch only what it needs: the file is
 * mapped, not read.
 *
 * The kernel's control word names the generation that packets see, and so the file that describes
 * it: a command killed before the flip leaves a file that nobody reads.
 */
#ifndef ALLOWXDP_SNAPSHOT_H
#define ALLOWXDP_SNAPSHOT_H

#include "paths.h"
#include "policy.h"

/* Writes all of the policy but the added entries, which the state directory keeps. */
int snapshot_write(const struct paths *paths, uint64_t generation, const struct policy *p,
		   struct error *err);

/* Maps it into *p (all zero before; released by policy_free). -ENOENT when there is none. */
int snapshot_read(const struct paths *paths, uint64_t generation, struct policy *p,
		  struct error *err);

/* When the generation was made, seconds since 1970; 0 where its snapshot is missing. */
uint64_t snapshot_time(const struct paths *paths, uint64_t generation);

/* Tells one from another of the same generation, as after `unload` and `load`; 0: there is none. */
uint64_t snapshot_identity(const struct paths *paths, uint64_t generation);

/* Removes all snapshots but those of the two generations given (0: none). */
void snapshot_prune(const struct paths *paths, uint64_t keep, uint64_t and_keep);

#endif
