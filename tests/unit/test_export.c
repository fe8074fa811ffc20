// SPDX-License-Identifier: GPL-2.0-or-later
/* Prefixes that do not overlap, in place of entries with holes and expiries: the same verdicts. */
#include "unit.h"
#include "explain.h"
#include "export.h"

enum { NOW = 1000, ROUNDS = 400 };

/* A policy of one service and one list. */
static void begin(struct policy *p)
{
	*p = (struct policy){ .now = NOW };
	p->services = calloc(1, sizeof(*p->services));
	p->lists = calloc(1, sizeof(*p->lists));
	assert_non_null(p->services);
	assert_non_null(p->lists);
	strcpy(p->services[0].name, "s");
	strcpy(p->lists[0].name, "l");
	p->services[0].allow[0] = 1;
	p->services[0].n_ports = 1;
	p->services[0].ports[0] = (struct port_range){ 5060, 5060, AXP_UDP, 0 };
	p->n_services = p->n_lists = 1;
}

static void sort(struct policy *p)
{
	struct error err;

	assert_int_equal(policy_sort_entries(p, &p->base, &err), 0);
	assert_int_equal(policy_sort_entries(p, &p->added, &err), 0);
}

static void push(struct policy *p, const char *text, bool carve, uint32_t until, bool added)
{
	struct entry e = { .flags = carve ? ENTRY_CARVE : 0, .until = until };
	struct error err;

	assert_int_equal(prefix_parse(text, strlen(text), &e.prefix, &err), 0);
	for (size_t i = 0; i < p->base.n; i++) {
		if (!added && !prefix_compare(&p->base.v[i].prefix, &e.prefix))
			return;
	}
	for (size_t i = 0; i < p->added.n; i++) {
		if (added && !prefix_compare(&p->added.v[i].prefix, &e.prefix))
			return;
	}
	assert_int_equal(entries_push(added ? &p->added : &p->base, &e), 0);
}

static bool listed(struct policy *p, const struct prefix *a, uint32_t when)
{
	struct explanation x;

	p->now = when;
	explain(p, a, AXP_IN, AXP_UDP, 5060, &x);
	p->now = NOW;
	return x.verdict == AXP_PASS;
}

static const struct export_piece *piece_of(const struct export_pieces *v, const struct prefix *a)
{
	const struct export_piece *found = NULL;

	for (size_t i = 0; i < v->n; i++) {
		if (!prefix_covers(&v->v[i].prefix, a))
			continue;
		assert_null(found); /* they do not overlap */
		found = &v->v[i];
	}
	return found;
}

/* What a hash:net of ipset says: the most specific entry that is there decides. */
static bool matches(const struct export_entries *v, const struct prefix *a, uint32_t when)
{
	const struct export_entry *best = NULL;

	for (size_t i = 0; i < v->n; i++) {
		const struct export_entry *e = &v->v[i];

		if (prefix_covers(&e->prefix, a) && (!e->until || e->until > when) &&
		    (!best || e->prefix.len > best->prefix.len))
			best = e;
	}
	return best && !best->carve;
}

static const char *random_prefix(uint64_t *seed, uint8_t family)
{
	static char text[64];
	unsigned int len = (unsigned int)(unit_random(seed) % 9);
	unsigned int byte = (unsigned int)(unit_random(seed) & 255) & ~((256U >> len) - 1);

	if (family == AXP_IPV4)
		snprintf(text, sizeof(text), "10.9.8.%u/%u", byte, 24 + len);
	else
		snprintf(text, sizeof(text), "2001:db8::77:%x/%u", byte, 120 + len);
	return text;
}

static struct prefix address_of(uint8_t family, unsigned int last)
{
	struct prefix a = { .family = family, .len = family == AXP_IPV4 ? 32 : 128 };
	static const uint8_t v4[4] = { 10, 9, 8 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x77 };

	memcpy(a.addr, family == AXP_IPV4 ? v4 : v6, family == AXP_IPV4 ? 4 : 16);
	a.addr[family == AXP_IPV4 ? 3 : 15] = (uint8_t)last;
	return a;
}

static void check_all(struct policy *p, uint8_t family, bool timed)
{
	struct export_pieces pieces _cleanup_export_pieces_ = { 0 };
	struct export_entries entries _cleanup_export_entries_ = { 0 };

	assert_int_equal(export_cut(p, 0, family, &pieces), 0);
	assert_int_equal(export_entries(p, 0, family, &entries), 0);
	for (unsigned int last = 0; last < 256; last++) {
		struct prefix a = address_of(family, last);
		const struct export_piece *piece = piece_of(&pieces, &a);
		bool on = true;

		assert_int_equal(listed(p, &a, NOW), piece != NULL);
		assert_int_equal(listed(p, &a, NOW), matches(&entries, &a, NOW));
		for (uint32_t when = NOW; timed && when < NOW + 12; when++) {
			/* A piece is listed without a break until it expires, and then is not. */
			on = on && listed(p, &a, when);
			assert_int_equal(on, piece && (!piece->until || piece->until > when));
		}
	}
}

