/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which services an address opens, by the directories (include/abi.h): one to three dependent reads
 * where a trie takes one for each bit that tells prefixes apart.
 */
#ifndef ALLOWXDP_LOOKUP_H
#define ALLOWXDP_LOOKUP_H

#include <bpf/bpf_endian.h>
#include "maps.h"

/* What a look-up ends with besides a set of services. */
enum directory_answer { DIRECTORY_KNOWS, DIRECTORY_ASKS_TRIE };

/* Set bits of a word; BPF has no instruction for it. */
static __always_inline __u32 count_bits(__u64 x)
{
	x -= x >> 1 & 0x5555555555555555ULL;
	x = (x & 0x3333333333333333ULL) + (x >> 2 & 0x3333333333333333ULL);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return x * 0x0101010101010101ULL >> 56;
}

/* A page of the directory in a slot. No calls in here: with what kernels do against speculation
 * past returns, one call costs as much as all the rest. */
static __always_inline const void *page_of(void *directories, __u32 slot, __u32 page)
{
	__u32 key = AXP_DIR_PAGE_KEY(slot, page), zero = 0;
	void *map = bpf_map_lookup_elem(directories, &key);

	return map ? bpf_map_lookup_elem(map, &zero) : NULL;
}

/* A directory as a look-up goes about in it. */
struct dir4 {
	const struct axp_policy *policy;
	__u32 slot;
};

static __always_inline const union axp_dir4_unit *unit4(const struct dir4 *d, __u32 index)
{
	const struct axp_dir4_page *page;
	__u64 unit = index;

	/* The number that is checked must be the one that is used, for verifiers until 6.12. */
	barrier_var(unit);
	if (unit < AXP_DIR4_FRONT_UNITS)
		return &d->policy->front4.units[unit];
	unit -= AXP_DIR4_FRONT_UNITS;
	page = page_of(&directories4, d->slot, unit / AXP_DIR4_PAGE_UNITS);
	if (!page)
		return NULL;
	barrier_var(page); /* nor reckoned with before it was checked */
	return &page->units[unit & (AXP_DIR4_PAGE_UNITS - 1)];
}

static __always_inline int set4(const struct dir4 *d, __u32 set, __u64 *services)
{
	if (set == AXP_SET_ASK)
		return DIRECTORY_ASKS_TRIE;
	*services = d->policy->dir4.sets[set & (AXP_SETS - 1)]; /* none for AXP_SET_NONE */
	return DIRECTORY_KNOWS;
}

/* A /24 of a group with several sets. */
static __always_inline int mixed4(const struct dir4 *d, const struct axp_dir4_group *group,
				  __u32 rank, __u32 address, __u64 *services)
{
	const union axp_dir4_unit *unit = unit4(d, group->base + rank / 4);
	__u32 at = address & 255, set, place;
	__u64 cell;

	if (!unit)
		return DIRECTORY_KNOWS;
	cell = unit->cells[rank & 3];
	set = AXP_DIR4_CELL_SET(cell);
	place = AXP_DIR4_CELL_UNIT(cell);
	if (!place)
		return set4(d, set, services);
	if (set == AXP_SET_NONE) {
		unit = unit4(d, place + at / 32);
		return unit ? set4(d, unit->sets[at & 31], services) : DIRECTORY_KNOWS;
	}
	unit = unit4(d, place);
	if (!unit || !(unit->bits[at / 32] >> (at & 31) & 1))
		return DIRECTORY_KNOWS;
	return set4(d, set, services);
}

#define LANES 0x0001000100010001ULL

/* In 16-bit lanes: the highest bit is set where `at` is not less than `first`. */
static __always_inline __u64 reached(__u64 at, __u64 first)
{
	__u64 high = LANES << 15, low = (at | high) - (first & ~high);

	return ((low & ~first) | ((low | ~first) & at)) & high;
}

/* The range that an address is in if it is in any, of those whose `first` are the lanes of three
 * words; all are compared at once: branches that go by addresses are guessed wrong. */
