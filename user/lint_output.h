/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The linter's warnings as commands tell them. */
#ifndef ALLOWXDP_LINT_OUTPUT_H
#define ALLOWXDP_LINT_OUTPUT_H

#include <json-c/json_object.h>
#include "lint.h"

/*
 * Looks at a policy that was read from its files, and refuses it if there is a warning and
 * `strict`, after all of them were printed. The caller frees *l. Negative errno.
 */
int lint_check(struct lint *l, const struct policy *p, bool strict, struct error *err);

/* On stderr, the worst first: all of them, capped for each kind; or the serious ones alone. */
void lint_print(const struct lint *l, const struct policy *p);
void lint_print_serious(const struct lint *l, const struct policy *p);

/* On stdout: how many there are, and how to see them. Nothing where there are none. */
void lint_print_count(const struct lint *l, const char *config);

/* Adds "warnings": [{"file", "line", "kind", "text"}], and "warnings_left_out". */
void lint_json(struct json_object *object, const struct lint *l, const struct policy *p);

#endif
