// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The linter: every kind of warning with its place and words, what it is silent about, the caps,
 * and duplicate and covered entries against an obvious search.
 */
#include <stdlib.h>
#include <string.h>
#include "abi.h"
#include "config.h"
#include "lint.h"
#include "special.h"
#include "unit.h"

enum { NOW = 1000000 };

static struct prefix prefix_of(const char *text)
{
	struct prefix p;
	struct error err;

	assert_int_equal(prefix_parse(text, strlen(text), &p, &err), 0);
	return p;
}

/* ---- ranges ---- */

static void test_special_ranges(void **state)
{
	static const struct {
		const char *text;
		enum reserved_kind kind;
	} cases[] = {
		{ "192.0.2.0/24", RESERVED_EXAMPLES },
		{ "198.51.100.7", RESERVED_EXAMPLES },
		{ "203.0.113.128/25", RESERVED_EXAMPLES },
		{ "2001:db8::/32", RESERVED_EXAMPLES },
		{ "2001:db8:7::5", RESERVED_EXAMPLES },
		{ "3fff:abc::/32", RESERVED_EXAMPLES },
		{ "0.0.0.0/8", RESERVED_NEVER },
		{ "0.0.0.0", RESERVED_NEVER },
		{ "127.0.0.1", RESERVED_NEVER },
		{ "192.0.0.8", RESERVED_NEVER },
		{ "192.88.99.1", RESERVED_NEVER },
		{ "198.18.0.0/15", RESERVED_EXAMPLES },
		{ "198.19.255.255", RESERVED_EXAMPLES },
		{ "224.0.0.5", RESERVED_NEVER },
		{ "239.255.0.0/16", RESERVED_NEVER },
		{ "240.0.0.0/4", RESERVED_NEVER },
		{ "255.255.255.255", RESERVED_NEVER },
		{ "::", RESERVED_NEVER },
		{ "::1", RESERVED_NEVER },
		{ "100::1", RESERVED_NEVER },
		{ "2001::1", RESERVED_NEVER },
		{ "2001:2::/48", RESERVED_EXAMPLES },
		{ "5f00::1", RESERVED_NEVER },
		{ "fec0::1", RESERVED_NEVER },
		{ "ff02::1", RESERVED_NEVER },
		{ "64:ff9b::/96", RESERVED_TRANSLATED },
		{ "64:ff9b::192.0.2.7", RESERVED_TRANSLATED },
		{ "64:ff9b::/64", RESERVED_TRANSLATED }, /* around it */
		/* next to them */
		{ "192.0.1.255", RESERVED_NONE },
		{ "192.0.3.0", RESERVED_NONE },
		{ "198.51.99.255", RESERVED_NONE },
		{ "198.51.101.0", RESERVED_NONE },
		{ "203.0.112.0/24", RESERVED_NONE },
		{ "203.0.114.0/24", RESERVED_NONE },
		{ "1.0.0.0", RESERVED_NONE },
		{ "126.255.255.255", RESERVED_NONE },
		{ "128.0.0.0", RESERVED_NONE },
		{ "192.0.1.0/24", RESERVED_NONE },
		{ "198.17.255.255", RESERVED_NONE },
		{ "198.20.0.0", RESERVED_NONE },
		{ "223.255.255.255", RESERVED_NONE },
		{ "::2", RESERVED_NONE },
		{ "2001:db7:ffff::", RESERVED_NONE },
		{ "2001:db9::", RESERVED_NONE },
		{ "2001:1::", RESERVED_NONE },
		{ "64:ff9c::", RESERVED_NONE },
		{ "64:ff9b:1::/48", RESERVED_NONE }, /* a translator of one's own */
		{ "2a00::/32", RESERVED_NONE },
		/* hosts do send from these */
		{ "10.0.0.1", RESERVED_NONE },
		{ "172.16.0.0/16", RESERVED_NONE },
		{ "192.168.1.0/24", RESERVED_NONE },
		{ "100.64.0.1", RESERVED_NONE },
		{ "169.254.10.0/24", RESERVED_NONE },
		{ "fd00::1", RESERVED_NONE },
		{ "fe80::1", RESERVED_NONE },
		/* wider than a range: not inside it */
		{ "192.0.0.0/16", RESERVED_NONE },
		{ "0.0.0.0/0", RESERVED_NONE },
		{ "::/0", RESERVED_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct prefix p = prefix_of(cases[i].text);
		const struct reserved r = prefix_special(&p);

		if (r.kind != cases[i].kind)
			fail_msg("%s: %d", cases[i].text, (int)r.kind);
	}
}

static void test_too_wide(void **state)
{
	struct prefix p;

	(void)state;
	p = prefix_of("10.0.0.0/15");
	assert_true(prefix_too_wide(&p));
	p = prefix_of("10.0.0.0/16");
	assert_false(prefix_too_wide(&p));
	p = prefix_of("2a00::/31");
	assert_true(prefix_too_wide(&p));
	p = prefix_of("2a00::/32");
	assert_false(prefix_too_wide(&p));
	p = prefix_of("::/0");
	assert_true(prefix_too_wide(&p));
}

static void test_translated(void **state)
{
	struct prefix p = prefix_of("64:ff9b::cb00:7100/120"), out,
		      wanted = prefix_of("203.0.113.0/24");

	(void)state;
	assert_true(prefix_translated(&p, &out));
	assert_memory_equal(&out, &wanted, sizeof(out));
	p = prefix_of("64:ff9b::/95");
	assert_false(prefix_translated(&p, &out));
	p = prefix_of("64:ff9b:1::1");
	assert_false(prefix_translated(&p, &out));
}

/* ---- kinds, from a config ---- */

struct linted {
	struct policy policy;
	struct lint lint;
};

static void linted_free(struct linted *l)
{
	lint_free(&l->lint);
	policy_free(&l->policy);
}

static void lint_config(const struct scratch *s, const char *text, struct linted *out)
{
	struct error err = { "" };

	memset(out, 0, sizeof(*out));
	scratch_write(s, "a.yaml", text);
	if (config_read(&out->policy, scratch_path(s, "a.yaml"), &err))
		fail_msg("%s", err.text);
	assert_int_equal(lint_make(&out->lint, &out->policy), 0);
}

/* There is such a warning at that line of that file. */
static void has(const struct linted *l, enum lint_kind kind, const char *file, uint32_t line,
		const char *text)
{
	for (size_t i = 0; i < l->lint.n; i++) {
		const struct lint_warning *w = &l->lint.v[i];
		const char *name = strrchr(policy_string(&l->policy, w->file), '/') + 1;

		if (w->kind == kind && w->line == line && !strcmp(name, file) &&
		    !strcmp(w->text, text))
			return;
	}
	for (size_t i = 0; i < l->lint.n; i++)
		print_message("%s:%u: %s\n", lint_name(l->lint.v[i].kind), l->lint.v[i].line,
			      l->lint.v[i].text);
	fail_msg("not there: %s", text);
}

#define HEAD                                                                             \
	"services: [{name: s, ports: [tcp/443], allow: [a]}]\nlists:\n  - name: a\n    " \
	"prefixes:\n"

static void test_silence(void **state)
{
	struct linted l;

	lint_config(*state,
		    HEAD
		    "      - 10.0.0.0/16\n      - \"!10.0.1.0/24\"\n      - 10.0.1.7\n"
		    "      - 8.8.8.8\n      - 8.8.8.9\n      - fd00::/32\n      - fe80::1\n"
		    "      - 100.64.0.0/16\n      - \"9.9.9.0/24 until=2020-01-01T00:00:00Z\"\n"
		    "      - \"203.0.113.0/24 until=2020-01-01T00:00:00Z\"\n",
		    &l);
	assert_int_equal(l.lint.total, 0);
	assert_int_equal(l.lint.n, 0);
	linted_free(&l);
}

static void test_ranges_of_a_list(void **state)
{
	struct linted l;

	lint_config(*state,
		    HEAD "      - 203.0.113.0/24\n      - 2001:db8::1\n      - 127.0.0.1\n"
			 "      - 8.0.0.0/15\n      - 2a00::/31\n      - 64:ff9b::/96\n"
			 "      - 64:ff9b:1::/48\n      - \"!9.0.0.0/9\"\n      - 9.0.0.0/8\n",
		    &l);
	has(&l, LINT_DOCUMENTATION, "a.yaml", 5,
	    "203.0.113.0/24 of list a is for documentation (RFC 5737), where nobody calls from: "
	    "write the address that is meant, or remove it");
	has(&l, LINT_DOCUMENTATION, "a.yaml", 6,
	    "2001:db8::1/128 of list a is for documentation (RFC 3849), where nobody calls from: "
	    "write the address that is meant, or remove it");
	has(&l, LINT_RESERVED, "a.yaml", 7,
	    "127.0.0.1/32 of list a is loopback (RFC 1122), where nobody calls from: write the "
	    "address that is meant, or remove it");
	has(&l, LINT_TOO_WIDE, "a.yaml", 8,
	    "8.0.0.0/15 of list a is too wide, shorter than /16: list what is needed of it");
	has(&l, LINT_TOO_WIDE, "a.yaml", 9,
	    "2a00::/31 of list a is too wide, shorter than /32: list what is needed of it");
	has(&l, LINT_NAT64, "a.yaml", 10,
	    "64:ff9b::/96 of list a lets in whoever comes through a NAT64 (64:ff9b::/96, RFC "
	    "6052), "
	    "all of IPv4: list what is needed of it");
	has(&l, LINT_TOO_WIDE, "a.yaml", 13,
	    "9.0.0.0/8 of list a is too wide, shorter than /16: list what is needed of it");
	assert_int_equal(l.lint.total, 7); /* a hole may be as wide as it likes */
	linted_free(&l);
}

static void test_translated_address(void **state)
{
	struct linted l;

	lint_config(*state, HEAD "      - 64:ff9b::808:808\n", &l);
	has(&l, LINT_NAT64, "a.yaml", 5,
	    "64:ff9b::808:808/128 of list a is IPv4 as behind a translator (RFC 6052): list "
	    "8.8.8.8/32, unless this host sees IPv4 peers so");
	assert_int_equal(l.lint.total, 1);
	linted_free(&l);
}

static void test_twice_and_covered(void **state)
{
	struct linted l;
	char text[512];

	scratch_write(*state, "a.list",
		      "8.8.8.0/24\n8.8.8.8 # label\n9.9.9.9\n\n9.9.9.9/32\n!7.7.7.7\n");
	lint_config(*state, HEAD "      - 9.9.9.9\n    file: a.list\n", &l);
	snprintf(text, sizeof(text),
		 "8.8.8.8/32 of list a makes no difference, inside 8.8.8.0/24 (%s:1): remove it",
		 scratch_path(*state, "a.list"));
	has(&l, LINT_COVERED, "a.list", 2, text);
	snprintf(
		text, sizeof(text),
		"9.9.9.9/32 of list a is there already (%s:5), and the first one counts: remove it",
		scratch_path(*state, "a.yaml"));
	has(&l, LINT_DUPLICATE, "a.list", 3, text);
	has(&l, LINT_DUPLICATE, "a.list", 5, text);
	has(&l, LINT_IDLE_HOLE, "a.list", 6,
	    "!7.7.7.7/32 of list a is a hole in nothing: no entry around it lists it: remove it");
	assert_int_equal(l.lint.total, 4);
	linted_free(&l);
}

/* What another list has is no duplicate: review(1)'s matter, by services. */
static void test_lists_are_their_own(void **state)
{
	struct linted l;

	lint_config(*state,
		    "services: [{name: s, ports: [tcp/443], allow: [a, b]}]\nlists:\n"
		    "  - {name: a, prefixes: [8.8.8.0/24]}\n  - {name: b, prefixes: [8.8.8.8, "
		    "8.8.8.0/24]}\n",
		    &l);
	assert_int_equal(l.lint.total, 1);
	assert_int_equal(l.lint.counts[LINT_COVERED], 1);
	linted_free(&l);
}

static void test_lists_and_services(void **state)
{
	struct linted l;

	lint_config(
		*state,
		"services:\n  - {name: s, ports: [tcp/443], allow: [empty, holes]}\n"
		"  - {name: t, ports: [tcp/80]}\n"
		"  - {name: o, ports: [tcp/81], direction: out, allow: [gone]}\n"
		"  - {name: fine, ports: [tcp/82], allow: [empty, good]}\nlists:\n"
		"  - name: empty\n  - {name: holes, prefixes: [\"!8.8.8.8\"]}\n"
		"  - {name: gone, prefixes: [\"8.8.8.8 until=2020-01-01T00:00:00Z\"]}\n"
		"  - {name: good, prefixes: [8.8.8.8]}\n  - {name: nobodys, prefixes: [8.8.8.8]}\n",
		&l);
	has(&l, LINT_UNREACHABLE, "a.yaml", 2,
	    "service s has no entry in any of its lists: enforced, it drops everyone: add entries "
	    "to "
	    "one of them");
	has(&l, LINT_UNREACHABLE, "a.yaml", 3,
	    "service t allows no list: enforced, it drops everyone: name its lists under `allow`");
	has(&l, LINT_UNREACHABLE, "a.yaml", 4,
	    "service o has no entry in any of its lists: enforced, it lets this host talk to "
	    "nobody: "
	    "add entries to one of them");
	has(&l, LINT_UNUSED_LIST, "a.yaml", 11,
	    "no service allows list nobodys: write it under `allow` of one, or remove it");
	assert_int_equal(l.lint.counts[LINT_UNREACHABLE], 3);
	assert_int_equal(l.lint.counts[LINT_UNUSED_LIST], 1);
	assert_int_equal(l.lint.counts[LINT_IDLE_HOLE], 1);
	assert_int_equal(l.lint.total, 5);
	linted_free(&l);
}

/* Names and feeds, and profiles' lists that have nothing published. */
static void test_sources(void **state)
{
	static const char text[] =
		"services: [{name: s, ports: [tcp/443], allow: [a, b, c]}]\nlists:\n"
		"  - name: a\n    names:\n      - one.example.com\n      - two.example.com\n"
		"    prefixes: [\"!9.9.9.9\", 8.8.8.8]\n"
		"  - {name: b, srv: [_sip._udp.example.com], prefixes: []}\n"
		"  - {name: c, unpublished: \"ask them\"}\n";
	struct entry e = { .prefix = prefix_of("7.6.0.0/15"), .flags = ENTRY_NEWS };
	struct linted l;
	struct error err;

	lint_config(*state, text, &l);
	has(&l, LINT_NO_ADDRESS, "a.yaml", 5,
	    "list a has nothing of name one.example.com yet: `allowxdp run` asks for it as long as "
	    "it "
	    "runs");
	has(&l, LINT_NO_ADDRESS, "a.yaml", 6,
	    "list a has nothing of name two.example.com yet: `allowxdp run` asks for it as long as "
	    "it "
	    "runs");
	has(&l, LINT_NO_ADDRESS, "a.yaml", 8,
	    "list b has nothing of srv _sip._udp.example.com yet: `allowxdp run` asks for it as "
	    "long as it "
	    "runs");
	has(&l, LINT_MISSING, "a.yaml", 9, "list c is empty, for nothing is published: ask them");
	assert_int_equal(l.lint.total, 4); /* what the hole cuts into may come */

	/* What one of them brings is not looked at, and makes nothing superfluous. */
	e.source = l.policy.sources[1].origin;
	assert_int_equal(entries_push(&l.policy.base, &e), 0);
	e.prefix = prefix_of("8.8.8.0/24");
	assert_int_equal(entries_push(&l.policy.base, &e), 0);
	e.prefix = prefix_of("8.8.8.8");
	assert_int_equal(entries_push(&l.policy.base, &e), 0);
	assert_int_equal(policy_sort_entries(&l.policy, &l.policy.base, &err), 0);
	assert_int_equal(l.policy.base.n, 4);
	lint_free(&l.lint);
	memset(&l.lint, 0, sizeof(l.lint));
	assert_int_equal(lint_make(&l.lint, &l.policy), 0);
	assert_int_equal(l.lint.counts[LINT_NO_ADDRESS], 2);
	assert_int_equal(l.lint.counts[LINT_MISSING], 1);
	assert_int_equal(l.lint.total, 3);
	linted_free(&l);
}

static void test_caps(void **state)
{
	enum { N = 100 };
	struct linted l;
	FILE *f = fopen(scratch_path(*state, "a.list"), "w");

	assert_non_null(f);
	for (int i = 0; i < N; i++)
		fprintf(f, "203.0.113.%d\n203.0.113.%d\n", i, i);
	assert_int_equal(fclose(f), 0);
	lint_config(*state, HEAD "      - 8.8.8.8\n    file: a.list\n", &l);
	assert_int_equal(l.lint.counts[LINT_DOCUMENTATION], N);
	assert_int_equal(l.lint.counts[LINT_DUPLICATE], N);
	assert_int_equal(l.lint.total, 2 * N);
	assert_int_equal(l.lint.n, 2 * LINT_KEPT);
	linted_free(&l);
}

static void test_names_and_order(void **state)
{
	(void)state;
	assert_string_equal(lint_name(LINT_UNREACHABLE), "unreachable-service");
	assert_string_equal(lint_name(LINT_IDLE_HOLE), "idle-hole");
	assert_true(lint_serious(LINT_TOO_WIDE));
	assert_false(lint_serious(LINT_DUPLICATE));
}

/* ---- against an obvious search ---- */

enum { LISTS_MAX = 3, ENTRIES_MAX = 120 };

struct raw {
	struct entry v[ENTRIES_MAX];
	size_t n;
};

static struct entry any_entry(uint64_t *seed, uint32_t line, uint16_t flags)
{
	static const uint32_t untils[] = { 0, 0, 0, 0, NOW - 5, NOW, NOW + 10, NOW + 20 };
	bool v6 = unit_random(seed) % 3 == 0;
	uint8_t bits = (uint8_t)(unit_random(seed) % 9);
	struct prefix full = { .family = v6 ? AXP_IPV6 : AXP_IPV4, .len = v6 ? 68 : 24 };
	struct entry e = { .list = (uint16_t)(unit_random(seed) % LISTS_MAX), .line = line };

	full.addr[0] = v6 ? 0x2a : 20;
	full.addr[v6 ? 7 : 2] = (uint8_t)(unit_random(seed) % 4 * 64 + unit_random(seed) % 4);
	if (v6)
		full.addr[8] = (uint8_t)(unit_random(seed) % 4 * 16);
	e.prefix = prefix_shorten(&full, (uint8_t)(full.len - bits));
	/* By the prefix: the same one is never both listed and carved out. */
	e.flags = flags;
	if ((e.prefix.addr[v6 ? 7 : 2] + e.prefix.len * 7 + e.list) % 4 == 0)
		e.flags |= ENTRY_CARVE;
	e.until = untils[unit_random(seed) % ARRAY_SIZE(untils)];
	return e;
}

static bool alike(const struct entry *a, const struct entry *b)
{
	return a->list == b->list && !prefix_compare(&a->prefix, &b->prefix);
}

/* Takes out what was there before, and counts it. */
static size_t take_repeats(struct raw *r)
{
	size_t kept = 0, dropped;

	for (size_t i = 0; i < r->n; i++) {
		size_t k = 0;

		while (k < kept && !alike(&r->v[k], &r->v[i]))
			k++;
		if (k == kept)
			r->v[kept++] = r->v[i];
	}
	dropped = r->n - kept;
	r->n = kept;
	return dropped;
}

static bool expired(const struct entry *e)
{
	return e->until && e->until <= NOW;
}

/* The longest one around e, among those; one of the same prefix only in base, for an added one. */
static const struct entry *nearest(const struct raw *base, const struct raw *added,
				   const struct entry *e)
{
	const struct raw *both[] = { base, added };
	const struct entry *best = NULL;

	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < both[k]->n; i++) {
			const struct entry *c = &both[k]->v[i];

			if (c == e || c->list != e->list || expired(c) ||
			    !prefix_covers(&c->prefix, &e->prefix))
				continue;
			if (c->prefix.len == e->prefix.len && k == 1)
				continue;
			if (c->prefix.len == e->prefix.len && !(e->flags & ENTRY_COMMAND))
				continue;
			if (!best || c->prefix.len > best->prefix.len ||
			    (c->prefix.len == best->prefix.len && best->until &&
			     (!c->until || c->until > best->until)))
				best = c;
		}
	}
	return best;
}

