// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "attach.h"
#include "cleanup.h"
#include "cmd.h"
#include "daemon_claim.h"
#include "duration.h"
#include "flows.h"
#include "interfaces.h"
#include "last_reload.h"
#include "missing.h"
#include "output.h"
#include "privileges.h"
#include "running.h"
#include "source_status.h"

struct status {
	struct running running;
	bool loaded;
	struct attachment attachments[POLICY_MAX_INTERFACES];
	size_t n_attachments;
	struct list_size sizes[POLICY_MAX_LISTS];
	struct flow_stats flows;
	struct last_reload reload;
	struct source_statuses sources;
};

static const char *attach_text(const struct attachment *a)
{
	if (!a->attached)
		return a->place == ATTACH_ELSEWHERE ? "elsewhere" : "detached";
	return a->native ? "native" : "generic";
}

static void print_trouble(const struct attachment *a)
{
	char state[INTERFACE_STATE_MAX];

	if (interface_state(a, state)[0])
		printf("  interface %s %s\n", a->interface, state);
	if (a->attached && a->egress == EGRESS_NONE)
		printf("  interface %s has lost its egress program, so that replies are dropped: "
		       "run `allowxdp load %s`\n",
		       a->now, a->now);
}

static void print_reload(const struct last_reload *r)
{
	char ago[DURATION_TEXT_MAX];
	uint64_t now = (uint64_t)time(NULL);

	if (!r->at || r->done)
		return;
	printf("  the last load or reload, %s ago, failed: %s\n",
	       duration_text(now > r->at ? now - r->at : 0, ago), r->failure.text);
}

static void print_missing(const struct missing *m, void *arg)
{
	(void)arg;
	if (!m->source) /* names and feeds have lines of their own */
		printf("  list %s %s\n", m->list->name, m->text);
}

static uint64_t seconds_left(const struct status *s)
{
	uint64_t now = boot_time();

	return s->running.deadline > now ? (s->running.deadline - now) / 1000000000 : 0;
}

static void print_text(const struct app *app, const struct status *s)
{
	char left[DURATION_TEXT_MAX];
	const struct policy *p = &s->running.policy;

	if (!s->loaded) {
		printf("instance %s: not loaded\n", app->paths.instance);
		print_reload(&s->reload);
		return;
	}
	printf("instance %s: mode %s, generation %llu, config %s\n", app->paths.instance,
	       mode_name(AXP_ACTIVE_MODE(s->running.active)),
	       (unsigned long long)AXP_ACTIVE_GENERATION(s->running.active),
	       policy_string(p, p->config));
	if (s->running.rolled_back)
		puts("  the last change was not confirmed in time: rolled back");
	else if (s->running.deadline)
		printf("  waits to be confirmed: rolled back in %s unless `allowxdp confirm` is "
		       "run\n",
		       duration_text(seconds_left(s), left));
	print_reload(&s->reload);
	printf("  flows     %llu of %llu, %llu alive\n", (unsigned long long)s->flows.entries,
	       (unsigned long long)s->flows.capacity, (unsigned long long)s->flows.alive);
	for (size_t i = 0; i < s->n_attachments; i++)
		printf("  interface %-16s %s, program %u, egress %s\n", s->attachments[i].interface,
		       attach_text(&s->attachments[i]), s->attachments[i].prog_id,
		       egress_name(s->attachments[i].egress));
	for (size_t i = 0; i < s->n_attachments; i++)
		print_trouble(&s->attachments[i]);
	for (size_t i = 0; i < p->n_lists; i++)
		printf("  list      %-16s %zu entries\n", p->lists[i].name, s->sizes[i].entries);
	missing_each(p, print_missing, NULL);
	source_statuses_print(&s->sources);
}

static struct json_object *interfaces_json(const struct status *s)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < s->n_attachments; i++) {
		struct json_object *o = json_object_new_object();
		char state[INTERFACE_STATE_MAX];

		json_add_text(o, "name", s->attachments[i].interface);
		json_add_text(o, "attach", attach_text(&s->attachments[i]));
		json_object_object_add(o, "prog_id",
				       json_object_new_int64(s->attachments[i].prog_id));
		json_add_text(o, "egress", egress_name(s->attachments[i].egress));
		json_add_text(o, "now", s->attachments[i].attached ? s->attachments[i].now : NULL);
		json_add_text(o, "trouble", interface_state(&s->attachments[i], state));
		json_object_array_add(array, o);
	}
	return array;
}

/* What is missing from one list. */
struct missing_json {
	const struct list *list;
	struct json_object *array;
};

static void append_missing(const struct missing *m, void *arg)
{
	struct missing_json *j = arg;

	if (m->list == j->list)
		json_object_array_add(j->array, json_object_new_string(m->text));
}

