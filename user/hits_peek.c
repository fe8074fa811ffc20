// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "explain.h"
#include "hits.h"
#include "hits_changes.h"
#include "hits_table.h"

enum { FEW = 64 /* samples: looked at one by one */ };

struct samples {
	struct hit_sample *v;
	size_t n;
};

static void samples_free(struct samples *s)
{
	free(s->v);
}

/* A single address: no need to read whole tables. */
static int find(const struct instance *i, uint32_t id, const struct policy *p,
		const struct prefix *address, struct samples *out)
{
	struct hit_sample *more = reallocarray(out->v, out->n + p->n_services + 1, sizeof(*more));

	if (!more)
		return -1;
	out->v = more;
	for (size_t k = 0; k < p->n_services; k++) {
		struct hit_sample s = {
			.address = *address,
			.service = p->services[k].slot,
			.direction = p->services[k].direction,
		};

		if (hits_table_find(i, id, &s))
			more[out->n++] = s;
	}
	return 0;
}

static int take(const struct instance *i, uint32_t id, const struct policy *p,
		const struct prefix *within, struct samples *out)
{
	size_t n = out->n;
	uint64_t left_out;
	struct error err;

	if (within->len == prefix_max_len(within->family))
		return find(i, id, p, within, out);
	if (hits_table_read(i, id, &out->v, &out->n, &left_out, &err))
		return -1;
	for (size_t k = n; k < out->n; k++) {
		if (prefix_covers(within, &out->v[k].address))
			out->v[n++] = out->v[k];
	}
	out->n = n;
	return 0;
}

/* Of all tables that the state file does not know yet. */
static int gather(const struct instance *i, const struct hits *h, const struct policy *p,
		  const struct prefix *within, struct samples *out)
{
	uint32_t ids[HITS_MERGED_MAX + 1];
	size_t n = hits_tables_old(i, ids, HITS_MERGED_MAX);
	char boot[HITS_BOOT_MAX + 1];

	hits_boot_id(boot);
	ids[n] = hits_table_current(i);
	n += ids[n] != 0;
	for (size_t k = 0; k < n; k++) {
		if (!hits_is_merged(h, boot, ids[k]) && take(i, ids[k], p, within, out))
			return -1;
	}
	return 0;
}

/* The same answer, without a walk over a million entries. */
static struct match match_one(const struct policy *p, const struct hit_sample *s)
{
	struct explanation x;

	for (size_t k = 0; k < p->n_services; k++) {
		const struct service *service = &p->services[k];

		if (service->slot != s->service || service->direction != s->direction)
			continue;
		explain(p, &s->address, s->direction, service->ports[0].protocol,
			service->ports[0].low, &x);
		return (struct match){ service, x.reason == AXP_REASON_LISTED ? x.entry : NULL };
	}
	return (struct match){ 0 };
}

static int match(const struct policy *p, struct samples *s, struct match *out)
{
	struct merged m _cleanup_merged_ = { 0 };

	if (s->n > FEW)
		return merged_make(&m, p) ? -1 : hits_match(&m, s->v, s->n, out);
	for (size_t k = 0; k < s->n; k++)
		out[k] = match_one(p, &s->v[k]);
	return 0;
}

bool hits_peek(const struct instance *i, const struct policy *p, const struct entry *e,
	       struct entry_hits *out)
{
	struct samples samples __attribute__((cleanup(samples_free))) = { 0 };
	struct hits_changes changes _cleanup_hits_changes_ = { 0 };
	struct hits hits _cleanup_hits_ = { 0 };
	_cleanup_free_ struct match *matches = NULL;
	struct hits_view view;
	struct error err;

	if (hits_read_entry(i->paths, p->lists[e->list].name, &e->prefix, &hits, &err) ||
	    hits_changes_read(i->paths, &changes) || hits_changes_follow(&changes, &hits) ||
	    gather(i, &hits, p, &e->prefix, &samples))
		return false;
	matches = calloc(samples.n + 1, sizeof(*matches));
	if (!matches || match(p, &samples, matches) ||
	    hits_add(&hits, p, samples.v, matches, samples.n))
		return false;
	view = hits_view(&hits, p);
	*out = hits_of(&view, e);
	return true;
}
