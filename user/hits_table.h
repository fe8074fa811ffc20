/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's tables of hits (bpf/hits.h). Each is pinned under its own id ("hits_17") from before
 * it is shown to packets until what it holds is safe in the state file; the one that hangs in map
 * `hits` is counted in, all others have been taken away.
 */
#ifndef ALLOWXDP_HITS_TABLE_H
#define ALLOWXDP_HITS_TABLE_H

#include "hits_match.h"
#include "instance.h"

/* Makes an empty table the one that packets are counted in; none is counted in the old one
 * afterwards. */
int hits_table_replace(const struct instance *i, struct error *err);

/* Has the table of the moment counted anything? False where there is none. */
bool hits_table_used(const struct instance *i);

/* Ids of the pinned tables that were taken away, at most `max`. */
size_t hits_tables_old(const struct instance *i, uint32_t *ids, size_t max);

/*
 * Appends what an old table holds to *samples (to be freed; *n of them), and adds to *left_out.
 */
int hits_table_read(const struct instance *i, uint32_t id, struct hit_sample **samples, size_t *n,
		    uint64_t *left_out, struct error *err);

void hits_table_forget(const struct instance *i, uint32_t id);

#endif
