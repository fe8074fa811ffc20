// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The compiler against an oracle that knows only the rule: in each list the most specific entry
 * that covers an address and has not expired decides; a service opens when any of its lists does.
 * The oracle looks at every entry for every address and moment; the compiled nodes are looked up by
 * longest match, and their steps gone through, as the kernel does.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cleanup.h"
#include "compile.h"
#include "explain.h"

enum {
	LISTS = 7,
	SERVICES = 5,
	ROUNDS = 100,
	ENTRIES = 1000, /* per round: 100,000 in all */
	PROBES = 400,
	LIVE_STEPS = 3000,
	NOW = 1000, /* when policies are read */
	TICK = 10,  /* entries expire at its multiples: few different ones to come */
	TICKS = 7,
};

static uint64_t next_random(uint64_t *state)
{
	/* xorshift64*: any decent generator will do, the same everywhere */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

static uint64_t seed(void)
{
	const char *text = getenv("ALLOWXDP_SEED");
	uint64_t s = text ? strtoull(text, NULL, 0) : 20240607;

	print_message("# seed %llu (set ALLOWXDP_SEED to repeat another)\n", (unsigned long long)s);
	return s | 1;
}

/* Few different bits, so that prefixes nest deeply and often collide. */
static struct prefix random_prefix(uint64_t *rng)
{
	struct prefix p = { 0 };
	uint8_t max;

	p.family = next_random(rng) % 3 ? AXP_IPV4 : AXP_IPV6;
	max = prefix_max_len(p.family);
	for (size_t i = 0; i < max / 8u; i++)
		p.addr[i] = (uint8_t)(next_random(rng) & next_random(rng) & 0x91);
	p.len = max;
	switch (next_random(rng) % 4) {
	case 0:
		return p;
	case 1:
		return prefix_shorten(&p, (uint8_t)(next_random(rng) % 9));
	default:
		return prefix_shorten(&p, (uint8_t)(next_random(rng) % (max + 1u)));
	}
}

/* For good, in the past, right now, one of the ticks to come, or the end of time. */
static uint32_t random_until(uint32_t now, uint64_t *rng)
{
	uint32_t tick = now / TICK * TICK;

	switch (next_random(rng) % 12) {
	case 0:
		return now - (uint32_t)(next_random(rng) % 50);
	case 1:
		return now;
	case 2:
		return UINT32_MAX;
	case 3:
	case 4:
	case 5:
		return tick + TICK * (uint32_t)(1 + next_random(rng) % TICKS);
	default:
		return 0;
	}
}

static struct entry random_entry(const struct policy *p, uint64_t *rng)
{
	return (struct entry){
		.prefix = random_prefix(rng),
		.list = (uint16_t)(next_random(rng) % LISTS),
		.flags = next_random(rng) % 4 ? 0 : ENTRY_CARVE,
		.until = p->now ? random_until(p->now, rng) : 0,
	};
}

/* Contradictions are refused before a policy is compiled: none here. */
static bool is_known(const struct policy *p, const struct entry *e)
{
	return policy_find_entry(p, &e->prefix, e->list) != NULL;
}

/* A policy read at 0 holds nothing that expires. */
static void policy_make(struct policy *p, uint32_t now, uint64_t *rng)
{
	memset(p, 0, sizeof(*p));
	p->now = now;
	p->n_lists = LISTS;
	p->lists = calloc(LISTS, sizeof(*p->lists));
	p->n_services = SERVICES;
	p->services = calloc(SERVICES, sizeof(*p->services));
	assert_non_null(p->lists);
	assert_non_null(p->services);
	for (size_t i = 0; i < LISTS; i++)
		snprintf(p->lists[i].name, sizeof(p->lists[i].name), "list%zu", i);
	for (size_t i = 0; i < SERVICES; i++) {
		struct service *s = &p->services[i];

		snprintf(s->name, sizeof(s->name), "service%zu", i);
		s->allow[0] = next_random(rng) & ((1 << LISTS) - 1);
		s->slot = (uint8_t)(i * 13 % AXP_MAX_SERVICES);
		s->n_ports = 2;
		/* overlapping on purpose: port 1000 + i is shared with the neighbours */
		s->ports[0] = (struct port_range){ (uint16_t)(999 + i), (uint16_t)(1001 + i),
						   AXP_UDP, 0 };
		s->ports[1] = (struct port_range){ (uint16_t)(5000 + i), (uint16_t)(5000 + i),
						   AXP_TCP, 0 };
	}
}

static void insert_sorted(struct entries *e, const struct entry *entry)
{
	size_t at = entries_lower_bound(e, &entry->prefix);

	while (at < e->n && !prefix_compare(&e->v[at].prefix, &entry->prefix) &&
	       e->v[at].list < entry->list)
		at++;
	assert_int_equal(entries_push(e, entry), 0);
	memmove(&e->v[at + 1], &e->v[at], (e->n - 1 - at) * sizeof(*e->v));
	e->v[at] = *entry;
}

static void delete_at(struct entries *e, size_t at)
{
	memmove(&e->v[at], &e->v[at + 1], (e->n - at - 1) * sizeof(*e->v));
	e->n--;
}

static void fill(struct policy *p, size_t n, uint64_t *rng)
{
	while (p->base.n + p->added.n < n) {
		struct entry e = random_entry(p, rng);

		if (!is_known(p, &e))
			insert_sorted(next_random(rng) % 3 ? &p->base : &p->added, &e);
	}
}

static void longest(const struct entries *e, size_t list, const struct prefix *address, uint32_t at,
		    int *len, bool *listed)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->v[i].list != list || !prefix_covers(&e->v[i].prefix, address) ||
		    e->v[i].prefix.len <= *len || (e->v[i].until && e->v[i].until <= at))
			continue;
		*len = e->v[i].prefix.len;
		*listed = !(e->v[i].flags & ENTRY_CARVE);
	}
}

