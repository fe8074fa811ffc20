// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeps the command's headers apart from these tests' own, which use some of the same names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define node   allowxdp_node
#define change allowxdp_change
#include "directory.h"
#undef node
#undef change
#include "leaves.h"

static int by_prefix(const void *a, const void *b)
{
	const struct allowxdp_node *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

void directory_of_leaves(struct directory *d, enum axp_family family, const struct leaf *leaves,
			 size_t count)
{
	struct nodes nodes = { .v = calloc(count + 1, sizeof(*nodes.v)), .n = count };

	*d = (struct directory){ .family = family };
	for (size_t i = 0; nodes.v && i < count; i++) {
		struct allowxdp_node *one = &nodes.v[i];

		one->prefix.family = family;
		one->prefix.len = leaves[i].prefix.len;
		memcpy(one->prefix.addr, leaves[i].prefix.addr, sizeof(one->prefix.addr));
		one->services = leaves[i].services;
		one->timed = leaves[i].timed;
	}
	if (nodes.v)
		qsort(nodes.v, count, sizeof(*nodes.v), by_prefix);
	if (!nodes.v || directory_build(d, &nodes, 0, count)) {
		fputs("the directory cannot be built\n", stderr);
		abort();
	}
	free(nodes.v);
}

void *directory_bytes(enum axp_family family, const struct leaf *leaves, size_t count, size_t *n,
		      struct axp_dir4_head *head)
{
	struct directory d;

	directory_of_leaves(&d, family, leaves, count);
	*n = (size_t)directory_used(&d) * directory_unit(family);
	if (d.head)
		*head = *d.head;
	free(d.head);
	return d.units;
}
