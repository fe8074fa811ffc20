// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "inventory.h"

static bool begins_prefix(const struct entries *e, size_t i)
{
	return !i || prefix_compare(&e->v[i - 1].prefix, &e->v[i].prefix) != 0;
}

static bool holds_prefix(const struct entries *e, const struct prefix *prefix)
{
	size_t i = entries_lower_bound(e, prefix);

	return i < e->n && !prefix_compare(&e->v[i].prefix, prefix);
}

static void count(const struct entries *e, const struct entries *counted, struct inventory *out)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct prefix *prefix = &e->v[i].prefix;

		if (e->v[i].list < POLICY_MAX_LISTS)
			out->entries[e->v[i].list][prefix->family]++;
		if (begins_prefix(e, i) && !(counted && holds_prefix(counted, prefix)))
			out->prefixes[prefix->family]++;
	}
}

void inventory_take(const struct policy *p, struct inventory *out)
{
	memset(out, 0, sizeof(*out));
	count(&p->base, NULL, out);
	count(&p->added, &p->base, out);
}
