// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "hits_match.h"

void merged_free(struct merged *m)
{
	free(m->v);
	*m = (struct merged){ 0 };
}

static bool comes_first(const struct entry *added, const struct entry *base)
{
	int order = prefix_compare(&added->prefix, &base->prefix);

	return order ? order < 0 : added->list <= base->list;
}

int merged_make(struct merged *m, const struct policy *p)
{
	const struct entries *base = &p->base, *added = &p->added;
	size_t i = 0, j = 0;

	m->policy = p;
	m->n = 0;
	m->v = calloc(base->n + added->n + 1, sizeof(*m->v));
	if (!m->v)
		return -ENOMEM;
	while (i < base->n || j < added->n) {
		if (j < added->n && (i == base->n || comes_first(&added->v[j], &base->v[i])))
			m->v[m->n++] = &added->v[j++];
		else
			m->v[m->n++] = &base->v[i++];
	}
	return 0;
}

void covering_free(struct covering *c)
{
	free(c->v);
	*c = (struct covering){ 0 };
}

void covering_leave(struct covering *c, const struct prefix *next)
{
	while (c->n && !prefix_covers(&c->v[c->n - 1]->prefix, next))
		c->n--;
}

int covering_enter(struct covering *c, const struct entry *e)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		const struct entry **v = reallocarray(c->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = e;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct hit_sample *x = a, *y = b;

	return prefix_compare(&x->address, &y->address);
}

static const struct service *service_in(const struct policy *p, const struct hit_sample *s)
{
	for (size_t i = 0; i < p->n_services; i++) {
		if (p->services[i].slot == s->service && p->services[i].direction == s->direction)
			return &p->services[i];
	}
	return NULL;
}

/*
 * In each list the longest one that had not expired decides; of those that let the address in, the
 * longest, of the first list.
 */
static const struct entry *decide(const struct covering *c, const struct service *s, uint32_t when)
{
	uint64_t decided[POLICY_MAX_LISTS / 64] = { 0 };
	const struct entry *best = NULL;

	for (size_t k = c->n; k; k--) {
		const struct entry *e = c->v[k - 1];

		if (best && e->prefix.len < best->prefix.len)
			break;
		if (!allows(s, e->list) || decided[e->list / 64] >> (e->list % 64) & 1 ||
		    (e->until && e->until <= when))
			continue;
		decided[e->list / 64] |= 1ULL << (e->list % 64);
		if (!(e->flags & ENTRY_CARVE) && (!best || e->list < best->list))
			best = e;
	}
	return best;
}

int hits_match(const struct merged *m, struct hit_sample *samples, size_t n, struct match *matches)
{
	struct covering c _cleanup_covering_ = { 0 };
	size_t next = 0;

	if (n)
		qsort(samples, n, sizeof(*samples), by_address);
	for (size_t i = 0; i < n; i++) {
		const struct hit_sample *s = &samples[i];

		for (; next < m->n && prefix_compare(&m->v[next]->prefix, &s->address) <= 0;
		     next++) {
			covering_leave(&c, &m->v[next]->prefix);
			if (covering_enter(&c, m->v[next]))
				return -ENOMEM;
		}
		covering_leave(&c, &s->address);
		matches[i].service = service_in(m->policy, s);
		matches[i].entry =
			matches[i].service ? decide(&c, matches[i].service, s->first) : NULL;
	}
	return 0;
}
