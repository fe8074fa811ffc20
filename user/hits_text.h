/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How hits are shown. */
#ifndef ALLOWXDP_HITS_TEXT_H
#define ALLOWXDP_HITS_TEXT_H

#include <json-c/json_object.h>
#include "hits_state.h"

enum { TIME_ISO_MAX = 24 };

/* In UTC, as in 2026-11-21T07:00:00Z; "" for 0. Returns buf. */
const char *time_iso(uint32_t seconds, char buf[static TIME_ISO_MAX]);

/* Adds hits, first_hit, last_hit and counted_since; all null where `h` is NULL. */
void hits_json(struct json_object *o, const struct entry_hits *h);

/* Adds hits_since, hits_until and hits_complete; null where `h` is NULL. */
void hits_ground_json(struct json_object *o, const struct hits *h);

/* ", last hit 2026-11-21T07:00:00Z", ", never hit since ...", or "" where that is not known. */
const char *hits_phrase(const struct entry_hits *h, char *buf, size_t n);

#endif
