/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A loaded instance together with the policy that it runs: what every command but `load` and
 * `validate` works on; and how a new policy takes its place.
 */
#ifndef ALLOWXDP_RUNNING_H
#define ALLOWXDP_RUNNING_H

#include "instance.h"
#include "policy.h"

struct running {
	struct instance instance;
	struct policy policy; /* added entries included */
	uint64_t active;      /* control word that the policy belongs to */
};

#define RUNNING_EMPTY                      \
	{                                  \
		.instance = INSTANCE_EMPTY \
	}
#define _cleanup_running_ __attribute__((cleanup(running_close)))
void running_close(struct running *r);

/*
 * Opens the instance and its policy. -ENOENT: it is not loaded; -ENODATA: it is, but the record of
 * its policy cannot be read. Without the lock too: a reload in between is noticed, and the new
 * policy read.
 */
int running_open(struct running *r, const struct paths *paths, struct error *err);

/*
 * The same, to change something: the caller holds the lock. What a killed command left half done
 * between the state files and the kernel is completed first.
 */
int running_open_to_change(struct running *r, const struct paths *paths, struct error *err);

/*
 * The same, to replace the whole policy: where the record of the running one is lost or unreadable,
 * that is warned of and r->policy is empty.
 */
int running_open_to_replace(struct running *r, const struct paths *paths, struct error *err);

/* Reads the config, its lists and the added entries: a whole policy, not yet in the kernel. */
int policy_read_files(const struct paths *paths, const char *config, struct policy *p,
		      struct error *err);

/*
 * Refuses to enforce a policy with a service that nobody could reach, unless `force`; else warns of
 * each such service.
 */
int policy_check_empty(const struct policy *p, uint32_t mode, bool force, struct error *err);

/* The same for the services that allow one list, after an entry of it was removed. Warns of
 * nothing. */
int policy_check_emptied(const struct policy *p, int list, uint32_t mode, bool force,
			 struct error *err);

/*
 * Makes `next` the running policy, in `mode`: all or nothing. `previous` is the one that runs now,
 * NULL on a first load.
 */
int policy_apply(struct instance *i, struct policy *next, const struct policy *previous,
		 uint32_t mode, struct error *err);

/*
 * Makes a change of p->added (one entry of `list`, at `prefix`, put there or taken away since
 * `before`) true in the state directory and in the kernel. On failure both are as before.
 */
int policy_apply_entry(struct running *r, const struct entries *before, const struct prefix *prefix,
		       int list, struct error *err);

#endif
