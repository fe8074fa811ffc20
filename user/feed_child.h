/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that fetches: what it does, and what it writes into the pipe. */
#ifndef ALLOWXDP_FEED_CHILD_H
#define ALLOWXDP_FEED_CHILD_H

#include "feed_fetch.h"

/* In front; `size` bytes of list lines follow. The texts end with a zero byte. */
struct feed_head {
	uint32_t outcome; /* enum feed_outcome */
	uint32_t size;
	char reason[FEED_REASON_MAX];
	char etag[FEED_ETAG_MAX], modified[FEED_MODIFIED_MAX];
};

/* What was fetched, at most `limit` bytes of it. */
struct feed_body {
	char *data;
	size_t n, cap, limit;
	bool over; /* there was more */
};

/* false: over the limit, or no memory. */
bool feed_body_add(struct feed_body *b, const void *data, size_t n);

/* Both fill the body or fail with a reason; feed_curl() returns 1 where it is still the same. */
int feed_curl(const struct feed_job *job, struct feed_body *body, struct feed_head *head,
	      struct error *err);
int feed_command(const struct feed_job *job, struct feed_body *body, struct error *err);

/* In the new process; `fd` is the pipe. Never returns. */
void feed_child_run(const struct feed_job *job, const struct account *account, int fd)
	__attribute__((noreturn));

#endif
