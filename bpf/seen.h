/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What people see of a packet once its fate is known: who is refused, which entries are in use, and
 * live views. Most packets pay for two questions only. For the others the frame is read once more,
 * here, so that nothing of it need be kept until now; the verifier looks at these functions by
 * themselves, once.
 */
#ifndef ALLOWXDP_SEEN_H
#define ALLOWXDP_SEEN_H

#include "hits.h"
#include "outcome.h"
#include "sources.h"
#include "watch.h"

/* Why a packet is looked at more closely. */
enum { SEE_SAMPLE = 1 << 0, SEE_WATCHED = 1 << 1 };

/* In allowxdp.bpf.c. */
static __always_inline int parse_xdp(struct xdp_md *ctx, struct pkt *p);
static __always_inline int parse_skb(struct __sk_buff *skb, struct pkt *p);

static __always_inline int verdict_of(__u32 reason, __u64 word)
{
	return reason < AXP_DROP_REASONS && AXP_ACTIVE_MODE(word) == AXP_MODE_ENFORCE ? AXP_DROP
										      : AXP_PASS;
}

static __always_inline struct description *describe(const struct pkt *p, __u32 direction,
						    __u64 outcome, __u64 word)
{
	__u32 reason = OUTCOME_REASON(outcome), zero = 0;
	struct description *d;
	struct axp_event *e;

	d = bpf_map_lookup_elem(&descriptions, &zero);
	if (!d)
		return NULL;
	e = &d->event;
	__builtin_memset(e, 0, sizeof(*e));
	e->generation = AXP_ACTIVE_GENERATION(word);
	e->length = OUTCOME_BYTES(outcome);
	e->sport = p->sport;
	e->dport = p->dport;
	e->family = OUTCOME_FAMILY(outcome);
	e->protocol = knows_ports(reason) ? p->protocol : AXP_NO_PROTOCOL;
	e->tcp_flags = p->tcp_flags;
	e->reason = reason;
	e->service = OUTCOME_SERVICE(outcome);
	e->direction = direction;
	e->verdict = verdict_of(reason, word);
	e->mode = AXP_ACTIVE_MODE(word);
	__builtin_memcpy(e->src, p->src, sizeof(e->src));
	__builtin_memcpy(e->dst, p->dst, sizeof(e->dst));
	return d;
}

static __always_inline int note(struct description *d, struct axp_counts *counts)
{
	if (d->event.reason == AXP_REASON_LISTED)
		return note_hit(d, &counts->hit_sampler);
	return note_source(d, &counts->sampler);
}

__noinline int see_ingress(struct xdp_md *ctx, __u64 outcome, __u64 word, __u32 why,
			   struct axp_counts *counts)
{
	struct description *d;
	int seen = 0;
	struct pkt p = {
		.data = (const void *)(long)ctx->data,
		.end = (const void *)(long)ctx->data_end,
	};

	if (OUTCOME_REASON(outcome) != AXP_REASON_OFF)
		parse_xdp(ctx, &p);
	d = describe(&p, AXP_IN, outcome, word);
	if (!d || !counts)
		return 0;
	d->event.ifindex = ctx->ingress_ifindex;
	if (why & SEE_SAMPLE)
		seen = note(d, counts);
	if (why & SEE_WATCHED)
		seen += show_in(ctx, &d->event);
	return seen;
}

__noinline int see_egress(struct __sk_buff *skb, __u64 outcome, __u64 word, __u32 why,
			  struct axp_counts *counts)
{
	struct description *d;
	int seen = 0;
	struct pkt p = {
		.data = (const void *)(long)skb->data,
		.end = (const void *)(long)skb->data_end,
	};

	parse_skb(skb, &p);
	d = describe(&p, AXP_OUT, outcome, word);
	if (!d || !counts)
		return 0;
	d->event.ifindex = skb->ifindex;
	if (skb->vlan_present) {
		d->event.vlan_tci = skb->vlan_tci;
		d->event.vlan_proto = skb->vlan_proto;
	}
	if (why & SEE_SAMPLE)
		seen = note(d, counts);
	if (why & SEE_WATCHED)
		seen += show_out(skb, &d->event);
	return seen;
}

/* To be called for every packet, with its row of counters. */
static __always_inline void be_seen(void *ctx, __u32 direction, __u64 outcome, __u64 word,
				    struct axp_counts *counts)
{
	int refused = OUTCOME_REASON(outcome) < AXP_DROP_REASONS;
	__u32 why = 0;

	if (refused && is_sampled(&counts->sampler))
		why |= SEE_SAMPLE;
	if (OUTCOME_REASON(outcome) == AXP_REASON_LISTED && is_sampled(&counts->hit_sampler))
		why |= SEE_SAMPLE;
	if (is_watched(refused ? AXP_WATCH_DROPS : AXP_WATCH_PASSES))
		why |= SEE_WATCHED;
	if (!why)
		return;
	if (direction == AXP_IN)
		see_ingress(ctx, outcome, word, why, counts);
	else
		see_egress(ctx, outcome, word, why, counts);
}

#endif
