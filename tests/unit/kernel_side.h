/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The look-up as packets do it, bpf/lookup.h, compiled for this machine: its maps of maps are
 * arrays of pages here.
 */
#ifndef ALLOWXDP_UNIT_KERNEL_SIDE_H
#define ALLOWXDP_UNIT_KERNEL_SIDE_H

#include <stdint.h>
#include <bpf/bpf_helpers.h>
#include "../../bpf/maps.h"

/* Where the pages of a directory lie: one behind the other. */
static const uint8_t *kernel_units;
static uint32_t kernel_pages;

static inline void *kernel_lookup(void *map, const void *key)
{
	uint32_t n = *(const uint32_t *)key;

	if (map != &directories4 && map != &directories6)
		return map; /* a page, of one element */
	return n < kernel_pages ? (void *)(kernel_units + (size_t)n * AXP_DIR_PAGE) : NULL;
}

#pragma GCC diagnostic ignored "-Wunknown-pragmas" /* #pragma unroll is clang's */
#define bpf_map_lookup_elem(map, key) kernel_lookup(map, key)
#include "../../bpf/lookup.h"
#undef bpf_map_lookup_elem

#endif
