// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "hits_state.h"

void hits_free(struct hits *h)
{
	free(h->names);
	free(h->v);
	free(h->known);
	free(h->lists);
	*h = (struct hits){ 0 };
}

bool hits_complete(const struct hits *h)
{
	return !h->left_out && !h->unmatched && !h->dropped;
}

/* Room for one more element of *v. */
static int grow(void **v, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? *cap * 2 : 64;
	void *grown;

	if (n < *cap)
		return 0;
	grown = reallocarray(*v, more, size);
	if (!grown)
		return -ENOMEM;
	*v = grown;
	*cap = more;
	return 0;
}

int hits_push(struct hits *h, const struct hit *hit)
{
	if (grow((void **)&h->v, h->n, &h->cap, sizeof(*h->v)))
		return -ENOMEM;
	h->v[h->n++] = *hit;
	return 0;
}

int hits_push_known(struct hits *h, const struct known *known)
{
	if (grow((void **)&h->known, h->n_known, &h->cap_known, sizeof(*h->known)))
		return -ENOMEM;
	h->known[h->n_known++] = *known;
	return 0;
}

int hits_push_list(struct hits *h, const struct known_list *list)
{
	if (grow((void **)&h->lists, h->n_lists, &h->cap_lists, sizeof(*h->lists)))
		return -ENOMEM;
	h->lists[h->n_lists++] = *list;
	return 0;
}

int hits_find_name(const struct hits *h, const char *name)
{
	for (size_t i = 0; i < h->n_names; i++) {
		if (!strcmp(h->names[i], name))
			return (int)i;
	}
	return -1;
}

int hits_name(struct hits *h, const char *name)
{
	int i = hits_find_name(h, name);

	if (i >= 0)
		return i;
	if (h->n_names > UINT16_MAX ||
	    grow((void **)&h->names, h->n_names, &h->cap_names, sizeof(*h->names)))
		return -ENOMEM;
	snprintf(h->names[h->n_names], sizeof(*h->names), "%s", name);
	return (int)h->n_names++;
}

static int by_place(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	if (!order)
		order = (int)x->list - (int)y->list;
	return order ? order : (int)x->service - (int)y->service;
}

static void combine(struct hit *to, const struct hit *with)
{
	to->packets += with->packets;
	if (with->first < to->first)
		to->first = with->first;
	if (with->last > to->last)
		to->last = with->last;
}

/* Sorts, and makes one of those that are of the same entry and service. */
void hits_sort(struct hits *h)
{
	size_t n = 0;

	if (!h->n)
		return;
	qsort(h->v, h->n, sizeof(*h->v), by_place);
	for (size_t i = 1; i < h->n; i++) {
		if (by_place(&h->v[n], &h->v[i]))
			h->v[++n] = h->v[i];
		else
			combine(&h->v[n], &h->v[i]);
	}
	h->n = n + 1;
}

int hits_add(struct hits *h, const struct policy *p, const struct hit_sample *samples,
	     const struct match *matches, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = matches[i].entry;
		int list, service;
		struct hit hit;

		if (!e) {
			h->unmatched += samples[i].packets;
			continue;
		}
		list = hits_name(h, p->lists[e->list].name);
		service = hits_name(h, matches[i].service->name);
		if (list < 0 || service < 0)
			return -ENOMEM;
		hit = (struct hit){ e->prefix,          (uint16_t)list,   (uint16_t)service,
				    samples[i].packets, samples[i].first, samples[i].last };
		if (hits_push(h, &hit))
			return -ENOMEM;
	}
	hits_sort(h);
	return 0;
}

static int by_entry(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	return order ? order : (int)x->list - (int)y->list;
}

void hits_sort_known(struct hits *h)
{
	size_t n = 0;

	if (!h->n_known)
		return;
	qsort(h->known, h->n_known, sizeof(*h->known), by_entry);
	for (size_t i = 1; i < h->n_known; i++) {
		if (by_entry(&h->known[n], &h->known[i]))
			h->known[++n] = h->known[i];
		else if (h->known[i].since < h->known[n].since)
			h->known[n].since = h->known[i].since;
	}
	h->n_known = n + 1;
}

static const struct known *find_known(const struct known *v, size_t n, const struct prefix *prefix,
				      int list)
{
	const struct known key = { .prefix = *prefix, .list = (uint16_t)list };

	return n ? bsearch(&key, v, n, sizeof(*v), by_entry) : NULL;
}

