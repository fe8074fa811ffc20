// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "name_history.h"

enum {
	RETRY_MOST = 300,                  /* seconds */
	KEPT_MAX = 4 * NAME_ADDRESSES_MAX, /* those that are missing, too */
};

void name_history_free(struct name_history *h)
{
	free(h->v);
	*h = (struct name_history){ 0 };
}

void name_round_free(struct name_round *r)
{
	name_history_free(&r->found);
	free(r->gaps);
	*r = (struct name_round){ 0 };
}

static int compare(const struct name_address *a, const struct prefix *prefix, const char *host)
{
	int order = prefix_compare(&a->prefix, prefix);

	return order ? order : strcmp(a->host, host);
}

static struct name_address *find(const struct name_history *h, const struct prefix *prefix,
				 const char *host)
{
	for (size_t i = 0; i < h->n; i++) {
		if (!compare(&h->v[i], prefix, host))
			return &h->v[i];
	}
	return NULL;
}

int name_history_add(struct name_history *h, const struct prefix *prefix, const char *host,
		     uint64_t missing_since)
{
	struct name_address a = { .prefix = *prefix, .missing_since = missing_since };
	size_t at = 0;

	snprintf(a.host, sizeof(a.host), "%s", host);
	while (at < h->n && compare(&h->v[at], prefix, host) < 0)
		at++;
	if (at < h->n && !compare(&h->v[at], prefix, host))
		return 0;
	if (h->n == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 8;
		void *v = reallocarray(h->v, cap, sizeof(*h->v));

		if (!v)
			return -ENOMEM;
		h->v = v;
		h->cap = cap;
	}
	memmove(&h->v[at + 1], &h->v[at], (h->n - at) * sizeof(*h->v));
	h->v[at] = a;
	h->n++;
	return 0;
}

int name_round_add(struct name_round *r, const struct prefix *prefix, const char *host)
{
	if (r->found.n >= NAME_ADDRESSES_MAX) {
		r->omitted++;
		return 0;
	}
	return name_history_add(&r->found, prefix, host, 0);
}

int name_round_gap(struct name_round *r, const char *host, uint8_t family)
{
	void *v = reallocarray(r->gaps, r->n_gaps + 1, sizeof(*r->gaps));

	if (!v)
		return -ENOMEM;
	r->gaps = v;
	snprintf(r->gaps[r->n_gaps].host, sizeof(r->gaps->host), "%s", host);
	r->gaps[r->n_gaps++].family = family;
	return 0;
}

static bool in_gap(const struct name_round *r, const struct name_address *a)
{
	for (size_t i = 0; i < r->n_gaps; i++) {
		if (r->gaps[i].family == a->prefix.family &&
		    (!r->gaps[i].host[0] || !strcmp(r->gaps[i].host, a->host)))
			return true;
	}
	return false;
}

/* Marks what the round did not find; false: its time is over. */
static bool stays(struct name_address *a, const struct name_round *r, uint64_t now, uint32_t grace)
{
	if (find(&r->found, &a->prefix, a->host)) {
		a->missing_since = 0;
		return true;
	}
	if (in_gap(r, a))
		return true;
	/* a clock that was set back must not make it stay for years */
	if (!a->missing_since || a->missing_since > now)
		a->missing_since = now;
	return now - a->missing_since < grace;
}

int name_history_merge(struct name_history *h, const struct name_round *r, uint64_t now,
		       uint32_t grace)
{
	size_t kept = 0;
	int changed = 0;

	if (!r->found.n)
		return 0;
	for (size_t i = 0; i < h->n; i++) {
		if (stays(&h->v[i], r, now, grace))
			h->v[kept++] = h->v[i];
		else
			changed = 1;
	}
	h->n = kept;
	for (size_t i = 0; i < r->found.n; i++) {
		const struct name_address *a = &r->found.v[i];

		if (find(h, &a->prefix, a->host) || h->n >= KEPT_MAX)
			continue;
		changed = 1;
		if (name_history_add(h, &a->prefix, a->host, 0))
			return -ENOMEM;
	}
	return changed;
}

size_t name_history_missing(const struct name_history *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++)
		n += h->v[i].missing_since != 0;
	return n;
}

uint32_t name_refresh_after(uint32_t ttl, uint32_t min, uint32_t max)
{
	if (ttl < min)
		return min;
	return ttl > max ? max : ttl;
}

uint32_t name_retry_after(uint32_t failures, uint32_t min)
{
	uint64_t wait = (uint64_t)min << (failures < 16 ? failures : 16);

	if (min >= RETRY_MOST)
		return min;
	return wait > RETRY_MOST ? RETRY_MOST : (uint32_t)wait;
}
