// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ingress at XDP: parse the frame, look up its port, look up its source, count, pass or drop.
 * Nothing here keeps time or state of its own: what to do stands in the maps (include/abi.h).
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "count.h"
#include "maps.h"
#include "parse.h"
#include "verdict.h"

/* Set by the command before loading: the kernel takes multi-buffer programs (5.18). */
const volatile _Bool have_frags = 0;

/* Outside these the first buffer may be less than the frame, or IP's length less than the buffer.
 */
enum { PLAIN_FRAME_MIN = 60, PLAIN_FRAME_MAX = 1522 };

/* Bytes of the whole frame; asking for them costs a call, which ordinary frames are spared. */
static __always_inline __u64 frame_bytes(struct xdp_md *ctx, const struct pkt *p)
{
	__u64 first = p->end - p->data;

	if (have_frags && (p->length > first || first < PLAIN_FRAME_MIN || first > PLAIN_FRAME_MAX))
		return bpf_xdp_get_buff_len(ctx);
	return first;
}

/* Not inlined: rare, and as large as the fast one. */
static __noinline int parse_spread(struct pkt *p)
{
	return parse_frame(p, FROM_FRAME);
}

static __always_inline int parse(struct xdp_md *ctx, struct pkt *p)
{
	int reason;

	p->size = p->end - p->data;
	reason = parse_frame(p, FROM_BUFFER);
	if (reason != AXP_REASON_TRUNCATED || !have_frags)
		return reason;
	p->size = bpf_xdp_get_buff_len(ctx);
	if (p->size <= (__u64)(p->end - p->data))
		return reason;
	p->ctx = ctx;
	return parse_spread(p);
}

SEC("xdp.frags")
int allowxdp_in(struct xdp_md *ctx)
{
	struct pkt p = {
		.data = (const void *)(long)ctx->data,
		.end = (const void *)(long)ctx->data_end,
	};
	__u32 service = AXP_NO_SERVICE, zero = 0;
	const struct axp_control *c;
	int reason = AXP_REASON_OFF;
	__u32 mode, slot;
	__u64 active;

	c = bpf_map_lookup_elem(&control, &zero);
	if (!c)
		return XDP_PASS;
	/* Read once: generation and mode belong together. */
	active = *(const volatile __u64 *)&c->active;
	mode = AXP_ACTIVE_MODE(active);
	slot = AXP_ACTIVE_SLOT(active);

	if (mode != AXP_MODE_OFF)
		reason = parse(ctx, &p);
	if (reason == GO_ON)
		reason = judge(&p, AXP_IN, slot, &service);
	if (settle(AXP_IN, service, p.family, reason, mode, frame_bytes(ctx, &p)) == AXP_DROP)
		return XDP_DROP;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