static uint64_t oracle(const struct policy *p, const struct prefix *address, uint32_t at)
{
	uint64_t services = 0;

	for (size_t list = 0; list < p->n_lists; list++) {
		bool listed = false;
		int len = -1;

		longest(&p->base, list, address, at, &len, &listed);
		longest(&p->added, list, address, at, &len, &listed);
		for (size_t s = 0; listed && s < p->n_services; s++) {
			if (p->services[s].allow[list / 64] >> (list % 64) & 1)
				services |= 1ULL << p->services[s].slot;
		}
	}
	return services;
}

static uint64_t node_services(const struct nodes *nodes, size_t i, uint32_t at)
{
	const struct node *n = &nodes->v[i];
	uint64_t services = n->services;

	if (!n->timed)
		return services;
	assert_in_range(n->timed, 1, nodes->n_timed);
	for (uint32_t k = 0; k < nodes->timed[n->timed - 1].n; k++) {
		if (at >= nodes->timed[n->timed - 1].at[k])
			services = nodes->timed[n->timed - 1].services[k];
	}
	return services;
}

static uint64_t look_up(const struct nodes *nodes, const struct prefix *address, uint32_t at)
{
	uint64_t services = 0;
	int len = -1;

	for (size_t i = 0; i < nodes->n; i++) {
		if (prefix_covers(&nodes->v[i].prefix, address) && nodes->v[i].prefix.len > len) {
			len = nodes->v[i].prefix.len;
			services = node_services(nodes, i, at);
		}
	}
	return services;
}

/* A moment from now on, most of them next to one at which entries expire. */
static uint32_t random_time(uint32_t now, uint64_t *rng)
{
	uint32_t tick = now / TICK * TICK + TICK * (uint32_t)(1 + next_random(rng) % TICKS);

	switch (next_random(rng) % 8) {
	case 0:
		return now;
	case 1:
		return UINT32_MAX - (uint32_t)(next_random(rng) % 2);
	case 2:
	case 3:
	case 4:
		return tick - 1;
	default:
		return tick;
	}
}

/* First and last address of an entry, their neighbours' bits, or anything. */
static struct prefix random_address(const struct policy *p, uint64_t *rng)
{
	const struct entries *e = next_random(rng) % 2 ? &p->base : &p->added;
	struct prefix a;

