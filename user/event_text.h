/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet that was seen, as a line of text, as JSON, and in a few words. Pure. */
#ifndef ALLOWXDP_EVENT_TEXT_H
#define ALLOWXDP_EVENT_TEXT_H

#include <json-c/json_object.h>
#include "watch_run.h"

enum { EVENT_LINE_MAX = 512, EVENT_WORDS_MAX = 256, EVENT_VLANS_MAX = 3 };

/* VLAN ids from the outside in, those in the frame's first bytes included; returns how many. */
size_t event_vlans(const struct axp_event *e, const uint8_t *frame,
		   uint16_t vlans[static EVENT_VLANS_MAX]);

/* "drop", "would-drop" (monitor mode), "pass". */
const char *event_verdict(const struct axp_event *e);

/* Heading and lines of the same columns, without newlines; return buf. */
const char *event_heading(char buf[static EVENT_LINE_MAX]);
const char *event_line(const struct seen_packet *p, const char *interface,
		       char buf[static EVENT_LINE_MAX]);

/* "would-drop: unlisted (service sip)"; returns buf. */
const char *event_words(const struct seen_packet *p, char buf[static EVENT_WORDS_MAX]);

struct json_object *event_json(const struct seen_packet *p, const char *interface);

#endif
