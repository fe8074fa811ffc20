/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a new policy would change about the one that runs: entries and services. Pure. */
#ifndef ALLOWXDP_PLAN_H
#define ALLOWXDP_PLAN_H

#include "policy.h"

struct plan_entry {
	const struct policy *policy; /* that the entry belongs to */
	const struct entry *entry;
};

struct plan_entries {
	struct plan_entry *v;
	size_t n, cap;
};

struct plan {
	const struct policy *old, *new; /* that it was made from */
	struct plan_entries added, removed;
	/* bit n: services[n] of the new policy; of the old one for `gone` */
	uint64_t services_new, services_changed, services_gone;
};

#define _cleanup_plan_ __attribute__((cleanup(plan_free)))
void plan_free(struct plan *p);

/* `old` may be an empty policy. The plan borrows from both. -ENOMEM. */
int plan_make(const struct policy *old, const struct policy *new, struct plan *out);

/* Nothing would change. */
bool plan_empty(const struct plan *p);

#endif
