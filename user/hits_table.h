/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's tables of hits (bpf/hits.h). Each is pinned under its own id ("hits_17") from before
 * it is shown to packets until what it holds is safe in the state file; the one that hangs in map
 * `hits` is counted in, all others have been taken away.
 */
#ifndef ALLOWXDP_HITS_TABLE_H
#define ALLOWXDP_HITS_TABLE_H

#include "hits_state.h"
#include "instance.h"

/* Makes an empty table the one that packets are counted in; none is counted in the old one
 * afterwards. */
int hits_table_replace(const struct instance *i, struct error *err);

/* Has the table of the moment counted anything? False where there is none. */
bool hits_table_used(const struct instance *i);

/* Ids of the pinned tables that were taken away, at most `max`. */
size_t hits_tables_old(const struct instance *i, uint32_t *ids, size_t max);

/* Id of the table that is counted in; 0: there is none. */
uint32_t hits_table_current(const struct instance *i);

/* Which boot this is: ids of tables begin anew with it. */
void hits_boot_id(char out[static HITS_BOOT_MAX + 1]);

/* Is what that table holds in the state file already? */
bool hits_is_merged(const struct hits *h, const char *boot, uint32_t id);

/* Looks up what is counted of s->address for s->service and s->direction; false: nothing. */
bool hits_table_find(const struct instance *i, uint32_t id, struct hit_sample *s);

/*
 * Appends what a table holds to *samples (to be freed; *n of them), and adds to *left_out.
 */
int hits_table_read(const struct instance *i, uint32_t id, struct hit_sample **samples, size_t *n,
		    uint64_t *left_out, struct error *err);

void hits_table_forget(const struct instance *i, uint32_t id);

#endif
