/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The short way for ordinary IPv6 frames: no VLAN tag, no extension headers, whole TCP and UDP
 * headers in the first buffer. It knows no reasons: for whatever is not plain, parse.h goes the
 * long way from the start. IPv4 has one of its own (plain4.h).
 */
#ifndef ALLOWXDP_PLAIN_H
#define ALLOWXDP_PLAIN_H

#include "parse.h"

enum {
	PLAIN_IPV6 = 0x60, /* version, in the first four bits */
};

static __always_inline int parse_plain_ports(struct pkt *p, const void *place, __u32 room,
					     __u8 protocol)
{
	const struct ports *ports = place;
	const __u8 *bytes = place;

	if (protocol == IPPROTO_UDP) {
		if (room < sizeof(struct udphdr) || place + sizeof(struct udphdr) > p->end)
			return 0;
		p->protocol = AXP_UDP;
	} else {
		if (protocol != IPPROTO_TCP || room < sizeof(struct tcphdr) ||
		    place + sizeof(struct tcphdr) > p->end)
			return 0;
		p->protocol = AXP_TCP;
		p->tcp_flags = bytes[TCP_FLAGS_OFFSET];
	}
	p->sport = port_number(ports->source);
	p->dport = port_number(ports->dest);
	return 1;
}

/* True if the frame is plain IPv6; *p, all zero but for data and end, is filled then. */
static __always_inline int parse_plain6(struct pkt *p)
{
	const struct ipv6hdr *ip = p->data + sizeof(struct ethhdr);
	const __be16 *type = p->data + offsetof(struct ethhdr, h_proto);
	__u32 length;

	if ((const void *)(ip + 1) > p->end || *type != bpf_htons(ETH_P_IPV6) ||
	    (*(const __u8 *)ip & 0xf0) != PLAIN_IPV6)
		return 0;
	length = bpf_ntohs(ip->payload_len);
	p->family = AXP_IPV6;
	p->length = sizeof(struct ethhdr) + sizeof(*ip) + length;
	__builtin_memcpy(p->src, &ip->saddr, sizeof(p->src));
	__builtin_memcpy(p->dst, &ip->daddr, sizeof(p->dst));
	return parse_plain_ports(p, ip + 1, length, ip->nexthdr);
}

#endif
