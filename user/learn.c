// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "explain.h"
#include "learn.h"
#include "learn_tally.h"

enum { KNOCKED_SERVICES = 3, KNOCKS = 8 };

/* An address at a service. */
struct learn_seen {
	size_t service; /* index into policy->services */
	struct prefix address;
	struct learn_tally tally;
	uint32_t why; /* enum learn_why; 0: no scanner */
	bool sweeps;
};

/* What is worked on. */
struct work {
	const struct policy *policy;
	const struct sip_agents *agents;
	const struct learn_options *options;
	struct learn_seen *v;
	size_t n;
};

void learn_free(struct learn *l)
{
	free(l->proposals);
	free(l->scanners);
	memset(l, 0, sizeof(*l));
}

static int find_service(const struct policy *p, const struct top_source *s)
{
	for (size_t i = 0; i < p->n_services; i++) {
		if (p->services[i].slot == s->service && p->services[i].direction == s->direction)
			return (int)i;
	}
	return -1;
}

static int by_service(const void *a, const void *b)
{
	const struct learn_seen *x = a, *y = b;

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	return prefix_compare(&x->address, &y->address);
}

static int by_address(const void *a, const void *b)
{
	const struct learn_seen *x = a, *y = b;
	int order = prefix_compare(&x->address, &y->address);

	return order ? order : by_service(a, b);
}

/* TCP and UDP of an address at a service are one. Sorted by service. */
static void join_protocols(struct work *w)
{
	size_t n = 0;

	qsort(w->v, w->n, sizeof(*w->v), by_service);
	for (size_t i = 0; i < w->n; i++) {
		if (n && !by_service(&w->v[n - 1], &w->v[i])) {
			learn_tally_add(&w->v[n - 1].tally, &w->v[i].tally);
			w->v[n - 1].sweeps |= w->v[i].sweeps;
		} else {
			w->v[n++] = w->v[i];
		}
	}
	w->n = n;
}

/* Those that an entry would have let in. */
static void take_sources(struct work *w, const struct top_source *sources, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct top_source *s = &sources[i];
		int service = find_service(w->policy, s);
		struct learn_seen seen = { 0 };

		if (service < 0 || s->address.family == AXP_FAMILY_NONE || !s->packets ||
		    !(s->reasons & 1u << AXP_REASON_UNLISTED))
			continue;
		seen.service = (size_t)service;
		seen.address = s->address;
		seen.tally = learn_tally_of(s);
		seen.sweeps = learn_sweeps(&seen.tally);
		w->v[w->n++] = seen;
	}
	join_protocols(w);
}

/* The rows of one address, at all services; it is one scanner or none. */
static uint32_t why_scanner(const struct work *w, size_t a, size_t b)
{
	const struct sip_agent_of *agent = sip_agents_find(w->agents, &w->v[a].address);
	uint64_t packets = 0;
	uint32_t why = 0;

	for (size_t i = a; i < b; i++) {
		packets += w->v[i].tally.packets;
		if (w->v[i].sweeps)
			why |= LEARN_MANY_PORTS;
	}
	if (b - a >= KNOCKED_SERVICES && packets / (b - a) < KNOCKS)
		why |= LEARN_MANY_SERVICES;
	if (agent && agent->scans)
		why |= LEARN_AGENT;
	return why;
}

/* Sorted by address. Returns how many there are. */
static size_t mark_scanners(struct work *w)
{
	size_t n = 0;

	qsort(w->v, w->n, sizeof(*w->v), by_address);
	for (size_t a = 0, b; a < w->n; a = b) {
		uint32_t why;

		for (b = a + 1; b < w->n && !prefix_compare(&w->v[a].address, &w->v[b].address);)
			b++;
		why = why_scanner(w, a, b);
		for (size_t i = a; i < b; i++)
			w->v[i].why = why;
		n += why != 0;
	}
	return n;
}

/* Does the row belong to what was asked for? A scanner does if any of its rows does. */
static bool is_asked(const struct work *w, const struct learn_seen *s)
{
	const struct learn_options *o = w->options;

	return (o->service < 0 || s->service == (size_t)o->service) && s->tally.last >= o->since;
}

static void add_scanner(struct learn_scanner *out, const struct work *w, size_t a, size_t b)
{
	out->address = w->v[a].address;
	out->why = w->v[a].why;
	out->agent = sip_agents_find(w->agents, &out->address);
	out->tally = w->v[a].tally;
	for (size_t i = a; i < b; i++) {
		out->services |= 1ULL << w->v[i].service;
		if (i > a)
			learn_tally_add(&out->tally, &w->v[i].tally);
	}
}

/* Sorted by address before and after. */
static void take_scanners(const struct work *w, struct learn *out)
{
	for (size_t a = 0, b; a < w->n; a = b) {
		bool asked = is_asked(w, &w->v[a]);

		for (b = a + 1; b < w->n && !prefix_compare(&w->v[a].address, &w->v[b].address);
		     b++)
			asked |= is_asked(w, &w->v[b]);
		if (w->v[a].why && asked)
			add_scanner(&out->scanners[out->n_scanners++], w, a, b);
	}
}

/* What the policy says of it by now. */
static enum learn_fate fate_by_policy(const struct work *w, const struct learn_seen *s)
{
	const struct service *service = &w->policy->services[s->service];
	struct explanation x;

	if (!s->tally.n_ports)
		return LEARN_PROPOSED;
	explain(w->policy, &s->address, service->direction, s->tally.ports[0].protocol,
		s->tally.ports[0].port, &x);
	if (x.verdict == AXP_PASS)
		return LEARN_LISTED;
	return x.entry ? LEARN_CARVED : LEARN_PROPOSED;
}

