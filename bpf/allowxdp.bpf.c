// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two programs on each interface. Ingress, at XDP: parse the frame, look up its port, then its
 * source, then whether it answers a flow of this host; count; pass or drop. Egress, at tc: remember
 * such flows, and guard the destinations of services with direction `out`. What to do stands in the
 * maps (include/abi.h).
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "carry.h"
#include "count.h"
#include "flow.h"
#include "fragment.h"
#include "maps.h"
#include "parse.h"
#include "plain.h"
#include "plain4.h"
#include "verdict.h"

/* Set by the command before loading: the kernel takes multi-buffer programs (5.18). */
const volatile _Bool have_frags = 0;

/* What a tc program returns: let the next one decide (TCX_NEXT, TC_ACT_UNSPEC), or drop. */
enum { EGRESS_NEXT = -1, EGRESS_DROP = 2 };

/* Bytes of the whole frame; asking for them costs a call, which ordinary frames are spared. */
static __always_inline __u64 frame_bytes(struct xdp_md *ctx, const struct pkt *p)
{
	__u64 first = p->end - p->data;

	if (have_frags && (p->length > first || first < PLAIN_FRAME_MIN || first > PLAIN_FRAME_MAX))
		return bpf_xdp_get_buff_len(ctx);
	return first;
}

/* Not inlined: rare, and as large as the fast ones. */
static __noinline int parse_spread_xdp(struct pkt *p)
{
	return parse_frame(p, FROM_XDP);
}

static __noinline int parse_spread_skb(struct pkt *p)
{
	return parse_frame(p, FROM_SKB);
}

/* A first fragment must bring the whole header chain (RFC 1858, RFC 3128, RFC 7112). */
static __always_inline int parsed(const struct pkt *p, int reason)
{
	if (reason == AXP_REASON_TRUNCATED && p->fragment == FIRST_FRAGMENT)
		return AXP_REASON_TINY_FRAGMENT;
	return reason;
}

static __always_inline int parse_xdp(struct xdp_md *ctx, struct pkt *p)
{
	int reason;

	p->size = p->end - p->data;
	reason = parse_frame(p, FROM_BUFFER);
	if (reason == AXP_REASON_TRUNCATED && have_frags) {
		p->size = bpf_xdp_get_buff_len(ctx);
		if (p->size > (__u64)(p->end - p->data)) {
			p->ctx = ctx;
			reason = parse_spread_xdp(p);
		}
	}
	return parsed(p, reason);
}

static __always_inline int parse_skb(struct __sk_buff *skb, struct pkt *p)
{
	int reason;

	p->size = p->end - p->data;
	reason = parse_frame(p, FROM_BUFFER);
	if (reason == AXP_REASON_TRUNCATED && skb->len > p->size) {
		p->size = skb->len;
		p->ctx = skb;
		reason = parse_spread_skb(p);
	}
	return parsed(p, reason);
}

/* What the flows of this host say of a packet that the lists do not know. */
static __always_inline int judge_unlisted(const struct pkt *p, __u32 slot, __u32 mode)
{
	__u32 questions = 0;

	if (flow_port_used(p->protocol, p->dport))
		questions |= FLOW_IS_REPLY;
	if (mode == AXP_MODE_MONITOR && p->protocol == AXP_UDP)
		questions |= FLOW_STRANGER;
	if (questions && ask_flows_of(p, questions, slot))
		return AXP_REASON_REPLY;
	return AXP_REASON_UNLISTED;
}

/* What the lists, and the flows of this host, say of a packet that came in. */
static __always_inline int judge_ingress(const struct pkt *p, __u8 family, int reason,
					 const struct axp_policy *policy, __u32 slot, __u32 mode,
					 __u32 *service)
{
	const struct axp_port_class *class = NULL;
	__u64 services = 0;

	if (reason == AXP_REASON_FRAGMENT)
		return judge_fragment(p, AXP_IN, policy, slot, service);
	if (reason != GO_ON)
		return reason;
	reason = judge(p, family, AXP_IN, policy, slot, service, &class, &services);
	if (reason == AXP_REASON_UNLISTED && class && class->replies)
		reason = judge_unlisted(p, slot, mode);
	if (reason == AXP_REASON_UNLISTED && services)
		count_elsewhere(*service, p->family, mode);
	/* Our answers to it would go to a port that is guarded outbound. */
	if (policy->flags & AXP_GUARDS_OUT && reason != AXP_REASON_REPLY &&
	    (reason >= AXP_DROP_REASONS || mode != AXP_MODE_ENFORCE) &&
	    policy->port_class[AXP_OUT][p->protocol & 1][p->sport])
		ask_flows_of(p, FLOW_INCOMING, slot);
	return reason;
}

/* An outcome that is none. */
#define NO_OUTCOME (~0ULL)

/*
 * Any frame. This and the next one are global functions: the verifier looks at each by itself,
 * once, and not at every way to come there.
 */
