// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "daemon_claim.h"
#include "duration.h"
#include "output.h"
#include "promtext.h"
#include "source_status.h"

enum { WARNINGS_MAX = 20 };

void source_statuses_free(struct source_statuses *s)
{
	free(s->v);
	*s = (struct source_statuses){ 0 };
}

const char *source_health_name(enum source_health health)
{
	static const char *const names[] = { "ok", "failing", "never" };

	return names[health];
}

static enum source_health health_of(const struct news_state *s)
{
	if (!s->last_success)
		return SOURCE_NEVER;
	return s->last_failure > s->last_success ? SOURCE_FAILING : SOURCE_WELL;
}

static bool same_file(const struct news_source *a, const struct news_source *b)
{
	return a->list == b->list && a->kind == b->kind;
}

/* One file holds what is remembered of all sources of a kind in a list: they follow each other. */
static void read_states(const struct paths *paths, struct source_statuses *s)
{
	struct json_object *info = NULL;

	for (size_t i = 0; i < s->n; i++) {
		struct source_status *x = &s->v[i];

		if (!i || !same_file(x->source, s->v[i - 1].source)) {
			json_object_put(info);
			info = news_info_read(paths, x->list, x->source->kind);
		}
		news_state_get(news_info_of(info, x->text), &x->state);
		x->health = health_of(&x->state);
	}
	json_object_put(info);
}

static void count_entries(const struct policy *p, struct source_statuses *s)
{
	const struct news_source *of = NULL;

	for (size_t i = 0; i < p->base.n; i++) {
		const struct entry *e = &p->base.v[i];

		if (!(e->flags & ENTRY_NEWS))
			continue;
		if (!of || of->origin != e->source || of->list != e->list) /* mostly the same */
			of = origin_source(p, e);
		if (of)
			s->v[of - p->sources].entries++;
	}
}

int source_statuses_read(const struct paths *paths, const struct policy *p,
			 struct source_statuses *out)
{
	*out = (struct source_statuses){ .daemon = p->n_sources && daemon_runs(paths) };
	if (!p->n_sources)
		return 0;
	out->v = calloc(p->n_sources, sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	out->n = p->n_sources;
	for (size_t i = 0; i < out->n; i++) {
		out->v[i].source = &p->sources[i];
		out->v[i].list = p->lists[p->sources[i].list].name;
		out->v[i].text = policy_string(p, p->sources[i].text);
	}
	read_states(paths, out);
	count_entries(p, out);
	return 0;
}

static const char *ago(uint64_t then, char buf[static DURATION_TEXT_MAX])
{
	uint64_t now = (uint64_t)time(NULL);

	return duration_text(now > then ? now - then : 0, buf);
}

static void print_one(const struct source_status *x)
{
	const char *kind = source_kind_name(x->source->kind);
	uint64_t now = (uint64_t)time(NULL);
	char text[DURATION_TEXT_MAX];

	printf("  %-9s %-16s %s: ", kind, x->list, x->text);
	if (x->health == SOURCE_NEVER)
		printf("NOTHING HAS COME YET, no entry");
	else
		printf("%s, %zu entries, brought %s ago",
		       x->health == SOURCE_WELL ? "ok" : "FAILING", x->entries,
		       ago(x->state.last_success, text));
	if (x->state.failure[0] && x->health != SOURCE_WELL)
		printf("; failed %s ago: %s", ago(x->state.last_failure, text), x->state.failure);
	else if (x->state.failure[0])
		printf("; %s", x->state.failure);
	if (x->state.next_try > now)
		printf("; next try in %s", duration_text(x->state.next_try - now, text));
	putchar('\n');
}

void source_statuses_print(const struct source_statuses *s)
{
	if (s->n && !s->daemon)
		puts("  names and feeds are NOT kept up to date: `allowxdp run` does that, and is "
		     "not running");
	for (size_t i = 0; i < s->n; i++)
		print_one(&s->v[i]);
}

static void add_time(struct json_object *o, const char *key, uint64_t when)
{
	json_object_object_add(o, key, when ? json_object_new_int64((int64_t)when) : NULL);
}

struct json_object *source_statuses_json(const struct source_statuses *s)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < s->n; i++) {
		const struct source_status *x = &s->v[i];
		struct json_object *o = json_object_new_object();

		json_add_text(o, "list", x->list);
		json_add_text(o, "kind", source_kind_name(x->source->kind));
		json_add_text(o, "source", x->text);
		json_add_text(o, "state", source_health_name(x->health));
		json_object_object_add(o, "entries", json_object_new_int64((int64_t)x->entries));
		add_time(o, "last_success", x->state.last_success);
		add_time(o, "last_failure", x->state.last_failure);
		add_time(o, "next_try", x->state.next_try);
		json_object_object_add(o, "failures",
				       json_object_new_int64((int64_t)x->state.failures));
		json_add_text(o, "failure", x->state.failure);
		json_object_array_add(array, o);
	}
	return array;
}

static void print_metric(FILE *f, const struct source_statuses *s, const char *name,
			 uint64_t (*value)(const struct source_status *x))
{
	for (size_t i = 0; i < s->n; i++) {
		const struct source_status *x = &s->v[i];
		const struct prom_label labels[] = { { "list", x->list },
						     { "kind", source_kind_name(x->source->kind) },
						     { "source", x->text } };

		prom_sample(f, name, labels, 3, value(x));
	}
}

static uint64_t last_success(const struct source_status *x)
{
	return x->state.last_success;
}

static uint64_t entries(const struct source_status *x)
{
	return x->entries;
}

static uint64_t failures(const struct source_status *x)
{
	return x->state.failures;
}

static uint64_t up(const struct source_status *x)
{
	return x->health == SOURCE_WELL;
}

void source_statuses_metrics(FILE *f, const struct source_statuses *s)
{
	if (!s->n)
		return;
	prom_number(f, "allowxdp_run_up", "gauge", "1 while `allowxdp run` runs.", s->daemon);
	prom_head(f, "allowxdp_source_up", "gauge",
		  "1 where the last try to ask the name or feed worked.");
	print_metric(f, s, "allowxdp_source_up", up);
	prom_head(f, "allowxdp_source_last_success_timestamp_seconds", "gauge",
		  "When the name or feed last answered; 0: never.");
	print_metric(f, s, "allowxdp_source_last_success_timestamp_seconds", last_success);
	prom_head(f, "allowxdp_source_entries", "gauge", "Entries that are from the name or feed.");
	print_metric(f, s, "allowxdp_source_entries", entries);
	prom_head(f, "allowxdp_source_failures_total", "counter",
		  "Tries to ask the name or feed that failed.");
	print_metric(f, s, "allowxdp_source_failures_total", failures);
}

void warn_silent_sources(const struct paths *paths, const struct policy *p)
{
	struct source_statuses s _cleanup_source_statuses_ = { 0 };
	unsigned int silent = 0;

	if (source_statuses_read(paths, p, &s))
		return;
	for (size_t i = 0; i < s.n; i++) {
		const struct source_status *x = &s.v[i];

		if (x->health != SOURCE_NEVER || silent++ >= WARNINGS_MAX)
			continue;
		warn_line("list %s: %s has brought nothing yet: none of it is let in until "
			  "`allowxdp run` has asked for it%s%s",
			  x->list, policy_string(p, x->source->origin),
			  x->state.failure[0] ? "; it failed: " : "", x->state.failure);
	}
	if (silent > WARNINGS_MAX)
		warn_line("... nor have %u others", silent - WARNINGS_MAX);
	if (s.n && !s.daemon)
		warn_line("%zu names and feeds are not kept up to date: start `allowxdp run`", s.n);
}
