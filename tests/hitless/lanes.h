/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Senders on every CPU, the recorder, and waiting until what was sent has been judged. */
#ifndef HITLESS_LANES_H
#define HITLESS_LANES_H

#include <pthread.h>
#include <stdbool.h>
#include "check.h"

struct hitless_bpf;

struct lanes {
	struct hitless_bpf *bpf;
	uint32_t n;
	uint32_t cpu[HL_LANES]; /* of each lane; its number in the programs too */
	pthread_t threads[HL_LANES];
	bool stop;
	uint32_t classes;
	struct check *check; /* told of a lane that is stuck */
};

/* Loads both programs; the recorder is attached in the host's namespace. Exits where that fails. */
void lanes_open(struct lanes *l, const char *net, const char *host, const char *interface,
		const struct hl_class *classes, uint32_t n_classes, struct check *check);

/* The next epoch begins; returns when all packets of the one before have been judged. */
void lanes_next_epoch(struct lanes *l);

void lanes_start(struct lanes *l);

/* Ends the senders at the end of a round, and waits until all has been judged. */
void lanes_finish(struct lanes *l);

/* The rounds of an epoch that is over on a lane. */
struct span lanes_span(const struct lanes *l, uint32_t lane, uint32_t epoch);

uint32_t lanes_epoch(const struct lanes *l);
uint64_t lanes_sent(const struct lanes *l);
uint64_t lanes_foreign(const struct lanes *l);

#endif
