/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of several CPUs, put in the order of their time. Pure. */
#ifndef ALLOWXDP_EVENT_QUEUE_H
#define ALLOWXDP_EVENT_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include "abi.h"

struct event_queue {
	uint8_t *bytes;
	size_t used, room;
	struct queued {
		uint64_t time;
		size_t at; /* in bytes: struct axp_event, then its frame */
	} * v;
	size_t n, cap;
};

#define _cleanup_event_queue_ __attribute__((cleanup(event_queue_free)))
void event_queue_free(struct event_queue *q);

/* Copies a record and its e->captured bytes. 0 or -ENOMEM. */
int event_queue_push(struct event_queue *q, const struct axp_event *e, const uint8_t *frame);

/*
 * Calls `show` for those before `time`, earliest first, and lets them go; later ones stay. Stops at
 * the first non-zero return, which it returns: then all are let go.
 */
int event_queue_pop(struct event_queue *q, uint64_t time,
		    int (*show)(const struct axp_event *e, const uint8_t *frame, void *arg),
		    void *arg);

#endif
