/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where in a JSON document the prefixes are: "prefixes[].ip_prefix". Keys with "." between them,
 * "*" for each key of an object, "[]" for each item of an array. Pure.
 */
#ifndef ALLOWXDP_FEED_PATH_H
#define ALLOWXDP_FEED_PATH_H

#include <stddef.h>
#include "error.h"

enum { FEED_PATHS = 16, FEED_STEPS = 16, FEED_KEY_MAX = 128 };

struct feed_step {
	enum { STEP_KEY, STEP_EACH_KEY, STEP_EACH_ITEM } kind;
	char key[FEED_KEY_MAX]; /* STEP_KEY */
};

struct feed_path {
	const char *text; /* as it was written */
	size_t text_len;
	struct feed_step steps[FEED_STEPS];
	size_t n;
};

struct feed_paths {
	struct feed_path v[FEED_PATHS];
	size_t n;
};

/* One or more, with "," between them. -EINVAL: "\"path\" ...". */
int feed_paths_parse(const char *text, struct feed_paths *out, struct error *err);

#endif
