/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rates from counters: what came between two snapshots of them, for each service and each reason,
 * and the history of it. Pure.
 */
#ifndef ALLOWXDP_TOP_MODEL_H
#define ALLOWXDP_TOP_MODEL_H

#include <stdbool.h>
#include "counters.h"

enum { TOP_HISTORY = 256 /* intervals that are remembered */ };

/* One counter; the names that are not copied live as long as the program. */
struct top_count {
	char interface[16];
	char service[POLICY_NAME_MAX + 1];
	const char *direction, *family, *verdict, *reason;
	uint64_t packets;
};

struct top_snapshot {
	uint64_t at; /* ns; 0: none has been taken */
	struct top_count *v;
	size_t n, cap;
};

void top_snapshot_free(struct top_snapshot *s);

/* For counters_each(); `snapshot` is a struct top_snapshot. -ENOMEM. */
int top_snapshot_add(const struct counter *c, void *snapshot);

/* What becomes of packets: they pass, would have been dropped but for the mode, or are dropped. */
enum top_fate { TOP_PASS, TOP_WOULD_DROP, TOP_DROP, TOP_FATES };

struct top_flow {
	uint64_t packets; /* in the last interval */
	uint64_t total;
};

struct top_service {
	char name[POLICY_NAME_MAX + 1]; /* "-": packets that belong to none */
	const char *direction;
	struct top_flow fates[TOP_FATES];
	double history[TOP_FATES][TOP_HISTORY]; /* packets a second; a ring */
	size_t n_history;                       /* that were ever written */
};

struct top_reason {
	const char *name;
	enum top_fate fate;
	struct top_flow flow;
};

struct top_model {
	struct top_snapshot last;
	double seconds;               /* length of the last interval; 0: there are no rates yet */
	struct top_service *services; /* in the order of the counters */
	size_t n_services;
	struct top_reason *reasons;
	size_t n_reasons;
	struct top_flow sum[TOP_FATES];
};

#define _cleanup_top_model_ __attribute__((cleanup(top_model_free)))
void top_model_free(struct top_model *m);

/*
 * Takes the next snapshot, which becomes the model's own. A counter that is less than before has
 * begun anew; one of a service or an interface that was not there before says nothing yet. 0, or
 * -ENOMEM: the model is as it was.
 */
int top_model_update(struct top_model *m, struct top_snapshot *next);

double top_per_second(const struct top_model *m, const struct top_flow *f);

/* The rate `ago` intervals before the last one; negative: nothing is known of that time. */
double top_history(const struct top_service *s, enum top_fate fate, size_t ago);

#endif
