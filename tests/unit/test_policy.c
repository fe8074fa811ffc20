// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/mman.h>
#include "unit.h"
#include "policy.h"

/* A policy with n_lists lists l0, l1, ... and n_services services s0, s1, ... in slots 0, 1, ... */
static struct policy make_policy(size_t n_lists, size_t n_services)
{
	struct policy p = { 0 };
	size_t i;

	p.lists = calloc(n_lists + 1, sizeof(*p.lists));
	p.services = calloc(n_services + 1, sizeof(*p.services));
	assert_non_null(p.lists);
	assert_non_null(p.services);
	p.n_lists = n_lists;
	p.n_services = n_services;
	for (i = 0; i < n_lists; i++)
		snprintf(p.lists[i].name, sizeof(p.lists[i].name), "l%zu", i);
	for (i = 0; i < n_services; i++) {
		snprintf(p.services[i].name, sizeof(p.services[i].name), "s%zu", i);
		p.services[i].slot = (uint8_t)i;
	}
	return p;
}

static struct prefix prefix(const char *text)
{
	struct error err = { "" };
	struct prefix p;

	if (prefix_parse(text, strlen(text), &p, &err))
		fail_msg("%s", err.text);
	return p;
}

/* Appends an entry of `list` that stands in FILE:line; "!" carves. */
static void push(struct policy *p, struct entries *e, const char *text, uint16_t list,
		 unsigned int line)
{
	struct entry entry = { .list = list, .line = line };

	if (*text == '!') {
		entry.flags = ENTRY_CARVE;
		text++;
	}
	entry.prefix = prefix(text);
	assert_int_equal(policy_intern(p, "FILE", 4, &entry.source), 0);
	assert_int_equal(entries_push(e, &entry), 0);
}

static void assert_entry(const struct entry *e, const char *text, uint16_t list, unsigned int line)
{
	char buf[PREFIX_TEXT_MAX];

	assert_string_equal(prefix_text(&e->prefix, buf), text);
	assert_int_equal(e->list, list);
	assert_int_equal(e->line, line);
}

static void strings_are_found_by_offset(void **state)
{
	_cleanup_policy_ struct policy p = { 0 };
	uint32_t empty, a, b;

	(void)state;
	assert_string_equal(policy_string(&p, 0), "");
	assert_int_equal(policy_intern(&p, "", 0, &empty), 0);
	assert_int_equal(policy_intern(&p, "one|", 3, &a), 0);
	assert_int_equal(policy_intern(&p, "two", 3, &b), 0);
	assert_int_equal(empty, 0);
	assert_int_equal(a, 1);
	assert_int_equal(b, 5);
	assert_string_equal(policy_string(&p, empty), "");
	assert_string_equal(policy_string(&p, a), "one");
	assert_string_equal(policy_string(&p, b), "two");
	assert_string_equal(policy_string(&p, 1000), "");
}

static void last_string_is_stored_once(void **state)
{
	_cleanup_policy_ struct policy p = { 0 };
	uint32_t a, b, c, d;

	(void)state;
	assert_int_equal(policy_intern(&p, "label", 5, &a), 0);
	assert_int_equal(policy_intern(&p, "label", 5, &b), 0);
	assert_int_equal(policy_intern(&p, "bel", 3, &c), 0); /* not the tail of "label" */
	assert_int_equal(policy_intern(&p, "bel", 3, &d), 0);
	assert_int_equal(a, b);
	assert_int_equal(c, 7);
	assert_int_equal(c, d);
	assert_int_equal(p.strings.n, 11);
}

static void blob_grows(void **state)
{
	_cleanup_policy_ struct policy p = { 0 };
	uint32_t offsets[2000], i;
	char text[32];

	(void)state;
	for (i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "label %u", i);
		assert_int_equal(policy_intern(&p, text, strlen(text), &offsets[i]), 0);
	}
	for (i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "label %u", i);
		assert_string_equal(policy_string(&p, offsets[i]), text);
	}
}

