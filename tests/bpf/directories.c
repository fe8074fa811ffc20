// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeps the command's headers apart from these tests' own, which use some of the same names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define node   allowxdp_node
#define change allowxdp_change
#include "directory_map.h"
#undef node
#undef change
#include "directories.h"

static int by_prefix(const void *a, const void *b)
{
	const struct allowxdp_node *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

static void must(int rc, const char *what)
{
	if (rc) {
		fprintf(stderr, "directory: %s: %s\n", what, strerror(-rc));
		exit(1);
	}
}

void directory_set_slot(int directories, __u32 slot, enum axp_family family,
			const struct leaf *leaves, size_t n)
{
	struct nodes nodes = { .v = calloc(n + 1, sizeof(*nodes.v)), .n = n };
	struct directory d = { .family = family };
	struct directory_pages pages = { .n = 0 };

	must(nodes.v ? 0 : -ENOMEM, "nodes");
	for (size_t i = 0; i < n; i++) {
		struct allowxdp_node *one = &nodes.v[i];

		one->prefix.family = family;
		one->prefix.len = leaves[i].prefix.len;
		memcpy(one->prefix.addr, leaves[i].prefix.addr, sizeof(one->prefix.addr));
		one->services = leaves[i].services;
		one->timed = leaves[i].timed;
	}
	qsort(nodes.v, n, sizeof(*nodes.v), by_prefix);
	directory_pages_clear(directories, slot, n ? 0 : AXP_DIR_PAGES);
	if (n) {
		must(directory_build(&d, &nodes, 0, n), "build");
		must(directory_pages_fill(&pages, &d), "fill");
		must(directory_pages_put(&pages, 0, directories, slot), "put");
	}
	directory_pages_close(&pages);
	directory_free(&d);
	free(nodes.v);
}
