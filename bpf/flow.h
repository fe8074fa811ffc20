/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flows that this host opened. Only packets that leave create or refresh one, so that nobody
 * outside can make himself one, keep one alive, or push one out.
 */
#ifndef ALLOWXDP_FLOW_H
#define ALLOWXDP_FLOW_H

#include "clock.h"
#include "parse.h"
#include "verdict.h"

#define SECOND 1000000000ULL

/* The tuple as this host sees it, from a packet that came in or one that leaves. */
static __always_inline void flow_key(const struct pkt *p, __u32 direction, struct axp_flow_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->local, direction == AXP_IN ? p->dst : p->src, sizeof(key->local));
	__builtin_memcpy(key->remote, direction == AXP_IN ? p->src : p->dst, sizeof(key->remote));
	key->local_port = direction == AXP_IN ? p->dport : p->sport;
	key->remote_port = direction == AXP_IN ? p->sport : p->dport;
	key->protocol = p->protocol;
	key->family = p->family;
}

static __always_inline __u64 idle_limit(const struct axp_policy *policy, __u8 protocol,
					__u32 closing)
{
	if (protocol == AXP_UDP)
		return policy->limits.udp;
	return closing ? policy->limits.tcp_closing : policy->limits.tcp;
}

/* Was a flow ever opened from this local port? Most packets are spared the look-up of one. */
static __always_inline int flow_port_used(__u32 protocol, __u16 port)
{
	return flow_ports.used[protocol & 1][port];
}

/* Ingress: does the packet with this key answer a flow that is alive? */
static __always_inline int is_reply(const struct axp_flow_key *key, const struct axp_policy *policy)
{
	const struct axp_flow *flow = bpf_map_lookup_elem(&flows, key);
	__u64 now, seen;

	if (!flow || flow->origin != AXP_FLOW_OPENED)
		return 0;
	now = now_coarse();
	seen = flow->seen;
	return now < seen || now - seen <= idle_limit(policy, key->protocol, flow->closing);
}

static __always_inline void count_flow(__u32 what)
{
	__u64 *count = bpf_map_lookup_elem(&flow_counts, &what);

	if (count)
		*count += 1;
}

static __always_inline int is_recent(__u64 seen, __u64 now, __u64 limit)
{
	return now < seen || now - seen <= limit;
}

/* A peer who sent before we did: our answer must not look like a flow that we opened. */
static __always_inline void note_stranger(const struct axp_flow_key *key)
{
	__u64 now = now_coarse();
	const __u64 *seen;

	seen = bpf_map_lookup_elem(&strangers, key);
	if (!seen || now - *seen >= SECOND)
		bpf_map_update_elem(&strangers, key, &now, BPF_ANY);
}

/* Egress: is it an answer to a stranger? He stays one for as long as we answer without a pause. */
static __always_inline int to_stranger(const struct axp_policy *policy,
				       const struct axp_flow_key *key, __u64 now)
{
	__u64 *seen = bpf_map_lookup_elem(&strangers, key);

	if (!seen || !is_recent(*seen, now, policy->limits.udp))
		return 0;
	if (now >= *seen + SECOND)
		*seen = now;
	return 1;
}

static __always_inline void note_answer(const struct axp_flow_key *key, __u64 now, __u32 origin)
{
	struct axp_answer answer = { .seen = now, .origin = origin };

	bpf_map_update_elem(&answers, key, &answer, BPF_ANY);
}

/*
 * Ingress, from a port that is guarded outbound: who began the flow? A TCP flow comes in by its
 * SYN; a UDP flow by a packet before one of ours.
 */
