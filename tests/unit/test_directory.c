// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Directories against the rule that tries follow: the longest node that covers an address decides.
 * Built from random policies, changed while they are in use, and looked into by the very code that
 * packets run (kernel_side.h).
 */
#include <pthread.h>
#include "compile.h"
#include "directory.h"
#include "kernel_side.h"
#include "../../bpf/lookup.h"
#include "unit.h"

enum {
	LISTS = 40,
	FAR = LISTS, /* one more, for what makes a list large */
	ROUNDS = 12,
	CHANGES = 300,
	NEAR = 1,
	NOW = 1000,
	ROOM = 16,      /* pages */
	LARGE = 131072, /* nodes from which on a list is large */
};

/* What an address opens; ASK: the trie is to be asked. */
#define ASK (1ULL << 63)

static uint64_t rng = 20261121;

static uint64_t random_below(uint64_t n)
{
	return unit_random(&rng) % n;
}

/* --- policies ------------------------------------------------------------------------------- */

/* How prefixes lie: so that every way to store them comes up. */
enum shape { SCATTERED, CROWDED, WIDE, SHAPES };

static struct prefix random_prefix(uint8_t family, enum shape shape)
{
	struct prefix p = { .family = family };
	uint8_t max = prefix_max_len(family);

	for (size_t i = 0; i < max / 8u; i++)
		p.addr[i] = (uint8_t)unit_random(&rng);
	p.len = max;
	if (shape == CROWDED) { /* in a /19 or a /52 */
		memcpy(p.addr, "\xc6\x33\x64", 3);
		if (family == AXP_IPV4)
			p.addr[2] = (uint8_t)random_below(32);
		else
			memset(p.addr + 3, (int)random_below(2), 10);
	}
	if (shape == WIDE)
		return prefix_shorten(&p, (uint8_t)random_below(max / 2u));
	return random_below(3) ? prefix_shorten(&p, (uint8_t)(max - random_below(max / 3u))) : p;
}

/* Whether a prefix is carved out depends on it alone: nothing is both listed and carved out. */
static struct entry random_entry(uint8_t family, enum shape shape)
{
	struct entry e = {
		.prefix = random_prefix(family, random_below(8) ? shape : random_below(SHAPES)),
		.list = (uint16_t)random_below(LISTS),
		.until = random_below(20) ? 0 : NOW + 10,
	};

	if ((e.prefix.addr[1] + e.prefix.addr[3] + e.prefix.len) % 5 == 0)
		e.flags = ENTRY_CARVE;
	return e;
}

/* A service for each list, or one for all of them but FAR: many sets, few of them common. */
static void policy_make(struct policy *p, bool many_sets)
{
	memset(p, 0, sizeof(*p));
	p->now = NOW;
	p->n_lists = LISTS + 1;
	p->lists = calloc(LISTS + 1, sizeof(*p->lists));
	p->n_services = many_sets ? LISTS + 1 : 2;
	p->services = calloc(LISTS + 1, sizeof(*p->services));
	assert_true(p->lists && p->services);
	for (size_t i = 0; i <= LISTS; i++) {
		p->services[i].slot = (uint8_t)i;
		p->services[many_sets ? i : i == FAR].allow[0] |= 1ULL << i;
	}
}

static void policy_fill(struct policy *p, uint8_t family, enum shape shape, size_t n)
{
	struct error err;

	for (size_t i = 0; i < n; i++) {
		struct entry e = random_entry(family, shape);

		assert_int_equal(entries_push(&p->base, &e), 0);
	}
	assert_int_equal(policy_sort_entries(p, &p->base, &err), 0);
}

/* Addresses far from all others, until the list is a large one. */
static void policy_enlarge(struct policy *p)
{
	struct error err;

	for (uint32_t i = 0; i < LARGE; i++) {
		uint32_t address = 0x2c000000 + i * 7;
		struct entry e = { .prefix = { .family = AXP_IPV4, .len = 32 }, .list = FAR };

		for (uint32_t k = 0; k < 4; k++)
			e.prefix.addr[k] = (uint8_t)(address >> (24 - 8 * k));
		assert_int_equal(entries_push(&p->base, &e), 0);
	}
	assert_int_equal(policy_sort_entries(p, &p->base, &err), 0);
}

