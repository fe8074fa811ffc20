// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include "output.h"

enum { PLAN_LINES_MAX = 40 };

const char *origin_text(const struct policy *p, const struct entry *e, char *buf, size_t n)
{
	if (e->flags & ENTRY_COMMAND)
		snprintf(buf, n, "command");
	else
		snprintf(buf, n, "%s:%u", policy_string(p, e->source), e->line);
	return buf;
}

const char *entry_text(const struct entry *e, char *buf, size_t n)
{
	char prefix[PREFIX_TEXT_MAX];

	snprintf(buf, n, "%s%s", e->flags & ENTRY_CARVE ? "!" : "",
		 prefix_text(&e->prefix, prefix));
	return buf;
}

void json_add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text && *text ? json_object_new_string(text) : NULL);
}

struct json_object *entry_json(const struct policy *p, const struct entry *e)
{
	struct json_object *o = json_object_new_object();
	char prefix[PREFIX_TEXT_MAX], origin[PATH_MAX + 16];

	json_add_text(o, "prefix", prefix_text(&e->prefix, prefix));
	json_object_object_add(o, "carve", json_object_new_boolean(!!(e->flags & ENTRY_CARVE)));
	json_add_text(o, "label", policy_string(p, e->label));
	json_add_text(o, "origin", origin_text(p, e, origin, sizeof(origin)));
	return o;
}

static void print_entries(const char *sign, const struct plan_entries *entries)
{
	for (size_t i = 0; i < entries->n && i < PLAN_LINES_MAX; i++) {
		const struct policy *p = entries->v[i].policy;
		const struct entry *e = entries->v[i].entry;
		const char *label = policy_string(p, e->label);
		char text[PREFIX_TEXT_MAX + 1];

		printf("  %s %s %s%s%s\n", sign, p->lists[e->list].name,
		       entry_text(e, text, sizeof(text)), *label ? "  # " : "", label);
	}
	if (entries->n > PLAN_LINES_MAX)
		printf("  %s ... and %zu more\n", sign, entries->n - PLAN_LINES_MAX);
}

static void print_services(const char *what, const struct policy *p, uint64_t set)
{
	for (size_t i = 0; i < p->n_services; i++) {
		if (set >> i & 1)
			printf("  service %s: %s\n", p->services[i].name, what);
	}
}

void plan_print(const struct plan *plan, const struct policy *old, const struct policy *new)
{
	printf("%zu entries added, %zu removed\n", plan->added.n, plan->removed.n);
	print_services("new", new, plan->services_new);
	print_services("changed", new, plan->services_changed);
	print_services("no longer guarded", old, plan->services_gone);
	print_entries("+", &plan->added);
	print_entries("-", &plan->removed);
}

static struct json_object *entries_json(const struct plan_entries *entries)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < entries->n; i++) {
		const struct policy *p = entries->v[i].policy;
		struct json_object *o = entry_json(p, entries->v[i].entry);

		json_add_text(o, "list", p->lists[entries->v[i].entry->list].name);
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *services_json(const struct policy *p, uint64_t set)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < p->n_services; i++) {
		if (set >> i & 1)
			json_object_array_add(array, json_object_new_string(p->services[i].name));
	}
	return array;
}

struct json_object *plan_json(const struct plan *plan, const struct policy *old,
			      const struct policy *new)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "added", entries_json(&plan->added));
	json_object_object_add(o, "removed", entries_json(&plan->removed));
	json_object_object_add(o, "services_new", services_json(new, plan->services_new));
	json_object_object_add(o, "services_changed", services_json(new, plan->services_changed));
	json_object_object_add(o, "services_removed", services_json(old, plan->services_gone));
	return o;
}
