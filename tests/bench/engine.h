/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends packets into network namespaces, and runs programs on packets; says what it took. */
#ifndef ALLOWXDP_BENCH_ENGINE_H
#define ALLOWXDP_BENCH_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include "list.h"

struct engine; /* holds the loaded programs of packets.bpf.c */

struct took {
	uint64_t packets;
	uint64_t wall;        /* ns */
	uint64_t cpu;         /* ns, of this thread and of this core's ksoftirqd */
	uint64_t received;    /* ns, the part of it in which packets were received */
	uint64_t preemptions; /* involuntary context switches */
};

/* For packets of one family with that many different sources (a power of two). NULL: see errno. */
struct engine *engine_open(uint8_t family, uint32_t sources, int cpu);
void engine_close(struct engine *e);

/* Fills in the sources; false if the list has none of that kind. */
bool engine_sources(struct engine *e, const struct list *l, enum source_kind kind, uint64_t seed);

/* From now on: UDP to that port, frames of that many bytes (without FCS; at least the headers). */
bool engine_packet(struct engine *e, uint16_t port, uint32_t size);

/*
 * Sends n packets out of an interface of a network namespace. The program that sends, veth and
 * what receives run in turns on this core.
 */
int engine_send(struct engine *e, const char *netns, const char *interface, uint32_t n,
		struct took *took);

/* Runs a program n times in place. program: "empty" or its id. */
int engine_run(struct engine *e, const char *program, uint32_t n, struct took *took);

/* Attaches the empty program ("drop" or "pass") to an interface, until it or its namespace goes. */
int engine_attach(struct engine *e, const char *netns, const char *interface, const char *which);

#endif
