/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several files in one input: a line "=== NAME" begins another one, in the scratch directory, or in
 * profiles/ there, or in installed/, where installed profiles are looked for.
 */
#ifndef ALLOWXDP_FUZZ_FILES_H
#define ALLOWXDP_FUZZ_FILES_H

#include "target.h"

enum { FUZZ_FILES_MAX = 6, FUZZ_FILE_NAME_MAX = 40 };

/* Those that were written, to be removed. */
struct fuzz_files {
	char names[FUZZ_FILES_MAX][FUZZ_FILE_NAME_MAX];
	size_t n;
};

#define _cleanup_fuzz_files_ __attribute__((cleanup(fuzz_files_remove)))
void fuzz_files_write(struct fuzz_files *files, const char *first, const char *text, size_t n);
void fuzz_files_remove(struct fuzz_files *files);

/* What holds for services and lists of every policy that was read. */
void fuzz_services(const struct policy *p);

#endif
