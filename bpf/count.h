/* SPDX-License-Identifier: GPL-2.0-only */
/* Counting, and what the mode makes of a reason. No cache line is shared between CPUs. */
#ifndef ALLOWXDP_COUNT_H
#define ALLOWXDP_COUNT_H

#include "maps.h"
#include "sources.h"

static __always_inline __u32 interface_of(void *ctx, __u32 direction)
{
	if (direction == AXP_IN)
		return ((struct xdp_md *)ctx)->ingress_ifindex;
	return ((struct __sk_buff *)ctx)->ifindex;
}

static __always_inline void refuse(void *ctx, const struct pkt *p, __u32 direction, __u32 service,
				   __u32 reason, int verdict, __u64 bytes,
				   struct axp_sampler *sampler)
{
	struct refused r = {
		.bytes = bytes,
		.ifindex = interface_of(ctx, direction),
		.port = p->dport,
		.reason = reason,
		.verdict = verdict,
	};

	source_key(p, direction, service, reason, &r.key);
	note_source(&r, sampler);
}

/* Counts the packet and returns its verdict (enum axp_verdict). */
static __always_inline int settle(void *ctx, const struct pkt *p, __u32 direction, __u32 service,
				  __u32 reason, __u32 mode, __u64 bytes)
{
	__u32 index = AXP_COUNTS_INDEX(direction, service, p->family);
	int verdict = AXP_PASS;
	struct axp_counts *counts;
	struct axp_count *count;

	if (reason < AXP_DROP_REASONS && mode == AXP_MODE_ENFORCE)
		verdict = AXP_DROP;
	counts = bpf_map_lookup_elem(&counters, &index);
	if (!counts || reason >= AXP_REASONS)
		return verdict;
	count = &counts->by_reason[reason];
	if (reason < AXP_DROP_REASONS && verdict == AXP_PASS)
		count = &counts->monitored[reason];
	count->packets++;
	count->bytes += bytes;
	if (reason < AXP_DROP_REASONS && is_sampled(&counts->sampler))
		refuse(ctx, p, direction, service, reason, verdict, bytes, &counts->sampler);
	return verdict;
}

#endif
