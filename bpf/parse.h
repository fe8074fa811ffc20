/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the first byte of a frame to its addresses and ports. Each step returns the reason why the
 * packet's fate is known, or GO_ON. Whatever cannot be followed to its ports but might still be
 * delivered to a socket ends in a drop reason: a header that is cut short or lies is never a way
 * around the filter.
 *
 * Headers are read where they lie, from the frame's first buffer (FROM_BUFFER). A driver may put
 * less of a multi-buffer frame there than its headers, or nothing: then the same steps run again,
 * each header copied out of wherever it is (FROM_FRAME).
 */
#ifndef ALLOWXDP_PARSE_H
#define ALLOWXDP_PARSE_H

#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

#define GO_ON (-1)

#define IP_FRAGMENT_OFFSET  0x1fff /* RFC 791: in units of eight bytes */
#define IP_MORE_FRAGMENTS   0x2000
#define IP6_FRAGMENT_OFFSET 0xfff8 /* RFC 8200 section 4.5 */
#define IP6_MORE_FRAGMENTS  0x0001

/* IPv6 next header values (RFC 8200 section 4, RFC 4302); <linux/in6.h> clashes with libc's. */
enum {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AUTHENTICATION = 51,
	NEXT_DESTINATION = 60,
};

/* Where headers are read from: the first buffer, or the whole frame by the program type's helper.
 */
enum source { FROM_BUFFER, FROM_XDP, FROM_SKB };

enum fragment { NOT_A_FRAGMENT, FIRST_FRAGMENT, LATER_FRAGMENT };

struct vlan_tag {
	__be16 tci;
	__be16 next;
};

struct ext_header {
	__u8 next;
	__u8 len;        /* eight-byte units after the first eight; AH: four-byte units less two */
	__be16 fragment; /* fragment header: offset and flags */
	__be32 id;       /* fragment header */
};

/* UDP's header, and as much of TCP's as is wanted. */
struct ports {
	__be16 source;
	__be16 dest;
	__be32 rest;
};

enum { TCP_FLAGS_OFFSET = 13, TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10 };

struct pkt {
	void *ctx;
	const void *data, *end; /* what lies in the first buffer */
	__u32 size;   /* where the frame ends for this parse: of the first buffer, or the whole */
	__u32 length; /* of the frame as its IP header has it */
	__u16 sport;  /* host byte order */
	__u16 dport;
	__u8 family;   /* enum axp_family */
	__u8 protocol; /* enum axp_protocol */
	__u8 tcp_flags;
	__u8 fragment;       /* enum fragment */
	__be32 fragment_id;  /* if it is one */
	__u32 fragment_next; /* IPv4: protocol, part of its identity; IPv6: 0 */
	__be32 src[4];       /* IPv4: the first alone */
	__be32 dst[4];
};

/*
 * The header of `size` bytes at `offset`, in place or copied into `copy`; NULL where the frame ends
 * before it does. An offset is at most 18 + 40 + 8 * 2048: the mask tells the verifier so.
 */
static __always_inline const void *header(const struct pkt *p, enum source from, __u32 offset,
					  __u32 size, void *copy)
{
	const void *place;

	if (from == FROM_XDP)
		return bpf_xdp_load_bytes(p->ctx, offset, copy, size) ? NULL : copy;
	if (from == FROM_SKB)
		return bpf_skb_load_bytes(p->ctx, offset, copy, size) ? NULL : copy;
	place = p->data + (offset & 0x7fff);
	/* The pointer that is checked must be the one that is used; clang 19 would make it twice.
	 */
	barrier_var(place);
	return place + size > p->end ? NULL : place;
}

/* In host byte order; with bounds, for Linux 6.1 knows none of a number whose bytes were swapped.
 */
static __always_inline __u16 port_number(__be16 port)
{
	__u32 number = bpf_ntohs(port);

	barrier_var(number);
	return number & 0xffff;
}

/*
 * TCP and UDP. `room`: bytes that IP says there are from here on; frames may be padded beyond them,
 * and the kernel cuts that off, so ports in the padding are no ports.
 */
static __always_inline int parse_ports(struct pkt *p, enum source from, __u32 offset, __u32 room,
				       __u8 protocol)
{
	const struct ports *ports;
	const __u8 *flags;
	struct ports copy;
	__u8 flags_copy;
	__u32 size;

	if (protocol == IPPROTO_UDP) {
		p->protocol = AXP_UDP;
		size = sizeof(struct udphdr);
	} else if (protocol == IPPROTO_TCP) {
		p->protocol = AXP_TCP;
		size = sizeof(struct tcphdr);
	} else {
		return AXP_REASON_OTHER_PROTOCOL;
	}
	if (room < size || offset + size > p->size)
		return AXP_REASON_TRUNCATED;
	ports = header(p, from, offset, sizeof(*ports), &copy);
	if (!ports)
		return AXP_REASON_TRUNCATED;
	p->sport = port_number(ports->source);
	p->dport = port_number(ports->dest);
	if (protocol != IPPROTO_TCP)
		return GO_ON;
	flags = header(p, from, offset + TCP_FLAGS_OFFSET, 1, &flags_copy);
	if (!flags)
		return AXP_REASON_TRUNCATED;
	p->tcp_flags = *flags;
	return GO_ON;
}

