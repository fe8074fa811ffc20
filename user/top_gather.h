/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads an instance for `top`, again and again: it may come, go and change in between. */
#ifndef ALLOWXDP_TOP_GATHER_H
#define ALLOWXDP_TOP_GATHER_H

#include "paths.h"
#include "top_refusals.h"

struct top {
	const struct paths *paths;
	struct top_view view;
	struct top_model model;
	struct top_refusals refusals;
};

#define _cleanup_top_ __attribute__((cleanup(top_free)))
void top_free(struct top *t);

/*
 * Takes a look. -ENOENT: the instance is not loaded; what was known of it is forgotten. Other
 * errors leave what was seen last. The view's problem says what is wrong, if something is.
 */
int top_look(struct top *t, struct error *err);

#endif
