// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sorting entries. Lists come from people and programs, a million lines and more, and are sorted
 * again at every load: a look whether they are sorted already, else a radix sort on compact keys,
 * which is stable, so that of two equal entries the first one written is the first one here.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "policy.h"

/* Least significant digit first. An entry's key in the order of prefix_compare, then list. */
struct sort_key {
	uint32_t rest; /* length, list */
	uint32_t index;
	uint64_t low, high; /* of the address */
};

enum {
	REST_DIGITS = 3,
	FAMILY_DIGIT = REST_DIGITS + 16,
	DIGITS = FAMILY_DIGIT + 1,
};

static struct sort_key make_key(const struct entry *e, uint32_t index)
{
	struct sort_key k = { .index = index };
	uint64_t half;

	memcpy(&half, e->prefix.addr, sizeof(half));
	k.high = be64toh(half);
	memcpy(&half, e->prefix.addr + sizeof(half), sizeof(half));
	k.low = be64toh(half);
	k.rest = (uint32_t)e->prefix.family << 24 | (uint32_t)e->prefix.len << 16 | e->list;
	return k;
}

static uint8_t digit(const struct sort_key *k, unsigned int d)
{
	if (d < REST_DIGITS)
		return (uint8_t)(k->rest >> (8 * d));
	if (d < REST_DIGITS + 8)
		return (uint8_t)(k->low >> (8 * (d - REST_DIGITS)));
	if (d < FAMILY_DIGIT)
		return (uint8_t)(k->high >> (8 * (d - REST_DIGITS - 8)));
	return (uint8_t)(k->rest >> 24);
}

/* A key that has bits set where the keys are not all alike: digits that never differ sort nothing.
 */
static struct sort_key differences(const struct sort_key *keys, size_t n)
{
	struct sort_key diff = { 0 };
	size_t i;

	for (i = 1; i < n; i++) {
		diff.rest |= keys[i].rest ^ keys[0].rest;
		diff.low |= keys[i].low ^ keys[0].low;
		diff.high |= keys[i].high ^ keys[0].high;
	}
	return diff;
}

/* One stable pass: the keys in the order of digit d. */
static void sort_by_digit(const struct sort_key *from, struct sort_key *to, size_t n,
			  unsigned int d)
{
	uint32_t start[256] = { 0 }, sum = 0, count;
	unsigned int value;
	size_t i;

	for (i = 0; i < n; i++)
		start[digit(&from[i], d)]++;
	for (value = 0; value < 256; value++) {
		count = start[value];
		start[value] = sum;
		sum += count;
	}
	for (i = 0; i < n; i++)
		to[start[digit(&from[i], d)]++] = from[i];
}

/* Sorts n keys with room for as many in `spare`; returns the one of the two that holds the result.
 */
static struct sort_key *radix_sort(struct sort_key *keys, struct sort_key *spare, size_t n)
{
	struct sort_key diff = differences(keys, n), *swap;
	unsigned int d;

	for (d = 0; d < DIGITS; d++) {
		if (!digit(&diff, d))
			continue;
		sort_by_digit(keys, spare, n, d);
		swap = keys;
		keys = spare;
		spare = swap;
	}
	return keys;
}

static int entry_compare(const struct entry *a, const struct entry *b)
{
	int order = prefix_compare(&a->prefix, &b->prefix);

	return order ? order : (int)a->list - (int)b->list;
}

static bool is_sorted(const struct entries *e)
{
	size_t i;

	for (i = 1; i < e->n; i++)
		if (entry_compare(&e->v[i - 1], &e->v[i]) > 0)
			return false;
	return true;
}

static int sort(struct entries *e)
{
	_cleanup_free_ struct sort_key *keys = NULL;
	struct sort_key *sorted;
	struct entry *v;
	size_t i;

	if (e->n > UINT32_MAX)
		return -ENOMEM;
	keys = reallocarray(NULL, e->n, 2 * sizeof(*keys));
	v = reallocarray(NULL, e->n, sizeof(*v));
	if (!keys || !v) {
		free(v);
		return -ENOMEM;
	}
	for (i = 0; i < e->n; i++)
		keys[i] = make_key(&e->v[i], (uint32_t)i);
	sorted = radix_sort(keys, keys + e->n, e->n);
	for (i = 0; i < e->n; i++)
		v[i] = e->v[sorted[i].index];
	free(e->v);
	e->v = v;
	e->cap = e->n;
	return 0;
}

static int both_listed_and_carved(const struct policy *p, const struct entry *a,
				  const struct entry *b, struct error *err)
{
	char text[PREFIX_TEXT_MAX];

	return error_at(err, policy_string(p, b->source), b->line,
			"%s is both listed and carved out in list \"%s\" (the other is %s:%u): "
			"remove one",
			prefix_text(&a->prefix, text), p->lists[a->list].name,
			policy_string(p, a->source), a->line);
}

int policy_sort_entries(const struct policy *p, struct entries *e, struct error *err)
{
	size_t i, n = 1;

	if (e->n < 2)
		return 0;
	if (!is_sorted(e) && sort(e))
		return error_set(err, ENOMEM, "not enough memory to sort %zu entries", e->n);
	for (i = 1; i < e->n; i++) {
		const struct entry *last = &e->v[n - 1], *next = &e->v[i];

		if (entry_compare(last, next) != 0)
			e->v[n++] = *next;
		else if ((last->flags ^ next->flags) & ENTRY_CARVE)
			return both_listed_and_carved(p, last, next, err);
	}
	e->n = n;
	return 0;
}
