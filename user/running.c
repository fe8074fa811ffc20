// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cleanup.h"
#include "config.h"
#include "counters_layout.h"
#include "generation.h"
#include "hits.h"
#include "interfaces.h"
#include "news.h"
#include "privileges.h"
#include "running.h"
#include "snapshot.h"
#include "state.h"

enum { OPEN_TRIES = 20 };

void running_close(struct running *r)
{
	policy_free(&r->policy);
	instance_close(&r->instance);
}

int running_open(struct running *r, const struct paths *paths, struct error *err)
{
	int rc = -EAGAIN;

	*r = (struct running)RUNNING_EMPTY;
	for (int n = 0; rc && n < OPEN_TRIES; n++) {
		rc = instance_open(&r->instance, paths, err);
		if (rc)
			return rc;
		r->active = instance_effective(&r->instance);
		if (!AXP_ACTIVE_GENERATION(r->active)) {
			running_close(r);
			return instance_not_loaded(paths, err);
		}
		r->deadline = r->instance.shared->deadline;
		r->rolled_back = r->deadline && boot_time() > r->deadline;
		rc = snapshot_read(paths, AXP_ACTIVE_GENERATION(r->active), &r->policy, err);
		if (rc)
			running_close(r);
	}
	if (rc)
		return -ENODATA;
	if (AXP_ACTIVE_MODE(r->active) == AXP_MODE_LEARN)
		r->active = word_with_mode(r->active, AXP_MODE_MONITOR);
	rc = state_read(paths, &r->policy, false, err);
	if (rc)
		running_close(r);
	return rc;
}

/*
 * What was added or removed since the change is in the state files, but not in the tries that
 * packets go back to: the marker has them filled anew.
 */
int running_rollback(struct running *r, struct error *err)
{
	int rc = marker_set(r->instance.paths, err);

	if (rc)
		return rc;
	hits_fold(&r->instance, &r->policy, NULL);
	instance_rollback(&r->instance);
	return 0;
}

static bool any_expired(const struct policy *p)
{
	for (size_t i = 0; i < p->added.n; i++) {
		if (entry_expired(p, &p->added.v[i]))
			return true;
	}
	return false;
}

/* Added entries that have expired match no more; here they leave the state files and the tries. */
static int sweep_expired(struct running *r, struct error *err)
{
	int rc = 0;

	if (any_expired(&r->policy)) /* what they were used for is theirs */
		hits_fold(&r->instance, &r->policy, NULL);
	while (!rc && any_expired(&r->policy)) {
		struct policy *p = &r->policy;
		struct entries before = p->added, after = { 0 };
		struct entry gone = { 0 };

		for (size_t i = 0; i < before.n; i++) {
			if (!gone.until && entry_expired(p, &before.v[i]))
				gone = before.v[i];
			else if (entries_push(&after, &before.v[i]))
				rc = error_set(err, ENOMEM, "out of memory");
		}
		p->added = after;
		if (!rc)
			rc = policy_apply_entry(r, &before, &gone.prefix, gone.list, err);
		free(before.v);
	}
	return rc;
}

/* Completes what a killed command, or a rollback, left between the state files and the tries. */
static int refill(struct running *r, struct error *err)
{
	struct apply how = { .mode = AXP_ACTIVE_MODE(r->active) };
	const struct paths *paths = r->instance.paths;
	int rc;

	state_sweep(paths);
	rc = policy_install(&r->instance, &r->policy, &how, false, err);
	running_close(r);
	return rc ? rc : running_open(r, paths, err);
}

/* What a killed command was about to free, or had filled in vain. */
static void sweep_generations(struct running *r)
{
	struct instance *i = &r->instance;

	snapshot_prune(i->paths, AXP_ACTIVE_GENERATION(r->active),
		       r->deadline ? AXP_ACTIVE_GENERATION(i->shared->fallback) : 0);
	if (generation_left_over(i))
		generation_prune(i);
}

int running_open_to_change(struct running *r, const struct paths *paths, struct error *err)
{
	int rc;

	interfaces_follow_names(paths);
	rc = running_open(r, paths, err);
	if (rc)
		return rc;
	if (AXP_ACTIVE_MODE(instance_active(&r->instance)) == AXP_MODE_LEARN) {
		warn_line("a command was killed when it was about to enforce: the mode is monitor");
		instance_set_active(&r->instance, r->active);
	}
	if (r->rolled_back) {
		warn_line("the last change was not confirmed in time and was rolled back: the mode "
			  "is %s",
			  mode_name(AXP_ACTIVE_MODE(r->active)));
		rc = running_rollback(r, err);
		running_close(r);
		return rc ? rc : running_open_to_change(r, paths, err);
	}
	if (marker_is_set(paths) && !r->deadline)
		rc = refill(r, err);
	if (!rc)
		sweep_generations(r);
	return rc ? rc : sweep_expired(r, err);
}

/* Of another version: what can be known of it. */
static int open_other(struct running *r, const struct paths *paths, struct error *err)
{
	struct error ignored;
	int rc;

	*r = (struct running)RUNNING_EMPTY;
	rc = instance_open_control(&r->instance, paths, err);
	if (rc)
		return rc;
	r->other = true;
	r->active = instance_effective(&r->instance);
	r->deadline = r->instance.shared->deadline;
	r->rolled_back = r->deadline && boot_time() > r->deadline;
	if (snapshot_read(paths, AXP_ACTIVE_GENERATION(r->active), &r->policy, &ignored))
		counters_layout_services(paths, &r->policy);
	else
		state_read(paths, &r->policy, false, &ignored);
	return 0;
}

int running_open_to_replace(struct running *r, const struct paths *paths, struct error *err)
{
	int rc = running_open_to_change(r, paths, err);

	if (rc == -EPROTO)
		return open_other(r, paths, err);
	if (rc != -ENODATA)
		return rc;
	warn_line("%s", err->text);
	rc = instance_open(&r->instance, paths, err);
	if (rc)
		return rc;
	r->active = instance_active(&r->instance);
	instance_confirm(&r->instance); /* nothing is known of what to fall back to */
	counters_layout_services(paths, &r->policy);
	return 0;
}

/* To a user who could load nothing anyway. */
static bool state_is_closed(const struct paths *paths)
{
	struct error ignored;

	return access(paths->state, R_OK | X_OK) && errno == EACCES && privileges_check(&ignored);
}

int policy_read_files(const struct paths *paths, const char *config, struct policy *p,
		      struct error *err)
{
	int rc = config_read(p, config, err);

	if (!rc && state_is_closed(paths)) {
		warn_line("%s is not open to this user: what `add`, names and feeds brought is "
			  "left out",
			  paths->state);
		return 0;
	}
	if (!rc)
		rc = news_read(paths, p, err);
	if (!rc)
		rc = state_read(paths, p, true, err);
	return rc ? rc : news_give_way(p, err);
}
