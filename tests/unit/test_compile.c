// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The compiler against an oracle that knows only the rule: in each list the most specific entry
 * that covers an address decides; a service opens when any of its lists does. The oracle looks at
 * every entry for every address; the compiled nodes are looked up by longest match, as the kernel
 * does.
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

static struct entry random_entry(uint64_t *rng)
{
	return (struct entry){
		.prefix = random_prefix(rng),
		.list = (uint16_t)(next_random(rng) % LISTS),
		.flags = next_random(rng) % 4 ? 0 : ENTRY_CARVE,
	};
}

/* Contradictions are refused before a policy is compiled: none here. */
static bool is_known(const struct policy *p, const struct entry *e)
{
	return policy_find_entry(p, &e->prefix, e->list) != NULL;
}

static void policy_make(struct policy *p, uint64_t *rng)
{
	memset(p, 0, sizeof(*p));
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
		struct entry e = random_entry(rng);

		if (!is_known(p, &e))
			insert_sorted(next_random(rng) % 3 ? &p->base : &p->added, &e);
	}
}

static void longest(const struct entries *e, size_t list, const struct prefix *address, int *len,
		    bool *listed)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->v[i].list != list || !prefix_covers(&e->v[i].prefix, address) ||
		    e->v[i].prefix.len <= *len)
			continue;
		*len = e->v[i].prefix.len;
		*listed = !(e->v[i].flags & ENTRY_CARVE);
	}
}

static uint64_t oracle(const struct policy *p, const struct prefix *address)
{
	uint64_t services = 0;

	for (size_t list = 0; list < p->n_lists; list++) {
		bool listed = false;
		int len = -1;

		longest(&p->base, list, address, &len, &listed);
		longest(&p->added, list, address, &len, &listed);
		for (size_t s = 0; listed && s < p->n_services; s++) {
			if (p->services[s].allow[list / 64] >> (list % 64) & 1)
				services |= 1ULL << p->services[s].slot;
		}
	}
	return services;
}

