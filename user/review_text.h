/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A review as people, scripts and spreadsheets read it. */
#ifndef ALLOWXDP_REVIEW_TEXT_H
#define ALLOWXDP_REVIEW_TEXT_H

#include <json-c/json_object.h>
#include <stdio.h>
#include "review.h"

/* What it is about. */
struct review_about {
	const char *instance;
	const struct policy *policy;
	const struct review *review;
	const struct hits *hits;      /* NULL: not known */
	const struct hits_view *view; /* of the same; NULL likewise */
	const struct review_rules *rules;
	bool loaded;
};

void review_print(FILE *f, const struct review_about *a);
void review_csv(FILE *f, const struct review_about *a);
struct json_object *review_json(const struct review_about *a);

/* A field of CSV (RFC 4180), in quotes where it needs them. */
void csv_field(FILE *f, const char *text);

#endif
