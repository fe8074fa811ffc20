/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything that Prometheus is told of an instance, and whether it is well. */
#ifndef ALLOWXDP_METRICS_H
#define ALLOWXDP_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include "paths.h"

struct health {
	bool well;       /* loaded, and attached wherever it should be */
	char text[1024]; /* "ok", or what is wrong, a line each */
};

struct metrics {
	char *text; /* in Prometheus's text format */
	size_t size;
	struct health health;
};

#define _cleanup_metrics_ __attribute__((cleanup(metrics_free)))
void metrics_free(struct metrics *m);

/*
 * Reads all there is to tell. That nothing is loaded is no failure: a metric says so. Without the
 * lock: a change in the midst of it is noticed, and it is read again.
 */
int metrics_make(const struct paths *paths, struct metrics *out, struct error *err);

#endif
