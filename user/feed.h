/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A feed of a list as the policy has it: a source of kind SOURCE_URL or SOURCE_COMMAND. Pure. */
#ifndef ALLOWXDP_FEED_H
#define ALLOWXDP_FEED_H

#include "feed_fetch.h"
#include "feed_guard.h"
#include "policy.h"

/* Where in news_source.texts and .numbers its options are. */
enum {
	FEED_TEXT_COMMAND, /* with tabs between its parts; the source's own text has blanks */
	FEED_TEXT_COLUMN,
	FEED_TEXT_PATH,
	FEED_TEXT_FILTER,
	FEED_TEXT_CA_FILE,
};

enum {
	FEED_NUMBER_FORMAT,  /* enum feed_format */
	FEED_NUMBER_REFRESH, /* seconds */
	FEED_NUMBER_STALE_AFTER,
	FEED_NUMBER_TIMEOUT,
	FEED_NUMBER_MAX_SIZE,   /* bytes */
	FEED_NUMBER_MAX_SHRINK, /* percent */
	FEED_NUMBER_MIN_PREFIX4,
	FEED_NUMBER_MIN_PREFIX6,
};

enum {
	FEED_REFRESH = 3600,
	FEED_REFRESH_MIN = 10,
	FEED_STALE_AFTER = 86400, /* or thrice the refresh interval, if that is more */
};

static inline bool source_is_feed(const struct news_source *s)
{
	return s->kind == SOURCE_URL || s->kind == SOURCE_COMMAND;
}

struct feed_limits feed_limits_of(const struct news_source *s);

/* Texts are the policy's; etag and modified are left empty. */
void feed_job_of(const struct policy *p, const struct news_source *s, struct feed_job *out);

/*
 * How its text is read, in one line: what was brought while that was another one is not compared
 * with, and makes no condition for the server. To be freed; NULL: no memory.
 */
char *feed_shape_text(const struct policy *p, const struct news_source *s);

/* All of its options in one line, to see whether they have changed. The same. */
char *feed_options_text(const struct policy *p, const struct news_source *s);

/* When to try again after so many failures in a row: sooner than usual. Seconds. */
uint64_t feed_backoff(uint64_t failures, uint64_t refresh);

#endif
