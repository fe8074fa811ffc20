// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include "apply.h"
#include "cleanup.h"
#include "generation.h"
#include "snapshot.h"
#include "state.h"

/* A policy with what its tries hold at and below the prefix that changes. */
struct side {
	const struct policy *policy;
	struct nodes nodes;
};

static int change_slot(struct instance *i, uint32_t slot, const struct prefix *prefix,
		       const struct side *before, const struct side *after, bool *wasteful,
		       struct error *err)
{
	_cleanup_changes_ struct changes forth = { 0 }, back = { 0 };
	struct error ignored;
	int rc;

	if (nodes_diff(&before->nodes, &after->nodes, &forth) ||
	    nodes_diff(&after->nodes, &before->nodes, &back))
		return error_set(err, ENOMEM, "out of memory");
	rc = generation_change(i, slot, after->policy, prefix, 1, &forth, wasteful, err);
	if (rc)
		generation_change(i, slot, before->policy, prefix, 1, &back, wasteful, &ignored);
	return rc;
}

/* The policy that a pending change would fall back to, as the state files have it now. */
static int fallback_read(const struct running *r, const struct prefix *prefix, struct policy *p,
			 struct nodes *out, struct error *err)
{
	uint64_t generation = AXP_ACTIVE_GENERATION(r->instance.shared->fallback);
	int rc = snapshot_read(r->instance.paths, generation, p, err);

	if (!rc)
		rc = state_read(r->instance.paths, p, false, err);
	if (!rc && (rc = compile_within(p, prefix, out)))
		return compile_failed(rc, err);
	return rc;
}

/* While a change is pending, entries go into both policies: what it would fall back to must know
 * them. */
static bool has_fallback(const struct running *r)
{
	return r->deadline &&
	       AXP_ACTIVE_SLOT(r->instance.shared->fallback) != AXP_ACTIVE_SLOT(r->active);
}

/* What the change means to the kernel: to the active policy and, if there is one, to the other. */
struct sides {
	struct policy old_view; /* borrows everything */
	struct policy fallback_old, fallback_new;
	struct side before, after, fallback_before, fallback_after;
	bool wasteful;
};

static void sides_free(struct sides *s)
{
	policy_free(&s->fallback_old);
	policy_free(&s->fallback_new);
	nodes_free(&s->before.nodes);
	nodes_free(&s->after.nodes);
	nodes_free(&s->fallback_before.nodes);
	nodes_free(&s->fallback_after.nodes);
}

static int change_fallback(struct running *r, struct sides *s, const struct prefix *prefix,
			   struct error *err)
{
	uint32_t slot = AXP_ACTIVE_SLOT(r->instance.shared->fallback);
	int rc = fallback_read(r, prefix, &s->fallback_new, &s->fallback_after.nodes, err);

	s->fallback_before.policy = &s->fallback_old;
	s->fallback_after.policy = &s->fallback_new;
	if (rc)
		return rc;
	return change_slot(&r->instance, slot, prefix, &s->fallback_before, &s->fallback_after,
			   &s->wasteful, err);
}

static int change_kernel(struct running *r, struct sides *s, const struct prefix *prefix,
			 struct error *err)
{
	int rc = has_fallback(r) ? change_fallback(r, s, prefix, err) : 0;

	return rc ? rc
		  : change_slot(&r->instance, AXP_ACTIVE_SLOT(r->active), prefix, &s->before,
				&s->after, &s->wasteful, err);
}

/* The same policy in another slot, without what changes have left behind. */
static void tidy(struct running *r)
{
	const struct apply how = { .mode = AXP_ACTIVE_MODE(r->active) };
	struct error why;

	if (policy_install(&r->instance, &r->policy, &how, false, &why))
		warn_line("the directory could not be made anew: %s", why.text);
	r->active = instance_active(&r->instance);
}

int policy_apply_entry(struct running *r, const struct entries *before, const struct prefix *prefix,
		       int list, struct error *err)
{
	const struct paths *paths = r->instance.paths;
	struct sides s __attribute__((cleanup(sides_free))) = { .old_view = r->policy };
	struct error ignored;
	int rc;

	s.old_view.added = *before;
	s.before.policy = &s.old_view;
	s.after.policy = &r->policy;
	rc = compile_within(&s.old_view, prefix, &s.before.nodes);
	if (!rc)
		rc = compile_within(&r->policy, prefix, &s.after.nodes);
	if (rc)
		return compile_failed(rc, err);
	if (has_fallback(r))
		rc = fallback_read(r, prefix, &s.fallback_old, &s.fallback_before.nodes, err);
	if (!rc)
		rc = marker_set(paths, err);
	if (rc)
		return rc;
	rc = state_write(paths, &r->policy, list, err);
	if (!rc)
		rc = change_kernel(r, &s, prefix, err);
	if (rc) {
		/* The marker stays where not all could be undone: the next command converges. */
		if (state_write(paths, &s.old_view, list, &ignored) || has_fallback(r))
			return rc;
	}
	marker_clear(paths);
	if (!rc && s.wasteful && !r->deadline)
		tidy(r);
	return rc;
}
