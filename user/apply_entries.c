// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A reload that changes few entries, and nothing else, need not fill a generation: they are changed
 * in the one that runs, as `add` and `remove` do it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "apply.h"
#include "cleanup.h"
#include "generation.h"
#include "snapshot.h"

enum { FEW = 1000 };

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

/* The prefixes of all entries that come or go, none inside another. */
static struct prefix *changed_prefixes(const struct plan *plan, size_t *n)
{
	size_t all = plan->added.n + plan->removed.n, kept = 0;
	struct prefix *v = calloc(all + 1, sizeof(*v));

	if (!v)
		return NULL;
	for (size_t i = 0; i < plan->added.n; i++)
		v[i] = plan->added.v[i].entry->prefix;
	for (size_t i = 0; i < plan->removed.n; i++)
		v[plan->added.n + i] = plan->removed.v[i].entry->prefix;
	qsort(v, all, sizeof(*v), by_prefix);
	for (size_t i = 0; i < all; i++) {
		if (!kept || !prefix_covers(&v[kept - 1], &v[i]))
			v[kept++] = v[i];
	}
	*n = kept;
	return v;
}

static int compile_all(const struct policy *p, const struct prefix *v, size_t n, struct nodes *out)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = compile_within(p, &v[i], out);
	return rc;
}

/* Ports, services and settings as they are? */
static bool same_ports(const struct instance *i, const struct policy *next, uint32_t slot)
{
	_cleanup_free_ struct axp_policy *wanted = calloc(1, sizeof(*wanted));
	const struct axp_policy *there = &i->policies[slot];
	struct error ignored;

	if (!wanted || compile_ports(next, wanted, &ignored))
		return false;
	wanted->filled = there->filled;
	wanted->first_timed = there->first_timed;
	wanted->dir4 = there->dir4;
	return !memcmp(wanted, there, offsetof(struct axp_policy, front4));
}

static bool few_entries(const struct plan *plan)
{
	return plan && !plan->services_new && !plan->services_changed && !plan->services_gone &&
	       plan->added.n + plan->removed.n <= FEW;
}

struct both {
	struct nodes before, after;
	struct changes forth, back;
};

static void both_free(struct both *b)
{
	nodes_free(&b->before);
	nodes_free(&b->after);
	changes_free(&b->forth);
	changes_free(&b->back);
}

static int compile_both(struct both *b, const struct policy *previous, const struct policy *next,
			const struct prefix *v, size_t n)
{
	int rc = compile_all(previous, v, n, &b->before);

	if (!rc)
		rc = compile_all(next, v, n, &b->after);
	if (!rc)
		rc = nodes_diff(&b->before, &b->after, &b->forth);
	return rc ? rc : nodes_diff(&b->after, &b->before, &b->back);
}

/*
 * The snapshot of the next generation is there before the kernel changes, the control word follows:
 * killed in between, the marker has the next command fill what the state files say.
 */
static int change(struct instance *i, const struct policy *next, const struct policy *previous,
		  const struct apply *how, struct error *err)
{
	uint32_t slot = AXP_ACTIVE_SLOT(instance_active(i));
	uint64_t word = generation_word(i, slot, how->mode);
	struct both b __attribute__((cleanup(both_free))) = { .before = { .n = 0 } };
	bool wasteful = false;
	struct error ignored;
	size_t n = 0;
	_cleanup_free_ struct prefix *v = changed_prefixes(how->plan, &n);
	int rc = v ? compile_both(&b, previous, next, v, n) : -ENOMEM;

	if (rc)
		return compile_failed(rc, err);
	rc = marker_set(i->paths, err);
	if (rc)
		return rc;
	rc = snapshot_write(i->paths, AXP_ACTIVE_GENERATION(word), next, err);
	if (!rc) {
		rc = generation_change(i, slot, next, v, n, &b.forth, &wasteful, err);
		if (rc && generation_change(i, slot, previous, v, n, &b.back, &wasteful, &ignored))
			return rc; /* the marker stays: the next command fills what it should be */
	}
	if (rc)
		word = instance_active(i);
	instance_set_active(i, word);
	snapshot_prune(i->paths, AXP_ACTIVE_GENERATION(word), 0);
	marker_clear(i->paths);
	if (rc)
		return rc;
	return wasteful ? policy_install(i, next, how, false, err) : 0;
}

bool policy_change_entries(struct instance *i, const struct policy *next,
			   const struct policy *previous, const struct apply *how, int *rc,
			   struct error *err)
{
	uint64_t active = instance_active(i);

	if (!previous || !previous->config || how->confirm || instance_pending(i) ||
	    !few_entries(how->plan) || marker_is_set(i->paths) ||
	    how->mode != AXP_ACTIVE_MODE(active) ||
	    /* what has expired meanwhile is nothing that the plan shows */
	    previous->base.expire || next->base.expire ||
	    !same_ports(i, next, AXP_ACTIVE_SLOT(active)))
		return false;
	*rc = change(i, next, previous, how, err);
	return true;
}
