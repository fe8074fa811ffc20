// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeps the command's headers apart from these tests' own, which use some of the same names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define node   allowxdp_node
#define change allowxdp_change
#include "directory_map.h"
#undef node
#undef change
#include "directories.h"

static void must(int rc, const char *what)
{
	if (rc) {
		fprintf(stderr, "directory: %s: %s\n", what, strerror(-rc));
		exit(1);
	}
}

void directory_set_slot(int directories, int policies, struct axp_policy *policy, __u32 slot,
			enum axp_family family, const struct leaf *leaves, size_t n)
{
	struct directory d = { .family = family };
	struct directory_pages pages = {
		.family = family, .policy = policy, .policies = policies, .slot = slot
	};

	directory_pages_clear(directories, slot, n ? 0 : directory_pages_max(family));
	if (n || family == AXP_IPV4) {
		directory_of_leaves(&d, family, leaves, n);
		must(directory_pages_fill(&pages, &d), "fill");
		must(directory_pages_put(&pages, 0, directories), "put");
	}
	directory_pages_close(&pages);
	directory_free(&d);
}
