/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How entries, plans and counters are shown, as text and as JSON. */
#ifndef ALLOWXDP_OUTPUT_H
#define ALLOWXDP_OUTPUT_H

#include <json-c/json_object.h>
#include "counters.h"
#include "origin.h"
#include "peers.h"
#include "plan.h"
#include "policy.h"

/* "!PREFIX" for a carve-out. Returns buf. */
const char *entry_text(const struct entry *e, char *buf, size_t n);

/* {"prefix", "carve", "label", "origin"}; label null where there is none. */
struct json_object *entry_json(const struct policy *p, const struct entry *e);

/* Adds text, or null for NULL and "". */
void json_add_text(struct json_object *object, const char *key, const char *text);

/* What changes, and whom it cuts off; `brief` leaves the single entries away. */
void plan_print(const struct plan *plan, const struct peers *cut, bool brief);

/* Adds the same to an object: added, removed, services_new, services_changed, services_removed,
 * peers_cut. */
void plan_json(struct json_object *object, const struct plan *plan, const struct peers *cut);

/* "in 1h59m", "expired", or "" for an entry without an expiry. Returns buf. */
const char *until_text(const struct policy *p, const struct entry *e, char *buf, size_t n);

#endif
