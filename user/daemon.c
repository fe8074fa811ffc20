// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "daemon.h"
#include "feeds.h"
#include "journal.h"
#include "news.h"
#include "news_apply.h"
#include "origin.h"
#include "running.h"
#include "snapshot.h"

static const struct bringer *const bringers[] = { &names_bringer, &feeds_bringer, &links_bringer };

enum {
	POLL_SECONDS = 10,       /* where inotify saw nothing */
	UNREADABLE_SECONDS = 10, /* a first load under way takes less */
	RETRY_MS = 500,
	RETRY_SOON_MS = 2000,
	ACCURACY_US = 10000,
	SAID_MOST = 100, /* changes told one by one: a feed may have thousands */
};

uint64_t daemon_now(void)
{
	return (uint64_t)time(NULL);
}

uint64_t daemon_jitter(uint64_t seconds)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return 0;
	return random % (seconds / 10 + 1);
}

/* ---- following what runs ---- */

/* Told once, and not of a first load that is under way. */
static void cannot_look(struct daemon *d, const struct error *why)
{
	if (!d->unreadable_since)
		d->unreadable_since = daemon_now();
	if (d->said_unreadable || daemon_now() - d->unreadable_since < UNREADABLE_SECONDS)
		return;
	d->said_unreadable = true;
	journal_line(LOG_WARNING, "%s", why->text);
}

static uint64_t generation_now(const struct paths *paths)
{
	struct instance i _cleanup_instance_ = INSTANCE_EMPTY;
	struct error ignored;

	if (instance_open(&i, paths, &ignored))
		return 0;
	return AXP_ACTIVE_GENERATION(instance_effective(&i));
}

static bool is_followed(const struct daemon *d)
{
	return d->generation && generation_now(d->paths) == d->generation &&
	       snapshot_identity(d->paths, d->generation) == d->identity;
}

static void is_now(struct daemon *d, uint64_t generation)
{
	malloc_trim(0); /* what the one before took */
	d->generation = generation;
	d->identity = generation ? snapshot_identity(d->paths, generation) : 0;
	if (generation)
		sd_notifyf(false, "STATUS=%zu names and feeds, generation %llu",
			   d->policy.n_sources, (unsigned long long)generation);
	else
		sd_notify(false, "STATUS=Nothing is loaded: waiting");
}

static bool no_entry(const struct policy *p, const struct entry *e, const void *arg)
{
	(void)p;
	(void)e;
	(void)arg;
	return false;
}

static void all_follow(struct daemon *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(bringers); i++)
		bringers[i]->follow(d, d->states[i]);
}

static void schedule_apply(struct daemon *d, uint64_t milliseconds);

static int look(struct daemon *d, struct policy *next, uint64_t *generation, struct error *err)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	int rc = running_open(&r, d->paths, err);

	if (rc)
		return rc;
	*generation = AXP_ACTIVE_GENERATION(r.active);
	rc = policy_clone(&r.policy, no_entry, NULL, next);
	return rc ? error_set(err, ENOMEM, "out of memory") : 0;
}

static void follow(struct daemon *d)
{
	struct policy next = { 0 };
	uint64_t generation = 0;
	struct error why;
	int rc;

	if (is_followed(d))
		return;
	rc = look(d, &next, &generation, &why);
	if (rc && rc != -ENOENT) {
		cannot_look(d, &why);
		return;
	}
	d->said_unreadable = false;
	d->unreadable_since = 0;
	if (rc && !d->generation) {
		if (!d->said_waiting)
			journal_line(LOG_INFO,
				     "instance %s is not loaded: waiting for `allowxdp "
				     "load`",
				     d->paths->instance);
		d->said_waiting = true;
		return;
	}
	if (rc) {
		journal_line(LOG_INFO, "instance %s was unloaded: waiting for `allowxdp load`",
			     d->paths->instance);
		d->said_waiting = true;
	} else if (!d->generation) {
		journal_line(LOG_INFO, "instance %s: generation %llu, %zu names and feeds",
			     d->paths->instance, (unsigned long long)generation, next.n_sources);
	}
	policy_free(&d->policy);
	d->policy = next;
	is_now(d, generation);
	d->all_pending |= generation && next.n_sources; /* it may know older news */
	if (d->all_pending)
		schedule_apply(d, 0);
	all_follow(d);
}

/* ---- applying news ---- */

static void say_changed(const struct policy *p, const struct entry *e, bool added, void *arg)
{
	char text[PREFIX_TEXT_MAX], origin[400];
	size_t *said = arg;

	if ((*said)++ >= SAID_MOST)
		return;
	journal_line(LOG_INFO, "list %s: %s %s (%s%s)", p->lists[e->list].name, added ? "+" : "-",
		     prefix_text(&e->prefix, text), origin_text(p, e, origin, sizeof(origin)),
		     added ? "" : " has it no more");
}