static void entries_grow(void **state)
{
	struct entry e = { 0 };
	_cleanup_policy_ struct policy p = { 0 };
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		e.line = i;
		assert_int_equal(entries_push(&p.base, &e), 0);
	}
	assert_int_equal(p.base.n, 1000);
	for (i = 0; i < 1000; i++)
		assert_int_equal(p.base.v[i].line, i);
}

static void free_leaves_an_empty_policy(void **state)
{
	static const struct policy empty;
	struct policy p = make_policy(2, 2);

	(void)state;
	push(&p, &p.base, "10.0.0.0/8", 0, 1);
	push(&p, &p.added, "10.0.0.0/8", 0, 1);
	policy_free(&p);
	assert_memory_equal(&p, &empty, sizeof(p));
	policy_free(&p);
}

/* As snapshot.h makes one: everything but `added` inside one mapping. */
static struct policy make_mapped(void)
{
	static const char blob[] = "\0FILE"; /* and its own NUL */
	struct policy p = { .mapped = true, .mapping_size = 65536 };
	char *at = mmap(NULL, p.mapping_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	struct entry e = { .source = 1, .line = 7 };

	assert_ptr_not_equal(at, MAP_FAILED);
	p.mapping = at;
	p.services = (struct service *)at;
	p.n_services = 1;
	strcpy(p.services[0].name, "s0");
	p.lists = (struct list *)(at + 8192);
	p.n_lists = 1;
	strcpy(p.lists[0].name, "l0");
	p.interfaces = (char(*)[16])(at + 16384);
	e.prefix = prefix("10.0.0.0/8");
	p.base.v = (struct entry *)(at + 24576);
	p.base.v[0] = e;
	p.base.n = 1;
	p.strings.blob = at + 32768;
	memcpy(p.strings.blob, blob, sizeof(blob));
	p.strings.n = sizeof(blob);
	/* what is mapped from a file must not be written to */
	assert_int_equal(mprotect(at, p.mapping_size, PROT_READ), 0);
	return p;
}

static void mapped_policy_is_unmapped(void **state)
{
	struct policy p = make_mapped();
	void *mapping = p.mapping;
	unsigned char vec[16];

	(void)state;
	assert_string_equal(policy_string(&p, 1), "FILE");
	policy_free(&p);
	assert_int_equal(mincore(mapping, 65536, vec), -1);
	assert_int_equal(errno, ENOMEM);
	assert_null(p.mapping);
}

static void mapped_blob_moves_to_the_heap_when_it_grows(void **state)
{
	_cleanup_policy_ struct policy p = make_mapped();
	uint32_t file, label;

	(void)state;
	assert_int_equal(policy_intern(&p, "FILE", 4, &file), 0);
	assert_int_equal(file, 1);
	assert_int_equal(p.strings.cap, 0); /* nothing had to be stored */
	assert_int_equal(policy_intern(&p, "label", 5, &label), 0);
	assert_true(p.strings.cap >= p.strings.n);
	assert_string_equal(policy_string(&p, 1), "FILE");
	assert_string_equal(policy_string(&p, label), "label");
	push(&p, &p.added, "192.0.2.1", 0, 1);
}

static void sorts_by_prefix_then_list(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(300, 0);
	struct error err = { "" };

	(void)state;
	push(&p, &p.base, "::/0", 0, 1);
	push(&p, &p.base, "10.0.0.0/9", 0, 2);
	push(&p, &p.base, "10.0.0.0/8", 299, 3);
	push(&p, &p.base, "10.0.0.0/8", 2, 4);
	push(&p, &p.base, "2001:db8::/32", 0, 5);
	push(&p, &p.base, "9.0.0.0/8", 1, 6);
	push(&p, &p.base, "!10.0.0.0/8", 1, 7);
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	assert_int_equal(p.base.n, 7);
	assert_entry(&p.base.v[0], "9.0.0.0/8", 1, 6);
	assert_entry(&p.base.v[1], "10.0.0.0/8", 1, 7);
	assert_entry(&p.base.v[2], "10.0.0.0/8", 2, 4);
	assert_entry(&p.base.v[3], "10.0.0.0/8", 299, 3);
	assert_entry(&p.base.v[4], "10.0.0.0/9", 0, 2);
	assert_entry(&p.base.v[5], "::/0", 0, 1);
	assert_entry(&p.base.v[6], "2001:db8::/32", 0, 5);
}

static void sorting_nothing_or_one(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(1, 0);
	struct error err = { "" };

	(void)state;
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	push(&p, &p.base, "10.0.0.0/8", 0, 1);
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	assert_int_equal(p.base.n, 1);
}

static void first_of_duplicates_stays(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(2, 0);
	struct error err = { "" };

	(void)state;
	push(&p, &p.base, "192.0.2.0/24", 0, 1);
	push(&p, &p.base, "10.0.0.0/8", 0, 2);
	push(&p, &p.base, "10.0.0.0/8", 1, 3);
	push(&p, &p.base, "192.0.2.0/24", 0, 4);
	push(&p, &p.base, "10.0.0.0/8", 0, 5);
	push(&p, &p.base, "10.0.0.0/8", 1, 6);
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	assert_int_equal(p.base.n, 3);
	assert_entry(&p.base.v[0], "10.0.0.0/8", 0, 2);
	assert_entry(&p.base.v[1], "10.0.0.0/8", 1, 3);
	assert_entry(&p.base.v[2], "192.0.2.0/24", 0, 1);
}

static void listed_and_carved_in_one_list_is_refused(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(2, 0);
	struct error err = { "" };

	(void)state;
	push(&p, &p.base, "192.0.2.0/24", 1, 1);
	push(&p, &p.base, "10.0.0.0/8", 1, 2);
	push(&p, &p.base, "10.0.0.0/8", 1, 3);
	push(&p, &p.base, "!10.0.0.0/8", 1, 4);
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), -EINVAL);
	assert_string_equal(err.text, "FILE:4: 10.0.0.0/8 is both listed and carved out in list "
				      "\"l1\" (the other is FILE:2): remove one");
}