/* --- the oracle ----------------------------------------------------------------------------- */

static uint64_t expected(const struct nodes *nodes, const struct prefix *address)
{
	const struct node *best = NULL;

	for (size_t i = 0; i < nodes->n; i++) {
		if (prefix_covers(&nodes->v[i].prefix, address) &&
		    (!best || nodes->v[i].prefix.len > best->prefix.len))
			best = &nodes->v[i];
	}
	if (!best)
		return 0;
	return best->timed ? ASK : best->services;
}

/* What packets have of a directory for IPv4 without a look-up. */
static struct axp_policy *policy4;

static uint64_t found(const struct prefix *address)
{
	__u64 services = 0, halves[2];
	__be32 word;
	int answer;

	if (address->family == AXP_IPV4) {
		memcpy(&word, address->addr, sizeof(word));
		answer = directory4_look_up(policy4, 0, bpf_ntohl(word), &services);
	} else {
		memcpy(halves, address->addr, sizeof(halves));
		answer = directory6_look_up(0, bpf_be64_to_cpu(halves[0]),
					    bpf_be64_to_cpu(halves[1]), &services);
	}
	return answer == DIRECTORY_ASKS_TRIE ? ASK : services;
}

static const struct axp_dir_header *header; /* of what is looked into */

static const struct axp_dir_header *header_of(const struct directory *d)
{
	const union axp_dir6_unit *units = (const void *)d->units;

	return d->head ? &d->head->header : &units[AXP_DIR6_HEADER].header;
}

static struct axp_policy *policy_of(const struct directory *d)
{
	return (void *)((char *)d->head - offsetof(struct axp_policy, dir4));
}

/* Of one that is not fixed, a copy is looked into. */
static void look_into(const struct directory *d)
{
	static struct axp_policy copy;

	header = header_of(d);
	kernel_units = d->units + (d->head ? AXP_DIR4_FRONT : 0);
	kernel_pages = (d->room - (d->head ? AXP_DIR4_FRONT_UNITS : 0)) /
		       (AXP_DIR_PAGE / directory_unit(d->family));
	if (d->family != AXP_IPV4)
		return;
	policy4 = d->fixed ? policy_of(d) : &copy;
	if (d->fixed)
		return;
	copy.dir4 = *d->head;
	memcpy(&copy.front4, d->units, sizeof(copy.front4));
}

static void check(const struct nodes *nodes, const struct prefix *address)
{
	uint64_t want = expected(nodes, address), got = found(address);
	char text[PREFIX_TEXT_MAX];

	/* Asking the trie is never wrong, but it is not meant to be without need. */
	if (want != got && !(got == ASK && header->n_sets == AXP_SET_ASK))
		fail_msg("%s: %llx, and not %llx", prefix_text(address, text),
			 (unsigned long long)got, (unsigned long long)want);
}

/* The address so far behind (or before) the first one, or behind the last one, of a prefix. */
static struct prefix beside(const struct prefix *p, bool last, int offset)
{
	struct prefix a = *p;
	uint8_t max = prefix_max_len(p->family);
	int carry = offset;

