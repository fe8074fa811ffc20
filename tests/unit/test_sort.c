// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sorting entries against qsort: lists in order, nearly in order, and in none, of both families, in
 * several lists, with the same prefix more than once.
 */
#include <stdlib.h>
#include <string.h>
#include "policy.h"
#include "unit.h"

enum { LISTS = 3 };

static unsigned long long dice = 20261121;

static uint32_t roll(uint32_t n)
{
	dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(dice >> 33) % n;
}

static struct entry any_entry(uint32_t spread)
{
	struct entry e = { .list = (uint16_t)roll(LISTS) };

	e.prefix.family = roll(4) ? AXP_IPV4 : AXP_IPV6;
	e.prefix.len = e.prefix.family == AXP_IPV4 ? (uint8_t)(24 + roll(9)) : 128;
	e.prefix.addr[0] = (uint8_t)(10 + roll(spread));
	e.prefix.addr[1] = (uint8_t)roll(spread);
	e.prefix.addr[2] = (uint8_t)roll(spread);
	if (e.prefix.family == AXP_IPV6) {
		e.prefix.addr[8] = (uint8_t)roll(spread);
		e.prefix.addr[15] = (uint8_t)roll(spread);
	}
	return e;
}

static int obvious(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	if (order)
		return order;
	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

static bool alike(const struct entry *a, const struct entry *b)
{
	return !prefix_compare(&a->prefix, &b->prefix) && a->list == b->list;
}

/* The lines in the order of the file, and what must come of them. */
static void check(struct entry *v, size_t n)
{
	struct list lists[LISTS] = { { .name = "a" }, { .name = "b" }, { .name = "c" } };
	struct policy p = { .lists = lists, .n_lists = LISTS };
	struct entry *wanted;
	struct error err;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		v[i].line = (uint32_t)i + 1;
		assert_int_equal(entries_push(&p.base, &v[i]), 0);
	}
	wanted = calloc(n + 1, sizeof(*wanted));
	memcpy(wanted, v, n * sizeof(*v));
	qsort(wanted, n, sizeof(*wanted), obvious);
	for (size_t i = 0; i < n; i++) {
		if (!kept || !alike(&wanted[kept - 1], &wanted[i]))
			wanted[kept++] = wanted[i];
	}
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	assert_int_equal(p.base.n, kept);
	for (size_t i = 0; i < kept; i++)
		assert_memory_equal(&p.base.v[i], &wanted[i], sizeof(*wanted));
	free(wanted);
	free(p.base.v);
}

static struct entry *make(size_t n, uint32_t spread)
{
	struct entry *v = calloc(n + 1, sizeof(*v));

	assert_non_null(v);
	for (size_t i = 0; i < n; i++)
		v[i] = any_entry(spread);
	return v;
}

static void test_no_order(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 17, 1000, 20000 };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
		for (uint32_t spread = 2; spread <= 200; spread += 66) {
			struct entry *v = make(sizes[k], spread);

			check(v, sizes[k]);
			free(v);
		}
	}
}

/* Lines changed, moved or written behind the others. */
static void test_nearly_in_order(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 300; round++) {
		size_t n = 1 + roll(3000), changes = roll(20);
		struct entry *v = make(n, 2 + roll(200));

		qsort(v, n, sizeof(*v), obvious);
		for (size_t k = 0; k < changes; k++) {
			size_t at = roll(3) ? roll((uint32_t)n) : n - 1 - roll(n < 12 ? 1 : 12);

			v[at] = any_entry(200);
		}
		check(v, n);
		free(v);
	}
}

/*
 * In lists in order, where nothing is there twice but for one line, which is written in one or two
 * wrong places, with or without a right one.
 */
static void test_one_twice(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 600; round++) {
		size_t n = 3 + roll(1000), kept = 1, copies = 1 + round % 2;
		struct entry *v = make(n, 200), twice = any_entry(200);

		qsort(v, n, sizeof(*v), obvious);
		for (size_t i = 1; i < n; i++) {
			if (!alike(&v[kept - 1], &v[i]))
				v[kept++] = v[i];
		}
		if (round % 3)
			twice = v[roll((uint32_t)kept)];
		for (size_t k = 0; k < copies; k++)
			v[kept - 1 - roll(k ? (uint32_t)kept : 5) % kept] = twice;
		check(v, kept);
		free(v);
	}
}

static void test_backwards(void **state)
{
	enum { N = 5000 };
	struct entry *v = make(N, 100), swap;

	(void)state;
	qsort(v, N, sizeof(*v), obvious);
	for (size_t i = 0; i < N / 2; i++) {
		swap = v[i];
		v[i] = v[N - 1 - i];
		v[N - 1 - i] = swap;
	}
	check(v, N);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_order),
		cmocka_unit_test(test_nearly_in_order),
		cmocka_unit_test(test_one_twice),
		cmocka_unit_test(test_backwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
