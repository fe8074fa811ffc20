// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include "nesting.h"

void nesting_free(struct nesting *n)
{
	covering_free(&n->covering);
	free(n->below);
	*n = (struct nesting){ 0 };
}

void nesting_leave(struct nesting *n, const struct prefix *next)
{
	size_t before = n->covering.n;

	covering_leave(&n->covering, next);
	for (size_t k = before; k > n->covering.n; k--)
		n->last[n->covering.v[k - 1]->list] = n->below[k - 1];
}

int nesting_enter(struct nesting *n, const struct entry *e)
{
	int rc = covering_enter(&n->covering, e);

	if (rc)
		return rc;
	if (n->cap < n->covering.cap) {
		uint32_t *below = reallocarray(n->below, n->covering.cap, sizeof(*below));

		if (!below) {
			n->covering.n--;
			return -ENOMEM;
		}
		n->below = below;
		n->cap = n->covering.cap;
	}
	n->below[n->covering.n - 1] = n->last[e->list];
	n->last[e->list] = (uint32_t)n->covering.n;
	return 0;
}

const struct entry *nesting_nearest(const struct nesting *n, size_t list, uint32_t now)
{
	for (size_t k = n->last[list]; k; k = n->below[k - 1]) {
		const struct entry *c = n->covering.v[k - 1];

		if (!c->until || c->until > now)
			return c;
	}
	return NULL;
}

const struct entry *nesting_decides(const struct nesting *n, size_t list, const struct entry *e,
				    uint32_t now)
{
	const struct entry *c = nesting_nearest(n, list, now);

	return c && !(c->flags & ENTRY_CARVE) && entry_outlasts(c, e) ? c : NULL;
}
