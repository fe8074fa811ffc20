/* SPDX-License-Identifier: GPL-2.0-only */
/* Counting, and what the mode makes of a reason. No cache line is shared between CPUs. */
#ifndef ALLOWXDP_COUNT_H
#define ALLOWXDP_COUNT_H

#include "maps.h"
#include "seen.h"

/* Counts the packet and returns its verdict (enum axp_verdict). `word`: what it was judged by. */
static __always_inline int settle(void *ctx, __u32 direction, __u64 outcome, __u64 word)
{
	__u32 index =
		AXP_COUNTS_INDEX(direction, OUTCOME_SERVICE(outcome), OUTCOME_FAMILY(outcome));
	__u32 reason = OUTCOME_REASON(outcome);
	int verdict = AXP_PASS;
	struct axp_counts *counts;
	struct axp_count *count;

	/* The one that is checked must be the one that is used; clang 16 takes it out twice. */
	if (!__builtin_constant_p(reason))
		barrier_var(reason);
	if (reason < AXP_DROP_REASONS && AXP_ACTIVE_MODE(word) == AXP_MODE_ENFORCE)
		verdict = AXP_DROP;
	counts = bpf_map_lookup_elem(&counters, &index);
	if (!counts || reason >= AXP_REASONS)
		return verdict;
	count = &counts->by_reason[reason];
	if (reason < AXP_DROP_REASONS && verdict == AXP_PASS)
		count = &counts->monitored[reason];
	count->packets++;
	count->bytes += OUTCOME_BYTES(outcome);
	be_seen(ctx, direction, outcome, word, counts);
	return verdict;
}

/* A provider at a door that is not his: rare, so that it has a map and a function of its own. */
__noinline int count_elsewhere(__u32 service, __u32 family, __u32 mode)
{
	__u32 verdict = mode == AXP_MODE_ENFORCE ? AXP_DROP : AXP_PASS;
	__u32 index = AXP_ELSEWHERE_INDEX(service, family, verdict);
	__u64 *packets = bpf_map_lookup_elem(&elsewhere, &index);

	if (packets)
		*packets += 1;
	return 0;
}

#endif