static void pieces_say_what_the_list_says(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct policy p _cleanup_policy_ = { 0 };
		uint8_t family = round % 2 ? AXP_IPV4 : AXP_IPV6;
		bool timed = round % 3 == 0;

		begin(&p);
		for (uint64_t n = unit_random(&seed) % 20; n; n--) {
			uint32_t until = timed && unit_random(&seed) % 2
						 ? NOW - 1 + (uint32_t)(unit_random(&seed) % 12)
						 : 0;

			push(&p, random_prefix(&seed, family), unit_random(&seed) % 3 == 0, until,
			     timed && unit_random(&seed) % 4 == 0);
		}
		sort(&p);
		check_all(&p, family, timed);
	}
}

static void all_of_a_family_but_one(void **state)
{
	struct policy p _cleanup_policy_ = { 0 };
	struct export_pieces pieces _cleanup_export_pieces_ = { 0 };

	(void)state;
	begin(&p);
	push(&p, "::/0", false, 0, false);
	push(&p, "2001:db8::1", true, 0, false);
	push(&p, "0.0.0.0/0", false, 0, false);
	sort(&p);
	assert_int_equal(export_cut(&p, 0, AXP_IPV6, &pieces), 0);
	assert_int_equal(pieces.n, 128);
	export_pieces_free(&pieces);
	assert_int_equal(export_cut(&p, 0, AXP_IPV4, &pieces), 0);
	assert_int_equal(pieces.n, 1);
	assert_int_equal(pieces.v[0].prefix.len, 0);
}

static void covered_entries_are_one_piece(void **state)
{
	struct policy p _cleanup_policy_ = { 0 };
	struct export_pieces pieces _cleanup_export_pieces_ = { 0 };

	(void)state;
	begin(&p);
	push(&p, "10.0.0.0/8", false, 0, false);
	push(&p, "10.1.0.0/16", false, 0, false);
	push(&p, "10.1.2.0/24", false, NOW + 5, false);
	push(&p, "11.0.0.0/8", true, 0, false);
	sort(&p);
	assert_int_equal(export_cut(&p, 0, AXP_IPV4, &pieces), 0);
	assert_int_equal(pieces.n, 1);
	assert_int_equal(pieces.v[0].until, 0);
	assert_int_equal(pieces.holes_kept, 0);
}

static void a_hole_that_expires_is_told_of(void **state)
{
	struct policy p _cleanup_policy_ = { 0 };
	struct export_pieces pieces _cleanup_export_pieces_ = { 0 };

	(void)state;
	begin(&p);
	push(&p, "10.0.0.0/31", false, 0, false);
	push(&p, "10.0.0.1", true, NOW + 5, false);
	sort(&p);
	assert_int_equal(export_cut(&p, 0, AXP_IPV4, &pieces), 0);
	assert_int_equal(pieces.n, 1);
	assert_int_equal(pieces.holes_kept, 1);
}

static void ports_do_not_overlap(void **state)
{
	struct policy p _cleanup_policy_ = { 0 };
	struct export_ports ports _cleanup_export_ports_ = { 0 };

	(void)state;
	begin(&p);
	p.services[0].n_ports = 4;
	p.services[0].ports[1] = (struct port_range){ 10, 20, AXP_UDP, 0 };
	p.services[0].ports[2] = (struct port_range){ 15, 65535, AXP_UDP, 0 };
	p.services[0].ports[3] = (struct port_range){ 1, 1, AXP_TCP, 0 };
	assert_int_equal(export_ports(&p, NULL, AXP_IN, AXP_UDP, false, &ports), 0);
	assert_int_equal(ports.n, 1);
	assert_int_equal(ports.v[0].low, 10);
	assert_int_equal(ports.v[0].high, 65535);
	assert_int_equal(export_ports(&p, NULL, AXP_IN, AXP_UDP, true, &ports), 0);
	assert_int_equal(ports.n, 0); /* none with replies */
	assert_int_equal(export_ports(&p, NULL, AXP_OUT, AXP_UDP, false, &ports), 0);
	assert_int_equal(ports.n, 0);
}

static void labels_fit_into_quotes(void **state)
{
	struct policy p _cleanup_policy_ = { 0 };
	char buf[POLICY_LABEL_MAX + 1];
	uint32_t label;

	(void)state;
	assert_int_equal(policy_intern(&p, "a \"b\" \xc3\xa4\xc3\xa4", 10, &label), 0);
	assert_string_equal(export_label(&p, label, 100, buf), "a 'b' \xc3\xa4\xc3\xa4");
	assert_string_equal(export_label(&p, label, 9, buf), "a 'b' \xc3\xa4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_say_what_the_list_says),
		cmocka_unit_test(all_of_a_family_but_one),
		cmocka_unit_test(covered_entries_are_one_piece),
		cmocka_unit_test(a_hole_that_expires_is_told_of),
		cmocka_unit_test(ports_do_not_overlap),
		cmocka_unit_test(labels_fit_into_quotes),
	};

	return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