	a.len = max;
	for (uint32_t bit = p->len; last && bit < max; bit++)
		a.addr[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	for (int i = max / 8 - 1; i >= 0; i--) {
		int sum = a.addr[i] + carry;

		a.addr[i] = (uint8_t)sum;
		carry = sum < 0 ? -1 : sum > 255 ? 1 : 0;
	}
	return a;
}

static void check_around(const struct nodes *nodes, const struct prefix *p)
{
	for (int offset = -NEAR; offset <= NEAR; offset++) {
		struct prefix first = beside(p, false, offset), last = beside(p, true, offset);

		check(nodes, &first);
		check(nodes, &last);
	}
}

static void check_all(const struct nodes *nodes, uint8_t family)
{
	size_t step = nodes->n / 60 + 1;

	for (size_t i = random_below(step); i < nodes->n; i += step)
		check_around(nodes, &nodes->v[i].prefix);
	for (size_t i = 0; i < 100; i++) {
		struct prefix p = random_prefix(family, random_below(SHAPES));

		check_around(nodes, &p);
	}
}

static void compile(const struct policy *p, uint8_t family, struct nodes *nodes)
{
	struct prefix all = { .family = family };

	nodes_free(nodes);
	assert_int_equal(compile_within(p, &all, nodes), 0);
}

/* --- tests ---------------------------------------------------------------------------------- */

static void build_family(uint8_t family)
{
	for (size_t round = 0; round < ROUNDS; round++) {
		struct directory d = { .family = family };
		struct nodes nodes = { 0 };
		struct policy p;

		policy_make(&p, round % 3 == 0);
		policy_fill(&p, family, round % SHAPES, 1 + random_below(round % 5 ? 1500 : 30));
		compile(&p, family, &nodes);
		assert_int_equal(directory_build(&d, &nodes, 0, nodes.n), 0);
		look_into(&d);
		check_all(&nodes, family);
		directory_free(&d);
		nodes_free(&nodes);
		policy_free(&p);
	}
}

static void test_build4(void **state)
{
	(void)state;
	build_family(AXP_IPV4);
}

static void test_build6(void **state)
{
	(void)state;
	build_family(AXP_IPV6);
}

static void test_build_large(void **state)
{
	(void)state;
	for (size_t round = 0; round < 2 * SHAPES; round++) {
		struct directory d = { .family = AXP_IPV4 };
		struct nodes nodes = { 0 };
		struct policy p;

		policy_make(&p, round % 2);
		policy_fill(&p, AXP_IPV4, round % SHAPES, 700);
		policy_enlarge(&p);
		compile(&p, AXP_IPV4, &nodes);
		assert_int_equal(directory_build(&d, &nodes, 0, nodes.n), 0);
		assert_int_equal(header_of(&d)->shift, 0);
		look_into(&d);
		for (size_t i = 0; i < nodes.n; i += 1 + random_below(nodes.n / 10))
			check_around(&nodes, &nodes.v[i].prefix);
		for (size_t i = 0; i < 60; i++) {
			struct prefix any = random_prefix(AXP_IPV4, random_below(SHAPES));

			check_around(&nodes, &any);
			check_around(&nodes, &p.base.v[random_below(p.base.n)].prefix);
		}
		directory_free(&d);
		nodes_free(&nodes);
		policy_free(&p);
	}
}

static void test_no_nodes(void **state)
{
	static const uint8_t both[] = { AXP_IPV4, AXP_IPV6 };
	struct nodes none = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		struct directory d = { .family = both[i] };

		assert_int_equal(directory_build(&d, &none, 0, 0), 0);
		look_into(&d);
		check_all(&none, both[i]);
		directory_free(&d);
	}
}

/* Everything listed, by a prefix of length 0 and by two of length 1: as cheap as one entry. */
static void test_everything(void **state)
{
	(void)state;
	for (uint8_t len = 0; len < 2; len++) {
		struct directory d = { .family = AXP_IPV4 };
		struct node v[2] = { { .prefix = { .family = AXP_IPV4, .len = len },
				       .services = 5 } };
		struct nodes nodes = { .v = v, .n = len + 1u };

		v[1] = v[0];
		v[1].prefix.addr[0] = 0x80;
		assert_int_equal(directory_build(&d, &nodes, 0, nodes.n), 0);
		assert_true(directory_used(&d) <= AXP_DIR4_FIRST + 1);
		look_into(&d);
		check_all(&nodes, AXP_IPV4);
		directory_free(&d);
	}
}

/* Maps' memory, which does not grow; IPv4's begins in the policy, and goes on behind it here. */
static struct directory fixed_copy(const struct directory *d, uint32_t pages)
{
	uint32_t unit = directory_unit(d->family);
	struct directory copy = { .family = d->family, .fixed = true };
	size_t before = d->head ? offsetof(struct axp_policy, front4) : 0;
	size_t front = d->head ? AXP_DIR4_FRONT : 0;
	uint8_t *memory = calloc(1, before + front + (size_t)pages * AXP_DIR_PAGE);

	assert_non_null(memory);
	copy.room = (uint32_t)(front / unit) + pages * (AXP_DIR_PAGE / unit);
	copy.units = memory + before;
	assert_true(directory_used(d) <= copy.room);
	memcpy(copy.units, d->units, (size_t)directory_used(d) * unit);
	if (d->head) {
		copy.head = &((struct axp_policy *)(void *)memory)->dir4;
		*copy.head = *d->head;
	}
	return copy;
}

