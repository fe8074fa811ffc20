// SPDX-License-Identifier: GPL-2.0-or-later
/* add and remove */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "cmd.h"
#include "empties.h"
#include "hits.h"
#include "hits_text.h"
#include "duration.h"
#include "listfile.h"
#include "news.h"
#include "output.h"
#include "privileges.h"
#include "state.h"
#include "subject.h"

/* What the command was asked to do. */
struct request {
	struct app *app;
	const char *list_name, *label, *duration;
	uint32_t seconds; /* --for; 0: for good */
	struct prefix prefix;
	bool carve, force;
	int list;
};

/* What to say of it in the end. */
struct result {
	bool changed;
	char text[512];
};

static void entries_cleanup(struct entries *e)
{
	free(e->v);
}

static int parse_request(struct request *q, const char *list, const char *prefix, struct error *err)
{
	q->list_name = list;
	q->carve = prefix[0] == '!';
	return prefix_parse(prefix + q->carve, strlen(prefix + q->carve), &q->prefix, err);
}

static int find_list(struct request *q, const struct policy *p, struct error *err)
{
	char names[512] = "";

	q->list = policy_find_list(p, q->list_name);
	if (q->list >= 0)
		return 0;
	for (size_t i = 0; i < p->n_lists; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 i ? ", " : "", p->lists[i].name);
	return error_set(err, ENOENT, "there is no list '%.64s': the lists are %s", q->list_name,
			 *names ? names : "none; add one to the config");
}

static const struct entry *find_added(const struct policy *p, const struct request *q)
{
	const struct entries *e = &p->added;

	for (size_t i = entries_lower_bound(e, &q->prefix);
	     i < e->n && !prefix_compare(&e->v[i].prefix, &q->prefix); i++) {
		if (e->v[i].list == q->list)
			return &e->v[i];
	}
	return NULL;
}

/* A copy of the added entries without `gone`, and with `come` at its place; either may be NULL. */
static int entries_edit(const struct entries *from, const struct entry *gone,
			const struct entry *come, struct entries *to)
{
	to->cap = from->n + 1;
	to->n = 0;
	to->v = calloc(to->cap, sizeof(*to->v));
	if (!to->v)
		return -ENOMEM;
	for (size_t i = 0; i < from->n; i++) {
		const struct entry *e = &from->v[i];

		if (come && prefix_compare(&come->prefix, &e->prefix) <= 0) {
			to->v[to->n++] = *come;
			come = NULL;
		}
		if (e != gone)
			to->v[to->n++] = *e;
	}
	if (come)
		to->v[to->n++] = *come;
	return 0;
}

/* Puts the new added entries in force: state and kernel, or the state alone where nothing is
 * loaded. */
static int put_in_force(struct subject *s, const struct request *q, const struct entry *gone,
			const struct entry *come, struct error *err)
{
	struct entries before __attribute__((cleanup(entries_cleanup))) = s->running.policy.added;
	struct policy *p = &s->running.policy;
	struct entries after;
	uint32_t mode = AXP_ACTIVE_MODE(s->running.active);
	int rc;

	if (entries_edit(&before, gone, come, &after)) {
		before.v = NULL; /* still the policy's */
		return error_set(err, ENOMEM, "out of memory");
	}
	p->added = after;
	if (!s->loaded)
		return state_write(&q->app->paths, p, q->list, err);
	rc = policy_check_emptied(p, q->list, mode, q->force, err);
	if (!rc && !gone != !come)
		hits_fold_entry(&s->running.instance, p, gone ? gone : come, !!gone);
	return rc ? rc : policy_apply_entry(&s->running, &before, &q->prefix, q->list, err);
}

static const char *not_loaded_note(const struct subject *s)
{
	return s->loaded ? "" : " (kept for the next load: nothing is loaded now)";
}

static void describe(const struct policy *p, const struct entry *e, char *buf, size_t n)
{
	const char *label = policy_string(p, e->label);
	char origin[300];

	snprintf(buf, n, "%s%s%s", *label ? label : "", *label ? ", " : "",
		 origin_text(p, e, origin, sizeof(origin)));
}

/* Whole seconds, rounded up: never less than was asked for. */
static uint32_t until_after(uint32_t seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint32_t)now.tv_sec + seconds + (now.tv_nsec != 0);
}

