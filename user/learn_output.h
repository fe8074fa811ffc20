/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was learned: lines to run, lines for a list file, JSON. */
#ifndef ALLOWXDP_LEARN_OUTPUT_H
#define ALLOWXDP_LEARN_OUTPUT_H

#include <json-c/json_object.h>
#include "learn.h"
#include "watch_run.h"

/* What it is about. */
struct learn_about {
	const struct policy *policy;
	const char *instance;
	uint32_t mode;
	int list;         /* index into policy->lists, to be proposed for; -1: learn_list() */
	int64_t now;      /* ns since 1970 */
	uint32_t watched; /* seconds that SIP agents were looked at; 0: they were not */
	struct watch_counts counts; /* of packets then */
	uint64_t not_noted;         /* of their sources */
};

/* Shell: commands, and comments; else the same as a list file. */
void learn_print(const struct learn *l, const struct learn_about *about, bool shell);

struct json_object *learn_json(const struct learn *l, const struct learn_about *about,
			       const struct learn_options *o);

#endif