static int apply_pending(struct daemon *d, struct error *err)
{
	size_t said = 0;
	const struct news_listener listener = { say_changed, &said };
	int rc = 0;

	if (d->all_pending)
		rc = news_apply(d->paths, NULL, &listener, err);
	else
		for (size_t i = 0; i < d->n_pending && rc >= 0; i++)
			rc = news_apply(d->paths, d->pending[i], &listener, err);
	if (said > SAID_MOST)
		journal_line(LOG_INFO, "... and %zu other changes", said - SAID_MOST);
	if (rc < 0)
		return rc;
	d->all_pending = false;
	d->n_pending = 0;
	if (rc > 0) /* its own change is nothing to follow */
		is_now(d, generation_now(d->paths));
	return 0;
}

static int on_apply(sd_event_source *s, uint64_t usec, void *arg)
{
	struct daemon *d = arg;
	struct error why;
	uint64_t wait;
	int rc;

	(void)s;
	(void)usec;
	if (!d->generation || (!d->all_pending && !d->n_pending))
		return 0;
	rc = apply_pending(d, &why);
	if (!rc || rc == -ENOENT) {
		d->unreadable_since = 0;
		d->refused = 0;
		return 0;
	}
	if (rc == -ENODATA)
		cannot_look(d, &why);
	else if (rc != -EAGAIN || !d->refused)
		journal_line(rc == -EAGAIN ? LOG_INFO : LOG_ERR,
			     "what names and feeds brought waits: %s", why.text);
	wait = (uint64_t)RETRY_MS << (d->refused < 6 ? d->refused : 6);
	if (rc == -EAGAIN && wait > RETRY_SOON_MS)
		wait = RETRY_SOON_MS; /* a confirmation may come at any moment */
	d->refused++;
	schedule_apply(d, wait);
	return 0;
}

static void schedule_apply(struct daemon *d, uint64_t milliseconds)
{
	if (sd_event_source_set_time_relative(d->apply, milliseconds * 1000) >= 0)
		sd_event_source_set_enabled(d->apply, SD_EVENT_ONESHOT);
}

void daemon_news_changed(struct daemon *d, const char *list)
{
	void *v;

	for (size_t i = 0; i < d->n_pending; i++) {
		if (!strcmp(d->pending[i], list))
			return schedule_apply(d, 0);
	}
	v = reallocarray(d->pending, d->n_pending + 1, sizeof(*d->pending));
	if (v) {
		d->pending = v;
		snprintf(d->pending[d->n_pending++], sizeof(*d->pending), "%s", list);
	} else {
		d->all_pending = true;
	}
	schedule_apply(d, 0);
}

/* ---- the loop's sources ---- */

static int on_poll(sd_event_source *s, uint64_t usec, void *arg)
{
	struct daemon *d = arg;
	bool settled;

	(void)usec;
	follow(d);
	settled = d->generation && !d->unreadable_since;
	sd_event_source_set_time_relative(s, (settled ? POLL_SECONDS : 1) * 1000000ULL);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/* Something is different in the run directory: look once it has settled. */
static int on_inotify(sd_event_source *s, const struct inotify_event *event, void *arg)
{
	struct daemon *d = arg;

	(void)s;
	if (event->len && strncmp(event->name, "policy-", 7) != 0)
		return 0;
	sd_event_source_set_time_relative(d->poll, 50000);
	return sd_event_source_set_enabled(d->poll, SD_EVENT_ONESHOT);
}

static int add_events(struct daemon *d, struct error *err)
{
	int rc = sd_event_add_time_relative(d->event, &d->poll, CLOCK_MONOTONIC, 0, ACCURACY_US,
					    on_poll, d);

	if (rc >= 0)
		rc = sd_event_add_time_relative(d->event, &d->apply, CLOCK_MONOTONIC, 0,
						ACCURACY_US, on_apply, d);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(d->apply, SD_EVENT_OFF);
	if (rc < 0)
		return error_set(err, -rc, "cannot set a timer: %s", strerror(-rc));
	/* Where it cannot be had, polling will do. */
	sd_event_add_inotify(d->event, &d->inotify, d->paths->run,
			     IN_MOVED_TO | IN_DELETE | IN_CREATE, on_inotify, d);
	return 0;
}

int daemon_start(struct daemon *d, const struct paths *paths, sd_event *event, struct error *err)
{
	int rc;

	*d = (struct daemon){ .paths = paths, .event = event };
	news_sweep(paths);
	rc = add_events(d, err);
	for (size_t i = 0; i < ARRAY_SIZE(bringers) && !rc; i++)
		rc = bringers[i]->start(d, &d->states[i], err);
	if (!rc)
		follow(d);
	return rc;
}

void daemon_refresh(struct daemon *d)
{
	follow(d);
	for (size_t i = 0; i < ARRAY_SIZE(bringers); i++)
		bringers[i]->refresh(d, d->states[i]);
}

void daemon_stop(struct daemon *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(bringers); i++) {
		if (d->states[i])
			bringers[i]->stop(d, d->states[i]);
	}
	sd_event_source_disable_unref(d->poll);
	sd_event_source_disable_unref(d->apply);
	sd_event_source_disable_unref(d->inotify);
	free(d->pending);
	policy_free(&d->policy);
}
