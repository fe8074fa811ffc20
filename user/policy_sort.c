// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sorting entries. Lists come from people and programs, a million lines and more, and are sorted
 * again at every load. Most are sorted already but for a few lines: those are taken out and merged.
 * Else a radix sort on compact keys, which is stable, so that of two equal entries the first one
 * written is the first one here.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "large_pages.h"
#include "policy.h"

/* An entry's place in the order of prefix_compare, then list. */
struct sort_key {
	uint64_t words[3]; /* least significant first */
	uint32_t index;
};

/* The same for IPv4, whose prefix and list fit one word. */
struct sort_key4 {
	uint64_t word;
	uint32_t index;
};

enum { DIGIT_BITS = 11, DIGIT_VALUES = 1 << DIGIT_BITS, DIGITS = 6 /* of a word */ };

static uint64_t address_half(const struct entry *e, size_t half)
{
	uint64_t word;

	memcpy(&word, e->prefix.addr + half * sizeof(word), sizeof(word));
	return be64toh(word);
}

static struct sort_key make_key(const struct entry *e, uint32_t index)
{
	return (struct sort_key){
		.words = { (uint64_t)e->prefix.len << 16 | e->list, address_half(e, 1),
			   address_half(e, 0) },
		.index = index,
	};
}

static struct sort_key4 make_key4(const struct entry *e, uint32_t index)
{
	return (struct sort_key4){
		/* the address is the upper half of the first half */
		.word = address_half(e, 0) >> 32 << 24 | (uint64_t)e->prefix.len << 16 | e->list,
		.index = index,
	};
}

static size_t digit(uint64_t word, unsigned int d)
{
	return word >> (DIGIT_BITS * d) & (DIGIT_VALUES - 1);
}

/* From how often each value comes to where the first of them goes. */
static void make_starts(uint32_t *counts)
{
	uint32_t sum = 0, count;

	for (size_t value = 0; value < DIGIT_VALUES; value++) {
		count = counts[value];
		counts[value] = sum;
		sum += count;
	}
}

/*
 * Sorts n keys by one word, with room for as many in `spare`; returns the one of the two that holds
 * the result. Digits that are all alike sort nothing.
 */
#define DEFINE_RADIX_SORT(name, type, word)                                        \
	static type *name(type *keys, type *spare, size_t n)                       \
	{                                                                          \
		uint64_t differs = 0;                                              \
		for (size_t i = 1; i < n; i++)                                     \
			differs |= keys[i].word ^ keys[0].word;                    \
		for (unsigned int d = 0; d < DIGITS; d++) {                        \
			uint32_t starts[DIGIT_VALUES] = { 0 };                     \
			type *swap = keys;                                         \
			if (!digit(differs, d))                                    \
				continue;                                          \
			for (size_t i = 0; i < n; i++)                             \
				starts[digit(keys[i].word, d)]++;                  \
			make_starts(starts);                                       \
			for (size_t i = 0; i < n; i++)                             \
				spare[starts[digit(keys[i].word, d)]++] = keys[i]; \
			keys = spare;                                              \
			spare = swap;                                              \
		}                                                                  \
		return keys;                                                       \
	}

DEFINE_RADIX_SORT(sort_keys4, struct sort_key4, word)
DEFINE_RADIX_SORT(sort_by_rest, struct sort_key, words[0])
DEFINE_RADIX_SORT(sort_by_low, struct sort_key, words[1])
DEFINE_RADIX_SORT(sort_by_high, struct sort_key, words[2])

static struct sort_key *sort_keys(struct sort_key *keys, struct sort_key *spare, size_t n)
{
	struct sort_key *sorted = sort_by_rest(keys, spare, n);

	sorted = sort_by_low(sorted, sorted == keys ? spare : keys, n);
	return sort_by_high(sorted, sorted == keys ? spare : keys, n);
}

