/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How entries, plans and counters are shown, as text and as JSON. */
#ifndef ALLOWXDP_OUTPUT_H
#define ALLOWXDP_OUTPUT_H

#include <json-c/json_object.h>
#include "counters.h"
#include "plan.h"
#include "policy.h"

/* "FILE:LINE", or "command" for an entry that `add` added. Returns buf. */
const char *origin_text(const struct policy *p, const struct entry *e, char *buf, size_t n);

/* "!PREFIX" for a carve-out. Returns buf. */
const char *entry_text(const struct entry *e, char *buf, size_t n);

/* {"prefix", "carve", "label", "origin"}; label null where there is none. */
struct json_object *entry_json(const struct policy *p, const struct entry *e);

/* Adds text, or null for NULL and "". */
void json_add_text(struct json_object *object, const char *key, const char *text);

/* What would change, for `--dry-run`. `mode` is the one that would be set. */
void plan_print(const struct plan *plan, const struct policy *old, const struct policy *new);
struct json_object *plan_json(const struct plan *plan, const struct policy *old,
			      const struct policy *new);

#endif