	if (!e->n || next_random(rng) % 8 == 0) {
		do {
			a = random_prefix(rng);
		} while (a.len != prefix_max_len(a.family));
		return a;
	}
	a = e->v[next_random(rng) % e->n].prefix;
	if (next_random(rng) % 2) {
		for (unsigned int bit = a.len; bit < prefix_max_len(a.family); bit++)
			a.addr[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	a.len = prefix_max_len(a.family);
	if (next_random(rng) % 3 == 0) {
		unsigned int bit = (unsigned int)(next_random(rng) % a.len);

		a.addr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	}
	return a;
}

static void nodes_are_minimal(const struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++) {
		const struct node *n = &nodes->v[i];
		uint64_t above = 0;

		if (i)
			assert_true(prefix_compare(&nodes->v[i - 1].prefix, &n->prefix) < 0);
		for (size_t j = i; j-- > 0;) {
			if (!prefix_covers(&nodes->v[j].prefix, &n->prefix))
				continue;
			above = nodes->v[j].services;
			break;
		}
		assert_true(n->services != above);
	}
}

/* In order, to come, and each node has its own. */
static void steps_are_sound(const struct nodes *nodes, uint32_t now)
{
	size_t timed = 0;

	for (size_t i = 0; i < nodes->n; i++) {
		const struct node_steps *s;

		if (!nodes->v[i].timed)
			continue;
		assert_int_equal(nodes->v[i].timed, ++timed);
		s = &nodes->timed[timed - 1];
		assert_in_range(s->n, 1, AXP_TIMED_STEPS);
		for (uint32_t k = 0; k < s->n; k++)
			assert_true(s->at[k] > (k ? s->at[k - 1] : now));
	}
	assert_int_equal(timed, nodes->n_timed);
}

static void full_compile_agrees_with_the_oracle(void **state)
{
	uint64_t rng = seed();

	(void)state;
	for (size_t round = 0; round < ROUNDS; round++) {
		_cleanup_policy_ struct policy p;
		_cleanup_nodes_ struct nodes nodes = { 0 };

		policy_make(&p, round % 3 ? NOW : 0, &rng);
		fill(&p, ENTRIES, &rng);
		assert_int_equal(compile_nodes(&p, &nodes), 0);
		if (!p.now) {
			assert_int_equal(nodes.n_timed, 0);
			if (round < 15)
				nodes_are_minimal(&nodes);
		}
		steps_are_sound(&nodes, p.now);
		for (size_t i = 0; i < PROBES; i++) {
			struct prefix a = random_address(&p, &rng);
			uint32_t at = random_time(p.now, &rng);

			assert_int_equal(look_up(&nodes, &a, at), oracle(&p, &a, at));
		}
	}
}

static void explain_agrees_with_the_oracle(void **state)
{
	uint64_t rng = seed();

	(void)state;
	for (size_t round = 0; round < 20; round++) {
		_cleanup_policy_ struct policy p;

		policy_make(&p, round % 2 ? NOW : 0, &rng);
		fill(&p, ENTRIES, &rng);
		for (size_t i = 0; i < PROBES; i++) {
			struct prefix a = random_address(&p, &rng);
			uint16_t port = (uint16_t)(998 + next_random(&rng) % (SERVICES + 4));
			uint64_t guarding = 0, open = oracle(&p, &a, p.now);
			const struct service *first = NULL;
			struct explanation x;

			for (size_t s = 0; s < p.n_services; s++) {
				if (port < p.services[s].ports[0].low ||
				    port > p.services[s].ports[0].high)
					continue;
				guarding |= 1ULL << p.services[s].slot;
				first = first ? first : &p.services[s];
			}
			explain(&p, &a, AXP_IN, AXP_UDP, port, &x);
			if (!guarding) {
				assert_int_equal(x.reason, AXP_REASON_NOT_GUARDED);
				assert_null(x.service);
				continue;
			}
			assert_int_equal(x.verdict, open & guarding ? AXP_PASS : AXP_DROP);
			assert_int_equal(x.reason,
					 open & guarding ? AXP_REASON_LISTED : AXP_REASON_UNLISTED);
			assert_non_null(x.service);
			/* counted as the data path does: the port's first service, if that opens */
			if (!(open & guarding) || open >> first->slot & 1)
				assert_ptr_equal(x.service, first);
			else
				assert_int_equal(x.service->slot, __builtin_ctzll(open & guarding));
			if (!(open & guarding))
				continue;
			assert_non_null(x.entry);
			assert_true(prefix_covers(&x.entry->prefix, &a));
			assert_false(x.entry->flags & ENTRY_CARVE);
			assert_false(entry_expired(&p, x.entry));
			assert_true(x.service->allow[x.entry->list / 64] >> (x.entry->list % 64) &
				    1);
		}
	}
}

static void *grow(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;
	*cap = *cap * 2 + 64;
	v = reallocarray(v, *cap, size);
	assert_non_null(v);
	return v;
}

/* Steps are never given out twice, as in the kernel. */
static struct node node_with_steps(struct nodes *trie, const struct change *c)
{
	struct node node = c->node;

