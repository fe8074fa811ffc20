/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the sources of a policy are doing: for `status`, metrics, `load`. */
#ifndef ALLOWXDP_SOURCE_STATUS_H
#define ALLOWXDP_SOURCE_STATUS_H

#include <stdio.h>
#include "news.h"

enum source_health {
	SOURCE_WELL,    /* its last try worked */
	SOURCE_FAILING, /* its last try did not: what it brought before is in use */
	SOURCE_NEVER,   /* nothing has ever come: nothing of it is in use */
};

struct source_status {
	const struct news_source *source;
	const char *list; /* of the policy, as the source is */
	const char *text;
	enum source_health health;
	size_t entries;
	struct news_state state;
};

struct source_statuses {
	struct source_status *v;
	size_t n;
	bool daemon; /* `allowxdp run` runs */
};

#define _cleanup_source_statuses_ __attribute__((cleanup(source_statuses_free)))
void source_statuses_free(struct source_statuses *s);

/* Borrows from the policy. -ENOMEM. */
int source_statuses_read(const struct paths *paths, const struct policy *p,
			 struct source_statuses *out);

/* "ok", "failing", "never" */
const char *source_health_name(enum source_health health);

/* A line for each, and one where `allowxdp run` is missing. */
void source_statuses_print(const struct source_statuses *s);

/* An array for `status --json`: "sources". */
struct json_object *source_statuses_json(const struct source_statuses *s);

/* The metrics. */
void source_statuses_metrics(FILE *f, const struct source_statuses *s);

/* Warns, for `load` and `reload`, of sources that have brought nothing yet, and of a daemon
 * missing. */
void warn_silent_sources(const struct paths *paths, const struct policy *p);

#endif