/* The entry that is there already; one of a file that has expired is as good as none. */
static const struct entry *live_twin(const struct policy *p, const struct request *q)
{
	const struct entry *twin = policy_find_entry(p, &q->prefix, q->list);

	if (twin && entry_expired(p, twin) && !(twin->flags & ENTRY_COMMAND))
		return NULL;
	if (twin && twin->flags & ENTRY_NEWS && !!(twin->flags & ENTRY_CARVE) == q->carve)
		return find_added(p, q); /* what a name or feed brought may go again */
	return twin;
}

/* They give way to the hole when the policy is read anew. */
static void note_news_within(const struct subject *s, const struct request *q, struct result *out)
{
	size_t found = news_within(&s->running.policy, &q->prefix, q->list);
	size_t n = strlen(out->text);

	if (s->loaded && q->carve && found)
		snprintf(out->text + n, sizeof(out->text) - n,
			 "; %zu of names and feeds within it: `allowxdp reload` takes them out",
			 found);
}

static int add(struct subject *s, const struct request *q, struct result *out, struct error *err)
{
	struct policy *p = &s->running.policy;
	const struct entry *twin = live_twin(p, q);
	struct entry entry = {
		.prefix = q->prefix,
		.list = (uint16_t)q->list,
		.flags = (uint16_t)(ENTRY_COMMAND | (q->carve ? ENTRY_CARVE : 0)),
		.until = q->seconds ? until_after(q->seconds) : 0,
	};
	char text[PREFIX_TEXT_MAX], about[600], left[DURATION_TEXT_MAX];
	bool same;

	prefix_text(&q->prefix, text);
	if (twin) {
		describe(p, twin, about, sizeof(about));
		if (!!(twin->flags & ENTRY_CARVE) != q->carve)
			return error_set(err, EEXIST, "%s is %s list %s already (%s): %s", text,
					 q->carve ? "listed in" : "carved out of", q->list_name,
					 about,
					 twin->flags & ENTRY_NEWS
						 ? "add the hole to the list's file or prefixes, "
						   "and `allowxdp reload`"
						 : "remove that first");
		same = (!q->label || !strcmp(q->label, policy_string(p, twin->label))) &&
		       !q->seconds && !twin->until;
		if (!(twin->flags & ENTRY_COMMAND) && twin->until && !entry_expired(p, twin))
			return error_set(
				err, EEXIST,
				"%s is listed until a set time (%s): change the line there", text,
				about);
		if (!(twin->flags & ENTRY_COMMAND) || same) {
			snprintf(out->text, sizeof(out->text), "%s: %s%s is there already (%.300s)",
				 q->list_name, q->carve ? "!" : "", text, about);
			return 0;
		}
	}
	if (twin && !q->label)
		entry.label = twin->label;
	if (q->label && policy_intern(p, q->label, strlen(q->label), &entry.label))
		return error_set(err, ENOMEM, "out of memory");
	out->changed = true;
	snprintf(out->text, sizeof(out->text), "%s: %s %s%s%s", q->list_name,
		 twin ? "changed" : "added", q->carve ? "!" : "", text, not_loaded_note(s));
	if (q->seconds)
		snprintf(out->text + strlen(out->text), sizeof(out->text) - strlen(out->text),
			 " for %s", duration_text(q->seconds, left));
	note_news_within(s, q, out);
	return put_in_force(s, q, twin, &entry, err);
}

/* What still lets the address in, after an entry is gone or was never there. */
static void note_covering(const struct policy *p, const struct request *q, struct result *out)
{
	for (int len = q->prefix.len - 1; len >= 0; len--) {
		struct prefix wider = prefix_shorten(&q->prefix, (uint8_t)len);
		const struct entry *e = policy_find_entry(p, &wider, q->list);
		size_t n = strlen(out->text);
		char text[PREFIX_TEXT_MAX], about[600];

		if (!e)
			continue;
		if (e->flags & ENTRY_CARVE)
			return;
		describe(p, e, about, sizeof(about));
		snprintf(out->text + n, sizeof(out->text) - n, "; still covered by %s (%.200s)",
			 prefix_text(&wider, text), about);
		return;
	}
}

/* What is known of its use, before it goes. */
static void note_hits(const struct subject *s, const struct entry *e, struct result *out)
{
	const struct policy *p = &s->running.policy;
	size_t n = strlen(out->text);
	struct entry_hits known;

	if (hits_peek(&s->running.instance, p, e, &known))
		hits_phrase(&known, out->text + n, sizeof(out->text) - n);
}