static uint64_t look_up(const struct nodes *nodes, const struct prefix *address)
{
	uint64_t services = 0;
	int len = -1;

	for (size_t i = 0; i < nodes->n; i++) {
		if (prefix_covers(&nodes->v[i].prefix, address) && nodes->v[i].prefix.len > len) {
			len = nodes->v[i].prefix.len;
			services = nodes->v[i].services;
		}
	}
	return services;
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

static void full_compile_agrees_with_the_oracle(void **state)
{
	uint64_t rng = seed();

	(void)state;
	for (size_t round = 0; round < ROUNDS; round++) {
		_cleanup_policy_ struct policy p;
		_cleanup_nodes_ struct nodes nodes = { 0 };

		policy_make(&p, &rng);
		fill(&p, ENTRIES, &rng);
		assert_int_equal(compile_nodes(&p, &nodes), 0);
		if (round < 5)
			nodes_are_minimal(&nodes);
		for (size_t i = 0; i < PROBES; i++) {
			struct prefix a = random_address(&p, &rng);

			assert_int_equal(look_up(&nodes, &a), oracle(&p, &a));
		}
	}
}

static void explain_agrees_with_the_oracle(void **state)
{
	uint64_t rng = seed();

	(void)state;
	for (size_t round = 0; round < 20; round++) {
		_cleanup_policy_ struct policy p;

		policy_make(&p, &rng);
		fill(&p, ENTRIES, &rng);
		for (size_t i = 0; i < PROBES; i++) {
			struct prefix a = random_address(&p, &rng);
			uint16_t port = (uint16_t)(998 + next_random(&rng) % (SERVICES + 4));
			uint64_t guarding = 0, open = oracle(&p, &a);
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
			assert_true(x.service->allow[x.entry->list / 64] >> (x.entry->list % 64) &
				    1);
		}
	}
}

/* A trie as the kernel has it, seen through single insertions and deletions. */
static void trie_apply(struct nodes *trie, const struct change *c)
{
	size_t at = 0;

	while (at < trie->n && prefix_compare(&trie->v[at].prefix, &c->node.prefix) < 0)
		at++;
	if (at < trie->n && !prefix_compare(&trie->v[at].prefix, &c->node.prefix)) {
		if (!c->remove) {
			trie->v[at] = c->node;
			return;
		}
		memmove(&trie->v[at], &trie->v[at + 1], (trie->n - at - 1) * sizeof(*trie->v));
		trie->n--;
		return;
	}
	assert_false(c->remove); /* only what is there is removed */
	if (trie->n == trie->cap) {
		trie->cap = trie->cap * 2 + 64;
		trie->v = reallocarray(trie->v, trie->cap, sizeof(*trie->v));
		assert_non_null(trie->v);
	}
	memmove(&trie->v[at + 1], &trie->v[at], (trie->n - at) * sizeof(*trie->v));
	trie->v[at] = c->node;
	trie->n++;
}

enum { WATCHED = 24 };

/* Every step of the change moves an address from its old services to the new ones at most once. */
static void apply_watching(struct nodes *trie, const struct changes *changes,
			   const struct policy *old, const struct policy *new, uint64_t *rng)
{
	struct prefix watched[WATCHED];
	uint64_t before[WATCHED], after[WATCHED];

	for (size_t i = 0; i < WATCHED; i++) {
		watched[i] = random_address(new, rng);
		before[i] = oracle(old, &watched[i]);
		after[i] = oracle(new, &watched[i]);
	}
	for (size_t step = 0; step < changes->n; step++) {
		trie_apply(trie, &changes->v[step]);
		for (size_t i = 0; i < WATCHED; i++) {
			uint64_t now = look_up(trie, &watched[i]);

			assert_true(now == before[i] || now == after[i]);
			before[i] = now; /* and never back */
		}
	}
	for (size_t i = 0; i < WATCHED; i++)
		assert_int_equal(look_up(trie, &watched[i]), after[i]);
}

static void live_changes_in_random_order_agree_with_the_oracle(void **state)
{
	_cleanup_policy_ struct policy p;
	_cleanup_nodes_ struct nodes trie = { 0 };
	uint64_t rng = seed();

	(void)state;
	policy_make(&p, &rng);
	fill(&p, 60, &rng);
	assert_int_equal(compile_nodes(&p, &trie), 0);
	for (size_t step = 0; step < LIVE_STEPS; step++) {
		_cleanup_nodes_ struct nodes before = { 0 }, after = { 0 };
		_cleanup_changes_ struct changes changes = { 0 };
		struct entries old_added = { 0 };
		struct policy old = p;
		struct entry e;

		old_added.v = calloc(p.added.n + 1, sizeof(*old_added.v));
		assert_non_null(old_added.v);
		if (p.added.n)
			memcpy(old_added.v, p.added.v, p.added.n * sizeof(*old_added.v));
		old_added.n = p.added.n;
		old.added = old_added;
		if (p.added.n > 20 && next_random(&rng) % 2) {
			size_t at = next_random(&rng) % p.added.n;

			e = p.added.v[at];
			delete_at(&p.added, at);
		} else {
			do {
				e = random_entry(&rng);
			} while (is_known(&p, &e));
			insert_sorted(&p.added, &e);
		}
		assert_int_equal(compile_within(&old, &e.prefix, &before), 0);
		assert_int_equal(compile_within(&p, &e.prefix, &after), 0);
		assert_int_equal(nodes_diff(&before, &after, &changes), 0);
		apply_watching(&trie, &changes, &old, &p, &rng);
		if (step % 50 == 0) {
			_cleanup_nodes_ struct nodes whole = { 0 };

			assert_int_equal(compile_nodes(&p, &whole), 0);
			assert_int_equal(trie.n, whole.n);
			for (size_t i = 0; i < whole.n; i++) {
				assert_int_equal(
					prefix_compare(&trie.v[i].prefix, &whole.v[i].prefix), 0);
				assert_int_equal(trie.v[i].services, whole.v[i].services);
			}
		}
		free(old_added.v);
	}
}

/* Any two policies, not only neighbours: what a reload in place would need. */
static void any_difference_is_safe_address_by_address(void **state)
{
	uint64_t rng = seed();

	(void)state;
	for (size_t round = 0; round < 40; round++) {
		_cleanup_policy_ struct policy a, b;
		_cleanup_nodes_ struct nodes before = { 0 }, after = { 0 };
		_cleanup_changes_ struct changes changes = { 0 };
		uint64_t rng_b;

		policy_make(&a, &rng);
		rng_b = rng;
		policy_make(&b, &rng_b);
		memcpy(b.services, a.services, SERVICES * sizeof(*a.services));
		fill(&a, 80, &rng);
		fill(&b, 80, &rng);
		assert_int_equal(compile_nodes(&a, &before), 0);
		assert_int_equal(compile_nodes(&b, &after), 0);
		assert_int_equal(nodes_diff(&before, &after, &changes), 0);
		apply_watching(&before, &changes, &a, &b, &rng);
	}
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

static void port_tables_agree_with_the_ranges(void **state)
{
	_cleanup_free_ struct axp_policy *tables = NULL;
	uint64_t rng = seed();

	(void)state;
	for (size_t round = 0; round < 20; round++) {
		_cleanup_policy_ struct policy p;
		struct error err;

		policy_make(&p, &rng);
		for (size_t i = 0; i < SERVICES; i++) {
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
		for (uint32_t n = 0; n < 2 * 65536; n++) {
			uint8_t protocol = (uint8_t)(n >> 16), class;
			uint32_t first = 0;
			uint64_t set = port_services(&p, AXP_IN, protocol, (uint16_t)n, &first);

			class = tables->port_class[AXP_IN][protocol][n & 0xffff];
			assert_int_equal(tables->port_class[AXP_OUT][protocol][n & 0xffff], 0);
			assert_int_equal(!!class, !!set);
			if (!class)
				continue;
			assert_int_equal(tables->classes[class].services, set);
			assert_int_equal(tables->classes[class].first, first);
		}
	}
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
		cmocka_unit_test(any_difference_is_safe_address_by_address),
		cmocka_unit_test(port_tables_agree_with_the_ranges),
		cmocka_unit_test(too_many_overlaps_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