	node.timed = 0;
	if (!c->steps || c->remove)
		return node;
	trie->timed = grow(trie->timed, trie->n_timed, &trie->cap_timed, sizeof(*trie->timed));
	trie->timed[trie->n_timed++] = *c->steps;
	node.timed = (uint32_t)trie->n_timed;
	return node;
}

/* A trie as the kernel has it, seen through single insertions and deletions. */
static void trie_apply(struct nodes *trie, const struct change *c)
{
	struct node node = node_with_steps(trie, c);
	bool known;
	size_t at = 0;

	while (at < trie->n && prefix_compare(&trie->v[at].prefix, &c->node.prefix) < 0)
		at++;
	known = at < trie->n && !prefix_compare(&trie->v[at].prefix, &c->node.prefix);
	assert_int_equal(known, c->known);
	if (known && !c->remove) {
		trie->v[at] = node;
		return;
	}
	if (known) {
		memmove(&trie->v[at], &trie->v[at + 1], (trie->n - at - 1) * sizeof(*trie->v));
		trie->n--;
		return;
	}
	assert_false(c->remove); /* only what is there is removed */
	trie->v = grow(trie->v, trie->n, &trie->cap, sizeof(*trie->v));
	memmove(&trie->v[at + 1], &trie->v[at], (trie->n - at) * sizeof(*trie->v));
	trie->v[at] = node;
	trie->n++;
}

enum { WATCHED = 24 };

/* Every step of the change moves an address from its old services to the new ones at most once, at
 * whatever time one looks.
 */
static void apply_watching(struct nodes *trie, const struct changes *changes,
			   const struct policy *old, const struct policy *new, uint64_t *rng)
{
	struct prefix watched[WATCHED];
	uint64_t before[WATCHED], after[WATCHED];
	uint32_t at[WATCHED];

	for (size_t i = 0; i < WATCHED; i++) {
		watched[i] = random_address(new, rng);
		at[i] = random_time(new->now, rng);
		before[i] = oracle(old, &watched[i], at[i]);
		after[i] = oracle(new, &watched[i], at[i]);
		assert_int_equal(look_up(trie, &watched[i], at[i]), before[i]);
	}
	for (size_t step = 0; step < changes->n; step++) {
		trie_apply(trie, &changes->v[step]);
		for (size_t i = 0; i < WATCHED; i++) {
			uint64_t now = look_up(trie, &watched[i], at[i]);

			assert_true(now == before[i] || now == after[i]);
			before[i] = now; /* and never back */
		}
	}
	for (size_t i = 0; i < WATCHED; i++)
		assert_int_equal(look_up(trie, &watched[i], at[i]), after[i]);
}

/* The trie is what the whole policy compiles to; of its steps, those that are over may be left. */
static void trie_is_whole(const struct nodes *trie, const struct policy *p)
{
	_cleanup_nodes_ struct nodes whole = { 0 };

	assert_int_equal(compile_nodes(p, &whole), 0);
	assert_int_equal(trie->n, whole.n);
	for (size_t i = 0; i < whole.n; i++) {
		assert_int_equal(prefix_compare(&trie->v[i].prefix, &whole.v[i].prefix), 0);
		assert_int_equal(node_services(trie, i, p->now), node_services(&whole, i, p->now));
		assert_int_equal(node_services(trie, i, UINT32_MAX),
				 node_services(&whole, i, UINT32_MAX));
		for (uint32_t t = 1; t <= TICKS; t++) {
			uint32_t at = p->now / TICK * TICK + t * TICK;

			assert_int_equal(node_services(trie, i, at), node_services(&whole, i, at));
		}
	}
}

/* Adds an entry, or takes one away. */
static struct prefix change_added(struct policy *p, uint64_t *rng)
{
	struct entry e;