static int remove_entry(struct subject *s, const struct request *q, struct result *out,
			struct error *err)
{
	struct policy *p = &s->running.policy;
	const struct entry *twin = policy_find_entry(p, &q->prefix, q->list);
	const struct entry *added = find_added(p, q);
	char text[PREFIX_TEXT_MAX];
	int rc = 0;

	prefix_text(&q->prefix, text);
	if (twin && !!(twin->flags & ENTRY_CARVE) != q->carve)
		twin = NULL;
	if (twin && twin->flags & ENTRY_NEWS) {
		if (!added)
			return error_set(err, EPERM,
					 "%s%s of list %s comes from %s: take that out of the "
					 "config, then `allowxdp reload`",
					 q->carve ? "!" : "", text, q->list_name,
					 policy_string(p, twin->source));
		twin = added;
	}
	if (twin && twin != added)
		return error_set(
			err, EPERM,
			"%s:%u: %s%s of list %s comes from this file: remove the line there, then "
			"`allowxdp reload`",
			policy_string(p, twin->source), twin->line, q->carve ? "!" : "", text,
			q->list_name);
	snprintf(out->text, sizeof(out->text), "%s: %s%s %s", q->list_name, q->carve ? "!" : "",
		 text, twin ? "removed" : "is not there");
	if (twin) {
		out->changed = true;
		if (s->loaded && !q->carve)
			note_hits(s, twin, out);
		rc = put_in_force(s, q, added, NULL, err);
		strcat(out->text, not_loaded_note(s));
	}
	if (!q->carve)
		note_covering(p, q, out);
	return rc;
}

static int print_result(const struct app *app, const struct subject *s, const struct request *q,
			const struct result *r)
{
	struct json_object *o;
	char text[PREFIX_TEXT_MAX];

	if (!app->json) {
		puts(r->text);
		return EXIT_DONE;
	}
	o = json_object_new_object();
	json_add_text(o, "instance", app->paths.instance);
	json_add_text(o, "list", q->list_name);
	json_add_text(o, "prefix", prefix_text(&q->prefix, text));
	json_object_object_add(o, "carve", json_object_new_boolean(q->carve));
	json_object_object_add(o, "changed", json_object_new_boolean(r->changed));
	json_object_object_add(o, "loaded", json_object_new_boolean(s->loaded));
	json_add_text(o, "message", r->text);
	return print_json(o);
}

static int run(struct request *q, char **argv, bool adding)
{
	struct subject s _cleanup_subject_ = SUBJECT_EMPTY;
	_cleanup_close_ int lock = -1;
	struct result result = { 0 };
	struct error err;
	int rc;

	rc = parse_request(q, argv[0], argv[1], &err);
	if (!rc && q->label)
		rc = list_label_check(q->label, strlen(q->label), &err);
	if (!rc)
		rc = privileges_check(&err);
	if (!rc)
		rc = paths_init(&q->app->paths, q->app->instance, &err);
	if (!rc)
		rc = lock = lock_instance(&q->app->paths, &err);
	if (rc >= 0)
		rc = subject_open_to_change(&s, q->app, &err);
	if (!rc)
		rc = find_list(q, &s.running.policy, &err);
	if (!rc)
		rc = adding ? add(&s, q, &result, &err) : remove_entry(&s, q, &result, &err);
	return rc ? fail(&err) : print_result(q->app, &s, q, &result);
}

int cmd_add(struct app *app, int argc, char **argv)
{
	struct request q = { .app = app, .list = -1 };
	const struct option_spec specs[] = {
		{ "label", OPTION_TEXT, &q.label, "TEXT", "who or what this is" },
		{ "for", OPTION_TEXT, &q.duration, "DUR", "it matches no more after this long" },
		{ "force", OPTION_FLAG, &q.force, NULL,
		  "even if it leaves a service without entries" },
	};
	struct error err;
	int first, status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);

	if (status >= 0)
		return status;
	if (argc - first != 2)
		return usage(app, "add needs a list and a prefix");
	if (q.duration && duration_parse(q.duration, &q.seconds, &err))
		return usage(app, "--for: %s", err.text);
	return run(&q, argv + first, true);
}

int cmd_remove(struct app *app, int argc, char **argv)
{
	struct request q = { .app = app, .list = -1 };
	const struct option_spec specs[] = {
		{ "force", OPTION_FLAG, &q.force, NULL,
		  "even if it leaves a service without entries" },
	};
	int first, status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);

	if (status >= 0)
		return status;
	if (argc - first != 2)
		return usage(app, "remove needs a list and a prefix");
	return run(&q, argv + first, false);
}
