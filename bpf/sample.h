/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which packets are looked at more closely. Every one while there are few; in a flood one of many,
 * after gaps of random length, so that nothing that comes at regular times can hide in them. Each
 * row of counters has samplers of its own: a flood at one service leaves the others exact.
 */
#ifndef ALLOWXDP_SAMPLE_H
#define ALLOWXDP_SAMPLE_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

enum { SAMPLE_GAP_LIFE = 256 /* jiffies */ };

#define SAMPLE_TICK 1000000000ULL /* ns */

/* To be asked of every such packet; all that one that is not sampled costs. */
static __always_inline int is_sampled(struct axp_sampler *s)
{
	__u64 now = bpf_jiffies64(); /* a load, no call */

	if (s->skip && now - s->last < SAMPLE_GAP_LIFE) {
		s->skip--;
		return 0;
	}
	s->last = now;
	return 1;
}

/* Samples of a tick until which every packet is one, one of AXP_SAMPLE_SOME_OF, of
 * AXP_SAMPLE_FEW_OF and of AXP_SAMPLE_RARE_OF; from there on one of AXP_SAMPLE_LEAST_OF. */
struct sample_steps {
	__u32 every, some, few, rare;
};

/* How many packets this sample stands for. Sets the gap to the next one. */
static __always_inline __u32 sample_weight(struct axp_sampler *s, __u64 now,
					   const struct sample_steps *steps)
{
	__u32 weight = s->weight, next = 1;

	if (!weight || s->skip) /* the first, or one after a gap that nothing filled */
		weight = 1;
	if (now - s->tick >= SAMPLE_TICK) {
		s->tick = now;
		s->taken = 0;
	}
	s->taken++;
	if (s->taken >= steps->rare)
		next = AXP_SAMPLE_LEAST_OF;
	else if (s->taken >= steps->few)
		next = AXP_SAMPLE_RARE_OF;
	else if (s->taken >= steps->some)
		next = AXP_SAMPLE_FEW_OF;
	else if (s->taken >= steps->every)
		next = AXP_SAMPLE_SOME_OF;
	s->weight = next;
	/* From 0 to 2 * next - 2, next - 1 on average. */
	s->skip = next == 1 ? 0 : bpf_get_prandom_u32() % (2 * next - 1);
	return weight;
}

#endif
