// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn_group.h"

enum { NETWORK6 = 64 };

struct group {
	const struct learn_rules *rules;
	const struct prefix *seen, *barred;
	size_t n_barred;
	struct prefix *out;
	size_t n;
};

static bool bit(const struct prefix *p, uint8_t n)
{
	return p->addr[n / 8] >> (7 - n % 8) & 1;
}

/* Index of the first that is not less. */
static size_t lower_bound(const struct prefix *v, size_t n, const struct prefix *p)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = (low + n) / 2;

		if (prefix_compare(&v[middle], p) < 0)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

static bool is_barred(const struct group *g, const struct prefix *p)
{
	size_t at = lower_bound(g->barred, g->n_barred, p);

	return at < g->n_barred && prefix_covers(p, &g->barred[at]);
}

/* May `seen` from `a` to before `b`, all that there are in p, be told in one word? */
static bool is_justified(const struct group *g, const struct prefix *p, size_t a, size_t b)
{
	uint8_t max = prefix_max_len(p->family);
	bool v4 = p->family == AXP_IPV4;

	if (p->len == max)
		return true;
	if (!v4 && p->len > NETWORK6)
		return false;
	if (v4 && b - a == 1ULL << (max - p->len))
		return true;
	if (b - a < g->rules->min_sources || is_barred(g, p))
		return false;
	/* One half would do? But an IPv6 network is not taken apart. */
	return (!v4 && p->len == NETWORK6) ||
	       bit(&g->seen[a], p->len) != bit(&g->seen[b - 1], p->len);
}

/* Of those that have the first `len` bits in common. */
static void split(struct group *g, size_t a, size_t b, uint8_t len)
{
	struct prefix p = prefix_shorten(&g->seen[a], len);
	size_t middle = a;

	if (is_justified(g, &p, a, b)) {
		g->out[g->n++] = p;
		return;
	}
	while (middle < b && !bit(&g->seen[middle], len))
		middle++;
	if (middle > a)
		split(g, a, middle, len + 1);
	if (middle < b)
		split(g, middle, b, len + 1);
}

size_t learn_group(const struct learn_rules *r, const struct prefix *seen, size_t n,
		   const struct prefix *barred, size_t n_barred, struct prefix *out)
{
	struct group g = { r, seen, barred, n_barred, out, 0 };

	for (size_t a = 0, b; a < n; a = b) {
		struct prefix widest = prefix_shorten(&seen[a], r->widest[seen[a].family]);

		for (b = a + 1; b < n && prefix_covers(&widest, &seen[b]);)
			b++;
		split(&g, a, b, widest.len);
	}
	return g.n;
}
