/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The maps of one generation: of each family a directory, and a trie for what its directory asks
 * about. They hang in the outer maps by slot, and are pinned so that later commands can change
 * them: "dir4_2_0", the first page of slot 2's; "lpm4_2", its trie. A family without
 * prefixes has no such pages, a small one of IPv4 neither; one whose directory never asks has no
 * trie.
 */
#ifndef ALLOWXDP_SLOT_H
#define ALLOWXDP_SLOT_H

#include "directory_map.h"
#include "instance.h"

bool slot_in_use(const struct instance *i, uint32_t slot);

/* Frees all of it. No packet may be looking. */
void slot_clear(const struct instance *i, uint32_t slot);

/* No pages yet; those of the family in the slot. */
struct directory_pages slot_pages(const struct instance *i, uint8_t family, uint32_t slot);

/* Pins pages [from, n) of a directory and shows them to packets. */
int slot_put_pages(const struct instance *i, const struct directory_pages *pages, uint32_t from);

/* Those that are there; none at all where it has none. */
int slot_open_pages(const struct instance *i, struct directory_pages *pages);

/* Appends empty pages. */
int slot_add_pages(const struct instance *i, uint32_t more, struct directory_pages *pages);

/* The trie's fd, the caller's: made where there is none yet, or -ENOENT unless `make`. */
int slot_open_trie(const struct instance *i, uint8_t family, uint32_t slot, bool make);

/*
 * Waits until every packet that was under way has gone. The kernel waits so (synchronize_rcu)
 * before it returns from an update of a map of maps: maybe_wait_bpf_programs() in
 * kernel/bpf/syscall.c.
 */
int wait_for_packets(const struct instance *i);

#endif