static void fixed_free(struct directory *d)
{
	free(d->head ? (void *)policy_of(d) : d->units);
}

static struct entry entry4(uint32_t address)
{
	struct entry e = { .prefix = { .family = AXP_IPV4, .len = 32 } };

	e.prefix.addr[0] = (uint8_t)(address >> 24);
	e.prefix.addr[1] = (uint8_t)(address >> 16);
	e.prefix.addr[2] = (uint8_t)(address >> 8);
	e.prefix.addr[3] = (uint8_t)address;
	return e;
}

/* Bits of the filter, in the order of their addresses, up to the one for this address. */
static uint32_t filter_bit(uint32_t shift, uint32_t address)
{
	return address >> (shift ? shift : 9);
}

static bool filter_has(const struct directory *d, uint32_t shift, uint32_t bit)
{
	const union axp_dir4_unit *units = (const void *)d->units;
	const struct axp_dir4_place *places = (const void *)d->units;
	const uint32_t *words = shift ? units[AXP_DIR4_FILTER].words : places[bit / 128].filter;

	if (!shift)
		bit %= 128;
	return words[bit / 32] >> (bit % 32) & 1;
}

/* A bit is set where something is listed, and nowhere else; the nodes are single addresses. */
static void check_filter(const struct directory *d, const struct nodes *nodes)
{
	uint32_t shift = header_of(d)->shift, bits = filter_bit(shift, UINT32_MAX) + 1;
	bool *want = calloc(bits, sizeof(*want));

	assert_non_null(want);
	for (size_t i = 0; i < nodes->n; i++) {
		const uint8_t *b = nodes->v[i].prefix.addr;

		want[filter_bit(shift, (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
					       (uint32_t)b[2] << 8 | b[3])] = true;
	}
	for (uint32_t bit = 0; bit < bits; bit++) {
		if (filter_has(d, shift, bit) != want[bit])
			fail_msg("shift %u, bit %u", shift, bit);
	}
	free(want);
}

static void check_some(const struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i += 7) {
		struct prefix other =
			beside(&nodes->v[i].prefix, false, 1 + (int)random_below(300));

		assert_int_equal(found(&nodes->v[i].prefix), 1);
		assert_int_equal(found(&other), 0);
	}
}

/* Single addresses all over the place; then changes, some of them next to others. */
static void check_filter_of(uint32_t n, uint32_t shift)
{
	struct directory built = { .family = AXP_IPV4 }, d;
	struct nodes nodes = { 0 };
	struct policy p;
	struct error err;

	policy_make(&p, false);
	for (uint32_t i = 0; i < n; i++) {
		struct entry e = entry4(i * 28631); /* ascending until it wraps */

		assert_int_equal(entries_push(&p.base, &e), 0);
	}
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	compile(&p, AXP_IPV4, &nodes);
	assert_int_equal(nodes.n, n);
	assert_int_equal(directory_build(&built, &nodes, 0, nodes.n), 0);
	d = fixed_copy(&built, 40);
	look_into(&d);
	assert_int_equal(header_of(&d)->shift, shift);
	check_filter(&d, &nodes);
	check_some(&nodes);
	for (uint32_t i = 0; i < 20; i++) {
		struct entry e = entry4(i % 2 ? i * 28631 + 400 : (uint32_t)unit_random(&rng));

		assert_int_equal(entries_push(&p.added, &e), 0);
		assert_int_equal(policy_sort_entries(&p, &p.added, &err), 0);
		assert_int_equal(directory_change(&d, &p, &e.prefix), 0);
		assert_int_equal(found(&e.prefix), 1);
	}
	compile(&p, AXP_IPV4, &nodes);
	check_filter(&d, &nodes);
	while (p.added.n) {
		struct prefix last = p.added.v[--p.added.n].prefix;

		assert_int_equal(directory_change(&d, &p, &last), 0);
	}
	compile(&p, AXP_IPV4, &nodes);
	check_filter(&d, &nodes);
	check_some(&nodes);
	fixed_free(&d);
	directory_free(&built);
	nodes_free(&nodes);
	policy_free(&p);
}

