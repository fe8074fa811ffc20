/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directories (directory.h) in the kernel: pages, each a map whose memory the command shares, one
 * behind the other in its address space. Before them comes IPv4's front, in the slot's policy.
 */
#ifndef ALLOWXDP_DIRECTORY_MAP_H
#define ALLOWXDP_DIRECTORY_MAP_H

#include "directory.h"

struct directory_pages {
	uint8_t family;
	/* IPv4: the slot's policy, and the map that it is an element of; the caller's */
	struct axp_policy *policy;
	int policies;
	uint32_t slot;
	int map[AXP_DIR_PAGES]; /* fds, owned */
	uint32_t n;
};

#define _cleanup_pages_ __attribute__((cleanup(directory_pages_close)))
void directory_pages_close(struct directory_pages *pages);

/*
 * Makes pages and copies a directory that was built in memory into them, and into the policy.
 * -E2BIG if it takes too many; another negative errno. On failure *pages has none.
 */
int directory_pages_fill(struct directory_pages *pages, const struct directory *d);

/* How many a family's directory may have. */
uint32_t directory_pages_max(uint8_t family);

/* Appends an empty page: its fd, which *pages owns. */
int directory_pages_add(struct directory_pages *pages);

/* Puts pages [from, n) where packets of the slot find them. */
int directory_pages_put(const struct directory_pages *pages, uint32_t from, int directories);

/* Takes all n pages of a slot away from packets, at once if the kernel can. */
void directory_pages_clear(int directories, uint32_t slot, uint32_t n);

/* The directory in the pages, to be changed; directory_unmap() lets go of it. */
int directory_map(struct directory *d, const struct directory_pages *pages);
void directory_unmap(struct directory *d);

#endif
