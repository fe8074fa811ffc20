// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "cmd.h"
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

static void print_entry(const struct policy *p, const struct entry *e, void *arg)
{
	char text[PREFIX_TEXT_MAX + 1], origin[PATH_MAX + 16], until[64];

	(void)arg;
	until_text(p, e, until, sizeof(until));
	printf("  %-24s %-40s %s%s%s%s\n", entry_text(e, text, sizeof(text)),
	       policy_string(p, e->label), origin_text(p, e, origin, sizeof(origin)),
	       *until ? " (" : "", until, *until ? ")" : "");
}

static void append_entry(const struct policy *p, const struct entry *e, void *arg)
{
	json_object_array_add(arg, entry_json(p, e));
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

static struct json_object *list_json(const struct policy *p, size_t list)
{
	struct json_object *o = json_object_new_object(), *entries = json_object_new_array();

	json_add_text(o, "name", p->lists[list].name);
	json_object_object_add(o, "services", services_of(p, list));
	each_entry(p, list, append_entry, entries);
	json_object_object_add(o, "entries", entries);
	return o;
}

static int print_lists(const struct app *app, const struct policy *p, int only, bool loaded)
{
	struct list_size sizes[POLICY_MAX_LISTS];
	struct json_object *o, *lists;

	policy_list_sizes(p, sizes);
	if (!app->json) {
		for (size_t i = 0; i < p->n_lists; i++) {
			if (only >= 0 && (size_t)only != i)
				continue;
			printf("%s: %zu entries\n", p->lists[i].name, sizes[i].entries);
			each_entry(p, i, print_entry, NULL);
		}
		return EXIT_DONE;
	}
	o = json_object_new_object();
	lists = json_object_new_array();
	for (size_t i = 0; i < p->n_lists; i++) {
		if (only < 0 || (size_t)only == i)
			json_object_array_add(lists, list_json(p, i));
	}
	json_add_text(o, "instance", app->paths.instance);
	json_object_object_add(o, "loaded", json_object_new_boolean(loaded));
	json_object_object_add(o, "lists", lists);
	return print_json(o);
}

int cmd_list(struct app *app, int argc, char **argv)
{
	struct subject s _cleanup_subject_ = SUBJECT_EMPTY;
	struct error err;
	int first, only = -1, status = command_arguments(app, argc, argv, 0, 1, &first);

	if (status >= 0)
		return status;
	if (subject_open(&s, app, &err))
		return fail(&err);
	if (first < argc) {
		only = policy_find_list(&s.running.policy, argv[first]);
		if (only < 0) {
			error_set(&err, 0, "there is no list '%.64s': see `allowxdp list`",
				  argv[first]);
			return fail(&err);
		}
	}
	return print_lists(app, &s.running.policy, only, s.loaded);
}
