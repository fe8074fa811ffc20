/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A watcher of packets: his place in the kernel (struct axp_watcher), his buffers, and what he is
 * sent. He keeps his place by a lock on a file in the run directory, so that it is free at once
 * when his process is gone; what packets do for him ends by itself some seconds later.
 */
#ifndef ALLOWXDP_WATCH_H
#define ALLOWXDP_WATCH_H

#include "instance.h"
#include "prefix.h"

enum { WATCH_ALIVE_SECONDS = 5, WATCH_SNAPLEN_MAX = 60000, WATCH_RATE_MAX = 1000000 };

struct watch_filter {
	uint32_t kinds;       /* enum axp_watch_kinds */
	uint32_t reasons;     /* bit n: enum axp_reason n */
	uint64_t services;    /* bit n: slot n */
	bool no_service;      /* packets that belong to none, too */
	struct prefix source; /* of the other side; family AXP_FAMILY_NONE: any */
	uint32_t ifindex;     /* 0: any */
	uint32_t snaplen;     /* bytes of each frame */
	uint32_t rate;        /* records a second, and as many at once */
};

/* Since it was opened: together, all packets that pass the filter. */
struct watch_counts {
	uint64_t sent;
	uint64_t left_out; /* more than the rate */
	uint64_t lost;     /* the buffer was full */
};

struct watch {
	const struct instance *instance;
	uint32_t n; /* its place */
	int lock, map;
	struct perf_buffer *buffer;
	struct axp_watch_table *table;
	struct watch_filter filter;
	/* One record; the frame's first e->captured bytes. Negative errno stops the drain. */
	int (*show)(const struct axp_event *e, const uint8_t *frame, void *arg);
	void *arg;
	int failed;
};

#define WATCH_EMPTY                    \
	{                              \
		.lock = -1, .map = -1, \
	}
#define _cleanup_watch_ __attribute__((cleanup(watch_close)))

/* Takes a place, and has packets shown. w->show and w->arg are set by the caller before. */
int watch_open(struct watch *w, const struct instance *i, const struct watch_filter *f,
	       struct error *err);

/* To be called at least every other second, or it is taken for dead. */
void watch_stay(struct watch *w);

/* Other services from now on. */
void watch_set_services(struct watch *w, uint64_t services, bool no_service);

/* Becomes readable when much has come; little may have come without it. */
int watch_fd(const struct watch *w);

/* Calls w->show for all that has come, in the order of each CPU. 0 or negative errno. */
int watch_drain(struct watch *w);

/* Ends it: once this returns, all is counted, and what was sent can be drained. */
void watch_stop(struct watch *w);

int watch_count(const struct watch *w, struct watch_counts *counts, struct error *err);

void watch_close(struct watch *w);

#endif
