/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fetches a feed in a process of its own, which talks to strangers and reads what they wrote:
 * an unprivileged user, no capability, no file descriptor but a pipe. What comes back through it is
 * bounded, and is parsed once more, as plain list lines. The caller may wait for it, or hold `fd`
 * in an event loop.
 */
#ifndef ALLOWXDP_FEED_FETCH_H
#define ALLOWXDP_FEED_FETCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "drop.h"
#include "feed_parse.h"

enum {
	FEED_ETAG_MAX = 256,
	FEED_MODIFIED_MAX = 64,
	FEED_REASON_MAX = 512,
	FEED_SECONDS = 60,
	FEED_SECONDS_MAX = 600,
	FEED_SIZE = 16 << 20,
	FEED_SIZE_MAX = 256 << 20,
	FEED_ARGUMENTS = 64, /* parts of a command */
};

/* What is to be done. Texts that are not given are "" or NULL. */
struct feed_job {
	const char *url; /* https, http or file */
	const char
		*command; /* instead of it: the program's path and arguments, tabs between them */
	const char *ca_file;         /* trusted instead of the system's authorities */
	const char *etag, *modified; /* of what we have: a server may say that it is still so */
	struct feed_shape shape;
	uint32_t seconds;  /* in all */
	uint32_t max_size; /* bytes, unpacked */
};

enum feed_outcome {
	FEED_FAILED, /* `reason` says why */
	FEED_SAME,   /* as when etag and modified were sent */
	FEED_NEW,
};

struct feed_answer {
	enum feed_outcome outcome;
	char reason[FEED_REASON_MAX]; /* printable */
	char etag[FEED_ETAG_MAX], modified[FEED_MODIFIED_MAX];
	struct feed_items items; /* sorted, none twice */
	char *text;              /* that the labels point into */
};

struct feed_fetch {
	int fd; /* readable: call feed_fetch_read() */
	pid_t child;
	uint64_t deadline; /* CLOCK_MONOTONIC, milliseconds: then call feed_fetch_stop() */
	char *data;
	size_t n, cap, limit;
};

#define FEED_FETCH_NONE  \
	{                \
		.fd = -1 \
	}
#define _cleanup_feed_answer_ __attribute__((cleanup(feed_answer_free)))

void feed_answer_free(struct feed_answer *a);

/* -EINVAL: "\"url\" ..." or "\"command\" ...", for the config. */
int feed_url_check(const char *url, struct error *err);
int feed_command_check(const char *command, struct error *err);

/* 0 or a negative errno. The job is not needed any more when it returns. */
int feed_fetch_start(struct feed_fetch *f, const struct feed_job *job,
		     const struct account *account, struct error *err);

/* Takes what there is, without waiting: true: more is to come. */
bool feed_fetch_read(struct feed_fetch *f);

/* When no more is to come: what it was. Ends the process. */
void feed_fetch_finish(struct feed_fetch *f, struct feed_answer *out);

/* In the midst of it, or when the time is over: kills the process. */
void feed_fetch_stop(struct feed_fetch *f);

/* All of it, blocking. */
void feed_fetch(const struct feed_job *job, const struct account *account, struct feed_answer *out);

#endif
