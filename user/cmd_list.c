// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "cmd.h"
#include "hits_text.h"
#include "output.h"
#include "subject.h"

/* Calls fn for the entries of a list in the order of their prefixes, whatever their origin. */
static void each_entry(const struct policy *p, size_t list,
		       void (*fn)(const struct policy *p, const struct entry *e, void *arg),
		       void *arg)
{
	const struct entries *base = &p->base, *added = &p->added;
	size_t i = 0, j = 0;

	while (i < base->n || j < added->n) {
		const struct entry *e;

		if (j == added->n ||
		    (i < base->n && prefix_compare(&base->v[i].prefix, &added->v[j].prefix) <= 0))
			e = &base->v[i++];
		else
			e = &added->v[j++];
		if (e->list == list)
			fn(p, e, arg);
	}
}

/* What to show of entries. */
struct shown {
	const struct hits_view *view; /* NULL: hits are not known */
	bool hits;                    /* in text, too */
	struct json_object *entries;
};

static void print_entry_hits(const struct entry_hits *h)
{
	char text[TIME_ISO_MAX];

	if (h)
		printf(" %12" PRIu64 " %-20s", h->packets,
		       h->packets ? time_iso(h->last, text) : "-");
	else
		printf(" %12s %-20s", "?", "?");
}

static void print_entry(const struct policy *p, const struct entry *e, void *arg)
{
	char text[PREFIX_TEXT_MAX + 1], origin[PATH_MAX + 16], until[64];
	const struct shown *s = arg;
	struct entry_hits h;

	until_text(p, e, until, sizeof(until));
	printf("  %-24s", entry_text(e, text, sizeof(text)));
	if (s->view)
		h = hits_of(s->view, e);
	if (s->hits)
		print_entry_hits(s->view ? &h : NULL);
	printf(" %-40s %s%s%s%s\n", policy_string(p, e->label),
	       origin_text(p, e, origin, sizeof(origin)), *until ? " (" : "", until,
	       *until ? ")" : "");
}

static void append_entry(const struct policy *p, const struct entry *e, void *arg)
{
	struct json_object *o = entry_json(p, e);
	const struct shown *s = arg;
	struct entry_hits h;

	if (s->view)
		h = hits_of(s->view, e);
	hits_json(o, s->view ? &h : NULL);
	json_object_array_add(s->entries, o);
}

static struct json_object *services_of(const struct policy *p, size_t list)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < p->n_services; i++) {
		if (p->services[i].allow[list / 64] >> (list % 64) & 1)
			json_object_array_add(array, json_object_new_string(p->services[i].name));
	}
	return array;
}

static struct json_object *list_json(const struct policy *p, size_t list, struct shown *s)
{
	struct json_object *o = json_object_new_object();

	s->entries = json_object_new_array();
	json_add_text(o, "name", p->lists[list].name);
	json_object_object_add(o, "services", services_of(p, list));
	each_entry(p, list, append_entry, s);
	json_object_object_add(o, "entries", s->entries);
	return o;
}

static int print_lists(const struct app *app, const struct subject *subject, int only,
		       struct shown *s)
{
	const struct policy *p = &subject->running.policy;
	struct list_size sizes[POLICY_MAX_LISTS];
	struct json_object *o, *lists;

	policy_list_sizes(p, sizes);
	if (!app->json) {
		for (size_t i = 0; i < p->n_lists; i++) {
			if (only >= 0 && (size_t)only != i)
				continue;
			printf("%s: %zu entries\n", p->lists[i].name, sizes[i].entries);
			each_entry(p, i, print_entry, s);
		}
		return EXIT_DONE;
	}
	o = json_object_new_object();
	lists = json_object_new_array();
	for (size_t i = 0; i < p->n_lists; i++) {
		if (only < 0 || (size_t)only == i)
			json_object_array_add(lists, list_json(p, i, s));
	}
	json_add_text(o, "instance", app->paths.instance);
	json_object_object_add(o, "loaded", json_object_new_boolean(subject->loaded));
	hits_ground_json(o, s->view ? s->view->hits : NULL);
	json_object_object_add(o, "lists", lists);
	return print_json(o);
}

int cmd_list(struct app *app, int argc, char **argv)
{
	struct subject s _cleanup_subject_ = SUBJECT_EMPTY;
	struct hits hits _cleanup_hits_ = { 0 };
	struct shown shown = { 0 };
	const struct option_spec specs[] = {
		{ "hits", OPTION_FLAG, &shown.hits, NULL, "with packets and the last hit of each" },
	};
	struct hits_view view;
	struct error err;
	bool known = false;
	int first, only = -1, rc;
	int status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);

	if (status >= 0)
		return status;
	if (argc - first > 1)
		return usage(app, "list does not take '%.64s'", argv[first + 1]);
	if (app->json || shown.hits)
		rc = subject_open_with_hits(&s, app, &hits, &known, &err);
	else
		rc = subject_open(&s, app, &err);
	if (rc)
		return fail(&err);
	if (first < argc) {
		only = policy_find_list(&s.running.policy, argv[first]);
		if (only < 0) {
			error_set(&err, 0, "there is no list '%.64s': see `allowxdp list`",
				  argv[first]);
			return fail(&err);
		}
	}
	view = hits_view(&hits, &s.running.policy);
	if (known)
		shown.view = &view;
	return print_lists(app, &s, only, &shown);
}
