/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of prefixes to measure with, and source addresses that lie in, beside or outside them. */
#ifndef ALLOWXDP_BENCH_LIST_H
#define ALLOWXDP_BENCH_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "prefix.h"

/* Sorted; no prefix lies within another. */
struct list {
	uint8_t family; /* enum axp_family */
	struct prefix *v;
	size_t n;
};

enum source_kind {
	SOURCE_MISS,  /* anywhere, unlisted */
	SOURCE_NEAR,  /* unlisted, in the /24 (IPv6: /48) of a listed prefix */
	SOURCE_HIT,   /* a random address of a random prefix */
	SOURCE_EXACT, /* the first address of a random prefix */
	SOURCE_KINDS
};

/*
 * n random prefixes, the same for the same seed. IPv4: 60 % /32, the others /20 to /28 in equal
 * shares, anywhere in unicast space. IPv6: 40 % /128, the others /32, /36 ... /64 in equal shares,
 * anywhere in 2000::/3; those from /48 on in allocations (/32), one for every eight prefixes.
 */
bool list_make(struct list *l, uint8_t family, size_t n, uint64_t seed);

/*
 * Reads the prefixes of one family from a list file ("PREFIX # label"). Says on stderr what is
 * wrong.
 */
bool list_read(struct list *l, uint8_t family, const char *path);

/* Leaves n of them, chosen at random, always the same; all if there are not as many. */
void list_thin(struct list *l, size_t n);

void list_free(struct list *l);

bool list_covers(const struct list *l, const struct prefix *address);

/*
 * A random source of that kind; false if none was found in many tries (no unlisted address beside a
 * listed one, for instance).
 */
bool list_source(const struct list *l, enum source_kind kind, uint64_t *rng, struct prefix *out);

#endif
