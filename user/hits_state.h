/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the use of entries, kept over reloads and boots: STATE/hits, text, written whole
 * and renamed. Names and prefixes, not places: lists and entries may go and come back.
 */
#ifndef ALLOWXDP_HITS_STATE_H
#define ALLOWXDP_HITS_STATE_H

#include "hits_match.h"
#include "paths.h"

enum {
	HITS_BOOT_MAX = 63,
	HITS_MERGED_MAX = 16,
	HITS_RECORDS_MAX = 262144,      /* the file stays below some 25 MB */
	HITS_KNOWN_MAX = 65536,         /* entries whose age is kept one by one */
	HITS_KEPT_SECONDS = 90 * 86400, /* of entries that the policy does not have any more */
};

/* Packets that an entry let in, or out, for one service. */
struct hit {
	struct prefix prefix;
	uint16_t list, service; /* names */
	uint64_t packets;
	uint32_t first, last; /* seconds since 1970 */
};

/* Since when an entry is there, and its hits are counted. */
struct known {
	struct prefix prefix;
	uint16_t list; /* name */
	uint32_t since;
};

/* The same of a whole list of a policy that has too many entries: since it last changed. */
struct known_list {
	uint16_t list; /* name */
	uint32_t since;
	uint64_t hash;
};

struct hits {
	uint32_t since;     /* when counting began; 0: it has not */
	uint32_t until;     /* up to when it is known */
	uint64_t left_out;  /* packets for whose source the kernel's table had no room */
	uint64_t unmatched; /* packets that no entry accounted for when they were looked at */
	uint64_t dropped;   /* records that were more than are kept */
	char boot[HITS_BOOT_MAX + 1]; /* id of the boot in which the tables `merged` were */
	uint32_t merged[HITS_MERGED_MAX];
	size_t n_merged;
	char (*names)[POLICY_NAME_MAX + 1];
	size_t n_names, cap_names;
	struct hit *v; /* sorted: prefix_compare, list, service */
	size_t n, cap;
	struct known *known; /* sorted: prefix_compare, list */
	size_t n_known, cap_known;
	struct known_list *lists;
	size_t n_lists, cap_lists;
};

#define _cleanup_hits_ __attribute__((cleanup(hits_free)))
void hits_free(struct hits *h);

/* Nothing was left out: the counts are of all packets. */
bool hits_complete(const struct hits *h);

/* -ENOENT: there are none. -EINVAL: damaged; err says where. All zero before. */
int hits_read(const struct paths *paths, struct hits *h, struct error *err);
/* The same, but of hits and entries only those of this prefix of this list. */
int hits_read_entry(const struct paths *paths, const char *list, const struct prefix *prefix,
		    struct hits *h, struct error *err);
int hits_write(const struct paths *paths, const struct hits *h, struct error *err);

/* For readers: appended unsorted; -ENOMEM. */
int hits_push(struct hits *h, const struct hit *hit);
int hits_push_known(struct hits *h, const struct known *known);
int hits_push_list(struct hits *h, const struct known_list *list);
void hits_sort(struct hits *h);
void hits_sort_known(struct hits *h);

/* Moves a damaged file out of the way, and says so. */
void hits_set_aside(const struct paths *paths, const struct error *why);

/* Index of the name, -1 if there is none; hits_name() adds it then, or -ENOMEM. */
int hits_find_name(const struct hits *h, const char *name);
int hits_name(struct hits *h, const char *name);

/*
 * Adds what was seen, each sample to the entry that matched; `n` is of both. Samples without an
 * entry are counted as unmatched.
 */
int hits_add(struct hits *h, const struct policy *p, const struct hit_sample *samples,
	     const struct match *matches, size_t n);

/*
 * Notes the entries of the policy that are new, as of `now`; forgets those that are gone, and hits
 * of such that are too old. Bounds what is kept. -ENOMEM.
 */
int hits_follow(struct hits *h, const struct merged *entries, uint32_t now);

/* What is known of one entry. */
struct entry_hits {
	uint64_t packets;
	uint32_t first, last; /* 0: never */
	uint32_t since;       /* from when on that is known; 0: it is not */
};

/* Hits of a policy's entries: names are looked up once. */
struct hits_view {
	const struct hits *hits;
	const struct policy *policy;
	int names[POLICY_MAX_LISTS];
};

struct hits_view hits_view(const struct hits *h, const struct policy *p);
struct entry_hits hits_of(const struct hits_view *view, const struct entry *e);

#endif
