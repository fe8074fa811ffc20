/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list format: one entry a line, `[!]PREFIX [until=TIME] [# label]`, blank and comment lines.
 * TIME is in UTC, as in 2026-11-21T07:00:00Z: from then on the entry matches no more.
 */
#ifndef ALLOWXDP_LISTFILE_H
#define ALLOWXDP_LISTFILE_H

#include <stdio.h>
#include "policy.h"

enum { LIST_LINE_MAX = 1024 /* bytes, without the line end */ };

/* One line, split: label points into the line (not NUL-terminated), blanks around it removed. */
struct list_line {
	struct prefix prefix;
	bool carve;
	uint32_t until; /* seconds since 1970; 0: for good */
	bool blank;     /* nothing on it, or only a comment: the rest is unset */
	const char *label;
	size_t label_len;
};

/*
 * Splits n bytes, without the line end ('\r' before it is dropped). Used for list files,
 * `prefixes:` in the config and state files alike. A label must be UTF-8 without control characters
 * and at most POLICY_LABEL_MAX bytes. err->text gets no "FILE:LINE" in front. 0 or -EINVAL.
 */
int list_line_parse(const char *line, size_t n, struct list_line *out, struct error *err);

/* Is this label one that a list file can carry? Same rules, for `add --label`. */
int list_label_check(const char *label, size_t n, struct error *err);

/*
 * Reads a list file into `out` (appended, unsorted), every entry with list, label, source and line.
 * `flags` are added to each entry (ENTRY_COMMAND for state files). An empty file is an empty list.
 * Not there, a directory, unreadable, a bad line: refused with file and line. Returns 0 or negative
 * errno.
 */
int list_file_read(struct policy *p, struct entries *out, const char *path, uint16_t list,
		   uint16_t flags, struct error *err);

/* Writes "[!]PREFIX[ until=TIME][ # label]\n". */
int list_line_write(FILE *f, const struct policy *p, const struct entry *e);

#endif
