/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reading a config takes: the file itself, and the profiles that it includes. */
#ifndef ALLOWXDP_CONFIG_READER_H
#define ALLOWXDP_CONFIG_READER_H

#include <stdint.h>
#include "config_yaml.h"
#include "policy.h"

struct includes;

/* Reads one file. `node` arguments are where in its document a thing stands. */
struct reader {
	struct policy *p;
	struct yaml_lines *l;
	const struct config_yaml *c;
	const char *path; /* as it was named, for messages */
	struct error *err;
	uint32_t source;                 /* string: the absolute path */
	const struct includes *includes; /* NULL: none, as in a profile */
};

/* One YAML file, loaded; its reader points into it, so that it must not be moved. */
struct document {
	struct reader r;
	char *path;
	struct yaml_lines lines;
	struct config_yaml *yaml;
};

struct includes {
	struct document **v; /* in the order of the config */
	size_t n;
};

/*
 * Loads the file into *d (all zero before). A file that is not there, or cannot be read, is -ENOENT
 * and so on; one that is wrong -EINVAL, with its line.
 */
int document_open(struct document *d, struct policy *p, enum config_kind kind, const char *path,
		  struct error *err);
void document_close(struct document *d);

#define _cleanup_document_ __attribute__((cleanup(document_close)))

/* The same for a profile, whose name and date are looked at too. */
int profile_document_open(struct document *d, struct policy *p, const char *path,
			  struct error *err);

/* Loads the profiles that `config` includes, each once. */
int includes_open(struct includes *in, const struct document *config, struct error *err);
void includes_close(struct includes *in);

#define _cleanup_includes_ __attribute__((cleanup(includes_close)))

/* What a list is kept up to date from: `names`, `srv` and their options. 0 or negative errno. */
int read_sources(const struct reader *r, const struct config_list *c, size_t list, int node);

/* A list's feed: `url` or `command` and their options. `s` has its list and flags. */
int read_feed(const struct reader *r, const struct config_list *c, struct news_source *s, int node);

/* A file's path: relative to the directory of the file that names it. NULL: no memory. */
char *config_relative(const struct reader *r, const char *file);

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