static __always_inline void note_incoming(const struct axp_flow_key *key, __u32 tcp_flags,
					  const struct axp_policy *policy)
{
	struct axp_answer *answer = bpf_map_lookup_elem(&answers, key);
	__u64 now = now_coarse();

	if (answer && is_recent(answer->seen, now, idle_limit(policy, key->protocol, 0))) {
		if (answer->origin == AXP_ANSWER_CAME_IN && now >= answer->seen + SECOND)
			answer->seen = now;
		return;
	}
	if (key->protocol == AXP_UDP || (tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		note_answer(key, now, AXP_ANSWER_CAME_IN);
}

/* What to do with the flow of a packet that came in. */
enum flow_question {
	FLOW_IS_REPLY =
		1 << 0, /* does it answer a flow that is alive? If so, nothing else is done */
	FLOW_STRANGER = 1 << 1,
	FLOW_INCOMING = 1 << 2,
};

static __always_inline int ask_flows(const struct axp_flow_key *key, __u32 questions,
				     __u8 tcp_flags, const struct axp_policy *policy)
{
	if (questions & FLOW_IS_REPLY && is_reply(key, policy))
		return 1;
	if (questions & FLOW_STRANGER)
		note_stranger(key);
	if (questions & FLOW_INCOMING)
		note_incoming(key, tcp_flags, policy);
	return 0;
}

/*
 * Not inlined: few packets come here, and the key needs much of the stack. Global, so that the
 * verifier looks at each once. `what`: bits 0-7 questions, 8-15 protocol, 16-23 TCP flags; `ports`:
 * the remote one in the upper half.
 */
__noinline int ask_flows4(__be32 src, __be32 dst, __u32 ports, __u32 what, __u32 slot)
{
	const struct axp_policy *policy;
	struct axp_flow_key key = {
		.local = { dst },
		.remote = { src },
		.local_port = ports,
		.remote_port = ports >> 16,
		.protocol = what >> 8,
		.family = AXP_IPV4,
	};

	slot &= AXP_SLOTS - 1;
	policy = bpf_map_lookup_elem(&policies, &slot);
	return policy ? ask_flows(&key, what, what >> 16, policy) : 0;
}

__noinline int ask_flows6(const struct pkt *p, __u32 questions, __u32 slot)
{
	const struct axp_policy *policy;
	struct axp_flow_key key;

	slot &= AXP_SLOTS - 1;
	policy = bpf_map_lookup_elem(&policies, &slot);
	if (!policy || !p)
		return 0;
	flow_key(p, AXP_IN, &key);
	return ask_flows(&key, questions, p->tcp_flags, policy);
}

/* True for a reply, where that is among the questions. */
static __always_inline int ask_flows_of(const struct pkt *p, __u32 questions, __u32 slot)
{
	if (p->family == AXP_IPV4)
		return ask_flows4(p->src[0], p->dst[0], (__u32)p->sport << 16 | p->dport,
				  questions | p->protocol << 8 | p->tcp_flags << 16, slot);
	return ask_flows6(p, questions, slot);
}

/* Egress, to a listed remote. */
static __always_inline void note_outgoing(const struct pkt *p, const struct axp_policy *policy,
					  const struct axp_flow_key *key)
{
	struct axp_answer *answer = bpf_map_lookup_elem(&answers, key);
	__u64 now = now_coarse();

	if (answer && is_recent(answer->seen, now, idle_limit(policy, p->protocol, 0))) {
		if (answer->origin == AXP_ANSWER_OURS && now >= answer->seen + SECOND)
			answer->seen = now;
		return;
	}
	note_answer(key, now, AXP_ANSWER_OURS);
}

static __always_inline int is_answer(const struct pkt *p, const struct axp_policy *policy,
				     const struct axp_flow_key *key)
{
	const struct axp_answer *answer = bpf_map_lookup_elem(&answers, key);

	return answer && answer->origin == AXP_ANSWER_CAME_IN &&
	       is_recent(answer->seen, now_coarse(), idle_limit(policy, p->protocol, 0));
}

static __always_inline void note_port(const struct axp_flow_key *key)
{
	volatile __u8 *used = &flow_ports.used[key->protocol & 1][key->local_port];

	if (!*used)
		*used = 1;
}

static __always_inline void create_flow(const struct axp_flow_key *key, __u64 now, __u32 origin)
{
	struct axp_flow flow = { .seen = now, .origin = origin };

	if (bpf_map_update_elem(&flows, key, &flow, BPF_ANY)) {
		count_flow(AXP_FLOWS_INSERT_FAILED);
		return;
	}
	count_flow(AXP_FLOWS_CREATED);
	if (origin == AXP_FLOW_OPENED)
		note_port(key);
}

/* Egress: refreshes a flow that is alive, and notes its end; false if it is over. */
static __always_inline int refresh_flow(const struct pkt *p, const struct axp_policy *policy,
					struct axp_flow *flow, __u64 now)
{
	if (now > flow->seen && now - flow->seen > idle_limit(policy, p->protocol, flow->closing))
		return 0;
	if (p->protocol == AXP_TCP) {
		if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && flow->closing)
			return 0; /* the same tuple anew */
		if (p->tcp_flags & (TCP_FIN | TCP_RST) && !flow->closing)
			flow->closing = 1;
	}
	if (now >= flow->seen + SECOND)
		flow->seen = now;
	return 1;
}

/*
 * Egress: remembers that the packet's flow is alive. A TCP flow begins with this host's SYN; a UDP
 * flow with a packet to a peer who had not sent first. Where the peer is listed when it begins, the
 * flow says so and lets nothing in: taking him off the list cuts him off at once, whatever is under
 * way.
 */
static __always_inline void remember_flow(const struct pkt *p, const struct axp_policy *policy,
					  __u32 slot, __u32 mode)
{
	const struct axp_port_class *class;
	struct axp_flow_key key;
	struct axp_flow *flow;
	__u32 origin = AXP_FLOW_OPENED;
	__u64 now;
	__u8 index;

	index = policy->port_class[AXP_IN][p->protocol & 1][p->sport];
	class = &policy->classes[index];
	if (!index || !class->replies)
		return;
	now = now_coarse();
	flow_key(p, AXP_OUT, &key);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow && refresh_flow(p, policy, flow, now))
		return;
	if (p->protocol == AXP_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return;
	if (class->services & services_of(p->family, p->dst, slot))
		origin = AXP_FLOW_LISTED;
	else if (p->protocol == AXP_UDP && mode != AXP_MODE_LEARN && to_stranger(policy, &key, now))
		return;
	if (!flow) {
		create_flow(&key, now, origin);
		return;
	}
	flow->origin = origin;
	flow->closing = 0;
	flow->seen = now;
	if (origin == AXP_FLOW_OPENED)
		note_port(&key);
}

#endif
