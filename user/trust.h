/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may change what the filter goes by: root and the user that this process runs as, nobody else.
 * A file that belongs to another one, that its group (but root's) or everybody may write, or that
 * one of those could put another file in the place of, is refused: by its own permissions, those of
 * every directory above it, and of every symbolic link on the way. Directories like /tmp, where
 * only the owner of a file may remove it, are all right.
 */
#ifndef ALLOWXDP_TRUST_H
#define ALLOWXDP_TRUST_H

#include "error.h"

/*
 * What is not there, or cannot be looked at, is no concern of this: opening it says so. 0, -EPERM,
 * or -ELOOP where a path leads too far to be looked at.
 */
int trust_file(const char *path, struct error *err);

/* The same of a directory and all that is in it. */
int trust_tree(const char *path, struct error *err);

#endif
