/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Adds what another version's map has counted to the map that packets are counted in now. The
 * command cannot: it writes all CPUs' values at once, and would undo what they count meanwhile.
 * Here it is a CPU's own row, and one instruction, which a packet comes before or after.
 */
#ifndef ALLOWXDP_CARRY_H
#define ALLOWXDP_CARRY_H

#include "maps.h"

static __always_inline void carry_count(struct axp_count *to, const struct axp_count *more)
{
	__sync_fetch_and_add(&to->packets, more->packets);
	__sync_fetch_and_add(&to->bytes, more->bytes);
}

/* For BPF_PROG_TEST_RUN alone; loaded only where it is needed. */
SEC("?xdp")
int allowxdp_carry(struct xdp_md *ctx)
{
	const struct axp_carried *more = (const void *)(long)ctx->data;
	struct axp_counts *row;
	__u32 index;

	if ((const void *)(more + 1) > (const void *)(long)ctx->data_end)
		return XDP_ABORTED;
	index = more->index;
	row = bpf_map_lookup_elem(&counters, &index);
	if (!row)
		return XDP_ABORTED;
#pragma clang loop unroll(full)
	for (int i = 0; i < AXP_REASONS; i++)
		carry_count(&row->by_reason[i], &more->by_reason[i]);
#pragma clang loop unroll(full)
	for (int i = 0; i < AXP_DROP_REASONS; i++)
		carry_count(&row->monitored[i], &more->monitored[i]);
	return XDP_PASS;
}

#endif