static int policy_names(struct hits *h, const struct policy *p, int *names)
{
	for (size_t i = 0; i < p->n_lists; i++) {
		names[i] = hits_name(h, p->lists[i].name);
		if (names[i] < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool is_followed(const struct entry *e)
{
	return !(e->flags & ENTRY_CARVE) && e->list < POLICY_MAX_LISTS;
}

/* Each entry since when it is known; those that were not are as of now. */
static int follow_entries(struct hits *h, const struct merged *m, const int *names, uint32_t now)
{
	_cleanup_free_ struct known *before = h->known;
	size_t n = h->n_known;

	h->known = NULL;
	h->n_known = h->cap_known = h->n_lists = 0;
	for (size_t i = 0; i < m->n; i++) {
		const struct entry *e = m->v[i];
		struct known k = { .prefix = e->prefix, .since = now };
		const struct known *was;

		if (!is_followed(e))
			continue;
		k.list = (uint16_t)names[e->list];
		was = find_known(before, n, &e->prefix, k.list);
		if (was)
			k.since = was->since;
		if (hits_push_known(h, &k))
			return -ENOMEM;
	}
	hits_sort_known(h);
	return 0;
}

/* In the order of the prefixes; nobody gains by a collision. */
static uint64_t mix(uint64_t hash, const struct prefix *p)
{
	uint64_t words[2];

	memcpy(words, p->addr, sizeof(words));
	hash = (hash ^ words[0]) * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ hash >> 32 ^ words[1]) * 0xbf58476d1ce4e5b9ULL;
	return (hash ^ hash >> 32 ^ (uint64_t)p->family << 8 ^ p->len) * 0x94d049bb133111ebULL;
}

/* Whole lists, since they last changed: entries are too many to keep each. */
static int follow_lists(struct hits *h, const struct merged *m, const int *names, uint32_t now)
{
	_cleanup_free_ struct known_list *before = h->lists;
	size_t n = h->n_lists, n_lists = m->policy->n_lists;
	uint64_t hashes[POLICY_MAX_LISTS];

	h->lists = NULL;
	h->n_lists = h->cap_lists = h->n_known = 0;
	for (size_t l = 0; l < n_lists; l++)
		hashes[l] = 0xcbf29ce484222325ULL;
	for (size_t i = 0; i < m->n; i++) {
		const struct entry *e = m->v[i];

		if (is_followed(e))
			hashes[e->list] = mix(hashes[e->list], &e->prefix);
	}
	for (size_t l = 0; l < n_lists; l++) {
		struct known_list k = { (uint16_t)names[l], now, hashes[l] };

		for (size_t i = 0; i < n; i++) {
			if (before[i].list == k.list && before[i].hash == k.hash)
				k.since = before[i].since;
		}
		if (hits_push_list(h, &k))
			return -ENOMEM;
	}
	return 0;
}

/* What the policy has, and for a while what it had. */
static void forget_old(struct hits *h, const struct policy *p, const int *names, uint32_t now)
{
	uint32_t oldest = now > HITS_KEPT_SECONDS ? now - HITS_KEPT_SECONDS : 0;
	_cleanup_free_ int *lists = calloc(h->n_names + 1, sizeof(*lists)); /* 1 + index */
	size_t n = 0;

	for (size_t i = 0; lists && i < p->n_lists; i++)
		lists[names[i]] = (int)i + 1;
	for (size_t i = 0; lists && i < h->n; i++) {
		const struct hit *hit = &h->v[i];
		int list = lists[hit->list];

		if (hit->last >= oldest || (list && policy_find_entry(p, &hit->prefix, list - 1)))
			h->v[n++] = *hit;
	}
	if (lists)
		h->n = n;
}

static int latest_first(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return x->last == y->last ? by_place(a, b) : x->last < y->last ? 1 : -1;
}

static void bound(struct hits *h)
{
	if (h->n <= HITS_RECORDS_MAX)
		return;
	h->dropped += h->n - HITS_RECORDS_MAX;
	qsort(h->v, h->n, sizeof(*h->v), latest_first);
	h->n = HITS_RECORDS_MAX;
	hits_sort(h);
}

int hits_follow(struct hits *h, const struct merged *entries, uint32_t now)
{
	const struct policy *p = entries->policy;
	int names[POLICY_MAX_LISTS], rc;

	if (p->n_lists > POLICY_MAX_LISTS || policy_names(h, p, names))
		return -ENOMEM;
	rc = entries->n <= HITS_KNOWN_MAX ? follow_entries(h, entries, names, now)
					  : follow_lists(h, entries, names, now);
	forget_old(h, p, names, now);
	bound(h);
	return rc;
}

struct hits_view hits_view(const struct hits *h, const struct policy *p)
{
	struct hits_view view = { .hits = h, .policy = p };

	for (size_t i = 0; i < p->n_lists && i < POLICY_MAX_LISTS; i++)
		view.names[i] = hits_find_name(h, p->lists[i].name);
	return view;
}

/* Index of the first record that is not before the entry. */
static size_t lower_bound(const struct hits *h, const struct hit *key)
{
	size_t low = 0, n = h->n;

	while (n) {
		size_t half = n / 2;

		if (by_place(&h->v[low + half], key) < 0) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

static uint32_t since_of(const struct hits *h, const struct prefix *prefix, int list)
{
	const struct known *k = find_known(h->known, h->n_known, prefix, list);

	if (k)
		return k->since;
	for (size_t i = 0; i < h->n_lists; i++) {
		if (h->lists[i].list == list)
			return h->lists[i].since;
	}
	return 0;
}

struct entry_hits hits_of(const struct hits_view *view, const struct entry *e)
{
	const struct hits *h = view->hits;
	struct hit sum = { .prefix = e->prefix };
	int list = e->list < POLICY_MAX_LISTS ? view->names[e->list] : -1;
	struct entry_hits out = { 0 };

	if (list < 0 || e->flags & ENTRY_CARVE)
		return out;
	sum.list = (uint16_t)list;
	out.since = since_of(h, &e->prefix, list);
	for (size_t i = lower_bound(h, &sum);
	     i < h->n && h->v[i].list == list && !prefix_compare(&h->v[i].prefix, &e->prefix);
	     i++) {
		const struct hit *hit = &h->v[i];

		if (!out.packets || hit->first < out.first)
			out.first = hit->first;
		if (hit->last > out.last)
			out.last = hit->last;
		out.packets += hit->packets;
	}
	return out;
}
