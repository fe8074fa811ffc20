// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeps the command's headers apart from those of tests/bpf, which use some of the same names. */
#include <stdlib.h>
#include <string.h>
#define node   allowxdp_node
#define change allowxdp_change
#include "directory.h"
#undef node
#undef change
#include "policy_bytes.h"

static int by_prefix(const void *a, const void *b)
{
	const struct allowxdp_node *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

void *directory_bytes(enum axp_family family, const struct leaf *leaves, size_t count, size_t *n)
{
	struct nodes nodes = { .v = calloc(count + 1, sizeof(*nodes.v)), .n = count };
	struct directory d = { .family = family };

	if (!nodes.v)
		abort();
	for (size_t i = 0; i < count; i++) {
		struct allowxdp_node *one = &nodes.v[i];

		one->prefix.family = family;
		one->prefix.len = leaves[i].prefix.len;
		memcpy(one->prefix.addr, leaves[i].prefix.addr, sizeof(one->prefix.addr));
		one->services = leaves[i].services;
		one->timed = leaves[i].timed;
	}
	qsort(nodes.v, count, sizeof(*nodes.v), by_prefix);
	if (directory_build(&d, &nodes, 0, count))
		abort();
	free(nodes.v);
	*n = (size_t)directory_used(&d) * directory_unit(family);
	return d.units;
}