/* By /16, /18, /20 and /21; large lists by /23. */
static void test_filters(void **state)
{
	(void)state;
	check_filter_of(500, 16);
	check_filter_of(600, 14);
	check_filter_of(5000, 12);
	check_filter_of(20000, 11);
	check_filter_of(150000, 0);
	check_filter_of(600000, 0);
}

/* Addresses first to first + n - 1 of 10.1.0.0/16, as single ones: what touches becomes one range.
 */
static void list_addresses(struct policy *p, uint8_t *sets, uint32_t first, uint32_t n,
			   uint8_t list)
{
	for (uint32_t at = first; at < first + n && at < 65536; at++) {
		struct entry e = { .prefix = { .family = AXP_IPV4,
					       .len = 32,
					       .addr = { 10, 1, (uint8_t)(at >> 8), (uint8_t)at } },
				   .list = list };

		if (sets[at])
			continue;
		sets[at] = (uint8_t)(list + 1);
		assert_int_equal(entries_push(&p->base, &e), 0);
	}
}

/* Every address of a /16 with so many ranges: returns the word of its root. */
static uint64_t check_ranges(uint32_t ranges, uint32_t longest, uint8_t lists)
{
	static uint8_t sets[65536];
	struct directory d = { .family = AXP_IPV4 };
	struct nodes nodes = { 0 };
	const union axp_dir4_unit *root;
	struct policy p;
	struct error err;
	uint64_t word;

	memset(sets, 0, sizeof(sets));
	policy_make(&p, true);
	list_addresses(&p, sets, 0, 1, 0); /* the ends of the /16 are in it */
	for (uint32_t i = 2; i < ranges; i++)
		list_addresses(&p, sets, (uint32_t)random_below(65536),
			       1 + (uint32_t)random_below(longest), (uint8_t)random_below(lists));
	list_addresses(&p, sets, 65535, 1, 0);
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	compile(&p, AXP_IPV4, &nodes);
	assert_int_equal(directory_build(&d, &nodes, 0, nodes.n), 0);
	look_into(&d);
	for (uint32_t at = 0; at < 65536; at++) {
		__u64 services = 0;

		directory4_look_up(policy4, 0, 0x0a010000 + at, &services);
		if (services != (sets[at] ? 1ULL << (sets[at] - 1) : 0))
			fail_msg("10.1.%u.%u, %u ranges: %llx", at >> 8, at & 255, ranges,
				 (unsigned long long)services);
	}
	root = (const void *)d.units;
	word = root[AXP_DIR4_ROOT + 0x0a01 / 4].roots[0x0a01 % 4];
	directory_free(&d);
	nodes_free(&nodes);
	policy_free(&p);
	return word;
}

/* Ranges of a /16 in 1, 2, 4, 8 and 16 parts, as prefixes or not, and more than fit into those. */
static void test_ranges(void **state)
{
	static const uint32_t numbers[] = { 2,  3,  6,  7,  8,  10,  11,  14, 17,
					    20, 30, 40, 60, 90, 120, 150, 400 };
	bool met[2][AXP_DIR4_PARTS_LOG2 + 1] = { 0 }, met_groups = false;

	(void)state;
	for (size_t i = 0; i < 3 * ARRAY_SIZE(numbers); i++) {
		uint32_t longest = i % 3 == 1 ? 700 : 3;
		uint64_t word =
			check_ranges(numbers[i / 3], longest, (uint8_t)(i % 3 == 2 ? LISTS : 1));

		if (AXP_DIR4_ROOT_KIND(word) == AXP_DIR4_IN_PARTS)
			met[!!(word & AXP_DIR4_OF_PREFIXES)][AXP_DIR4_ROOT_LOG2(word)] = true;
		met_groups |= AXP_DIR4_ROOT_KIND(word) == AXP_DIR4_IN_GROUPS;
	}
	for (size_t i = 0; i <= AXP_DIR4_PARTS_LOG2; i++)
		assert_true(met[0][i] && met[1][i]);
	assert_true(met_groups);
}

