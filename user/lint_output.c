// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include "lint_output.h"
#include "output.h"

enum { SHOWN = 10, SHOWN_SERIOUS = 3 };

static void print_kind(const struct lint *l, const struct policy *p, enum lint_kind kind,
		       size_t most)
{
	size_t shown = 0;

	for (size_t i = 0; i < l->n && shown < most; i++) {
		const struct lint_warning *w = &l->v[i];

		if (w->kind != kind)
			continue;
		warn_line("%s:%u: %s", policy_string(p, w->file), w->line, w->text);
		shown++;
	}
	if (l->counts[kind] > shown)
		warn_line("%s: and %zu more of kind %s", policy_string(p, p->config),
			  l->counts[kind] - shown, lint_name(kind));
}

void lint_print(const struct lint *l, const struct policy *p)
{
	for (enum lint_kind kind = 0; kind < LINTS; kind++)
		print_kind(l, p, kind, SHOWN);
}

/* What preview_make() warns of, or refuses, anyway. */
static bool told_before_the_act(enum lint_kind kind)
{
	return kind == LINT_UNREACHABLE || kind == LINT_MISSING || kind == LINT_NO_ADDRESS;
}

void lint_print_serious(const struct lint *l, const struct policy *p)
{
	for (enum lint_kind kind = 0; kind < LINTS; kind++) {
		if (lint_serious(kind) && !told_before_the_act(kind))
			print_kind(l, p, kind, SHOWN_SERIOUS);
	}
}

void lint_print_count(const struct lint *l, const char *config)
{
	if (l->total)
		printf("%zu warning%s about the lists and services: `allowxdp -c %s validate` "
		       "shows %s\n",
		       l->total, l->total == 1 ? "" : "s", config, l->total == 1 ? "it" : "them");
}

static struct json_object *warning_json(const struct lint_warning *w, const struct policy *p)
{
	struct json_object *o = json_object_new_object();

	json_add_text(o, "file", policy_string(p, w->file));
	json_object_object_add(o, "line", json_object_new_int64(w->line));
	json_add_text(o, "kind", lint_name(w->kind));
	json_add_text(o, "text", w->text);
	return o;
}

void lint_json(struct json_object *object, const struct lint *l, const struct policy *p)
{
	struct json_object *array = json_object_new_array();

	for (enum lint_kind kind = 0; kind < LINTS; kind++) {
		for (size_t i = 0; i < l->n; i++) {
			if (l->v[i].kind == kind)
				json_object_array_add(array, warning_json(&l->v[i], p));
		}
	}
	json_object_object_add(object, "warnings", array);
	json_object_object_add(object, "warnings_left_out",
			       json_object_new_int64((int64_t)(l->total - l->n)));
}

int lint_check(struct lint *l, const struct policy *p, bool strict, struct error *err)
{
	if (lint_make(l, p))
		return error_set(err, ENOMEM, "out of memory");
	if (!strict || !l->total)
		return 0;
	lint_print(l, p);
	return error_at(err, policy_string(p, p->config), 0,
			"%zu warning%s, refused by --strict: mend what is named above, or leave "
			"--strict away",
			l->total, l->total == 1 ? "" : "s");
}
