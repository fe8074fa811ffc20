// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "event_queue.h"

enum { FIRST_ROOM = 64 * 1024, FIRST_CAP = 256, ALIGNMENT = 8 };

void event_queue_free(struct event_queue *q)
{
	free(q->bytes);
	free(q->v);
	*q = (struct event_queue){ 0 };
}

static int make_room(struct event_queue *q, size_t size)
{
	size_t room = q->room ? q->room : FIRST_ROOM;
	uint8_t *bytes;

	while (room - q->used < size)
		room *= 2;
	if (room == q->room)
		return 0;
	bytes = realloc(q->bytes, room);
	if (!bytes)
		return -ENOMEM;
	q->bytes = bytes;
	q->room = room;
	return 0;
}

static int make_place(struct event_queue *q)
{
	size_t cap = q->cap ? 2 * q->cap : FIRST_CAP;
	struct queued *v;

	if (q->n < q->cap)
		return 0;
	v = realloc(q->v, cap * sizeof(*v));
	if (!v)
		return -ENOMEM;
	q->v = v;
	q->cap = cap;
	return 0;
}

int event_queue_push(struct event_queue *q, const struct axp_event *e, const uint8_t *frame)
{
	size_t size = sizeof(*e) + e->captured;

	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (make_room(q, size) || make_place(q))
		return -ENOMEM;
	memcpy(q->bytes + q->used, e, sizeof(*e));
	memcpy(q->bytes + q->used + sizeof(*e), frame, e->captured);
	q->v[q->n++] = (struct queued){ e->time, q->used };
	q->used += size;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct queued *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Those that stay, moved to the beginning. */
static int keep(struct event_queue *q, size_t from)
{
	struct event_queue rest = { 0 };
	int rc = 0;

	for (size_t i = from; !rc && i < q->n; i++) {
		const struct axp_event *e = (const struct axp_event *)(q->bytes + q->v[i].at);

		rc = event_queue_push(&rest, e, (const uint8_t *)(e + 1));
	}
	event_queue_free(q);
	*q = rest;
	return rc;
}

int event_queue_pop(struct event_queue *q, uint64_t time,
		    int (*show)(const struct axp_event *e, const uint8_t *frame, void *arg),
		    void *arg)
{
	size_t i;
	int rc = 0;

	if (q->n)
		qsort(q->v, q->n, sizeof(*q->v), by_time);
	for (i = 0; !rc && i < q->n && q->v[i].time < time; i++) {
		const struct axp_event *e = (const struct axp_event *)(q->bytes + q->v[i].at);

		rc = show(e, (const uint8_t *)(e + 1), arg);
	}
	if (!rc && i < q->n)
		return keep(q, i);
	q->n = 0;
	q->used = 0;
	return rc;
}
