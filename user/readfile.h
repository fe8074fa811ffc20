/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a whole regular file into memory. */
#ifndef ALLOWXDP_READFILE_H
#define ALLOWXDP_READFILE_H

#include <stddef.h>
#include "error.h"

/*
 * Sets *data (to be freed; a NUL follows the n bytes) and *n. Anything but a regular file of at
 * most `limit` bytes is refused; it never blocks on a FIFO. err->text is "PATH: what: how to mend
 * it". Returns 0 or a negative errno, never -EINVAL: callers tell a bad file from bad content by
 * that.
 */
int file_read_all(const char *path, size_t limit, char **data, size_t *n, struct error *err);

#endif