/* Puts a random entry among the added ones, or takes one away; its prefix. */
static struct prefix change_policy(struct policy *p, uint8_t family, enum shape shape)
{
	struct entry e = random_entry(family, shape);
	struct error err;

	if (p->added.n && random_below(2)) {
		size_t n = random_below(p->added.n);

		e = p->added.v[n];
		memmove(&p->added.v[n], &p->added.v[n + 1],
			(--p->added.n - n) * sizeof(*p->added.v));
		return e.prefix;
	}
	if (!policy_find_entry(p, &e.prefix, e.list)) {
		assert_int_equal(entries_push(&p->added, &e), 0);
		assert_int_equal(policy_sort_entries(p, &p->added, &err), 0);
	}
	return e.prefix;
}

static void change_family(uint8_t family, enum shape shape, bool many_sets)
{
	struct directory built = { .family = family }, d;
	struct nodes nodes = { 0 };
	struct policy p;

	policy_make(&p, many_sets);
	policy_fill(&p, family, shape, 800);
	compile(&p, family, &nodes);
	assert_int_equal(directory_build(&built, &nodes, 0, nodes.n), 0);
	d = fixed_copy(&built, ROOM);
	look_into(&d);
	for (size_t i = 0; i < CHANGES; i++) {
		struct prefix changed = change_policy(&p, family, shape);
		int rc = directory_change(&d, &p, &changed);

		compile(&p, family, &nodes);
		if (rc == -ENOSPC) { /* made anew, as the command does */
			directory_free(&built);
			fixed_free(&d);
			built = (struct directory){ .family = family };
			assert_int_equal(directory_build(&built, &nodes, 0, nodes.n), 0);
			d = fixed_copy(&built, ROOM);
			look_into(&d);
			rc = 0;
		}
		assert_int_equal(rc, 0);
		check_around(&nodes, &changed);
		if (i % 50 == 0)
			check_all(&nodes, family);
	}
	check_all(&nodes, family);
	fixed_free(&d);
	directory_free(&built);
	nodes_free(&nodes);
	policy_free(&p);
}

static void test_change4(void **state)
{
	(void)state;
	change_family(AXP_IPV4, SCATTERED, false);
	change_family(AXP_IPV4, CROWDED, true);
	change_family(AXP_IPV4, CROWDED, false);
}

static void test_change6(void **state)
{
	(void)state;
	change_family(AXP_IPV6, SCATTERED, false);
	change_family(AXP_IPV6, CROWDED, true);
	change_family(AXP_IPV6, WIDE, false);
}

static void test_change_large(void **state)
{
	(void)state;
	for (enum shape shape = SCATTERED; shape < SHAPES; shape++) {
		struct directory built = { .family = AXP_IPV4 }, d;
		struct nodes nodes = { 0 };
		struct policy p;

		policy_make(&p, shape == CROWDED);
		policy_fill(&p, AXP_IPV4, shape, 300);
		policy_enlarge(&p);
		compile(&p, AXP_IPV4, &nodes);
		assert_int_equal(directory_build(&built, &nodes, 0, nodes.n), 0);
		d = fixed_copy(&built, 64);
		assert_int_equal(header_of(&d)->shift, 0);
		look_into(&d);
		for (size_t i = 0; i < 25; i++) {
			struct prefix changed = change_policy(&p, AXP_IPV4, shape);

			assert_int_equal(directory_change(&d, &p, &changed), 0);
			compile(&p, AXP_IPV4, &nodes);
			check_around(&nodes, &changed);
		}
		fixed_free(&d);
		directory_free(&built);
		nodes_free(&nodes);
		policy_free(&p);
	}
}

/* Where the room runs out, every address is as it was. */
static void test_no_room(void **state)
{
	struct directory built = { .family = AXP_IPV4 }, d;
	struct nodes before = { 0 };
	struct prefix changed;
	struct policy p;
	int rc = 0;

	(void)state;
	policy_make(&p, false);
	policy_fill(&p, AXP_IPV4, CROWDED, 300);
	compile(&p, AXP_IPV4, &before);
	assert_int_equal(directory_build(&built, &before, 0, before.n), 0);
	d = fixed_copy(&built, ROOM);
	look_into(&d);
	d.room = directory_used(&built) + 300;
	for (size_t i = 0; !rc && i < 100000; i++) {
		compile(&p, AXP_IPV4, &before);
		changed = change_policy(&p, AXP_IPV4, CROWDED);
		rc = directory_change(&d, &p, &changed);
	}
	assert_int_equal(rc, -ENOSPC);
	check_around(&before, &changed);
	check_all(&before, AXP_IPV4);
	fixed_free(&d);
	directory_free(&built);
	nodes_free(&before);
	policy_free(&p);
}

