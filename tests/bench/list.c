// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "abi.h"
#include "cleanup.h"
#include "list.h"

enum { TRIES = 10000, PER_ALLOCATION = 8 };

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL; /* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

/* Sorts, and leaves out what lies within another. */
static void tidy(struct list *l)
{
	size_t n = 0;

	qsort(l->v, l->n, sizeof(*l->v), compare);
	for (size_t i = 0; i < l->n; i++) {
		if (!n || !prefix_covers(&l->v[n - 1], &l->v[i]))
			l->v[n++] = l->v[i];
	}
	l->n = n;
}

/* Unicast, and not 127/8. */
static struct prefix random4(uint64_t *rng)
{
	struct prefix p = { .family = AXP_IPV4, .len = 32 };
	uint64_t r = next_random(rng);
	uint8_t first = (uint8_t)(1 + (r >> 32) % 222);

	memcpy(p.addr, &r, 4);
	p.addr[0] = first < 127 ? first : first + 1;
	return p;
}

/* In 2000::/3. */
static struct prefix random6(uint64_t *rng)
{
	uint64_t r[2] = { next_random(rng), next_random(rng) };
	struct prefix p = { .family = AXP_IPV6, .len = 128 };

	memcpy(p.addr, r, 16);
	p.addr[0] = 0x20 | (p.addr[0] & 0x1f);
	return p;
}

static struct prefix random_address(uint8_t family, uint64_t *rng)
{
	return family == AXP_IPV4 ? random4(rng) : random6(rng);
}

static uint8_t random_length(uint8_t family, uint64_t *rng)
{
	uint32_t percent = (uint32_t)(next_random(rng) % 100);
	uint32_t r = (uint32_t)(next_random(rng) % 9);

	if (family == AXP_IPV4)
		return (uint8_t)(percent < 60 ? 32 : 20 + r);
	return (uint8_t)(percent < 40 ? 128 : 32 + 4 * r);
}

static struct prefix random_prefix(uint8_t family, size_t n, uint64_t seed, uint64_t *rng)
{
	struct prefix p = random_address(family, rng);
	uint8_t len = random_length(family, rng);

	if (len >= 48 && family == AXP_IPV6) {
		uint64_t allocation = seed + next_random(rng) % (n / PER_ALLOCATION + 1);
		struct prefix of = random6(&allocation);

		memcpy(p.addr, of.addr, 4);
	}
	return prefix_shorten(&p, len);
}

bool list_make(struct list *l, uint8_t family, size_t n, uint64_t seed)
{
	uint64_t rng = seed ^ 0x5eed;

	*l = (struct list){ .family = family, .v = calloc(n, sizeof(*l->v)) };
	if (!l->v)
		return false;
	while (l->n < n) {
		while (l->n < n)
			l->v[l->n++] = random_prefix(family, n, seed, &rng);
		tidy(l);
	}
	return true;
}

static bool list_append(struct list *l, size_t *room, const struct prefix *p)
{
	if (l->n == *room) {
		struct prefix *v;

		*room = *room ? *room * 2 : 1024;
		v = realloc(l->v, *room * sizeof(*v));
		if (!v)
			return false;
		l->v = v;
	}
	l->v[l->n++] = *p;
	return true;
}

bool list_read(struct list *l, uint8_t family, const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[512];
	size_t room = 0, number = 0;

	*l = (struct list){ .family = family };
	if (!f) {
		perror(path);
		return false;
	}
	while (fgets(line, sizeof(line), f)) {
		char *start = line + strspn(line, " \t");
		size_t len = strcspn(start, " \t\r\n#");
		struct prefix p;
		struct error err;

		number++;
		if (!len)
			continue;
		if (prefix_parse(start, len, &p, &err)) {
			fprintf(stderr, "%s:%zu: %s\n", path, number, err.text);
			return false;
		}
		if (p.family == family && !list_append(l, &room, &p))
			return false;
	}
	if (!l->n)
		fprintf(stderr, "%s: no prefix of that family in it\n", path);
	else
		tidy(l);
	return l->n;
}

void list_thin(struct list *l, size_t n)
{
	uint64_t rng = n;

	if (n >= l->n)
		return;
	for (size_t i = 0; i < n; i++) {
		size_t other = i + next_random(&rng) % (l->n - i);
		struct prefix p = l->v[i];

		l->v[i] = l->v[other];
		l->v[other] = p;
	}
	l->n = n;
	tidy(l);
}

void list_free(struct list *l)
{
	free(l->v);
	*l = (struct list){ 0 };
}

bool list_covers(const struct list *l, const struct prefix *address)
{
	size_t from = 0, to = l->n;

	/* The last one that does not sort after the address: the only one that can cover it. */
	while (from < to) {
		size_t middle = (from + to) / 2;

		if (prefix_compare(&l->v[middle], address) <= 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from && prefix_covers(&l->v[from - 1], address);
}

/* A random address within the first len bits of p. */
static struct prefix within(const struct prefix *p, uint8_t len, uint64_t *rng)
{
	struct prefix a = random_address(p->family, rng);
	uint8_t keep = (uint8_t)(0xff00 >> (len % 8));

	memcpy(a.addr, p->addr, len / 8);
	if (len % 8)
		a.addr[len / 8] =
			(uint8_t)((p->addr[len / 8] & keep) | (a.addr[len / 8] & (uint8_t)~keep));
	return a;
}

bool list_source(const struct list *l, enum source_kind kind, uint64_t *rng, struct prefix *out)
{
	uint8_t near = l->family == AXP_IPV4 ? 24 : 48;

	for (int try = 0; try < TRIES; try++) {
		const struct prefix *p = &l->v[next_random(rng) % l->n];

		switch (kind) {
		case SOURCE_HIT:
			*out = within(p, p->len, rng);
			return true;
		case SOURCE_EXACT:
			*out = *p;
			return true;
		case SOURCE_NEAR:
			if (p->len <= near)
				continue;
			*out = within(p, near, rng);
			break;
		default:
			*out = random_address(l->family, rng);
			break;
		}
		if (!list_covers(l, out))
			return true;
	}
	return false;
}
