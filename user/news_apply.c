// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "hits.h"
#include "news.h"
#include "news_apply.h"
#include "plan.h"
#include "running.h"

enum { LOCK_MS = 1000 /* an event loop waits meanwhile */ };

/* Whose news are replaced: list, or all where it is negative. */
static bool is_replaced(const struct entry *e, int list)
{
	return e->flags & ENTRY_NEWS && (list < 0 || e->list == list);
}

static bool keep_entry(const struct policy *p, const struct entry *e, const void *arg)
{
	(void)p;
	return !is_replaced(e, *(const int *)arg);
}

static int make_next(const struct paths *paths, const struct policy *running, int list,
		     struct policy *next, struct error *err)
{
	int rc = policy_clone(running, keep_entry, &list, next);

	if (rc)
		return error_set(err, ENOMEM, "out of memory");
	if (list < 0)
		rc = news_read(paths, next, err);
	else
		rc = news_read_list(paths, next, (size_t)list, err);
	if (!rc)
		rc = policy_sort_entries(next, &next->base, err);
	return rc ? rc : news_give_way(next, err);
}

static bool same_entry(const struct policy *a, const struct entry *x, const struct policy *b,
		       const struct entry *y)
{
	return !memcmp(&x->prefix, &y->prefix, sizeof(x->prefix)) && x->list == y->list &&
	       x->flags == y->flags && x->until == y->until &&
	       !strcmp(policy_string(a, x->label), policy_string(b, y->label)) &&
	       !strcmp(policy_string(a, x->source), policy_string(b, y->source));
}

/* Also labels and origins, which packets do not see. */
static bool same_entries(const struct policy *a, const struct policy *b)
{
	if (a->base.n != b->base.n)
		return false;
	for (size_t i = 0; i < a->base.n; i++) {
		if (!same_entry(a, &a->base.v[i], b, &b->base.v[i]))
			return false;
	}
	return true;
}

static void tell(const struct plan *plan, const struct news_listener *l)
{
	for (size_t i = 0; l && i < plan->added.n; i++)
		l->changed(plan->added.v[i].policy, plan->added.v[i].entry, true, l->arg);
	for (size_t i = 0; l && i < plan->removed.n; i++)
		l->changed(plan->removed.v[i].policy, plan->removed.v[i].entry, false, l->arg);
}

static int apply(struct running *r, struct policy *next, const struct news_listener *l,
		 struct error *err)
{
	struct plan plan _cleanup_plan_ = { 0 };
	struct apply how = { .mode = AXP_ACTIVE_MODE(r->active), .plan = &plan };
	int rc;

	if (plan_make(&r->policy, next, &plan))
		return error_set(err, ENOMEM, "out of memory");
	if (plan.added.n + plan.removed.n)
		hits_fold_changes(&r->instance, &plan);
	rc = policy_apply(&r->instance, next, &r->policy, &how, err);
	if (rc)
		return rc;
	tell(&plan, l);
	return (int)(plan.added.n + plan.removed.n);
}

/* Nearly always there is nothing to do: seen without the lock. */
static int look(const struct paths *paths, const char *list, bool *differs, struct error *err)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	_cleanup_policy_ struct policy next = { 0 };
	int rc = running_open(&r, paths, err), n;

	*differs = false;
	if (rc)
		return rc;
	n = list ? policy_find_list(&r.policy, list) : -1;
	if (list && n < 0)
		return 0;
	rc = make_next(paths, &r.policy, n, &next, err);
	*differs = !rc && !same_entries(&r.policy, &next);
	return rc;
}

static int change(const struct paths *paths, const char *list, const struct news_listener *l,
		  struct error *err)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	_cleanup_policy_ struct policy next = { 0 };
	_cleanup_close_ int lock = lock_instance_within(paths, LOCK_MS, err);
	int rc, n;

	if (lock < 0)
		return lock == -EBUSY ? -EAGAIN : lock;
	rc = running_open_to_change(&r, paths, err);
	if (rc)
		return rc;
	if (refuse_pending(&r, err))
		return -EAGAIN;
	n = list ? policy_find_list(&r.policy, list) : -1;
	if (list && n < 0)
		return 0;
	rc = make_next(paths, &r.policy, n, &next, err);
	if (rc || same_entries(&r.policy, &next))
		return rc;
	return apply(&r, &next, l, err);
}

int news_apply(const struct paths *paths, const char *list, const struct news_listener *listener,
	       struct error *err)
{
	bool differs;
	int rc = look(paths, list, &differs, err);

	return rc || !differs ? rc : change(paths, list, listener, err);
}