__noinline __u64 judge_any(struct xdp_md *ctx, __u32 slot, __u32 mode)
{
	const struct axp_policy *policy;
	__u32 service = AXP_NO_SERVICE;
	int reason;
	struct pkt p = {
		.data = (const void *)(long)ctx->data,
		.end = (const void *)(long)ctx->data_end,
	};

	slot &= AXP_SLOTS - 1;
	policy = bpf_map_lookup_elem(&policies, &slot);
	if (!policy)
		return 0;
	reason = parse_xdp(ctx, &p);
	reason = judge_ingress(&p, p.family, reason, policy, slot, mode, &service);
	if (p.fragment == FIRST_FRAGMENT)
		remember_fragment(&p, AXP_IN, reason, service);
	return OUTCOME(reason, service, p.family, frame_bytes(ctx, &p));
}

/* Plain IPv6, or NO_OUTCOME. */
__noinline __u64 judge_plain6(struct xdp_md *ctx, __u32 slot, __u32 mode)
{
	const struct axp_policy *policy;
	__u32 service = AXP_NO_SERVICE;
	int reason;
	struct pkt p = {
		.data = (const void *)(long)ctx->data,
		.end = (const void *)(long)ctx->data_end,
	};

	slot &= AXP_SLOTS - 1;
	policy = bpf_map_lookup_elem(&policies, &slot);
	if (!policy || !parse_plain6(&p))
		return NO_OUTCOME;
	reason = judge_ingress(&p, AXP_IPV6, GO_ON, policy, slot, mode, &service);
	return OUTCOME(reason, service, AXP_IPV6, frame_bytes(ctx, &p));
}

/* Mode off. */
static __always_inline __u64 judge_nothing(struct xdp_md *ctx)
{
	const struct pkt p = {
		.data = (const void *)(long)ctx->data,
		.end = (const void *)(long)ctx->data_end,
	};

	return OUTCOME(AXP_REASON_OFF, AXP_NO_SERVICE, AXP_FAMILY_NONE, frame_bytes(ctx, &p));
}

/* Whatever is not plain IPv4. */
static __always_inline int filter_other(struct xdp_md *ctx, __u32 slot, __u32 mode, __u64 word)
{
	__u64 outcome = judge_plain6(ctx, slot, mode);

	if (outcome == NO_OUTCOME)
		outcome = judge_any(ctx, slot, mode);
	return settle(ctx, AXP_IN, outcome, word);
}

SEC("xdp") /* frames of several buffers: who loads it says so, where the kernel knows them */
int allowxdp_in(struct xdp_md *ctx)
{
	const struct axp_policy *policy;
	__u64 word = policy_word(); /* once: generation and mode belong together */
	__u32 mode = AXP_ACTIVE_MODE(word);
	__u32 slot = AXP_ACTIVE_SLOT(word);
	int verdict;

	policy = bpf_map_lookup_elem(&policies, &slot);
	if (!policy || mode == AXP_MODE_OFF) {
		verdict = settle(ctx, AXP_IN, judge_nothing(ctx), word);
	} else {
		verdict = filter_plain4(ctx, policy, word);
		if (verdict == NOT_PLAIN)
			verdict = filter_other(ctx, slot, mode, word);
	}
	return verdict == AXP_DROP ? XDP_DROP : XDP_PASS;
}

/* A packet that leaves for a guarded port: listed, an answer, or neither. */
static __always_inline int judge_egress(struct pkt *p, int reason, const struct axp_policy *policy,
					__u32 slot, __u32 *service)
{
	const struct axp_port_class *class = NULL;
	struct axp_flow_key key;
	__u64 services;

	if (reason == AXP_REASON_FRAGMENT)
		return judge_fragment(p, AXP_OUT, policy, slot, service);
	if (reason != GO_ON)
		return reason;
	reason = judge(p, p->family, AXP_OUT, policy, slot, service, &class, &services);
	if (reason != AXP_REASON_UNLISTED && reason != AXP_REASON_LISTED)
		return reason;
	flow_key(p, AXP_OUT, &key);
	if (reason == AXP_REASON_LISTED)
		note_outgoing(p, policy, &key);
	else if (is_answer(p, policy, &key))
		reason = AXP_REASON_ANSWER;
	return reason;
}

SEC("tc")
int allowxdp_out(struct __sk_buff *skb)
{
	struct pkt p = {
		.data = (const void *)(long)skb->data,
		.end = (const void *)(long)skb->data_end,
	};
	__u32 service = AXP_NO_SERVICE;
	const struct axp_policy *policy;
	__u64 word = policy_word();
	__u32 mode = AXP_ACTIVE_MODE(word);
	__u32 slot = AXP_ACTIVE_SLOT(word);
	int parse, reason;

	policy = bpf_map_lookup_elem(&policies, &slot);
	if (!policy || mode == AXP_MODE_OFF)
		return EGRESS_NEXT;
	parse = parse_skb(skb, &p);
	if (policy->flags & AXP_GUARDS_OUT) {
		reason = judge_egress(&p, parse, policy, slot, &service);
		if (p.fragment == FIRST_FRAGMENT)
			remember_fragment(&p, AXP_OUT, reason, service);
		/* What this host sends is not its enemy's: only the lists' word counts here. */
		if (service != AXP_NO_SERVICE &&
		    settle(skb, AXP_OUT, OUTCOME(reason, service, p.family, skb->len), word) ==
			    AXP_DROP)
			return EGRESS_DROP;
	}
	if (parse == GO_ON)
		remember_flow(&p, policy, slot, mode);
	return EGRESS_NEXT;
}

char LICENSE[] SEC("license") = "GPL";