static __always_inline int parse_ipv4(struct pkt *p, enum source from, __u32 l3)
{
	const struct iphdr *ip;
	struct iphdr copy;
	__u32 size, total, place;

	p->family = AXP_IPV4;
	ip = header(p, from, l3, sizeof(*ip), &copy);
	if (!ip)
		return AXP_REASON_TRUNCATED;
	size = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || size < sizeof(*ip) || total < size)
		return AXP_REASON_BAD_HEADER;
	if (l3 + size > p->size)
		return AXP_REASON_TRUNCATED;
	p->src[0] = ip->saddr;
	p->dst[0] = ip->daddr;
	p->length = l3 + total;
	if (ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET | IP_MORE_FRAGMENTS)) {
		p->fragment_id = ip->id;
		p->fragment_next = ip->protocol;
		place = bpf_ntohs(ip->frag_off) & IP_FRAGMENT_OFFSET;
		p->fragment = place ? LATER_FRAGMENT : FIRST_FRAGMENT;
		/* It would overwrite the flags of a header seen before (RFC 1858, RFC 3128). */
		if (place == 1 && ip->protocol == IPPROTO_TCP)
			return AXP_REASON_TINY_FRAGMENT;
		if (place)
			return AXP_REASON_FRAGMENT;
	}
	return parse_ports(p, from, l3 + size, total - size, ip->protocol);
}

static __always_inline int parse_ipv6(struct pkt *p, enum source from, __u32 l3)
{
	const struct ipv6hdr *ip;
	const struct ext_header *ext;
	struct ipv6hdr copy;
	struct ext_header ext_copy;
	__u32 offset, end, size;
	__u8 next;
	int i;

	p->family = AXP_IPV6;
	ip = header(p, from, l3, sizeof(*ip), &copy);
	if (!ip)
		return AXP_REASON_TRUNCATED;
	if (ip->version != 6)
		return AXP_REASON_BAD_HEADER;
	__builtin_memcpy(p->src, &ip->saddr, sizeof(p->src));
	__builtin_memcpy(p->dst, &ip->daddr, sizeof(p->dst));
	next = ip->nexthdr;
	offset = l3 + sizeof(*ip);
	end = offset + bpf_ntohs(ip->payload_len);
	p->length = end;
	/* A jumbogram (RFC 2675) says 0 here and gives its length in a hop-by-hop option. */
	if (!ip->payload_len && next == NEXT_HOP_BY_HOP)
		end = 0x7fffffff;

#pragma unroll
	for (i = 0; i <= AXP_MAX_EXT_HEADERS; i++) {
		if (next != NEXT_HOP_BY_HOP && next != NEXT_ROUTING && next != NEXT_DESTINATION &&
		    next != NEXT_FRAGMENT && next != NEXT_AUTHENTICATION)
			return parse_ports(p, from, offset, end - offset, next);
		if (i == AXP_MAX_EXT_HEADERS)
			break;
		ext = header(p, from, offset, sizeof(*ext), &ext_copy);
		if (!ext)
			return AXP_REASON_TRUNCATED;
		size = (ext->len + 1) * 8;
		if (next == NEXT_AUTHENTICATION)
			size = (ext->len + 2) * 4;
		if (next == NEXT_FRAGMENT)
			size = sizeof(*ext);
		if (offset + size > end || offset + size > p->size)
			return AXP_REASON_TRUNCATED;
		if (next == NEXT_FRAGMENT &&
		    ext->fragment & bpf_htons(IP6_FRAGMENT_OFFSET | IP6_MORE_FRAGMENTS)) {
			p->fragment_id = ext->id;
			p->fragment = FIRST_FRAGMENT;
			if (ext->fragment & bpf_htons(IP6_FRAGMENT_OFFSET)) {
				p->fragment = LATER_FRAGMENT;
				return AXP_REASON_FRAGMENT;
			}
		}
		next = ext->next;
		offset += size;
	}
	return AXP_REASON_EXT_CHAIN;
}

static __always_inline int parse_frame(struct pkt *p, enum source from)
{
	const __be16 *type_at;
	const struct vlan_tag *tag;
	struct vlan_tag tag_copy;
	__u32 l3 = sizeof(struct ethhdr);
	__be16 type;
	int i;

	/* The last of the Ethernet header. */
	type_at = header(p, from, offsetof(struct ethhdr, h_proto), sizeof(type), &type);
	if (!type_at)
		return AXP_REASON_TRUNCATED;
	type = *type_at;

#pragma unroll
	for (i = 0; i < AXP_MAX_VLAN_TAGS; i++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		tag = header(p, from, l3, sizeof(*tag), &tag_copy);
		if (!tag)
			return AXP_REASON_TRUNCATED;
		l3 += sizeof(*tag);
		type = tag->next;
	}
	if (type == bpf_htons(ETH_P_IP))
		return parse_ipv4(p, from, l3);
	if (type == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(p, from, l3);
	if (type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD))
		return AXP_REASON_VLAN_DEPTH;
	return AXP_REASON_NOT_IP;
}

#endif