	if (p->added.n > 20 && next_random(rng) % 2) {
		size_t at = next_random(rng) % p->added.n;

		e = p->added.v[at];
		delete_at(&p->added, at);
		return e.prefix;
	}
	do {
		e = random_entry(p, rng);
	} while (is_known(p, &e));
	insert_sorted(&p->added, &e);
	return e.prefix;
}

/* With `ticking`, time goes by between the changes, and the trie's steps with it. */
static void live_changes(bool ticking, uint64_t rng)
{
	_cleanup_policy_ struct policy p;
	_cleanup_nodes_ struct nodes trie = { 0 };

	policy_make(&p, ticking ? NOW : 0, &rng);
	fill(&p, 60, &rng);
	assert_int_equal(compile_nodes(&p, &trie), 0);
	for (size_t step = 0; step < LIVE_STEPS; step++) {
		_cleanup_nodes_ struct nodes before = { 0 }, after = { 0 };
		_cleanup_changes_ struct changes changes = { 0 };
		struct entries old_added = { 0 };
		struct prefix within;
		struct policy old;

		if (ticking && next_random(&rng) % 20 == 0)
			p.now += (uint32_t)(next_random(&rng) % TICK);
		old = p;
		old_added.v = calloc(p.added.n + 1, sizeof(*old_added.v));
		assert_non_null(old_added.v);
		if (p.added.n)
			memcpy(old_added.v, p.added.v, p.added.n * sizeof(*old_added.v));
		old_added.n = p.added.n;
		old.added = old_added;
		within = change_added(&p, &rng);
		assert_int_equal(compile_within(&old, &within, &before), 0);
		assert_int_equal(compile_within(&p, &within, &after), 0);
		assert_int_equal(nodes_diff(&before, &after, &changes), 0);
		apply_watching(&trie, &changes, &old, &p, &rng);
		if (step % 50 == 0)
			trie_is_whole(&trie, &p);
		free(old_added.v);
	}
	trie_is_whole(&trie, &p);
}

static void live_changes_in_random_order_agree_with_the_oracle(void **state)
{
	(void)state;
	live_changes(false, seed());
}

static void live_changes_while_entries_expire(void **state)
{
	(void)state;
	live_changes(true, seed());
}

/* Any two policies, not only neighbours: what a reload in place would need. */
static void any_difference_is_safe_address_by_address(void **state)
{
	uint64_t rng = seed();

	(void)state;
	for (size_t round = 0; round < 60; round++) {
		_cleanup_policy_ struct policy a, b;
		_cleanup_nodes_ struct nodes before = { 0 }, after = { 0 };
		_cleanup_changes_ struct changes changes = { 0 };
		uint32_t now = round % 3 ? NOW : 0;
		uint64_t rng_b;

		policy_make(&a, now, &rng);
		rng_b = rng;
		policy_make(&b, now, &rng_b);
		memcpy(b.services, a.services, SERVICES * sizeof(*a.services));
		fill(&a, 80, &rng);
		fill(&b, 80, &rng);
		assert_int_equal(compile_nodes(&a, &before), 0);
		assert_int_equal(compile_nodes(&b, &after), 0);
		assert_int_equal(nodes_diff(&before, &after, &changes), 0);
		apply_watching(&before, &changes, &a, &b, &rng);
	}
}

static void no_difference_no_change(void **state)
{
	uint64_t rng = seed();

	(void)state;
	for (size_t round = 0; round < 10; round++) {
		_cleanup_policy_ struct policy p;
		_cleanup_nodes_ struct nodes a = { 0 }, b = { 0 };
		_cleanup_changes_ struct changes changes = { 0 };

		policy_make(&p, NOW, &rng);
		fill(&p, 200, &rng);
		assert_int_equal(compile_nodes(&p, &a), 0);
		assert_int_equal(compile_nodes(&p, &b), 0);
		assert_int_equal(nodes_diff(&a, &b, &changes), 0);
		assert_int_equal(changes.n, 0);
	}
}

/* ---- single cases of expiry ---- */

static struct prefix prefix_of(const char *text)
{
	struct error err = { "" };
	struct prefix p;

	if (prefix_parse(text, strlen(text), &p, &err))
		fail_msg("%s", err.text);
	return p;
}

static void put(struct policy *p, struct entries *e, const char *text, uint16_t list,
		uint32_t until)
{
	struct entry entry = { .list = list, .until = until };

	(void)p;
	if (*text == '!') {
		entry.flags = ENTRY_CARVE;
		text++;
	}
	entry.prefix = prefix_of(text);
	insert_sorted(e, &entry);
}

/* Service n allows list n, and has slot n. */
static struct policy plain_policy(void)
{
	uint64_t rng = 1;
	struct policy p;