/* Both write one family's entries, sorted, to `out` (n of them). */
static int sort_family6(const struct entries *e, uint8_t family, size_t n, struct entry *out)
{
	_cleanup_free_ struct sort_key *keys = reallocarray(NULL, n + 1, 2 * sizeof(*keys));
	struct sort_key *sorted;
	size_t at = 0;

	if (!keys)
		return -ENOMEM;
	large_pages(keys, 2 * n * sizeof(*keys));
	for (size_t i = 0; i < e->n; i++) {
		if (e->v[i].prefix.family == family)
			keys[at++] = make_key(&e->v[i], (uint32_t)i);
	}
	sorted = sort_keys(keys, keys + n, n);
	for (size_t i = 0; i < n; i++)
		out[i] = e->v[sorted[i].index];
	return 0;
}

static int sort_family4(const struct entries *e, uint8_t family, size_t n, struct entry *out)
{
	_cleanup_free_ struct sort_key4 *keys = reallocarray(NULL, n + 1, 2 * sizeof(*keys));
	struct sort_key4 *sorted;
	size_t at = 0;

	if (!keys)
		return -ENOMEM;
	large_pages(keys, 2 * n * sizeof(*keys));
	for (size_t i = 0; i < e->n; i++) {
		if (e->v[i].prefix.family == family)
			keys[at++] = make_key4(&e->v[i], (uint32_t)i);
	}
	sorted = sort_keys4(keys, keys + n, n);
	for (size_t i = 0; i < n; i++)
		out[i] = e->v[sorted[i].index];
	return 0;
}

static int sort_all(struct entries *e)
{
	struct entry *v;
	size_t n4 = 0;
	int rc;

	if (e->n > UINT32_MAX)
		return -ENOMEM;
	for (size_t i = 0; i < e->n; i++)
		n4 += e->v[i].prefix.family == AXP_IPV4;
	v = reallocarray(NULL, e->n, sizeof(*v));
	large_pages(v, e->n * sizeof(*v));
	rc = v ? sort_family4(e, AXP_IPV4, n4, v) : -ENOMEM;
	if (!rc)
		rc = sort_family6(e, AXP_IPV6, e->n - n4, v + n4);
	if (rc) {
		free(v);
		return rc;
	}
	free(e->v);
	e->v = v;
	e->cap = e->n;
	return 0;
}

static int entry_compare(const struct entry *a, const struct entry *b)
{
	int order = prefix_compare(&a->prefix, &b->prefix);

	return order ? order : (int)a->list - (int)b->list;
}

/*
 * Of two that are alike, the first one written: strings are numbered as they are read. Sets *alike:
 * two that end up side by side were compared with each other, whatever way they were sorted, so
 * that when it is still false nothing is there twice.
 */
