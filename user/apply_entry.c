// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include "apply.h"
#include "cleanup.h"
#include "generation.h"
#include "snapshot.h"
#include "state.h"

/* The nodes at and below `prefix`, with these entries as the added ones. */
static int nodes_with(const struct policy *p, const struct entries *added,
		      const struct prefix *prefix, struct nodes *out)
{
	struct policy view = *p; /* borrows everything */

	view.added = *added;
	return compile_within(&view, prefix, out);
}

static int change_slot(struct instance *i, uint32_t slot, const struct nodes *before,
		       const struct nodes *after, struct error *err)
{
	_cleanup_changes_ struct changes forth = { 0 }, back = { 0 };
	struct error ignored;
	int rc;

	if (nodes_diff(before, after, &forth) || nodes_diff(after, before, &back))
		return error_set(err, ENOMEM, "out of memory");
	rc = generation_change(i, slot, &forth, err);
	if (rc)
		generation_change(i, slot, &back, &ignored);
	return rc;
}

/* The nodes at and below `prefix` of the policy that a pending change would fall back to. */
static int fallback_nodes(const struct running *r, const struct prefix *prefix, struct nodes *out,
			  struct error *err)
{
	_cleanup_policy_ struct policy p = { 0 };
	uint64_t generation = AXP_ACTIVE_GENERATION(r->instance.shared->fallback);
	int rc = snapshot_read(r->instance.paths, generation, &p, err);

	if (!rc)
		rc = state_read(r->instance.paths, &p, false, err);
	if (!rc && (rc = compile_within(&p, prefix, out)))
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

static int change_kernel(struct running *r, const struct nodes *before, const struct nodes *after,
			 const struct nodes *fallback_before, const struct prefix *prefix,
			 struct error *err)
{
	_cleanup_nodes_ struct nodes fallback_after = { 0 };
	int rc = 0;

	if (has_fallback(r)) {
		rc = fallback_nodes(r, prefix, &fallback_after, err);
		if (!rc)
			rc = change_slot(&r->instance,
					 AXP_ACTIVE_SLOT(r->instance.shared->fallback),
					 fallback_before, &fallback_after, err);
	}
	return rc ? rc : change_slot(&r->instance, AXP_ACTIVE_SLOT(r->active), before, after, err);
}

int policy_apply_entry(struct running *r, const struct entries *before, const struct prefix *prefix,
		       int list, struct error *err)
{
	const struct paths *paths = r->instance.paths;
	_cleanup_nodes_ struct nodes old = { 0 }, new = { 0 }, fallback = { 0 };
	struct error ignored;
	int rc;

	rc = nodes_with(&r->policy, before, prefix, &old);
	if (!rc)
		rc = nodes_with(&r->policy, &r->policy.added, prefix, &new);
	if (rc)
		return compile_failed(rc, err);
	if (has_fallback(r))
		rc = fallback_nodes(r, prefix, &fallback, err);
	if (!rc)
		rc = marker_set(paths, err);
	if (rc)
		return rc;
	rc = state_write(paths, &r->policy, list, err);
	if (!rc)
		rc = change_kernel(r, &old, &new, &fallback, prefix, err);
	if (rc) {
		struct policy view = r->policy; /* borrows everything */

		view.added = *before;
		if (state_write(paths, &view, list, &ignored))
			return rc; /* the marker stays: the next command converges */
	}
	marker_clear(paths);
	return rc;
}