/* More sets of services than there are ids: the trie is asked for those that are left over. */
static void test_too_many_sets(void **state)
{
	struct directory d = { .family = AXP_IPV4 };
	struct node v[400] = { 0 };
	struct nodes nodes = { .v = v, .n = ARRAY_SIZE(v) };
	size_t known = 0, asked = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		v[i].prefix = (struct prefix){ .family = AXP_IPV4, .len = 32 };
		v[i].prefix.addr[0] = 10;
		v[i].prefix.addr[2] = (uint8_t)(i >> 8);
		v[i].prefix.addr[3] = (uint8_t)i;
		v[i].services = i + 1;
	}
	assert_int_equal(directory_build(&d, &nodes, 0, nodes.n), 0);
	look_into(&d);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		uint64_t services = found(&v[i].prefix);

		known += services == i + 1;
		asked += services == ASK;
	}
	assert_int_equal(known, AXP_SET_ASK - 1);
	assert_int_equal(known + asked, ARRAY_SIZE(v));
	directory_free(&d);
}

/* --- while packets are looking -------------------------------------------------------------- */

struct reader {
	struct prefix always, never;
	uint64_t looks, wrong;
	bool stop;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		r->wrong += found(&r->always) != 1;
		r->wrong += found(&r->never) != 0;
		r->looks++;
	}
	return NULL;
}

/* Neighbours come and go around one that is always listed and one that never is. */
static void test_readers(void **state)
{
	static const uint8_t kinds[] = { AXP_IPV4, AXP_IPV6, AXP_IPV4 };

	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(kinds); f++) {
		uint8_t max = prefix_max_len(kinds[f]);
		struct directory built = { .family = kinds[f] }, d;
		struct reader r = { .looks = 0 };
		struct nodes nodes = { 0 };
		struct entry e = { .prefix = {
					   .family = kinds[f], .len = max, .addr = "\xc6\x33" } };
		struct policy p;
		pthread_t thread;

		policy_make(&p, false);
		r.always = r.never = e.prefix;
		r.never.addr[max / 8 - 1] = 1;
		assert_int_equal(entries_push(&p.base, &e), 0);
		if (f == 2) /* a large list */
			policy_enlarge(&p);
		compile(&p, kinds[f], &nodes);
		assert_int_equal(directory_build(&built, &nodes, 0, nodes.n), 0);
		d = fixed_copy(&built, 60);
		look_into(&d);
		assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
		for (uint32_t i = 0; i < 3000; i++) {
			bool add = !(i / 64 % 2);

			e.prefix.addr[max / 8 - 1] = (uint8_t)(2 + i % 64);
			e.prefix.addr[max / 8 - 2] = (uint8_t)(i % 3);
			if (add) {
				struct error err;

				assert_int_equal(entries_push(&p.added, &e), 0);
				assert_int_equal(policy_sort_entries(&p, &p.added, &err), 0);
			} else if (p.added.n) {
				e = p.added.v[--p.added.n];
			}
			if (directory_change(&d, &p, &e.prefix) == -ENOSPC)
				break;
		}
		__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		assert_int_equal(r.wrong, 0);
		assert_true(r.looks > 1000);
		fixed_free(&d);
		directory_free(&built);
		nodes_free(&nodes);
		policy_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build4),       cmocka_unit_test(test_build6),
		cmocka_unit_test(test_no_nodes),     cmocka_unit_test(test_everything),
		cmocka_unit_test(test_filters),      cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_change4),      cmocka_unit_test(test_change6),
		cmocka_unit_test(test_no_room),      cmocka_unit_test(test_too_many_sets),
		cmocka_unit_test(test_readers),      cmocka_unit_test(test_build_large),
		cmocka_unit_test(test_change_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
