// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "directory_pool.h"

enum {
	ROOM_AT_FIRST = AXP_DIR4_FRONT_UNITS,
	SPARE_BYTES = 4 << 20,
};

/*
 * The more bits, the fewer unlisted sources get past the filter, and the more of the caches it
 * takes (measured: docs/performance.md).
 */
static uint32_t filter_shift(size_t nodes)
{
	static const struct {
		size_t nodes;
		uint32_t shift;
	} from[] = { { 131072, 0 }, { 16384, 11 }, { 4096, 12 }, { 512, 14 }, { 0, 16 } };
	size_t i = 0;

	while (nodes < from[i].nodes)
		i++;
	return from[i].shift;
}

void directory_free(struct directory *d)
{
	if (!d->fixed) {
		free(d->units);
		free(d->head);
	}
	memset(d, 0, sizeof(*d));
}

uint32_t directory_unit(uint8_t family)
{
	return family == AXP_IPV4 ? sizeof(union axp_dir4_unit) : sizeof(union axp_dir6_unit);
}

void *directory_at(const struct directory *d, uint32_t n)
{
	return d->units + (size_t)n * directory_unit(d->family);
}

struct axp_dir_header *directory_header(const struct directory *d)
{
	return d->head ? &d->head->header : directory_at(d, AXP_DIR6_HEADER);
}

uint32_t directory_used(const struct directory *d)
{
	return directory_header(d)->used;
}

static int init4(struct directory *d, size_t nodes)
{
	d->head = calloc(1, sizeof(*d->head));
	if (!d->head)
		return -ENOMEM;
	d->head->header.shift = filter_shift(nodes);
	d->head->header.used = d->head->header.shift ? AXP_DIR4_FIRST : AXP_DIR4_FRONT_UNITS;
	return 0;
}

static int init(struct directory *d, size_t n)
{
	int rc = 0;

	d->room = ROOM_AT_FIRST;
	d->units = calloc(d->room, directory_unit(d->family));
	if (!d->units)
		return -ENOMEM;
	if (d->family == AXP_IPV4)
		rc = init4(d, n);
	else
		directory_header(d)->used = AXP_DIR6_FIRST;
	if (!rc)
		directory_header(d)->n_sets = 1;
	return rc;
}

static int grow(struct directory *d, uint64_t wanted)
{
	uint64_t room = (uint64_t)d->room * 2;
	size_t unit = directory_unit(d->family);
	uint8_t *units;

	while (room < wanted)
		room *= 2;
	if (room > UINT32_MAX)
		return -E2BIG;
	units = reallocarray(d->units, room, unit);
	if (!units)
		return -ENOMEM;
	memset(units + d->room * unit, 0, (room - d->room) * unit);
	d->units = units;
	d->room = (uint32_t)room;
	return 0;
}

/* What a failed change left there is not zero. */
int64_t directory_take(struct directory *d, uint32_t n)
{
	uint32_t first = directory_used(d), unit = directory_unit(d->family);
	int rc = 0;

	if ((uint64_t)first + n > d->room)
		rc = d->fixed ? -ENOSPC : grow(d, (uint64_t)first + n);
	if (rc)
		return rc;
	memset(directory_at(d, first), 0, (size_t)n * unit);
	directory_header(d)->used = first + n;
	return first;
}

static __u64 *sets(const struct directory *d)
{
	return d->head ? d->head->sets : directory_at(d, AXP_DIR6_SETS);
}

uint8_t directory_set(const struct directory *d, const struct node *node)
{
	uint32_t n = directory_header(d)->n_sets;
	__u64 *table = sets(d);

	if (node->timed)
		return AXP_SET_ASK;
	if (!node->services)
		return AXP_SET_NONE;
	for (uint32_t i = 1; i < n; i++) {
		if (table[i] == node->services)
			return (uint8_t)i;
	}
	if (n == AXP_SET_ASK)
		return AXP_SET_ASK;
	table[n] = node->services;
	directory_header(d)->n_sets = n + 1;
	return (uint8_t)n;
}

uint64_t directory_services(const struct directory *d, uint8_t set)
{
	return set == AXP_SET_ASK ? 0 : sets(d)[set];
}

uint8_t directory_kind(uint8_t set)
{
	return set == AXP_SET_ASK ? AXP_DIR_ASK : AXP_DIR_ONE;
}

void directory_publish(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

void directory_publish_root(__u64 *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

int directory_build(struct directory *d, const struct nodes *nodes, size_t from, size_t n)
{
	int rc = init(d, n);

	if (!rc)
		rc = d->family == AXP_IPV4 ? directory4_build(d, nodes->v + from, n)
					   : directory6_build(d, nodes->v + from, n);
	if (!rc)
		directory_header(d)->filled = directory_used(d);
	return rc;
}

int directory_change(struct directory *d, const struct policy *p, const struct prefix *prefix)
{
	uint32_t used = directory_used(d);
	int rc = prefix->family == AXP_IPV4 ? directory4_change(d, p, prefix)
					    : directory6_change(d, p, prefix);

	if (rc) /* packets cannot reach what was made in vain */
		directory_header(d)->used = used;
	return rc;
}

bool directory_asks(const struct directory *d, const struct node *node)
{
	return directory_set(d, node) == AXP_SET_ASK;
}

bool directory_wasteful(const struct directory *d)
{
	uint64_t spare = SPARE_BYTES / directory_unit(d->family);

	return directory_used(d) > 2 * (uint64_t)directory_header(d)->filled + spare;
}
