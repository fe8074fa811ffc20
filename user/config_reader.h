/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reading one config takes, for the files that config.c is split into. */
#ifndef ALLOWXDP_CONFIG_READER_H
#define ALLOWXDP_CONFIG_READER_H

#include "config_yaml.h"
#include "policy.h"

/* `node` arguments are where in the document a thing stands. */
struct reader {
	struct policy *p;
	struct yaml_lines *l;
	const struct config_yaml *c;
	const char *path;
	struct error *err;
};

/* What a list is kept up to date from: `names`, `srv` and their options. 0 or negative errno. */
int read_sources(const struct reader *r, const struct config_list *c, size_t list, int node);

/* The key `dns`. */
int read_dns(const struct reader *r, int root);

/* `key: true` or `key: false`, in a mapping; *value stays where there is no such key. */
int read_boolean(const struct reader *r, int node, const char *key, const char *text, bool *value);

/*
 * Adds a source with its text; *s has the rest. More than there may be, or the same twice in one
 * list, is refused.
 */
int add_source(const struct reader *r, const struct news_source *s, const char *text);

#endif
