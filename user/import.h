/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `allowxdp import` read from another tool's output: a policy of lists (and services, where
 * ports were named), and what could not be carried over. Parsers touch nothing but this.
 */
#ifndef ALLOWXDP_IMPORT_H
#define ALLOWXDP_IMPORT_H

#include <stdio.h>
#include "policy.h"
#include "prefix_range.h"

enum import_format {
	IMPORT_AUTO,
	IMPORT_IPSET,
	IMPORT_NFT,
	IMPORT_IPTABLES,
	IMPORT_FAIL2BAN,
	IMPORT_PLAIN,
	IMPORT_FORMATS
};

enum import_note_kind {
	IMPORT_LOST,    /* not carried over */
	IMPORT_CHANGED, /* carried over, but not as it stood there */
	IMPORT_KNOW,    /* to be known: where the two tools differ */
	IMPORT_NOTE_KINDS
};

enum {
	IMPORT_NOTE_LINES = 8,
	IMPORT_SAMPLE_MAX = 64,
	IMPORT_NOTES_MAX = 256,
	IMPORT_ORIGIN_MAX = 200
};

/* One thing, however often it came. */
struct import_note {
	enum import_note_kind kind;
	char *text;
	char sample[IMPORT_SAMPLE_MAX]; /* the first */
	unsigned long count;
	unsigned int lines[IMPORT_NOTE_LINES]; /* of the first ones; 0: no line is known */
};

struct import_names {
	char **v;
	size_t n;
};

/* What a list of the policy has beside its entries. */
struct import_list {
	char origin[IMPORT_ORIGIN_MAX]; /* for the head of its file */
	bool elsewhere;                 /* only referred to: its entries are not in the input */
	bool referred;                  /* a service names it */
	size_t entries, carves, timed;  /* as they are to be written; import_finish() */
	struct import_names names;      /* hosts by their names */
};

struct import {
	const char *file; /* shown in messages */
	const char *only; /* names of sets, with commas between them; NULL: all */
	uint64_t only_seen;
	const struct policy *config; /* whose services are guarded; NULL: there is none */
	struct policy policy;
	struct import_list *lists; /* of policy.lists */
	struct import_note *notes;
	size_t n_notes;
	unsigned long notes_more; /* that found no room */
	uint32_t now;
	uint32_t source; /* string: file */
	bool no_memory;
};

#define _cleanup_import_ __attribute__((cleanup(import_free)))
void import_free(struct import *im);
int import_init(struct import *im, const char *file, uint32_t now, struct error *err);

/* The format of a text, or -1 and why not. `text` is n bytes, and a NUL. */
int import_detect(const char *file, const char *text, size_t n, struct error *err);
const char *import_format_name(enum import_format f);
/* -1: there is none of this name. */
int import_format_parse(const char *name);

/* Reads it all; text is taken to pieces. Refuses NUL bytes. 0 or a negative errno. */
int import_read(struct import *im, enum import_format f, char *text, size_t n, struct error *err);

/* Sorts, counts, drops what is double and lists without entries; -ENODATA: nothing is left. */
int import_finish(struct import *im, struct error *err);

/* The parsers. */
int import_ipset(struct import *im, char *text, struct error *err);
int import_nft(struct import *im, char *text, size_t n, struct error *err);
int import_iptables(struct import *im, char *text, struct error *err);
int import_fail2ban(struct import *im, char *text, struct error *err);
int import_plain(struct import *im, char *text, struct error *err);

/* -- for parsers -- */

/* "FILE:LINE: ..."; -EINVAL. */
#define import_error(im, line, err, ...) error_at(err, (im)->file, line, __VA_ARGS__)

/* Notes of the same kind and text are one; sample (may be NULL) is shown of the first. */
void import_note(struct import *im, enum import_note_kind kind, unsigned int line,
		 const char *sample, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void import_note_more(struct import *im, enum import_note_kind kind, unsigned int line,
		      unsigned long count, const char *sample, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* A new list, of a name that is allowed and not taken; its index, or a negative errno. */
int import_new_list(struct import *im, const char *name, const char *origin, unsigned int line,
		    struct error *err);

/* Is the set asked for? */
bool import_wanted(struct import *im, const char *name);

/* A new service of these ports that allows nothing yet: its index or a negative errno. */
int import_new_service(struct import *im, const char *name, const struct port_range *ports,
		       size_t n, struct error *err);
void import_allow(struct import *im, int service, int list);

/* What is said of an address. */
struct import_item {
	unsigned int line;
	bool carve;
	uint32_t until; /* 0: for good */
	uint32_t label; /* string */
};

/* Stores a label as list files can carry it. */
uint32_t import_label(struct import *im, unsigned int line, const char *text, size_t n);

/* Seconds from now, as a point in time. */
uint32_t import_until(const struct import *im, uint64_t seconds);

/* Entries of a list for all of a range. 0 or -ENOMEM. */
int import_push(struct import *im, int list, struct prefix_range range,
		const struct import_item *item, struct error *err);

/* The same for what stands there as text: address, prefix or range. */
int import_push_text(struct import *im, int list, const char *text, const struct import_item *item,
		     struct error *err);

/* Reads such a text; what it changes is noted. */
int import_range(struct import *im, const char *text, unsigned int line, struct prefix_range *out,
		 struct error *err);

/* A host by its name, for `names:` of the config. */
int import_push_name(struct import *im, int list, const char *name, struct error *err);

/* Might this be the name of a host? */
bool import_is_name(const char *text);

/* Cuts the next line off (NUL in place of its end); NULL: there is none. '\r' before it goes. */
char *import_next_line(char **text);

/*
 * Cuts the next word off, by blanks; "" when there is none. Quotes are part of a word;
 * `backslash`: it takes what follows it in quotes as it is.
 */
char *import_next_word(char **line, bool backslash);

#endif