static int written_compare(const struct entry *a, const struct entry *b, bool *alike)
{
	int order = entry_compare(a, b);

	if (order)
		return order;
	*alike = true;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

static int written_order(const void *a, const void *b, void *alike)
{
	return written_compare(a, b, alike);
}

/* Numbers of entries that break the order, ascending. */
struct misfits {
	uint32_t *v;
	size_t n, room;
};

/* Certainly a < b, as of nearly all neighbours in a sorted list: seen without a call. */
static bool ascends(const struct entry *a, const struct entry *b)
{
	return a->prefix.family == b->prefix.family && address_half(a, 0) < address_half(b, 0);
}

/*
 * An entry that is less than the one before it breaks the order, unless that one was itself too
 * large for its place. Returns false when they are too many to be merged.
 */
static bool find_misfits(const struct entries *e, struct misfits *out, bool *alike)
{
	size_t last = 0, before = SIZE_MAX, misfit;

	for (size_t i = 1; i < e->n; i++) {
		if (ascends(&e->v[last], &e->v[i]) ||
		    written_compare(&e->v[last], &e->v[i], alike) <= 0) {
			before = last;
			last = i;
			continue;
		}
		misfit = i;
		if (before == SIZE_MAX || written_compare(&e->v[before], &e->v[i], alike) <= 0) {
			misfit = last;
			last = i;
		}
		if (out->n == out->room)
			return false;
		out->v[out->n++] = (uint32_t)misfit;
	}
	return true;
}

/* Takes the misfits, whose numbers are sorted, out of e. */
static void take_out(struct entries *e, const struct misfits *m, struct entry *out)
{
	size_t kept = m->n ? m->v[0] : e->n;

	for (size_t k = 0; k < m->n; k++) {
		size_t from = m->v[k] + (size_t)1, to = k + 1 < m->n ? m->v[k + 1] : e->n;

		out[k] = e->v[m->v[k]];
		memmove(&e->v[kept], &e->v[from], (to - from) * sizeof(*e->v));
		kept += to - from;
	}
	e->n = kept;
}

/* Both sorted; e has room for the others behind its own. */
static void merge(struct entries *e, const struct entry *others, size_t n, bool *alike)
{
	size_t kept = e->n, at = e->n + n;

	e->n = at;
	while (n) {
		if (kept && written_compare(&e->v[kept - 1], &others[n - 1], alike) > 0)
			e->v[--at] = e->v[--kept];
		else
			e->v[--at] = others[--n];
	}
}

static int number_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* True: all is in order now, and *alike is true if any two are alike, else as it was. */
static bool sort_few(struct entries *e, bool *alike)
{
	enum { ONE_IN = 64 };
	struct misfits m = { .room = e->n / ONE_IN + 16 };
	_cleanup_free_ uint32_t *numbers = calloc(m.room, sizeof(*numbers));
	_cleanup_free_ struct entry *others = NULL;

	m.v = numbers;
	if (!numbers || e->n > UINT32_MAX || !find_misfits(e, &m, alike))
		return false;
	if (!m.n)
		return true;
	others = calloc(m.n, sizeof(*others));
	if (!others)
		return false;
	qsort(m.v, m.n, sizeof(*m.v), number_order);
	take_out(e, &m, others);
	qsort_r(others, m.n, sizeof(*others), written_order, alike);
	merge(e, others, m.n, alike);
	return true;
}

static int both_listed_and_carved(const struct policy *p, const struct entry *a,
				  const struct entry *b, struct error *err)
{
	char text[PREFIX_TEXT_MAX];

	/* neither is news: those give way */
	return error_at(err, policy_string(p, b->source), b->line,
			"%s is both listed and carved out in list \"%s\" (the other is %s:%u): "
			"remove one",
			prefix_text(&a->prefix, text), p->lists[a->list].name,
			policy_string(p, a->source), a->line);
}

static void note_repeated(struct repeats *r, const struct entry *first, const struct entry *dropped)
{
	if (r->n < REPEATED_KEPT)
		r->v[r->n] = (struct repeated){ *dropped, first->source, first->line };
	r->n++;
}

/* Of those that are alike, which stand side by side, one stays. */
static int drop_repeated(struct policy *p, struct entries *e, struct error *err)
{
	size_t i, n = 1;

	for (i = 1; i < e->n; i++) {
		const struct entry *last = &e->v[n - 1], *next = &e->v[i];

		if (entry_compare(last, next) != 0) {
			if (n != i)
				e->v[n] = *next;
			n++;
		} else if (last->flags & ENTRY_NEWS && !(next->flags & ENTRY_NEWS)) {
			e->v[n - 1] = *next; /* what the administrator wrote counts */
		} else if (((last->flags ^ next->flags) & ENTRY_CARVE) &&
			   !(next->flags & ENTRY_NEWS)) {
			return both_listed_and_carved(p, last, next, err);
		} else if (!(next->flags & ENTRY_NEWS)) {
			note_repeated(&p->repeats, last, next);
		}
	}
	e->n = n;
	return 0;
}

int policy_sort_entries(struct policy *p, struct entries *e, struct error *err)
{
	bool alike = false;

	if (e->n < 2)
		return 0;
	if (sort_few(e, &alike))
		return alike ? drop_repeated(p, e, err) : 0;
	if (sort_all(e))
		return error_set(err, ENOMEM, "not enough memory to sort %zu entries", e->n);
	return drop_repeated(p, e, err);
}
