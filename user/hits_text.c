// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <time.h>
#include "hits_text.h"
#include "output.h"

const char *time_iso(uint32_t seconds, char buf[static TIME_ISO_MAX])
{
	time_t t = seconds;
	struct tm tm;

	buf[0] = '\0';
	if (seconds && gmtime_r(&t, &tm))
		strftime(buf, TIME_ISO_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

static struct json_object *time_json(uint32_t seconds)
{
	char text[TIME_ISO_MAX];

	return seconds ? json_object_new_string(time_iso(seconds, text)) : NULL;
}

/* Lists are long: no search for the key, no copy of it. */
static void add(struct json_object *o, const char *key, struct json_object *value)
{
	json_object_object_add_ex(o, key, value,
				  JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_KEY_IS_CONSTANT);
}

void hits_json(struct json_object *o, const struct entry_hits *h)
{
	add(o, "hits", h ? json_object_new_int64((int64_t)h->packets) : NULL);
	add(o, "first_hit", h ? time_json(h->first) : NULL);
	add(o, "last_hit", h ? time_json(h->last) : NULL);
	add(o, "counted_since", h ? time_json(h->since) : NULL);
}

void hits_ground_json(struct json_object *o, const struct hits *h)
{
	char text[TIME_ISO_MAX];

	json_add_text(o, "hits_since", h ? time_iso(h->since, text) : NULL);
	json_add_text(o, "hits_until", h ? time_iso(h->until, text) : NULL);
	json_object_object_add(o, "hits_complete",
			       h ? json_object_new_boolean(hits_complete(h)) : NULL);
}

const char *hits_phrase(const struct entry_hits *h, char *buf, size_t n)
{
	char text[TIME_ISO_MAX];

	buf[0] = '\0';
	if (h->packets)
		snprintf(buf, n, ", last hit %s", time_iso(h->last, text));
	else if (h->since)
		snprintf(buf, n, ", never hit since %s", time_iso(h->since, text));
	return buf;
}
