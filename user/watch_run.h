/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The time that a command watches: until a signal, a limit, or the end of who reads its output. */
#ifndef ALLOWXDP_WATCH_RUN_H
#define ALLOWXDP_WATCH_RUN_H

#include "service_names.h"
#include "watch.h"

enum watch_end {
	WATCH_ENDED_SIGNAL, /* SIGINT, SIGTERM, SIGHUP */
	WATCH_ENDED_TIME,
	WATCH_ENDED_COUNT,
	WATCH_ENDED_READER,   /* nobody reads the output any more */
	WATCH_ENDED_UNLOADED, /* the instance is gone */
};

/* A record with what people want to know of it. */
struct seen_packet {
	const struct axp_event *e;
	const uint8_t *frame; /* e->captured bytes */
	int64_t time;         /* ns since 1970 */
	const char *service;
};

struct watch_run {
	struct watch_filter filter;
	const char *services; /* names, with commas between them ("-": none); NULL: all */
	uint64_t count;       /* packets; 0: any number */
	uint32_t seconds;     /* 0: any */
	int output;           /* fd whose reader may go away */
	/* Each returns 0, or a negative errno that ends it; -EPIPE: as WATCH_ENDED_READER. */
	int (*begin)(void *arg);
	int (*show)(const struct seen_packet *p, void *arg);
	/* After packets, and every second; counts are those up to some moments ago. */
	int (*pause)(const struct watch_counts *counts, void *arg);
	void *arg;
	/* What came of it. */
	enum watch_end end;
	uint64_t shown;
	struct watch_counts counts;
};

/*
 * Runs it. Signals are its own from its beginning to its end. 0, with run->end and the counts set;
 * or negative errno with err->text set ("" where a callback has said what was wrong).
 */
int watch_run(struct watch_run *run, const struct paths *paths, struct error *err);

/* Why it ended, for people. */
const char *watch_end_text(enum watch_end end);

#endif