static struct json_object *missing_json(const struct policy *p, const struct list *list)
{
	struct missing_json j = { .list = list, .array = json_object_new_array() };

	missing_each(p, append_missing, &j);
	return j.array;
}

static struct json_object *lists_json(const struct status *s)
{
	struct json_object *array = json_object_new_array();
	const struct policy *p = &s->running.policy;

	for (size_t i = 0; i < p->n_lists; i++) {
		struct json_object *o = json_object_new_object();

		json_add_text(o, "name", p->lists[i].name);
		json_object_object_add(o, "entries",
				       json_object_new_int64((int64_t)s->sizes[i].entries));
		json_object_object_add(o, "missing", missing_json(p, &p->lists[i]));
		json_object_array_add(array, o);
	}
	return array;
}

static bool pending(const struct status *s)
{
	return s->running.deadline && !s->running.rolled_back;
}

/* Wall-clock time, seconds since 1970. */
static struct json_object *deadline_json(const struct status *s)
{
	if (!pending(s))
		return NULL;
	return json_object_new_int64((int64_t)time(NULL) + (int64_t)seconds_left(s));
}

static struct json_object *flows_json(const struct flow_stats *f)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "capacity", json_object_new_int64((int64_t)f->capacity));
	json_object_object_add(o, "entries", json_object_new_int64((int64_t)f->entries));
	json_object_object_add(o, "alive", json_object_new_int64((int64_t)f->alive));
	json_object_object_add(o, "created", json_object_new_int64((int64_t)f->created));
	json_object_object_add(o, "evicted", json_object_new_int64((int64_t)f->evicted));
	json_object_object_add(o, "insert_failed",
			       json_object_new_int64((int64_t)f->insert_failed));
	return o;
}

static int print_status_json(const struct app *app, const struct status *s)
{
	struct json_object *o = json_object_new_object();
	uint64_t active = s->running.active;
	const struct policy *p = &s->running.policy;

	json_add_text(o, "instance", app->paths.instance);
	json_object_object_add(o, "loaded", json_object_new_boolean(s->loaded));
	json_add_text(o, "mode", mode_name(AXP_ACTIVE_MODE(active)));
	json_object_object_add(o, "generation",
			       json_object_new_int64((int64_t)AXP_ACTIVE_GENERATION(active)));
	json_add_text(o, "config", policy_string(p, p->config));
	json_object_object_add(o, "interfaces", interfaces_json(s));
	json_object_object_add(o, "lists", lists_json(s));
	json_object_object_add(o, "confirm_deadline", deadline_json(s));
	json_object_object_add(o, "confirm_seconds_left",
			       pending(s) ? json_object_new_int64((int64_t)seconds_left(s)) : NULL);
	json_object_object_add(o, "rolled_back", json_object_new_boolean(s->running.rolled_back));
	json_object_object_add(o, "flows", flows_json(&s->flows));
	json_object_object_add(o, "sources", source_statuses_json(&s->sources));
	json_object_object_add(o, "run", json_object_new_boolean(daemon_runs(&app->paths)));
	return print_json(o);
}

static int gather(struct app *app, struct status *s, struct error *err)
{
	char names[POLICY_MAX_INTERFACES][16];
	int rc = privileges_check(err);

	if (!rc)
		rc = paths_init(&app->paths, app->instance, err);
	if (!rc)
		rc = running_open(&s->running, &app->paths, err);
	if (!rc || rc == -ENOENT)
		last_reload_read(&app->paths, &s->reload);
	if (rc == -ENOENT)
		return 0;
	if (rc)
		return rc;
	s->loaded = true;
	s->n_attachments = instance_interfaces(&app->paths, names, ARRAY_SIZE(names));
	for (size_t i = 0; i < s->n_attachments; i++)
		attach_query(&app->paths, names[i], &s->attachments[i]);
	policy_list_sizes(&s->running.policy, s->sizes);
	if (source_statuses_read(&app->paths, &s->running.policy, &s->sources))
		return error_set(err, ENOMEM, "out of memory");
	return flows_stats(&s->running.instance, &s->running.policy, &s->flows, err);
}

int cmd_status(struct app *app, int argc, char **argv)
{
	struct status s = { .running = RUNNING_EMPTY };
	struct error err;
	int first, status = command_arguments(app, argc, argv, 0, 0, &first);

	if (status >= 0)
		return status;
	if (gather(app, &s, &err)) {
		running_close(&s.running);
		return fail(&err);
	}
	status = EXIT_DONE;
	if (app->json)
		status = print_status_json(app, &s);
	else
		print_text(app, &s);
	source_statuses_free(&s.sources);
	running_close(&s.running);
	return status;
}
