/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds and changes the directories that packets look addresses up in (include/abi.h has their
 * layout, docs/architecture.md says why so). Works on memory alone, be it the command's own or a
 * map's; no BPF. One directory is of one family.
 */
#ifndef ALLOWXDP_DIRECTORY_H
#define ALLOWXDP_DIRECTORY_H

#include "compile.h"

struct directory {
	uint8_t family;
	bool fixed;    /* a map's memory: it cannot grow, and packets may be reading it */
	uint32_t room; /* units */
	uint8_t *units;
	struct axp_dir4_head *head; /* IPv4's */
};

#define _cleanup_directory_ __attribute__((cleanup(directory_free)))
/* Frees the memory, unless it is fixed. */
void directory_free(struct directory *d);

/*
 * From all nodes of a family, sorted: those at [from, from + n). *d is all zero but for the family.
 * -ENOMEM; -E2BIG if it would take more units than can be numbered.
 */
int directory_build(struct directory *d, const struct nodes *nodes, size_t from, size_t n);

/*
 * Makes what the policy says within `prefix` true in a directory that packets are reading: every
 * address goes from its old set to its new one at once. -ENOSPC when the room does not suffice:
 * nothing has changed then. -ENOMEM; -E2BIG as compile_within().
 */
int directory_change(struct directory *d, const struct policy *p, const struct prefix *prefix);

/* Do packets whose longest node this is have to ask the trie? Enters its set, if there is room. */
bool directory_asks(const struct directory *d, const struct node *node);

/* Most of it is what changes have left behind: time to make it anew. */
bool directory_wasteful(const struct directory *d);

/* Bytes of a unit; units given out. */
uint32_t directory_unit(uint8_t family);
uint32_t directory_used(const struct directory *d);

#endif
