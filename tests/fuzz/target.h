/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share. Each takes bytes that somebody else may have written, and must come
 * back: with a result that holds what fuzz_check() asks of it, or with an error of one line.
 */
#ifndef ALLOWXDP_FUZZ_TARGET_H
#define ALLOWXDP_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "listfile.h"
#include "paths.h"
#include "policy.h"

typedef void (*fuzz_target)(const uint8_t *data, size_t n);

void fuzz_answer(const uint8_t *data, size_t n);
void fuzz_config(const uint8_t *data, size_t n);
void fuzz_dns(const uint8_t *data, size_t n);
void fuzz_feed(const uint8_t *data, size_t n);
void fuzz_hits(const uint8_t *data, size_t n);
void fuzz_import(const uint8_t *data, size_t n);
void fuzz_kept(const uint8_t *data, size_t n);
void fuzz_list(const uint8_t *data, size_t n);
void fuzz_names(const uint8_t *data, size_t n);
void fuzz_news(const uint8_t *data, size_t n);
void fuzz_profile(const uint8_t *data, size_t n);
void fuzz_self(const uint8_t *data, size_t n);
void fuzz_sip(const uint8_t *data, size_t n);
void fuzz_snapshot(const uint8_t *data, size_t n);
void fuzz_store(const uint8_t *data, size_t n);
void fuzz_words(const uint8_t *data, size_t n);

/* Ends the process, which is a finding, unless it holds. */
#define fuzz_check(holds)                             \
	do {                                          \
		if (!(holds))                         \
			fuzz_fails(#holds, __LINE__); \
	} while (0)
void fuzz_fails(const char *what, int line) __attribute__((noreturn));

/* Something, on one line, without control characters. */
void fuzz_one_line(const struct error *err);

/* Sorted, no two alike, as policy_sort_entries() leaves them. */
void fuzz_sorted(const struct policy *p, const struct entries *e);

/* What the entries are, in words: alike if they are. Each a line that was read back; to be freed.
 */
char *fuzz_entries_text(const struct policy *p, const struct entries *e);

/* An exact copy with a NUL behind it. To be freed. */
char *fuzz_text(const uint8_t *data, size_t n);

/* A file in the scratch directory; its path. */
const char *fuzz_path(const char *name);
void fuzz_write(const char *name, const void *data, size_t n);
const struct paths *fuzz_paths(void);

/* The first line of a text, without its end; *text and *n are left at what follows it. */
size_t fuzz_first_line(const char **text, size_t *n);

/* A policy with a service and the lists "office", "carrier" and "door". */
void fuzz_policy(struct policy *p);

#endif