static __always_inline __u32 range_of(__u32 at, __u64 first0, __u64 first1, __u64 lanes1,
				      __u64 first2, __u64 lanes2)
{
	__u64 all = at * LANES;

	return ((reached(all, first0) >> 15 & LANES) + (reached(all, first1) >> 15 & lanes1) +
		(reached(all, first2) >> 15 & lanes2)) *
		       LANES >>
	       48;
}

/* `at`: in its /16. */
static __always_inline int ranges4(const struct dir4 *d, const union axp_dir4_unit *unit, __u32 at,
				   __u64 *services)
{
	__u32 i = range_of(at, unit->roots[0], unit->roots[1], LANES & 0xffffffff, 0, 0) - 1;

	if (i >= AXP_DIR4_RANGES || at > unit->ranges.last[i])
		return DIRECTORY_KNOWS;
	return set4(d, unit->ranges.set[i], services);
}

static __always_inline int prefixes4(const struct dir4 *d, const union axp_dir4_unit *unit,
				     __u32 at, __u64 *services)
{
	__u32 i = range_of(at, unit->roots[0], unit->roots[1], LANES, unit->roots[2], LANES) - 1;
	__u64 rest = unit->prefixes.rest;

	if (i >= AXP_DIR4_PREFIXES ||
	    (at ^ unit->prefixes.first[i]) >> AXP_DIR4_PREFIX_OPEN(rest, i))
		return DIRECTORY_KNOWS;
	return set4(d, AXP_DIR4_PREFIX_SET(rest), services);
}

static __always_inline int parts4(const struct dir4 *d, __u64 root, __u32 at, __u64 *services)
{
	__u32 part = at >> (16 - AXP_DIR4_ROOT_LOG2(root));
	const union axp_dir4_unit *unit = unit4(d, AXP_DIR4_ROOT_UNIT(root) + part);

	if (!unit)
		return DIRECTORY_KNOWS;
	if (root & AXP_DIR4_OF_PREFIXES)
		return prefixes4(d, unit, at, services);
	return ranges4(d, unit, at, services);
}

/* Root word of the address's /16; 0 if the filter says that nothing is listed where it is. */
static __always_inline __u64 root4(const union axp_dir4_front *front, __u32 address, __u32 shift)
{
	const union axp_dir4_unit *unit;
	__u32 bit = address >> (shift & 31);

	unit = &front->units[AXP_DIR4_FILTER + (bit >> 8 & (AXP_DIR4_FILTER_UNITS - 1))];
	if (!(unit->words[bit >> 5 & 7] >> (bit & 31) & 1))
		return 0;
	unit = &front->units[AXP_DIR4_ROOT + (address >> 18)];
	return unit->roots[address >> 16 & 3];
}

/* The same of a large list. */
static __always_inline __u64 large_root4(const union axp_dir4_front *front, __u32 address)
{
	const struct axp_dir4_place *place = &front->places[address >> 16];
	__u32 bit = (address & 0xffff) >> AXP_DIR4_PLACE_SHIFT;

	return place->filter[bit / 32] >> (bit & 31) & 1 ? place->root : 0;
}

/* `address` in host byte order; *services is 0 where no entry covers it. */
static __always_inline int directory4_look_up(const struct axp_policy *policy, __u32 slot,
					      __u32 address, __u64 *services)
{
	const struct dir4 d = { .policy = policy, .slot = slot };
	__u32 shift = policy->dir4.header.shift;
	const union axp_dir4_unit *unit;
	const struct axp_dir4_group *group;
	__u32 at, rank;
	__u64 bit, chunk;

	*services = 0;
	if (shift)
		chunk = root4(&policy->front4, address, shift);
	else
		chunk = large_root4(&policy->front4, address);
	if (!chunk)
		return DIRECTORY_KNOWS;
	at = address & 0xffff;
	if (AXP_DIR4_ROOT_KIND(chunk) == AXP_DIR4_IN_RANGE) {
		if (((at - AXP_DIR4_RANGE_FIRST(chunk)) & 0xffff) > AXP_DIR4_RANGE_SPAN(chunk))
			return DIRECTORY_KNOWS;
		return set4(&d, AXP_DIR4_RANGE_SET(chunk), services);
	}
	if (AXP_DIR4_ROOT_KIND(chunk) == AXP_DIR4_IN_PARTS)
		return parts4(&d, chunk, at, services);
	unit = unit4(&d, AXP_DIR4_ROOT_UNIT(chunk) + (at >> 14));
	if (!unit)
		return DIRECTORY_KNOWS;
	group = &unit->group;
	bit = 1ULL << (address >> 8 & 63);
	if (!(group->any & bit))
		return DIRECTORY_KNOWS;
	if (group->own & bit) {
		rank = count_bits(group->own & (bit - 1));
		if (group->kind == AXP_DIR_MIXED)
			return mixed4(&d, group, rank, address, services);
		unit = unit4(&d, group->base + rank);
		if (!unit || !(unit->bits[address >> 5 & 7] >> (address & 31) & 1))
			return DIRECTORY_KNOWS;
	}
	*services = group->services;
	return group->kind == AXP_DIR_ASK ? DIRECTORY_ASKS_TRIE : DIRECTORY_KNOWS;
}

