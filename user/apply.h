/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a new policy, mode or entry takes the place of the one that runs. The caller holds the lock.
 */
#ifndef ALLOWXDP_APPLY_H
#define ALLOWXDP_APPLY_H

#include "instance.h"
#include "plan.h"
#include "policy.h"

/* A loaded instance together with the policy that it runs; opened by running.h. */
struct running {
	struct instance instance;
	struct policy policy; /* added entries included */
	uint64_t active;      /* control word that packets go by, and that the policy belongs to */
	uint64_t deadline;    /* boot_time() at which it is rolled back unless confirmed; 0: none */
	bool rolled_back;     /* that time has come: `active` is what was fallen back to */
	bool other;           /* another version's: of the instance only the control word is open */
};

#define RUNNING_EMPTY                      \
	{                                  \
		.instance = INSTANCE_EMPTY \
	}
/* How a policy is put in force. */
struct apply {
	uint32_t mode;           /* enum axp_mode */
	uint32_t confirm;        /* seconds until it is rolled back unless confirmed; 0: never */
	const struct plan *plan; /* what it changes, if that is known */
};

/*
 * Makes `next` the running policy: all or nothing. `previous` is the one that runs now, NULL on a
 * first load, which falls back to letting everything pass.
 */
int policy_apply(struct instance *i, struct policy *next, const struct policy *previous,
		 const struct apply *how, struct error *err);

/*
 * Sets the mode of the policy that runs. Before it begins to enforce, flows are learned for a
 * moment.
 */
void mode_apply(struct running *r, const struct apply *how);

/*
 * The same for a policy whose services have their slots. `first`: nothing ran before.
 */
int policy_install(struct instance *i, const struct policy *next, const struct apply *how,
		   bool first, struct error *err);

/*
 * In place, where only few entries change: true if that is what was done, or tried (*rc says how it
 * ended). The caller falls back to policy_install().
 */
bool policy_change_entries(struct instance *i, const struct policy *next,
			   const struct policy *previous, const struct apply *how, int *rc,
			   struct error *err);

/*
 * Makes a change of p->added (one entry of `list`, at `prefix`, put there or taken away since
 * `before`) true in the state directory and in the kernel. On failure both are as before.
 */
int policy_apply_entry(struct running *r, const struct entries *before, const struct prefix *prefix,
		       int list, struct error *err);

/* Refused while a confirmation is pending: a second change would have nothing sound to fall back
 * to. */
int refuse_pending(const struct running *r, struct error *err);

/*
 * The marker says that the state files may be ahead of the kernel: set before the one changes,
 * cleared when both agree again. Where it is found, a command was killed in between.
 */
int marker_set(const struct paths *paths, struct error *err);
bool marker_is_set(const struct paths *paths);
void marker_clear(const struct paths *paths);

#endif
