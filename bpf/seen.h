/* SPDX-License-Identifier: GPL-2.0-only */
/* What people see of a packet once its fate is known: who is refused, and live views. */
#ifndef ALLOWXDP_SEEN_H
#define ALLOWXDP_SEEN_H

#include "sources.h"
#include "watch.h"

struct fate {
	__u32 direction, service, reason, verdict;
	__u64 word; /* the control word that it was judged by */
	__u64 bytes;
};

static __always_inline __u32 interface_of(void *ctx, __u32 direction)
{
	if (direction == AXP_IN)
		return ((struct xdp_md *)ctx)->ingress_ifindex;
	return ((struct __sk_buff *)ctx)->ifindex;
}

static __always_inline void record_refused(void *ctx, const struct pkt *p, const struct fate *f,
					   struct axp_sampler *sampler)
{
	struct refused r = {
		.bytes = f->bytes,
		.ifindex = interface_of(ctx, f->direction),
		.port = p->dport,
		.reason = f->reason,
		.verdict = f->verdict,
	};

	source_key(p, f->direction, f->service, f->reason, &r.key);
	note_source(&r, sampler);
}

static __always_inline void show_packet(void *ctx, const struct pkt *p, const struct fate *f)
{
	struct axp_event e = {
		.generation = AXP_ACTIVE_GENERATION(f->word),
		.ifindex = interface_of(ctx, f->direction),
		.length = f->bytes,
		.sport = p->sport,
		.dport = p->dport,
		.family = p->family,
		.protocol = knows_ports(f->reason) ? p->protocol : AXP_NO_PROTOCOL,
		.tcp_flags = p->tcp_flags,
		.reason = f->reason,
		.service = f->service,
		.direction = f->direction,
		.verdict = f->verdict,
		.mode = AXP_ACTIVE_MODE(f->word),
	};

	__builtin_memcpy(e.src, p->src, sizeof(e.src));
	__builtin_memcpy(e.dst, p->dst, sizeof(e.dst));
	if (f->direction == AXP_IN)
		show_ingress(ctx, &e);
	else
		show_egress(ctx, &e);
}

/* To be called for every packet, with its row of counters. */
static __always_inline void be_seen(void *ctx, const struct pkt *p, const struct fate *f,
				    struct axp_sampler *sampler)
{
	int refused = f->reason < AXP_DROP_REASONS;

	if (refused && is_sampled(sampler))
		record_refused(ctx, p, f, sampler);
	if (is_watched(refused ? AXP_WATCH_DROPS : AXP_WATCH_PASSES))
		show_packet(ctx, p, f);
}

#endif