struct dir6 {
	const struct axp_dir6_page *first;
	__u32 slot;
};

static __always_inline const union axp_dir6_unit *unit6(const struct dir6 *d, __u32 index)
{
	const struct axp_dir6_page *page = d->first;

	if (index >= AXP_DIR6_PAGE_UNITS) {
		page = page_of(&directories6, d->slot, index / AXP_DIR6_PAGE_UNITS);
		if (!page)
			return NULL;
	}
	return &page->units[index & (AXP_DIR6_PAGE_UNITS - 1)];
}

static __always_inline int set6(const struct dir6 *d, __u32 set, __u64 *services)
{
	const __u64 *sets = d->first->units[AXP_DIR6_SETS].services;

	if (set == AXP_SET_ASK)
		return DIRECTORY_ASKS_TRIE;
	*services = sets[set & (AXP_SETS - 1)];
	return DIRECTORY_KNOWS;
}

/* A slot without a node of its own. */
static __always_inline int leaf6(const struct dir6 *d, const struct axp_dir6_node *node, __u32 at,
				 __u64 *services)
{
	const union axp_dir6_unit *unit;

	if (!(node->any >> at & 1))
		return DIRECTORY_KNOWS;
	if (node->kind == AXP_DIR_MIXED) {
		unit = unit6(d, node->base);
		return unit ? set6(d, unit->sets[at & 63], services) : DIRECTORY_KNOWS;
	}
	*services = node->services;
	return node->kind == AXP_DIR_ASK ? DIRECTORY_ASKS_TRIE : DIRECTORY_KNOWS;
}

/* The six bits behind the first `depth`. */
static __always_inline __u32 slot6(__u64 high, __u64 low, __u32 depth)
{
	if (depth & 64)
		return low << (depth & 63) >> 58;
	return (high << (depth & 63) | low >> 1 >> (63 - (depth & 63))) >> 58;
}

/* The same for IPv6; `high` are the first eight bytes. */
static __always_inline int directory6_look_up(__u32 slot, __u64 high, __u64 low, __u64 *services)
{
	struct dir6 d = { .slot = slot };
	const union axp_dir6_unit *unit;
	const struct axp_dir6_node *node;
	__u32 next, at;
	int i;

	*services = 0;
	d.first = page_of(&directories6, slot, 0);
	if (!d.first)
		return DIRECTORY_KNOWS;
	next = d.first->units[AXP_DIR6_HEADER].header.root;
	for (i = 0; i < AXP_DIR6_LEVELS; i++) {
		unit = unit6(&d, next);
		if (!unit)
			break;
		node = &unit->node;
		if (((high ^ node->key_high) & node->mask_high) |
		    ((low ^ node->key_low) & node->mask_low))
			return set6(&d, node->outside, services);
		at = slot6(high, low, node->depth);
		if (!(node->own >> at & 1))
			return leaf6(&d, node, at, services);
		next = node->base + (node->kind == AXP_DIR_MIXED) +
		       count_bits(node->own & ((1ULL << at) - 1));
	}
	return DIRECTORY_KNOWS;
}

#endif