	policy_make(&p, NOW, &rng);
	for (size_t i = 0; i < SERVICES; i++) {
		p.services[i].slot = (uint8_t)i;
		p.services[i].allow[0] = 1ULL << i;
	}
	return p;
}

static uint64_t opened(const struct nodes *nodes, const char *address, uint32_t at)
{
	struct prefix a = prefix_of(address);

	return look_up(nodes, &a, at);
}

static void an_entry_that_expires(void **state)
{
	_cleanup_policy_ struct policy p = plain_policy();
	_cleanup_nodes_ struct nodes nodes = { 0 };

	(void)state;
	put(&p, &p.base, "10.0.0.0/8", 0, NOW + 5);
	assert_int_equal(compile_nodes(&p, &nodes), 0);
	assert_int_equal(nodes.n, 1);
	assert_int_equal(nodes.v[0].services, 1);
	assert_int_equal(nodes.n_timed, 1);
	assert_int_equal(nodes.timed[0].n, 1);
	assert_int_equal(nodes.timed[0].at[0], NOW + 5);
	assert_int_equal(nodes.timed[0].services[0], 0);
}

static void an_entry_that_has_expired(void **state)
{
	_cleanup_policy_ struct policy p = plain_policy();
	_cleanup_nodes_ struct nodes nodes = { 0 };

	(void)state;
	put(&p, &p.base, "10.0.0.0/8", 0, NOW);
	put(&p, &p.base, "11.0.0.0/8", 0, NOW - 1);
	assert_int_equal(compile_nodes(&p, &nodes), 0);
	assert_int_equal(nodes.n_timed, 0);
	assert_int_equal(opened(&nodes, "10.1.1.1", NOW), 0);
	assert_int_equal(opened(&nodes, "11.1.1.1", NOW), 0);
}

static void a_hole_that_expires_opens(void **state)
{
	_cleanup_policy_ struct policy p = plain_policy();
	_cleanup_nodes_ struct nodes nodes = { 0 };

	(void)state;
	put(&p, &p.base, "10.0.0.0/8", 0, 0);
	put(&p, &p.added, "!10.1.0.0/16", 0, NOW + 5);
	put(&p, &p.base, "10.1.2.0/24", 1, 0);
	assert_int_equal(compile_nodes(&p, &nodes), 0);
	assert_int_equal(opened(&nodes, "10.1.1.1", NOW + 4), 0);
	assert_int_equal(opened(&nodes, "10.1.1.1", NOW + 5), 1);
	assert_int_equal(opened(&nodes, "10.1.2.1", NOW + 4), 2);
	assert_int_equal(opened(&nodes, "10.1.2.1", NOW + 5), 3);
	assert_int_equal(opened(&nodes, "10.2.2.1", NOW + 5), 1);
}

/* Below what expires, each node must know of it. */
static void expiry_above_shows_below(void **state)
{
	_cleanup_policy_ struct policy p = plain_policy();
	_cleanup_nodes_ struct nodes nodes = { 0 };

	(void)state;
	put(&p, &p.base, "10.0.0.0/8", 0, NOW + 5);
	put(&p, &p.base, "10.1.0.0/16", 1, 0);
	put(&p, &p.base, "10.1.1.0/24", 2, NOW + 9);
	put(&p, &p.base, "10.1.1.1", 0, 0);
	assert_int_equal(compile_nodes(&p, &nodes), 0);
	assert_int_equal(opened(&nodes, "10.1.1.1", NOW), 7);
	assert_int_equal(opened(&nodes, "10.1.1.1", NOW + 5), 7);
	assert_int_equal(opened(&nodes, "10.1.1.1", NOW + 9), 3);
	assert_int_equal(opened(&nodes, "10.1.1.2", NOW + 4), 7);
	assert_int_equal(opened(&nodes, "10.1.1.2", NOW + 5), 6);
	assert_int_equal(opened(&nodes, "10.1.1.2", NOW + 9), 2);
	assert_int_equal(opened(&nodes, "10.1.2.1", NOW + 5), 2);
}

/* A file's entry that expires, and one by command for the same prefix. */
static void twins_in_file_and_by_command(void **state)
{
	_cleanup_policy_ struct policy p = plain_policy();
	_cleanup_nodes_ struct nodes nodes = { 0 };
	struct prefix ten = prefix_of("10.1.1.1");
	struct explanation x;

	(void)state;
	put(&p, &p.base, "10.0.0.0/8", 0, NOW - 5);
	put(&p, &p.added, "10.0.0.0/8", 0, NOW + 5);
	assert_int_equal(compile_nodes(&p, &nodes), 0);
	assert_int_equal(opened(&nodes, "10.1.1.1", NOW + 4), 1);
	assert_int_equal(opened(&nodes, "10.1.1.1", NOW + 5), 0);
	explain(&p, &ten, AXP_IN, AXP_TCP, 5000, &x);
	assert_int_equal(x.verdict, AXP_PASS);
	assert_ptr_equal(x.entry, &p.added.v[0]);
}

/* `n` entries over one address, each until a time of its own. */
static int compile_chain(size_t n, bool expired, bool together)
{
	_cleanup_policy_ struct policy p = plain_policy();
	_cleanup_nodes_ struct nodes nodes = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct entry e = { .prefix = prefix_of("10.1.1.1"), .list = i % LISTS };

		e.prefix = prefix_shorten(&e.prefix, (uint8_t)(32 - i));
		e.until = together ? NOW + 1 : (uint32_t)(NOW + 1 + i * 7 % 101);
		if (expired && i >= AXP_TIMED_STEPS)
			e.until = (uint32_t)(NOW - i);
		insert_sorted(i % 2 ? &p.base : &p.added, &e);
	}
	return compile_nodes(&p, &nodes);
}

