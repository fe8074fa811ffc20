// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "hits.h"
#include "hits_changes.h"
#include "hits_table.h"
#include "running.h"

struct fold {
	const struct instance *instance;
	const struct policy *running, *next;
	struct hits hits;
	struct hits_changes changes;
	struct policy seen;            /* `running` with what went since; its `added` is ours */
	uint32_t old[HITS_MERGED_MAX]; /* tables */
	size_t n_old;
	struct hit_sample *samples;
	size_t n_samples;
	uint32_t now;
};

static void fold_free(struct fold *f)
{
	hits_free(&f->hits);
	hits_changes_free(&f->changes);
	free(f->seen.added.v);
	free(f->samples);
}

static int read_state(struct fold *f, struct error *err)
{
	int rc = hits_read(f->instance->paths, &f->hits, err);

	if (rc == -EINVAL)
		hits_set_aside(f->instance->paths, err);
	else if (rc && rc != -ENOENT)
		return rc;
	if (!f->hits.since)
		f->hits.since = f->now;
	if (hits_changes_read(f->instance->paths, &f->changes) ||
	    hits_changes_follow(&f->changes, &f->hits))
		return error_set(err, ENOMEM, "out of memory");
	return 0;
}

/* A table that cannot be written down is kept; but not more and more of them. */
static int take_tables(struct fold *f, struct error *err)
{
	const struct instance *i = f->instance;
	int rc = 0;

	f->n_old = hits_tables_old(i, f->old, ARRAY_SIZE(f->old));
	if (hits_table_used(i) && f->n_old < HITS_MERGED_MAX / 2)
		rc = hits_table_replace(i, err);
	f->n_old = hits_tables_old(i, f->old, ARRAY_SIZE(f->old));
	return rc;
}

static int read_tables(struct fold *f, struct error *err)
{
	struct hits *h = &f->hits;
	char boot[HITS_BOOT_MAX + 1];
	int rc = 0;

	hits_boot_id(boot);
	for (size_t k = 0; !rc && k < f->n_old; k++) {
		if (!hits_is_merged(h, boot, f->old[k]))
			rc = hits_table_read(f->instance, f->old[k], &f->samples, &f->n_samples,
					     &h->left_out, err);
	}
	strcpy(h->boot, boot);
	memcpy(h->merged, f->old, f->n_old * sizeof(*f->old));
	h->n_merged = f->n_old;
	return rc;
}

static int match_samples(struct fold *f)
{
	static const struct policy nothing;
	const struct policy *p = f->running ? f->running : &nothing;
	struct merged m _cleanup_merged_ = { 0 };
	_cleanup_free_ struct match *matches = calloc(f->n_samples + 1, sizeof(*matches));

	if (!f->n_samples)
		return 0;
	if (!matches || hits_changes_seen(&f->changes, p, &f->seen) || merged_make(&m, &f->seen) ||
	    hits_match(&m, f->samples, f->n_samples, matches))
		return -ENOMEM;
	return hits_add(&f->hits, p, f->samples, matches, f->n_samples);
}

static int follow(struct fold *f)
{
	struct merged m _cleanup_merged_ = { 0 };

	if (!f->next)
		return 0;
	return merged_make(&m, f->next) ? -ENOMEM : hits_follow(&f->hits, &m, f->now);
}

static int fold(struct fold *f, struct error *err)
{
	int rc = read_state(f, err);

	if (!rc)
		rc = take_tables(f, err);
	if (!rc)
		rc = read_tables(f, err);
	if (!rc && (match_samples(f) || follow(f)))
		rc = error_set(err, ENOMEM, "out of memory");
	f->hits.until = f->now;
	if (!rc)
		rc = hits_write(f->instance->paths, &f->hits, err);
	if (rc)
		return rc;
	for (size_t k = 0; k < f->n_old; k++)
		hits_table_forget(f->instance, f->old[k]);
	hits_changes_forget(f->instance->paths);
	return 0;
}

/* What the file says is all there is. */
static bool nothing_new(const struct instance *i)
{
	uint32_t old;

	return !hits_table_used(i) && !hits_tables_old(i, &old, 1);
}

void hits_fold(const struct instance *i, const struct policy *running, const struct policy *next)
{
	struct fold f __attribute__((cleanup(fold_free))) = {
		.instance = i,
		.running = running,
		.next = next,
		.now = (uint32_t)time(NULL),
	};
	struct error err;

	/* `remove` should not wait for packets and the disk in vain. */
	if (!next && nothing_new(i))
		return;
	if (fold(&f, &err))
		warn_line("hits of entries are not written down for now: %s", err.text);
}

void hits_fold_changes(const struct instance *i, const struct plan *plan)
{
	uint32_t now = (uint32_t)time(NULL);

	if (plan->services_new || plan->services_changed || plan->services_gone ||
	    !hits_changes_may_wait(i->paths, now) || hits_changes_note_plan(i->paths, plan, now))
		hits_fold(i, plan->old, plan->new);
}

void hits_fold_entry(const struct instance *i, const struct policy *p, const struct entry *e,
		     bool removed)
{
	uint32_t now = (uint32_t)time(NULL);

	/* Noted first: p need not have it any more. */
	if (hits_changes_note(i->paths, p, e, removed, now) ||
	    !hits_changes_may_wait(i->paths, now))
		hits_fold(i, p, NULL);
}

void hits_refresh(const struct paths *paths)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	struct error err;
	_cleanup_close_ int lock = lock_instance(paths, &err);
	int rc = lock < 0 ? lock : running_open(&r, paths, &err);

	if (!rc)
		hits_fold(&r.instance, &r.policy, &r.policy);
	else if (rc != -ENOENT)
		warn_line("the latest hits are missing: %s", err.text);
}

bool hits_known(const struct paths *paths, struct hits *h)
{
	struct error err;
	int rc = hits_read(paths, h, &err);

	if (rc && rc != -ENOENT)
		warn_line("hits of entries are not known: %s", err.text);
	return !rc && h->since;
}
