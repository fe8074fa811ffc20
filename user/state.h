/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `allowxdp add` added, kept over reloads and boots: STATE/lists/NAME.list, in the format of
 * any list file, written whole and renamed.
 */
#ifndef ALLOWXDP_STATE_H
#define ALLOWXDP_STATE_H

#include "paths.h"
#include "policy.h"

/*
 * Reads the added entries of all of the policy's lists into p->added, sorted. Files of lists that
 * the policy does not have are left alone, with a warning if `warn`. An entry that contradicts one
 * of a config or list file (one lists what the other carves out) is refused, naming both.
 */
int state_read(const struct paths *paths, struct policy *p, bool warn, struct error *err);

/* Path of the file that holds a list's added entries, where it has any. */
void state_list_path(const struct paths *paths, const char *list, char *out, size_t n);

/* Removes what a command that was killed while it wrote has left. */
void state_sweep(const struct paths *paths);

/* Writes the added entries of one list. On failure the old file stays. */
int state_write(const struct paths *paths, const struct policy *p, int list, struct error *err);

#endif
