/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a fetch brought, held against what the feed said before, and kept (news.h). The last good
 * state stays through all failures. What shrinks too much is kept aside, in
 * STATE/news/LIST.KIND.held, until it is accepted or comes to its senses.
 *
 * `allowxdp run` and `allowxdp fetch` may do this at the same time: each step has a lock of its
 * own.
 */
#ifndef ALLOWXDP_FEED_STORE_H
#define ALLOWXDP_FEED_STORE_H

#include "feed.h"
#include "news.h"

enum feed_fate {
	FATE_TAKEN,
	FATE_UNCHANGED,
	FATE_HELD,
	FATE_FAILED,
};

struct feed_report {
	enum feed_fate fate;
	size_t entries;               /* of the feed, as they are now */
	size_t came, went;            /* FATE_TAKEN; FATE_HELD: would */
	uint64_t next_try;            /* seconds since 1970 */
	char reason[FEED_REASON_MAX]; /* FATE_HELD, FATE_FAILED */
};

const char *feed_fate_name(enum feed_fate fate);

/* What makes the server answer "still the same": "" where what it vouches for is not there. */
struct feed_conditions {
	char etag[FEED_ETAG_MAX], modified[FEED_MODIFIED_MAX];
};
void feed_store_recall(const struct paths *paths, const struct policy *p,
		       const struct news_source *s, struct feed_conditions *out);

/* Judges and keeps an answer. 0, or a negative errno where that could not be written. */
int feed_store_take(const struct paths *paths, const struct policy *p, const struct news_source *s,
		    const struct feed_answer *answer, struct feed_report *report,
		    struct error *err);

/* Takes what is held. -ENOENT: nothing is. */
int feed_store_accept(const struct paths *paths, const struct policy *p,
		      const struct news_source *s, struct feed_report *report, struct error *err);

/* Seconds until it is to be fetched again, to judge by what is remembered of it. */
uint64_t feed_store_wait(const struct paths *paths, const struct policy *p,
			 const struct news_source *s);

/* What is held, and since when. */
struct feed_held {
	uint64_t since; /* seconds since 1970; 0: nothing is held */
	uint64_t entries;
};
void feed_store_held(const struct paths *paths, const struct policy *p, const struct news_source *s,
		     struct feed_held *out);

#endif
