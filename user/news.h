/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sources (names, feeds) brought last, kept over reloads and boots, so that every command
 * works without `allowxdp run` and without a network: STATE/news/LIST.KIND in the format of list
 * files, where a line "# from TEXT" says which source the entries below it come from; and beside it
 * STATE/news/LIST.KIND.json with what is to be remembered of each source.
 *
 * `allowxdp run` alone writes these files, one process for an instance (daemon.h); everybody reads
 * them.
 */
#ifndef ALLOWXDP_NEWS_H
#define ALLOWXDP_NEWS_H

#include <json-c/json_object.h>
#include "paths.h"
#include "policy.h"
#include "writefile.h"

void news_path(const struct paths *paths, const char *list, enum source_kind kind, char *out,
	       size_t n);

/*
 * Reads the news of all of the policy's sources into p->base (which must not be mapped), sorted.
 * What a file holds of other sources is left alone; a line that cannot be read is warned of and
 * left away: it must not keep the filter from being loaded.
 */
int news_read(const struct paths *paths, struct policy *p, struct error *err);

/* The same for one list; p->base is not sorted. */
int news_read_list(const struct paths *paths, struct policy *p, size_t list, struct error *err);

/* News give way to what the administrator carves out of their list, in the config or by `add`. */
int news_give_way(struct policy *p, struct error *err);

/* How many entries of the list, within that prefix, are news. */
size_t news_within(const struct policy *p, const struct prefix *prefix, int list);

/* Writing a file anew: on failure, or when killed, the old one stays. */
int news_open(struct new_file *file, const struct paths *paths, const char *list,
	      enum source_kind kind, struct error *err);
void news_section(struct new_file *file, const char *text);
/* A label that a list file cannot carry is left away. */
void news_entry(struct new_file *file, const struct prefix *prefix, const char *label);
/* new_file_commit() */

/* What is remembered of a source, beside what only its kind knows of. */
struct news_state {
	uint64_t last_success, last_failure, next_try; /* seconds since 1970; 0: never */
	uint64_t failures;                             /* ever */
	char failure[500]; /* why the last one failed; "" if it did not */
};

/* LIST.KIND.json: {"sources": {TEXT: {...}}}; an empty object where there is none. To be put. */
struct json_object *news_info_read(const struct paths *paths, const char *list,
				   enum source_kind kind);
int news_info_write(const struct paths *paths, const char *list, enum source_kind kind,
		    struct json_object *info, struct error *err);

/* The object of one source, borrowed; made where there is none. */
struct json_object *news_info_of(struct json_object *info, const char *text);

void news_state_get(struct json_object *of, struct news_state *out);
void news_state_put(struct json_object *of, const struct news_state *s);

/* The state of one source as the files have it. */
void news_state_read(const struct paths *paths, const struct policy *p, const struct news_source *s,
		     struct news_state *out);

/* Removes what a process that was killed while it wrote has left. */
void news_sweep(const struct paths *paths);

#endif
