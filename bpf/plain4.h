/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IPv4's short way, from the frame to its verdict, for frames as nearly all are: one buffer, no
 * VLAN tag, no options, no fragment, UDP or TCP. A flood is made of these, so nothing is kept here
 * that a refused packet has no use for. Whatever is not plain, or asks for more than the lists and
 * the flows of this host, is NOT_PLAIN: the long way (allowxdp.bpf.c) begins at the start.
 */
#ifndef ALLOWXDP_PLAIN4_H
#define ALLOWXDP_PLAIN4_H

#include <bpf/bpf_endian.h>
#include "count.h"
#include "flow.h"
#include "maps.h"
#include "parse.h"
#include "verdict.h"

/* A verdict that is none. */
#define NOT_PLAIN (-1)

/* Outside these the first buffer may be less than the frame, or IP's length less than the buffer.
 */
enum { PLAIN_FRAME_MIN = 60, PLAIN_FRAME_MAX = 1522 };

enum { PLAIN_IPV4 = 0x45 }; /* version and header length, in the first byte */

struct plain4 {
	struct xdp_md *ctx;
	const struct axp_policy *policy;
	const void *data;
	__u64 word; /* what it is judged by */
	__u32 bytes;
	__u32 door; /* protocol (enum axp_protocol) and port that it comes to */
};

enum {
	PLAIN4_IP = sizeof(struct ethhdr),
	PLAIN4_L4 = PLAIN4_IP + sizeof(struct iphdr),
};

#define PLAIN4_DOOR(protocol, port) ((protocol) << 16 | (port))

/* Of the port tables of one direction, and of the ports of flows. */
static __always_inline __u8 at_door(const volatile __u8 (*table)[65536], __u32 door)
{
	const volatile __u8 *doors = table[0];

	return doors[door];
}

/* True if the frame is plain. */
static __always_inline int plain4_parse(struct plain4 *p)
{
	const void *data = (const void *)(long)p->ctx->data;
	const void *end = (const void *)(long)p->ctx->data_end;
	const struct iphdr *ip = data + PLAIN4_IP;
	const struct ports *ports = data + PLAIN4_L4;
	__u32 length, least = sizeof(*ip) + sizeof(struct udphdr), protocol = AXP_UDP;

	p->data = data;
	p->bytes = end - data;
	if (data + PLAIN_FRAME_MIN > end || p->bytes > PLAIN_FRAME_MAX)
		return 0;
	if (*(const __be16 *)(data + offsetof(struct ethhdr, h_proto)) != bpf_htons(ETH_P_IP) ||
	    *(const __u8 *)ip != PLAIN_IPV4 ||
	    ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET | IP_MORE_FRAGMENTS))
		return 0;
	if (ip->protocol != IPPROTO_UDP) {
		if (ip->protocol != IPPROTO_TCP)
			return 0;
		least = sizeof(*ip) + sizeof(struct tcphdr);
		protocol = AXP_TCP;
	}
	length = bpf_ntohs(ip->tot_len);
	p->door = PLAIN4_DOOR(protocol, port_number(ports->dest));
	barrier_var(p->door); /* one value to keep, not its parts */
	return length >= least && length + PLAIN4_IP <= p->bytes;
}

static __always_inline int plain4_settle(const struct plain4 *p, __u32 reason, __u32 service)
{
	return settle(p->ctx, AXP_IN, OUTCOME(reason, service & 0xff, AXP_IPV4, p->bytes), p->word);
}

/* What the flows of this host say of a packet that the lists do not know. */
static __always_inline int plain4_is_reply(const struct plain4 *p)
{
	const struct iphdr *ip = p->data + PLAIN4_IP;
	const struct ports *ports = p->data + PLAIN4_L4;
	__u32 questions = 0, protocol = p->door >> 16;
	__u8 used = at_door(flow_ports.used, p->door);

	if (!used && AXP_ACTIVE_MODE(p->word) != AXP_MODE_MONITOR)
		return 0;
	if (used)
		questions |= FLOW_IS_REPLY;
	if (AXP_ACTIVE_MODE(p->word) == AXP_MODE_MONITOR && protocol == AXP_UDP)
		questions |= FLOW_STRANGER;
	if (!questions)
		return 0;
	return ask_flows4(ip->saddr, ip->daddr,
			  (__u32)port_number(ports->source) << 16 | (p->door & 0xffff),
			  questions | protocol << 8, AXP_ACTIVE_SLOT(p->word));
}

/* DHCP's ports are for the long way. */
static __always_inline int plain4_judge(const struct plain4 *p)
{
	const struct iphdr *ip = p->data + PLAIN4_IP;
	const struct ports *ports = p->data + PLAIN4_L4;
	const struct axp_port_class *class;
	__u64 services, match;
	__u32 service;
	__u8 index;

	if (p->policy->flags & AXP_GUARDS_OUT &&
	    at_door(p->policy->port_class[AXP_OUT],
		    PLAIN4_DOOR(p->door >> 16, port_number(ports->source))))
		return NOT_PLAIN;
	index = at_door(p->policy->port_class[AXP_IN], p->door);
	if (!index)
		return plain4_settle(p, AXP_REASON_NOT_GUARDED, AXP_NO_SERVICE);
	if (p->door - PLAIN4_DOOR(AXP_UDP, 67) <= 1)
		return NOT_PLAIN;
	class = &p->policy->classes[index];
	barrier_var(class);
	services = services4(ip->saddr, p->policy, AXP_ACTIVE_SLOT(p->word));
	service = class->first;
	match = services ? class->services & services : 0;
	if (match) {
		if (!(match >> (service & 63) & 1))
			service = lowest_bit(match);
		return plain4_settle(p, AXP_REASON_LISTED, service);
	}
	if (class->replies && plain4_is_reply(p))
		return plain4_settle(p, AXP_REASON_REPLY, service);
	if (services)
		count_elsewhere(service, AXP_IPV4, AXP_ACTIVE_MODE(p->word));
	return plain4_settle(p, AXP_REASON_UNLISTED, service);
}

/* Verdict of a plain IPv4 frame (enum axp_verdict), which is counted then; or NOT_PLAIN. */
static __always_inline int filter_plain4(struct xdp_md *ctx, const struct axp_policy *policy,
					 __u64 word)
{
	struct plain4 p = { .ctx = ctx, .policy = policy, .word = word };

	return plain4_parse(&p) ? plain4_judge(&p) : NOT_PLAIN;
}

#endif
