/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The BPF programs compiled for this machine: what they ask the kernel is answered from plain
 * memory here, and counted.
 */
#ifndef ALLOWXDP_UNIT_KERNEL_SIDE_H
#define ALLOWXDP_UNIT_KERNEL_SIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf_helpers.h>
#include "../../bpf/maps.h"

/* Where the pages of a directory lie: one behind the other. */
static const uint8_t *kernel_units;
static uint32_t kernel_pages;

/* Look-ups in maps, and other calls of the kernel. */
static uint64_t kernel_lookups, kernel_calls;

/* Maps with elements of their own, by what stands for them. */
struct kernel_map {
	const void *map;
	uint8_t *elements;
	size_t size;
	uint32_t n;
};

static struct kernel_map kernel_maps[16];

static inline void kernel_add_map(const void *map, void *elements, size_t size, uint32_t n)
{
	struct kernel_map *m = kernel_maps;

	while (m->map)
		m++;
	*m = (struct kernel_map){ map, elements, size, n };
}

static inline void *kernel_lookup(const void *map, const void *key)
{
	uint32_t n;

	kernel_lookups++;
	memcpy(&n, key, sizeof(n));
	for (const struct kernel_map *m = kernel_maps; m->map; m++) {
		if (m->map == map)
			return n < m->n ? m->elements + n * m->size : NULL;
	}
	if (map == &directories4 || map == &directories6)
		return n < kernel_pages
			       ? (void *)(uintptr_t)(kernel_units + (size_t)n * AXP_DIR_PAGE)
			       : NULL;
	/* A page stands for a map of one element, itself; any other map is empty. */
	if ((const uint8_t *)map >= kernel_units &&
	    (const uint8_t *)map < kernel_units + (size_t)kernel_pages * AXP_DIR_PAGE)
		return (void *)(uintptr_t)map;
	return NULL;
}

static inline long kernel_call(long result)
{
	kernel_calls++;
	return result;
}

static inline long kernel_update(const void *map, const void *key, const void *value)
{
	(void)map, (void)key, (void)value;
	return kernel_call(0);
}

static inline long kernel_load(const void *ctx, uint32_t offset, void *copy, uint32_t size)
{
	(void)ctx, (void)offset, (void)copy, (void)size;
	return kernel_call(-1);
}

#pragma GCC diagnostic ignored "-Wunknown-pragmas" /* #pragma unroll is clang's */
#define bpf_map_lookup_elem(map, key)               kernel_lookup(map, key)
#define bpf_map_update_elem(map, key, value, flags) kernel_update(map, key, value)
#define bpf_ktime_get_boot_ns()                     ((__u64)kernel_call(1))
#define bpf_ktime_get_coarse_ns()                   ((__u64)kernel_call(1))
#define bpf_xdp_get_buff_len(ctx)                   ((__u64)kernel_call((ctx)->data_end - (ctx)->data))
#define bpf_xdp_load_bytes(ctx, offset, copy, size) kernel_load(ctx, offset, copy, size)
#define bpf_skb_load_bytes(ctx, offset, copy, size) kernel_load(ctx, offset, copy, size)

#define bpf_jiffies64()                                    0ULL /* the kernel inlines it */
#define bpf_get_prandom_u32()                              ((__u32)kernel_call(4))
#define bpf_spin_lock(lock)                                ((void)kernel_call(0))
#define bpf_spin_unlock(lock)                              ((void)kernel_call(0))
#define bpf_perf_event_output(ctx, map, flags, data, size) kernel_update(map, ctx, data)

#endif