static void eight_expiries_over_one_address(void **state)
{
	struct error err;

	(void)state;
	for (size_t n = 1; n <= AXP_TIMED_STEPS; n++)
		assert_int_equal(compile_chain(n, false, false), 0);
	for (size_t n = AXP_TIMED_STEPS + 1; n < 30; n++) {
		assert_int_equal(compile_chain(n, false, false), -E2BIG);
		assert_int_equal(compile_chain(n, true, false), 0);
		assert_int_equal(compile_chain(n, false, true), 0);
	}
	assert_int_equal(compile_failed(-E2BIG, &err), -E2BIG);
	assert_string_equal(err.text,
			    "more than 8 different expiries cover one address: let some of "
			    "the entries expire together");
	assert_int_equal(compile_failed(-ENOMEM, &err), -ENOMEM);
	assert_string_equal(err.text, "out of memory");
}

/* Beside each other there may be any number. */
static void many_expiries_over_many_addresses(void **state)
{
	_cleanup_policy_ struct policy p = plain_policy();
	_cleanup_nodes_ struct nodes nodes = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		struct entry e = { .until = NOW + 1 + i };

		e.prefix = (struct prefix){ .family = AXP_IPV6, .len = 128 };
		e.prefix.addr[0] = 0x20;
		e.prefix.addr[14] = (uint8_t)(i >> 8);
		e.prefix.addr[15] = (uint8_t)i;
		insert_sorted(&p.base, &e);
	}
	assert_int_equal(compile_nodes(&p, &nodes), 0);
	assert_int_equal(nodes.n, 1000);
	assert_int_equal(nodes.n_timed, 1000);
	steps_are_sound(&nodes, NOW);
}

static uint64_t port_services(const struct policy *p, uint8_t direction, uint8_t protocol,
			      uint16_t port, uint32_t *first)
{
	uint64_t set = 0;

	for (size_t i = p->n_services; i-- > 0;) {
		const struct service *s = &p->services[i];

		for (size_t j = 0; j < s->n_ports; j++) {
			if (s->direction == direction && s->ports[j].protocol == protocol &&
			    port >= s->ports[j].low && port <= s->ports[j].high) {
				set |= 1ULL << s->slot;
				*first = s->slot;
			}
		}
	}
	return set;
}

static bool any_replies(const struct policy *p, uint64_t set)
{
	for (size_t i = 0; i < p->n_services; i++) {
		if (set >> p->services[i].slot & 1 && p->services[i].replies)
			return true;
	}
	return false;
}

static void port_tables_agree_with_the_ranges(void **state)
{
	_cleanup_free_ struct axp_policy *tables = NULL;
	uint64_t rng = seed();

	(void)state;
	for (size_t round = 0; round < 20; round++) {
		_cleanup_policy_ struct policy p;
		struct error err;

		policy_make(&p, 0, &rng);
		for (size_t i = 0; i < SERVICES; i++) {
			p.services[i].direction = next_random(&rng) % AXP_DIRECTIONS;
			p.services[i].replies =
				p.services[i].direction == AXP_IN && next_random(&rng) % 2;
			p.services[i].n_ports = 4;
			for (size_t j = 0; j < 4; j++) {
				uint16_t a = (uint16_t)(next_random(&rng) % 65535 + 1);
				uint16_t b = (uint16_t)(next_random(&rng) % 65535 + 1);

				p.services[i].ports[j] = (struct port_range){
					a < b ? a : b, a < b ? b : a,
					(uint8_t)(next_random(&rng) % AXP_PROTOCOLS), 0
				};
			}
		}
		free(tables);
		tables = calloc(1, sizeof(*tables));
		assert_non_null(tables);
		assert_int_equal(compile_ports(&p, tables, &err), 0);
		for (uint32_t n = 0; n < 4 * 65536; n++) {
			uint8_t direction = (uint8_t)(n >> 17), protocol = n >> 16 & 1, class;
			uint32_t first = 0;
			uint64_t set = port_services(&p, direction, protocol, (uint16_t)n, &first);

			class = tables->port_class[direction][protocol][n & 0xffff];
			assert_int_equal(!!class, !!set);
			if (!class)
				continue;
			assert_int_equal(tables->classes[class].services, set);
			assert_int_equal(tables->classes[class].first, first);
			assert_int_equal(tables->classes[class].replies, any_replies(&p, set));
		}
	}
}