static enum learn_fate fate(const struct work *w, const struct learn_seen *s)
{
	uint64_t error = learn_error(&s->tally);
	enum learn_fate by_policy = fate_by_policy(w, s);

	if (by_policy != LEARN_PROPOSED)
		return by_policy;
	if (s->tally.last < w->options->since)
		return LEARN_OLD;
	if (s->tally.packets < error || s->tally.packets - error < w->options->min_packets)
		return LEARN_FEW;
	return LEARN_PROPOSED;
}

/* The addresses of a service, and whom no prefix may cover. */
struct candidates {
	struct prefix *seen, *barred, *groups;
	const struct learn_seen **rows; /* of seen */
	size_t n, n_barred;
};

static void candidates_free(struct candidates *c)
{
	free(c->seen);
	free(c->barred);
	free(c->groups);
	free(c->rows);
}

static size_t count_carved(const struct entries *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		n += !!(e->v[i].flags & ENTRY_CARVE);
	return n;
}

static int candidates_init(struct candidates *c, const struct policy *p, size_t n)
{
	size_t carved = count_carved(&p->base) + count_carved(&p->added);

	c->seen = calloc(n + 1, sizeof(*c->seen));
	c->barred = calloc(n + carved + 1, sizeof(*c->barred));
	c->groups = calloc(n + 1, sizeof(*c->groups));
	c->rows = calloc(n + 1, sizeof(const struct learn_seen *));
	return c->seen && c->barred && c->groups && c->rows ? 0 : -ENOMEM;
}

static void bar_carved(const struct entries *e, const struct service *s, struct candidates *c)
{
	for (size_t i = 0; i < e->n; i++) {
		uint16_t list = e->v[i].list;

		if (e->v[i].flags & ENTRY_CARVE && s->allow[list / 64] >> (list % 64) & 1)
			c->barred[c->n_barred++] = e->v[i].prefix;
	}
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

/* All of the service's, sorted by address; barred are scanners of any, and what is carved out. */
static void pick(const struct work *w, size_t service, struct candidates *c, struct learn *out)
{
	c->n = 0;
	c->n_barred = 0;
	for (size_t i = 0; i < w->n; i++) {
		const struct learn_seen *s = &w->v[i];
		enum learn_fate what;

		if (s->why) {
			if (!c->n_barred ||
			    prefix_compare(&c->barred[c->n_barred - 1], &s->address))
				c->barred[c->n_barred++] = s->address;
			continue;
		}
		if (s->service != service)
			continue;
		what = fate(w, s);
		out->fates[what]++;
		if (what != LEARN_PROPOSED)
			continue;
		c->seen[c->n] = s->address;
		c->rows[c->n++] = s;
	}
	bar_carved(&w->policy->base, &w->policy->services[service], c);
	bar_carved(&w->policy->added, &w->policy->services[service], c);
	qsort(c->barred, c->n_barred, sizeof(*c->barred), by_prefix);
}

static void add_proposal(const struct work *w, const struct candidates *c, size_t a, size_t b,
			 struct learn_proposal *out)
{
	out->addresses = (uint32_t)(b - a);
	out->tally = c->rows[a]->tally;
	for (size_t i = a; i < b; i++) {
		if (i > a)
			learn_tally_add(&out->tally, &c->rows[i]->tally);
		if (!out->agent)
			out->agent = sip_agents_find(w->agents, &c->rows[i]->address);
	}
}

static void propose(const struct work *w, size_t service, struct candidates *c, struct learn *out)
{
	size_t groups, a = 0, b;

	pick(w, service, c, out);
	groups = learn_group(&w->options->rules, c->seen, c->n, c->barred, c->n_barred, c->groups);
	for (size_t i = 0; i < groups; i++, a = b) {
		struct learn_proposal *next = &out->proposals[out->n_proposals++];

		for (b = a; b < c->n && prefix_covers(&c->groups[i], &c->seen[b]);)
			b++;
		next->service = service;
		next->prefix = c->groups[i];
		add_proposal(w, c, a, b, next);
	}
}

int learn(const struct policy *p, const struct top_source *sources, size_t n,
	  const struct sip_agents *agents, const struct learn_options *o, struct learn *out)
{
	_cleanup_free_ struct learn_seen *v = calloc(n + 1, sizeof(*v));
	struct work w = { p, agents, o, v, 0 };
	struct candidates c __attribute__((cleanup(candidates_free))) = { 0 };

	memset(out, 0, sizeof(*out));
	if (!v || candidates_init(&c, p, n))
		return -ENOMEM;
	take_sources(&w, sources, n);
	out->scanners = calloc(mark_scanners(&w) + 1, sizeof(*out->scanners));
	out->proposals = calloc(w.n + 1, sizeof(*out->proposals));
	if (!out->scanners || !out->proposals) {
		learn_free(out);
		return -ENOMEM;
	}
	take_scanners(&w, out);
	for (size_t service = 0; service < p->n_services; service++) {
		if (o->service < 0 || (size_t)o->service == service)
			propose(&w, service, &c, out);
	}
	return 0;
}

int learn_list(const struct policy *p, size_t service)
{
	const struct service *s = &p->services[service];
	int best = -1, fewest = 0;

	for (size_t i = 0; i < p->n_lists; i++) {
		int opens = __builtin_popcountll(policy_list_services(p, i));

		if (!(s->allow[i / 64] >> (i % 64) & 1))
			continue;
		if (best < 0 || opens < fewest) {
			best = (int)i;
			fewest = opens;
		}
	}
	return best;
}