static void listed_and_carved_in_two_lists_is_fine(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(2, 0);
	struct error err = { "" };

	(void)state;
	push(&p, &p.base, "!10.0.0.0/8", 0, 1);
	push(&p, &p.base, "10.0.0.0/8", 1, 2);
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	assert_int_equal(p.base.n, 2);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	if (!order)
		order = (int)x->list - (int)y->list;
	return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Few different values, so that there are many duplicates; of both families and all lengths. */
static void push_random(struct policy *p, uint64_t *seed, unsigned int line)
{
	struct entry e = { .line = line, .list = (uint16_t)(unit_random(seed) % 3 * 200) };
	size_t i, n;

	e.prefix.family = unit_random(seed) % 2 ? AXP_IPV4 : AXP_IPV6;
	n = e.prefix.family == AXP_IPV4 ? 4 : 16;
	for (i = 0; i < n; i++)
		e.prefix.addr[i] = unit_random(seed) % 6 ? 0 : (uint8_t)unit_random(seed);
	e.prefix.len = prefix_max_len(e.prefix.family);
	e.prefix = prefix_shorten(&e.prefix, (uint8_t)(unit_random(seed) % (e.prefix.len + 1u)));
	assert_int_equal(entries_push(&p->base, &e), 0);
}

static void sorts_like_qsort(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(500, 0);
	_cleanup_free_ struct entry *want = NULL;
	struct error err = { "" };
	uint64_t seed = 1;
	size_t i, n = 1;

	(void)state;
	for (i = 0; i < 50000; i++)
		push_random(&p, &seed, (unsigned int)i);
	want = malloc(p.base.n * sizeof(*want));
	assert_non_null(want);
	memcpy(want, p.base.v, p.base.n * sizeof(*want));
	qsort(want, p.base.n, sizeof(*want), compare_entries);
	for (i = 1; i < p.base.n; i++)
		if (prefix_compare(&want[n - 1].prefix, &want[i].prefix) ||
		    want[n - 1].list != want[i].list)
			want[n++] = want[i];
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	assert_true(n > 10000 && n < 49000);
	assert_int_equal(p.base.n, n);
	for (i = 0; i < n; i++)
		assert_memory_equal(&p.base.v[i], &want[i], sizeof(*want));
	/* and what is sorted stays as it is */
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	assert_memory_equal(p.base.v, want, n * sizeof(*want));
}

static void lists_and_services_are_found_by_name(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(3, 2);

	(void)state;
	assert_int_equal(policy_find_list(&p, "l0"), 0);
	assert_int_equal(policy_find_list(&p, "l2"), 2);
	assert_int_equal(policy_find_list(&p, "s0"), -1);
	assert_int_equal(policy_find_list(&p, ""), -1);
	assert_int_equal(policy_find_service(&p, "s1"), 1);
	assert_int_equal(policy_find_service(&p, "S1"), -1);
}

static void lower_bound_is_the_first_not_less(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(500, 0);
	struct error err = { "" };
	struct entry probe;
	uint64_t seed = 2;
	size_t i, at;

	(void)state;
	probe.prefix = prefix("10.0.0.0/8");
	assert_int_equal(entries_lower_bound(&p.base, &probe.prefix), 0);
	for (i = 0; i < 1000; i++)
		push_random(&p, &seed, (unsigned int)i);
	for (i = 0; i < 500; i++) {
		probe = p.base.v[2 * i];
		p.base.v[i] = probe; /* half of them stay, so that half of the probes miss */
	}
	p.base.n = 500;
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	seed = 2;
	for (i = 0; i < 1000; i++) {
		struct policy one = { 0 };

		push_random(&one, &seed, 0);
		at = entries_lower_bound(&p.base, &one.base.v[0].prefix);
		if (at > 0)
			assert_true(prefix_compare(&p.base.v[at - 1].prefix,
						   &one.base.v[0].prefix) < 0);
		if (at < p.base.n)
			assert_true(prefix_compare(&p.base.v[at].prefix, &one.base.v[0].prefix) >=
				    0);
		policy_free(&one);
	}
}

static void entry_is_found_by_prefix_and_list(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(3, 0);
	struct prefix wanted = prefix("10.0.0.0/8"), longer = prefix("10.0.0.0/9");
	struct error err = { "" };

	(void)state;
	assert_null(policy_find_entry(&p, &wanted, 0));
	push(&p, &p.base, "10.0.0.0/8", 0, 1);
	push(&p, &p.base, "10.0.0.0/8", 2, 2);
	push(&p, &p.base, "11.0.0.0/8", 1, 3);
	push(&p, &p.added, "10.0.0.0/8", 1, 4);
	push(&p, &p.added, "10.0.0.0/8", 2, 5);
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	assert_int_equal(policy_sort_entries(&p, &p.added, &err), 0);
	assert_int_equal(policy_find_entry(&p, &wanted, 0)->line, 1);
	assert_int_equal(policy_find_entry(&p, &wanted, 1)->line, 4);
	assert_int_equal(policy_find_entry(&p, &wanted, 2)->line, 2);
	assert_null(policy_find_entry(&p, &longer, 0));
}

static void list_services_are_slots(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(256, 3);

	(void)state;
	p.services[0].slot = 5;
	p.services[0].allow[0] = 1;
	p.services[2].slot = 63;
	p.services[2].allow[0] = 1;
	p.services[2].allow[3] = 1ULL << 63;
	assert_int_equal(policy_list_services(&p, 0), 1ULL << 5 | 1ULL << 63);
	assert_int_equal(policy_list_services(&p, 255), 1ULL << 63);
	assert_int_equal(policy_list_services(&p, 1), 0);
}

static void list_sizes_count_both_sources_and_signs(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(3, 0);
	struct list_size sizes[3];

	(void)state;
	memset(sizes, 0xff, sizeof(sizes));
	push(&p, &p.base, "10.0.0.0/8", 0, 1);
	push(&p, &p.base, "!10.1.0.0/16", 0, 2);
	push(&p, &p.base, "!::/0", 2, 3);
	push(&p, &p.added, "192.0.2.1", 0, 1);
	policy_list_sizes(&p, sizes);
	assert_int_equal(sizes[0].entries, 3);
	assert_int_equal(sizes[0].positive, 2);
	assert_int_equal(sizes[1].entries, 0);
	assert_int_equal(sizes[1].positive, 0);
	assert_int_equal(sizes[2].entries, 1);
	assert_int_equal(sizes[2].positive, 0);
}

/* As push(), until a time. */
static void push_until(struct policy *p, struct entries *e, const char *text, uint16_t list,
		       uint32_t until)
{
	push(p, e, text, list, 1);
	e->v[e->n - 1].until = until;
}

static void entries_expire_when_their_time_comes(void **state)
{
	struct policy p = { .now = 1000 };
	struct entry e = { 0 };

	(void)state;
	assert_false(entry_expired(&p, &e)); /* for good */
	e.until = 1001;
	assert_false(entry_expired(&p, &e));
	e.until = 1000;
	assert_true(entry_expired(&p, &e));
	e.until = 999;
	assert_true(entry_expired(&p, &e));
	e.until = UINT32_MAX;
	assert_false(entry_expired(&p, &e));
	p.now = UINT32_MAX;
	assert_true(entry_expired(&p, &e));
	e.until = 1;
	p.now = 0;
	assert_false(entry_expired(&p, &e));
}

static void list_sizes_leave_out_the_expired(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(2, 0);
	struct list_size sizes[2];

	(void)state;
	p.now = 1000;
	push_until(&p, &p.base, "10.0.0.0/8", 0, 0);
	push_until(&p, &p.base, "10.1.0.0/16", 0, 1001);
	push_until(&p, &p.base, "10.2.0.0/16", 0, 1000);
	push_until(&p, &p.base, "!10.3.0.0/16", 0, 1001);
	push_until(&p, &p.added, "10.4.0.0/16", 0, 999);
	push_until(&p, &p.added, "10.5.0.0/16", 0, 2000);
	push_until(&p, &p.added, "10.6.0.0/16", 1, 1000);
	policy_list_sizes(&p, sizes);
	assert_int_equal(sizes[0].entries, 6);
	assert_int_equal(sizes[0].positive, 3);
	assert_int_equal(sizes[1].entries, 1);
	assert_int_equal(sizes[1].positive, 0);
}

/* A file's entry that has expired stands in nobody's way. */
static void fresh_added_entry_before_an_expired_one(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(1, 0);
	struct prefix ten = prefix("10.0.0.0/8");

	(void)state;
	p.now = 1000;
	push_until(&p, &p.base, "10.0.0.0/8", 0, 999);
	assert_ptr_equal(policy_find_entry(&p, &ten, 0), &p.base.v[0]); /* still told of */
	push_until(&p, &p.added, "10.0.0.0/8", 0, 2000);
	assert_ptr_equal(policy_find_entry(&p, &ten, 0), &p.added.v[0]);
	p.base.v[0].until = 0;
	assert_ptr_equal(policy_find_entry(&p, &ten, 0), &p.base.v[0]);
}

static void defaults(void **state)
{
	struct settings s = policy_defaults();

	(void)state;
	assert_int_equal(s.mode, AXP_MODE_ENFORCE);
	assert_int_equal(s.fragments_drop, 0);
	assert_int_equal(s.flow_capacity, 131072);
	assert_int_equal(s.idle_udp, 180);
	assert_int_equal(s.idle_tcp, 7200);
	assert_int_equal(s.idle_tcp_closing, 60);
}

static bool empty(const struct policy *p, size_t service)
{
	struct list_size sizes[POLICY_MAX_LISTS];

	policy_list_sizes(p, sizes);
	return policy_service_empty(p, &p->services[service], sizes);
}

static void service_without_positive_entries_is_empty(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(2, 3);

	(void)state;
	p.services[0].allow[0] = 1 << 0;
	p.services[1].allow[0] = 1 << 1;
	p.services[2].allow[0] = 1 << 0 | 1 << 1;
	push(&p, &p.base, "10.0.0.0/8", 0, 1);
	push(&p, &p.base, "!10.0.0.0/8", 1, 2);
	assert_false(empty(&p, 0));
	assert_true(empty(&p, 1));
	assert_false(empty(&p, 2));
	push(&p, &p.added, "192.0.2.1", 1, 1);
	assert_false(empty(&p, 1));
	p.services[2].allow[0] = 0;
	assert_true(empty(&p, 2));
}

static void service_whose_entries_expired_is_empty(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(1, 1);

	(void)state;
	p.services[0].allow[0] = 1;
	p.now = 1000;
	push_until(&p, &p.base, "10.0.0.0/8", 0, 1000);
	push_until(&p, &p.added, "11.0.0.0/8", 0, 1001);
	assert_false(empty(&p, 0));
	p.now = 1001;
	assert_true(empty(&p, 0));
}

static void first_slots_are_in_order(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(0, 3);
	struct error err = { "" };

	(void)state;
	p.services[0].slot = p.services[1].slot = p.services[2].slot = 9;
	assert_int_equal(policy_assign_slots(&p, NULL, &err), 0);
	assert_int_equal(p.services[0].slot, 0);
	assert_int_equal(p.services[1].slot, 1);
	assert_int_equal(p.services[2].slot, 2);
}

static void names_keep_their_slots(void **state)
{
	_cleanup_policy_ struct policy old = make_policy(0, 3), p = make_policy(0, 3);
	struct error err = { "" };

	(void)state;
	/* s0 s1 s2 becomes new s2 s0: nobody gets s1's slot */
	strcpy(p.services[0].name, "new");
	strcpy(p.services[1].name, "s2");
	strcpy(p.services[2].name, "s0");
	assert_int_equal(policy_assign_slots(&p, &old, &err), 0);
	assert_int_equal(p.services[0].slot, 3);
	assert_int_equal(p.services[1].slot, 2);
	assert_int_equal(p.services[2].slot, 0);
}

static void slots_of_gone_services_are_used_last(void **state)
{
	_cleanup_policy_ struct policy old = make_policy(0, 64), p = make_policy(0, 64);
	struct error err = { "" };
	size_t i;

	(void)state;
	strcpy(p.services[0].name, "new0");
	strcpy(p.services[40].name, "new40");
	assert_int_equal(policy_assign_slots(&p, &old, &err), 0);
	for (i = 0; i < 64; i++)
		assert_int_equal(p.services[i].slot, i);
	/* with one slot that was free before, the first new one gets that, the second one a used
	 * one */
	old.n_services = 63;
	assert_int_equal(policy_assign_slots(&p, &old, &err), 0);
	assert_int_equal(p.services[0].slot, 63);
	assert_int_equal(p.services[40].slot, 0);
	assert_int_equal(p.services[63].slot, 40);
}

static void all_64_slots_can_change_hands(void **state)
{
	_cleanup_policy_ struct policy old = make_policy(0, 64), p = make_policy(0, 64);
	struct error err = { "" };
	uint64_t seen = 0;
	size_t i;

	(void)state;
	for (i = 0; i < 64; i++)
		p.services[i].name[0] = 'n';
	assert_int_equal(policy_assign_slots(&p, &old, &err), 0);
	for (i = 0; i < 64; i++)
		seen |= 1ULL << p.services[i].slot;
	assert_int_equal(seen, UINT64_MAX);
}

static void bad_slots_of_before_are_not_believed(void **state)
{
	_cleanup_policy_ struct policy old = make_policy(0, 3), p = make_policy(0, 3);
	struct error err = { "" };

	(void)state;
	old.services[0].slot = 200;
	old.services[1].slot = 2; /* as old s2 */
	assert_int_equal(policy_assign_slots(&p, &old, &err), 0);
	assert_int_equal(p.services[0].slot, 0);
	assert_int_equal(p.services[1].slot, 2);
	assert_int_equal(p.services[2].slot, 1);
}

static void more_than_64_services_are_refused(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(0, 65);
	struct error err = { "" };

	(void)state;
	assert_int_equal(policy_assign_slots(&p, NULL, &err), -E2BIG);
	assert_string_equal(err.text, "65 services are more than 64: merge some of them");
}

static void names(void **state)
{
	char name[POLICY_NAME_MAX + 2];

	(void)state;
	assert_true(policy_name_ok("a"));
	assert_true(policy_name_ok("9-to_5.x"));
	assert_true(policy_name_ok("Exotel-SIP"));
	assert_false(policy_name_ok(""));
	assert_false(policy_name_ok("-a"));
	assert_false(policy_name_ok(".a"));
	assert_false(policy_name_ok("_a"));
	assert_false(policy_name_ok("a b"));
	assert_false(policy_name_ok("a/b"));
	assert_false(policy_name_ok("a\n"));
	assert_false(policy_name_ok("\xc3\xa4"));
	memset(name, 'x', sizeof(name));
	name[POLICY_NAME_MAX] = '\0';
	assert_true(policy_name_ok(name));
	name[POLICY_NAME_MAX] = 'x';
	name[POLICY_NAME_MAX + 1] = '\0';
	assert_false(policy_name_ok(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_found_by_offset),
		cmocka_unit_test(last_string_is_stored_once),
		cmocka_unit_test(blob_grows),
		cmocka_unit_test(entries_grow),
		cmocka_unit_test(free_leaves_an_empty_policy),
		cmocka_unit_test(mapped_policy_is_unmapped),
		cmocka_unit_test(mapped_blob_moves_to_the_heap_when_it_grows),
		cmocka_unit_test(sorts_by_prefix_then_list),
		cmocka_unit_test(sorting_nothing_or_one),
		cmocka_unit_test(first_of_duplicates_stays),
		cmocka_unit_test(listed_and_carved_in_one_list_is_refused),
		cmocka_unit_test(listed_and_carved_in_two_lists_is_fine),
		cmocka_unit_test(sorts_like_qsort),
		cmocka_unit_test(lists_and_services_are_found_by_name),
		cmocka_unit_test(lower_bound_is_the_first_not_less),
		cmocka_unit_test(entry_is_found_by_prefix_and_list),
		cmocka_unit_test(list_services_are_slots),
		cmocka_unit_test(list_sizes_count_both_sources_and_signs),
		cmocka_unit_test(entries_expire_when_their_time_comes),
		cmocka_unit_test(list_sizes_leave_out_the_expired),
		cmocka_unit_test(fresh_added_entry_before_an_expired_one),
		cmocka_unit_test(defaults),
		cmocka_unit_test(service_without_positive_entries_is_empty),
		cmocka_unit_test(service_whose_entries_expired_is_empty),
		cmocka_unit_test(first_slots_are_in_order),
		cmocka_unit_test(names_keep_their_slots),
		cmocka_unit_test(slots_of_gone_services_are_used_last),
		cmocka_unit_test(all_64_slots_can_change_hands),
		cmocka_unit_test(bad_slots_of_before_are_not_believed),
		cmocka_unit_test(more_than_64_services_are_refused),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
