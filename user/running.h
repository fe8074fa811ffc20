/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens what every command but `load` and `validate` works on: a loaded instance with its policy.
 */
#ifndef ALLOWXDP_RUNNING_H
#define ALLOWXDP_RUNNING_H

#include "apply.h"

#define _cleanup_running_ __attribute__((cleanup(running_close)))
void running_close(struct running *r);

/*
 * Opens the instance and its policy. -ENOENT: it is not loaded; -ENODATA: it is, but the record of
 * its policy cannot be read. Without the lock too: a reload in between is noticed, and the new
 * policy read.
 */
int running_open(struct running *r, const struct paths *paths, struct error *err);

/*
 * The same, to change something: the caller holds the lock. First the books are settled: a rollback
 * that the data path did by itself is made final (with a warning), what a killed command left half
 * done between the state files and the kernel is completed, and added entries that have expired
 * are removed.
 */
int running_open_to_change(struct running *r, const struct paths *paths, struct error *err);

/*
 * The same, to replace the whole policy: where the record of the running one is lost or unreadable,
 * that is warned of, and of r->policy only services' names and slots are known. So it may be where
 * another version loaded the instance: r->other, see takeover.h.
 */
int running_open_to_replace(struct running *r, const struct paths *paths, struct error *err);

/* Reads the config, its lists, the news of its sources and the added entries: a whole policy, not
 * yet in the kernel. */
int policy_read_files(const struct paths *paths, const char *config, struct policy *p,
		      struct error *err);

/*
 * Goes back now to what a pending change would fall back to. *r still has what ran; to open it
 * again to change it settles the books.
 */
int running_rollback(struct running *r, struct error *err);

#endif
