/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are either the old one or the new one, whatever happens in between. */
#ifndef ALLOWXDP_WRITEFILE_H
#define ALLOWXDP_WRITEFILE_H

#include <limits.h>
#include <stdio.h>
#include "error.h"

/* Of the temporary file beside the one to be. */
#define NEW_FILE_SUFFIX ".new"

struct new_file {
	FILE *f;
	char path[PATH_MAX];
	char temporary[PATH_MAX + 16];
};

#define _cleanup_new_file_ __attribute__((cleanup(new_file_abandon)))

/* Opens a temporary file beside `path` (mode 0600); 0 or negative errno. */
int new_file_open(struct new_file *n, const char *path, struct error *err);

/*
 * The same for a file that others read (mode 0644), in a directory that is not ours alone: the
 * temporary file, .NAME.XXXXXX, is nobody else's, and several may write at once.
 */
int new_file_open_shared(struct new_file *n, const char *path, struct error *err);

/* fsync, rename over `path`, fsync of the directory. On failure the old file stays. */
int new_file_commit(struct new_file *n, struct error *err);

/* The same, but -EEXIST where anything is at `path`: nothing is ever overwritten. */
int new_file_commit_new(struct new_file *n, struct error *err);

/*
 * Rename over `path` alone, for files that tell of what is in the kernel: a crash of the machine
 * ends that too, and millions of entries need not wait for a disk.
 */
int new_file_publish(struct new_file *n, struct error *err);

/* Removes the temporary file of one that was not committed. */
void new_file_abandon(struct new_file *n);

/* unlink, fsync of the directory. There may be none. */
int file_remove(const char *path, struct error *err);

#endif
