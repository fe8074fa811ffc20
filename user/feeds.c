// SPDX-License-Identifier: GPL-2.0-or-later
/* In the daemon: the feeds of lists, each fetched by a process of its own when its time has come.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "daemon.h"
#include "duration.h"
#include "feed_store.h"
#include "feeds.h"
#include "journal.h"

enum { ASKING_MAX = 4, ACCURACY_US = 100000 };

struct feeds;

struct feed {
	struct feeds *all;
	struct feed *next;
	char list[POLICY_NAME_MAX + 1];
	char *text, *options; /* a feed whose options have changed is fetched at once */
	enum source_kind kind;
	uint64_t due; /* CLOCK_BOOTTIME, microseconds */
	bool asking;
	struct feed_fetch fetch;
	sd_event_source *io, *deadline;
	char said[FEED_REASON_MAX]; /* why it failed last: said once */
};

struct feeds {
	struct daemon *daemon;
	struct account account;
	struct feed *first;
	unsigned int asking;
	sd_event_source *timer;
};

static void schedule(struct feeds *all);

static uint64_t clock_now(const struct feeds *all)
{
	uint64_t now = 0;

	sd_event_now(all->daemon->event, CLOCK_BOOTTIME, &now);
	return now;
}

static const struct news_source *find_source(const struct feed *f)
{
	const struct policy *p = &f->all->daemon->policy;

	for (size_t i = 0; i < p->n_sources; i++) {
		const struct news_source *s = &p->sources[i];

		if (s->kind == f->kind && !strcmp(p->lists[s->list].name, f->list) &&
		    !strcmp(policy_string(p, s->text), f->text))
			return s;
	}
	return NULL;
}

/*
 * While the pipe is open: a child that was just forked for another feed may hold it, too, until it
 * closes what is not its own, and epoll would go on telling of a pipe that is closed here only.
 */
static void unwatch(struct feed *f)
{
	f->io = sd_event_source_disable_unref(f->io);
	f->deadline = sd_event_source_disable_unref(f->deadline);
}

static void end_fetch(struct feed *f)
{
	if (!f->asking)
		return;
	unwatch(f);
	feed_fetch_stop(&f->fetch);
	f->asking = false;
	f->all->asking--;
}

static void say(struct feed *f, const struct feed_report *r)
{
	uint64_t now = daemon_now();
	char text[DURATION_TEXT_MAX];

	switch (r->fate) {
	case FATE_TAKEN:
		journal_line(LOG_NOTICE, "list %s: feed %s: %zu entries (+%zu -%zu)", f->list,
			     f->text, r->entries, r->came, r->went);
		break;
	case FATE_UNCHANGED:
		if (f->said[0])
			journal_line(LOG_NOTICE, "list %s: feed %s: is well again", f->list,
				     f->text);
		break;
	default:
		if (strcmp(f->said, r->reason) != 0)
			journal_line(
				LOG_WARNING,
				"list %s: feed %s: %s: %zu entries of before are kept, next "
				"try in %s",
				f->list, f->text, r->reason, r->entries,
				duration_text(r->next_try > now ? r->next_try - now : 1, text));
		break;
	}
	snprintf(f->said, sizeof(f->said), "%s", r->reason);
}

static void take(struct feed *f, const struct feed_answer *answer)
{
	const struct news_source *s = find_source(f);
	struct daemon *d = f->all->daemon;
	struct feed_report report;
	struct error why;
	uint64_t now, wait = 60;

	if (!s)
		return;
	if (feed_store_take(d->paths, &d->policy, s, answer, &report, &why)) {
		journal_line(LOG_ERR, "list %s: feed %s: %s", f->list, f->text, why.text);
	} else {
		say(f, &report);
		now = daemon_now();
		wait = report.next_try > now ? report.next_try - now : 1;
	}
	f->due = clock_now(f->all) + wait * 1000000;
	if (report.fate == FATE_TAKEN)
		daemon_news_changed(d, f->list);
}

static void finish(struct feed *f)
{
	struct feed_answer answer _cleanup_feed_answer_ = { 0 };

	unwatch(f);
	feed_fetch_finish(&f->fetch, &answer);
	end_fetch(f);
	take(f, &answer);
	schedule(f->all);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct feed *f = arg;

	(void)s;
	(void)fd;
	(void)events;
	if (!feed_fetch_read(&f->fetch))
		finish(f);
	return 0;
}

static void give_up(struct feed *f, const char *why)
{
	struct feed_answer answer = { .outcome = FEED_FAILED };

	snprintf(answer.reason, sizeof(answer.reason), "%.500s", why);
	end_fetch(f);
	take(f, &answer);
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *arg)
{
	struct feed *f = arg;

	(void)s;
	(void)usec;
	give_up(f, "the process that fetches did not end in time");
	schedule(f->all);
	return 0;
}

static int watch(struct feed *f, struct error *err)
{
	sd_event *event = f->all->daemon->event;
	int rc = sd_event_add_io(event, &f->io, f->fetch.fd, EPOLLIN, on_io, f);

	if (rc >= 0)
		rc = sd_event_add_time(event, &f->deadline, CLOCK_MONOTONIC,
				       f->fetch.deadline * 1000, ACCURACY_US, on_deadline, f);
	return rc < 0 ? error_set(err, -rc, "cannot watch it: %s", strerror(-rc)) : 0;
}

