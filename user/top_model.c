// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "top_model.h"

void top_snapshot_free(struct top_snapshot *s)
{
	free(s->v);
	memset(s, 0, sizeof(*s));
}

int top_snapshot_add(const struct counter *c, void *snapshot)
{
	struct top_snapshot *s = snapshot;
	struct top_count *count;

	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct top_count *v = realloc(s->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->v = v;
		s->cap = cap;
	}
	count = &s->v[s->n++];
	snprintf(count->interface, sizeof(count->interface), "%s", c->interface);
	snprintf(count->service, sizeof(count->service), "%s", c->service);
	count->direction = c->direction;
	count->family = c->family;
	count->verdict = c->verdict;
	count->reason = c->reason;
	count->packets = c->packets;
	return 0;
}

void top_model_free(struct top_model *m)
{
	top_snapshot_free(&m->last);
	free(m->services);
	free(m->reasons);
	memset(m, 0, sizeof(*m));
}

static bool same_counter(const struct top_count *a, const struct top_count *b)
{
	return !strcmp(a->interface, b->interface) && !strcmp(a->service, b->service) &&
	       !strcmp(a->direction, b->direction) && !strcmp(a->family, b->family) &&
	       !strcmp(a->verdict, b->verdict) && !strcmp(a->reason, b->reason);
}

/*
 * Was it counted for this service on this interface? Counters of zero are left out of a snapshot,
 * but each service has some that never are; for packets of no service, any of the interface will
 * do.
 */
static bool was_there(const struct top_snapshot *s, const struct top_count *c)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->v[i].interface, c->interface))
			continue;
		if (!strcmp(c->service, "-") || !strcmp(s->v[i].service, c->service))
			return true;
	}
	return false;
}

/* Counters keep their order: the search begins where the last one ended. */
static const struct top_count *find_count(const struct top_snapshot *s, const struct top_count *c,
					  size_t *hint)
{
	for (size_t k = 0; k < s->n; k++) {
		size_t i = (*hint + k) % s->n;

		if (same_counter(&s->v[i], c)) {
			*hint = i + 1;
			return &s->v[i];
		}
	}
	return NULL;
}

static uint64_t came(const struct top_snapshot *last, const struct top_count *c, size_t *hint)
{
	const struct top_count *before = last->at ? find_count(last, c, hint) : NULL;

	if (before)
		return c->packets >= before->packets ? c->packets - before->packets : c->packets;
	return last->at && was_there(last, c) ? c->packets : 0;
}

static bool is_drop_reason(const char *name)
{
	for (uint32_t reason = 0; reason < AXP_DROP_REASONS; reason++) {
		if (!strcmp(name, reason_name(reason)))
			return true;
	}
	return false;
}

static enum top_fate fate_of(const struct top_count *c)
{
	if (!strcmp(c->verdict, verdict_name(AXP_DROP)))
		return TOP_DROP;
	return is_drop_reason(c->reason) ? TOP_WOULD_DROP : TOP_PASS;
}

static void add(struct top_flow *f, uint64_t packets, uint64_t total)
{
	f->packets += packets;
	f->total += total;
}

/* Room for one more, zeroed; NULL: out of memory. */
static void *grow(void *v, size_t n, size_t size)
{
	char *grown = v;

	if (!(n & (n - 1))) { /* full at 0, 1, 2, 4, 8... */
		grown = realloc(v, (n ? 2 * n : 1) * size);
		if (!grown)
			return NULL;
	}
	memset(grown + n * size, 0, size);
	return grown;
}

static struct top_service *service_of(struct top_model *m, const struct top_count *c)
{
	struct top_service *s;

	for (size_t i = 0; i < m->n_services; i++) {
		s = &m->services[i];
		if (!strcmp(s->name, c->service) && !strcmp(s->direction, c->direction))
			return s;
	}
	s = grow(m->services, m->n_services, sizeof(*s));
	if (!s)
		return NULL;
	m->services = s;
	s = &m->services[m->n_services++];
	memcpy(s->name, c->service, sizeof(s->name));
	s->direction = c->direction;
	return s;
}

static struct top_reason *reason_of(struct top_model *m, const struct top_count *c)
{
	enum top_fate fate = fate_of(c);
	struct top_reason *r;

	for (size_t i = 0; i < m->n_reasons; i++) {
		if (m->reasons[i].fate == fate && !strcmp(m->reasons[i].name, c->reason))
			return &m->reasons[i];
	}
	r = grow(m->reasons, m->n_reasons, sizeof(*r));
	if (!r)
		return NULL;
	m->reasons = r;
	r = &m->reasons[m->n_reasons++];
	r->name = c->reason;
	r->fate = fate;
	return r;
}

static int add_count(struct top_model *m, const struct top_count *c, uint64_t packets)
{
	enum top_fate fate = fate_of(c);
	struct top_service *s = service_of(m, c);
	struct top_reason *r = reason_of(m, c);

	if (!s || !r)
		return -ENOMEM;
	add(&s->fates[fate], packets, c->packets);
	add(&r->flow, packets, c->packets);
	add(&m->sum[fate], packets, c->packets);
	return 0;
}

static void keep_history(struct top_model *next, const struct top_model *m)
{
	for (size_t i = 0; i < next->n_services; i++) {
		struct top_service *s = &next->services[i];

		for (size_t k = 0; k < m->n_services; k++) {
			const struct top_service *old = &m->services[k];

			if (strcmp(s->name, old->name) || strcmp(s->direction, old->direction))
				continue;
			memcpy(s->history, old->history, sizeof(s->history));
			s->n_history = old->n_history;
		}
	}
}

static void write_history(struct top_model *m)
{
	for (size_t i = 0; i < m->n_services; i++) {
		struct top_service *s = &m->services[i];

		for (size_t fate = 0; fate < TOP_FATES; fate++)
			s->history[fate][s->n_history % TOP_HISTORY] =
				top_per_second(m, &s->fates[fate]);
		s->n_history++;
	}
}

int top_model_update(struct top_model *m, struct top_snapshot *next)
{
	struct top_model made = { 0 };
	size_t hint = 0;
	int rc = 0;

	if (m->last.at && next->at > m->last.at)
		made.seconds = (double)(next->at - m->last.at) / 1e9;
	for (size_t i = 0; !rc && i < next->n; i++)
		rc = add_count(&made, &next->v[i], came(&m->last, &next->v[i], &hint));
	if (rc) {
		top_model_free(&made);
		return rc;
	}
	keep_history(&made, m);
	if (made.seconds > 0)
		write_history(&made);
	top_model_free(m);
	*m = made;
	m->last = *next;
	memset(next, 0, sizeof(*next));
	return 0;
}

double top_per_second(const struct top_model *m, const struct top_flow *f)
{
	return m->seconds > 0 ? (double)f->packets / m->seconds : 0;
}

double top_history(const struct top_service *s, enum top_fate fate, size_t ago)
{
	if (ago >= s->n_history || ago >= TOP_HISTORY)
		return -1;
	return s->history[fate][(s->n_history - 1 - ago) % TOP_HISTORY];
}
