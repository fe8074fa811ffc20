/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command's own directories, of rules as these tests have them. */
#ifndef ALLOWXDP_TEST_LEAVES_H
#define ALLOWXDP_TEST_LEAVES_H

#include <stdbool.h>
#include <stddef.h>
#include "rules.h"

struct directory;

struct leaf {
	struct prefix_bits prefix;
	__u64 services;
	bool timed;
};

/* Leaves in any order, all of one family. To be freed; gives up on the process when it cannot. */
void directory_of_leaves(struct directory *d, enum axp_family family, const struct leaf *leaves,
			 size_t count);

/* The same as bare memory: n bytes, to be freed; for IPv4 *head too. */
void *directory_bytes(enum axp_family family, const struct leaf *leaves, size_t count, size_t *n,
		      struct axp_dir4_head *head);

#endif