static struct axp_policy *compiled_settings(struct policy *p)
{
	struct axp_policy *tables = calloc(1, sizeof(*tables));
	struct error err;

	assert_non_null(tables);
	assert_int_equal(compile_ports(p, tables, &err), 0);
	return tables;
}

static void settings_are_compiled(void **state)
{
	_cleanup_policy_ struct policy p = plain_policy();
	_cleanup_free_ struct axp_policy *plain = NULL, *other = NULL, *longest_ones = NULL;

	(void)state;
	p.settings = policy_defaults();
	plain = compiled_settings(&p);
	assert_int_equal(plain->flags, 0);
	assert_int_equal(plain->limits.udp, 180000000000ULL);
	assert_int_equal(plain->limits.tcp, 7200000000000ULL);
	assert_int_equal(plain->limits.tcp_closing, 60000000000ULL);
	p.settings.fragments_drop = 1;
	p.settings.idle_udp = 1;
	p.settings.idle_tcp = 2;
	p.settings.idle_tcp_closing = 3;
	p.services[3].direction = AXP_OUT;
	other = compiled_settings(&p);
	assert_int_equal(other->flags, AXP_DROP_UNMATCHED_FRAGMENTS | AXP_GUARDS_OUT);
	assert_int_equal(other->limits.udp, 1000000000ULL);
	assert_int_equal(other->limits.tcp, 2000000000ULL);
	assert_int_equal(other->limits.tcp_closing, 3000000000ULL);
	p.settings.idle_udp = p.settings.idle_tcp = p.settings.idle_tcp_closing = 315360000;
	longest_ones = compiled_settings(&p);
	assert_int_equal(longest_ones->limits.udp, 315360000000000000ULL);
	assert_int_equal(longest_ones->limits.tcp, 315360000000000000ULL);
	assert_int_equal(longest_ones->limits.tcp_closing, 315360000000000000ULL);
}

static void too_many_overlaps_are_refused(void **state)
{
	_cleanup_free_ struct axp_policy *tables = calloc(1, sizeof(*tables));
	struct policy p = { 0 };
	uint64_t rng = seed();
	struct error err;

	(void)state;
	assert_non_null(tables);
	p.n_services = 16;
	p.services = calloc(p.n_services, sizeof(*p.services));
	assert_non_null(p.services);
	for (size_t i = 0; i < p.n_services; i++) {
		struct service *v = &p.services[i];

		v->slot = (uint8_t)i;
		for (v->n_ports = 0; v->n_ports < POLICY_MAX_PORT_RANGES; v->n_ports++) {
			uint16_t low = (uint16_t)(1 + next_random(&rng) % 65000);

			v->ports[v->n_ports] =
				(struct port_range){ low, (uint16_t)(low + 400), AXP_UDP, 0 };
		}
	}
	assert_int_equal(compile_ports(&p, tables, &err), -E2BIG);
	assert_non_null(strstr(err.text, "more than 255 different sets of services"));
	policy_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_compile_agrees_with_the_oracle),
		cmocka_unit_test(explain_agrees_with_the_oracle),
		cmocka_unit_test(live_changes_in_random_order_agree_with_the_oracle),
		cmocka_unit_test(live_changes_while_entries_expire),
		cmocka_unit_test(any_difference_is_safe_address_by_address),
		cmocka_unit_test(no_difference_no_change),
		cmocka_unit_test(an_entry_that_expires),
		cmocka_unit_test(an_entry_that_has_expired),
		cmocka_unit_test(a_hole_that_expires_opens),
		cmocka_unit_test(expiry_above_shows_below),
		cmocka_unit_test(twins_in_file_and_by_command),
		cmocka_unit_test(eight_expiries_over_one_address),
		cmocka_unit_test(many_expiries_over_many_addresses),
		cmocka_unit_test(settings_are_compiled),
		cmocka_unit_test(port_tables_agree_with_the_ranges),
		cmocka_unit_test(too_many_overlaps_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