static void count_one(const struct raw *base, const struct raw *added, const struct entry *e,
		      size_t *counts)
{
	const struct entry *c = nearest(base, added, e);
	bool same = c && c->prefix.len == e->prefix.len;
	bool lasts = c && (c->until == 0 || (e->until != 0 && c->until >= e->until));

	if (expired(e))
		return;
	if (!(e->flags & ENTRY_CARVE) && c && !(c->flags & ENTRY_CARVE) && lasts)
		counts[same ? LINT_DUPLICATE : LINT_COVERED]++;
	if (e->flags & ENTRY_CARVE && (!c || (c->flags & ENTRY_CARVE && lasts)))
		counts[same ? LINT_DUPLICATE : LINT_IDLE_HOLE]++;
}

static void test_against_an_obvious_search(void **state)
{
	static const char *const lists = "abc";
	uint64_t seed = 20261121;
	size_t seen[LINTS] = { 0 };

	(void)state;
	for (int round = 0; round < 3000; round++) {
		size_t counts[LINTS] = { 0 };
		struct raw base = { .n = unit_random(&seed) % ENTRIES_MAX };
		struct raw added = { .n = round % 2 ? unit_random(&seed) % 12 : 0 };
		struct policy p = { .now = NOW, .n_lists = LISTS_MAX, .n_services = 1 };
		struct lint l = { 0 };
		struct error err;

		p.lists = calloc(LISTS_MAX, sizeof(*p.lists));
		p.services = calloc(1, sizeof(*p.services));
		for (size_t i = 0; i < LISTS_MAX; i++)
			p.lists[i].name[0] = lists[i];
		p.services[0].allow[0] = 7;
		for (size_t i = 0; i < base.n; i++) {
			base.v[i] = any_entry(&seed, (uint32_t)i + 1, 0);
			assert_int_equal(entries_push(&p.base, &base.v[i]), 0);
		}
		for (size_t i = 0; i < added.n; i++) {
			added.v[i] = any_entry(&seed, (uint32_t)i + 1, ENTRY_COMMAND);
			assert_int_equal(entries_push(&p.added, &added.v[i]), 0);
		}
		assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
		assert_int_equal(policy_sort_entries(&p, &p.added, &err), 0);
		counts[LINT_DUPLICATE] = take_repeats(&base) + take_repeats(&added);
		for (size_t i = 0; i < base.n; i++)
			count_one(&base, &added, &base.v[i], counts);
		for (size_t i = 0; i < added.n; i++)
			count_one(&base, &added, &added.v[i], counts);
		assert_int_equal(lint_make(&l, &p), 0);
		for (enum lint_kind k = LINT_DUPLICATE; k <= LINT_IDLE_HOLE; k++) {
			if (l.counts[k] != counts[k])
				fail_msg("round %d: %zu %s, not %zu", round, l.counts[k],
					 lint_name(k), counts[k]);
			seen[k] += counts[k];
		}
		lint_free(&l);
		policy_free(&p);
	}
	for (enum lint_kind k = LINT_DUPLICATE; k <= LINT_IDLE_HOLE; k++)
		assert_true(seen[k] > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_special_ranges),
		cmocka_unit_test(test_too_wide),
		cmocka_unit_test(test_translated),
		scratch_test(test_silence),
		scratch_test(test_ranges_of_a_list),
		scratch_test(test_translated_address),
		scratch_test(test_twice_and_covered),
		scratch_test(test_lists_are_their_own),
		scratch_test(test_lists_and_services),
		scratch_test(test_sources),
		scratch_test(test_caps),
		cmocka_unit_test(test_names_and_order),
		cmocka_unit_test(test_against_an_obvious_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