static void begin(struct feed *f)
{
	const struct news_source *s = find_source(f);
	struct daemon *d = f->all->daemon;
	struct feed_conditions known;
	struct feed_job job;
	struct error why;
	int rc;

	f->due = UINT64_MAX;
	if (!s)
		return;
	feed_store_recall(d->paths, &d->policy, s, &known);
	feed_job_of(&d->policy, s, &job);
	job.etag = known.etag;
	job.modified = known.modified;
	rc = feed_fetch_start(&f->fetch, &job, &f->all->account, &why);
	if (!rc) {
		f->asking = true;
		f->all->asking++;
		rc = watch(f, &why);
	}
	if (rc)
		give_up(f, why.text);
}

static int on_due(sd_event_source *s, uint64_t usec, void *arg)
{
	struct feeds *all = arg;
	uint64_t now = clock_now(all);

	(void)s;
	(void)usec;
	for (struct feed *f = all->first; f && all->asking < ASKING_MAX; f = f->next) {
		if (!f->asking && f->due <= now)
			begin(f);
	}
	schedule(all);
	return 0;
}

/* Wakes up for the one that is due first; while as many as may be are asked, when one has ended. */
static void schedule(struct feeds *all)
{
	uint64_t first = UINT64_MAX;

	for (const struct feed *f = all->first; f; f = f->next) {
		if (!f->asking && f->due < first)
			first = f->due;
	}
	if (first == UINT64_MAX || all->asking >= ASKING_MAX) {
		sd_event_source_set_enabled(all->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(all->timer, first);
	sd_event_source_set_enabled(all->timer, SD_EVENT_ONESHOT);
}

/* ---- what runs ---- */

static void free_feed(struct feed *f)
{
	end_fetch(f);
	free(f->text);
	free(f->options);
	free(f);
}

static void free_all(struct feed *f)
{
	while (f) {
		struct feed *next = f->next;

		free_feed(f);
		f = next;
	}
}

static struct feed *take_out(struct feed **list, const struct policy *p,
			     const struct news_source *s)
{
	for (struct feed **at = list; *at; at = &(*at)->next) {
		struct feed *f = *at;

		if (f->kind != (enum source_kind)s->kind ||
		    strcmp(f->list, p->lists[s->list].name) != 0 ||
		    strcmp(f->text, policy_string(p, s->text)) != 0)
			continue;
		*at = f->next;
		f->next = NULL;
		return f;
	}
	return NULL;
}

static struct feed *new_feed(struct feeds *all, const struct policy *p, const struct news_source *s)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->all = all;
	f->kind = s->kind;
	f->fetch = (struct feed_fetch)FEED_FETCH_NONE;
	snprintf(f->list, sizeof(f->list), "%s", p->lists[s->list].name);
	f->text = strdup(policy_string(p, s->text));
	f->due = clock_now(all) + feed_store_wait(all->daemon->paths, p, s) * 1000000;
	if (f->text)
		return f;
	free_feed(f);
	return NULL;
}

/* The feed of a source, with its options as they are now. */
static struct feed *follow_source(struct feeds *all, struct feed **before,
				  const struct news_source *s)
{
	const struct policy *p = &all->daemon->policy;
	struct feed *f = take_out(before, p, s);
	char *options = feed_options_text(p, s);

	if (!f)
		f = new_feed(all, p, s);
	if (!f || !options) {
		free(options);
		return f;
	}
	if (f->options && strcmp(f->options, options) != 0) {
		end_fetch(f);
		f->due = 0;
	}
	free(f->options);
	f->options = options;
	return f;
}

static void feeds_follow(struct daemon *d, void *state)
{
	struct feeds *all = state;
	struct feed *before = all->first, **end = &all->first;

	all->first = NULL;
	for (size_t i = 0; i < d->policy.n_sources; i++) {
		const struct news_source *s = &d->policy.sources[i];

		if (!source_is_feed(s))
			continue;
		*end = follow_source(all, &before, s);
		if (*end)
			end = &(*end)->next;
	}
	free_all(before);
	schedule(all);
}

static void feeds_refresh(struct daemon *d, void *state)
{
	struct feeds *all = state;

	(void)d;
	for (struct feed *f = all->first; f; f = f->next)
		f->due = 0;
	schedule(all);
}

static int feeds_start(struct daemon *d, void **state, struct error *err)
{
	struct feeds *all = calloc(1, sizeof(*all));
	int rc;

	if (!all)
		return error_set(err, ENOMEM, "out of memory");
	all->daemon = d;
	*state = all;
	rc = account_find(FEED_USER, &all->account, err);
	if (rc)
		return rc;
	rc = sd_event_add_time_relative(d->event, &all->timer, CLOCK_BOOTTIME, 0, ACCURACY_US,
					on_due, all);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(all->timer, SD_EVENT_OFF);
	return rc < 0 ? error_set(err, -rc, "cannot set a timer: %s", strerror(-rc)) : 0;
}

static void feeds_stop(struct daemon *d, void *state)
{
	struct feeds *all = state;

	(void)d;
	free_all(all->first);
	sd_event_source_disable_unref(all->timer);
	free(all);
}

const struct bringer feeds_bringer = {
	.start = feeds_start,
	.follow = feeds_follow,
	.refresh = feeds_refresh,
	.stop = feeds_stop,
};
