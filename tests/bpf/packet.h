/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets from a list of layers, outermost first:
 *
 *	static const struct layer *request = PKT(ETH(), VLAN(.vid = 7), IPV4(.src = "192.0.2.1"),
 *						 UDP(.sport = 5060, .dport = 5060), PAYLOAD(20));
 *
 * Types, next headers and lengths follow from what comes behind; a field set to FORCE(n) holds n
 * whatever is true. Ports, flags and ids are simply what is written. Checksums of
 * IPv4's header and TCP are right (unless lengths lie), UDP's is absent, ICMP's zero.
 */
#ifndef ALLOWXDP_TEST_PACKET_H
#define ALLOWXDP_TEST_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

enum { PACKET_MAX = 66000, PACKET_LAYERS = 40 };

enum layer_kind {
	LAYER_END, /* of the list: zero, so that a list cut short by mistake ends too */
	LAYER_ETH,
	LAYER_VLAN,
	LAYER_ARP,
	LAYER_IPV4,
	LAYER_IPV6,
	LAYER_EXT,
	LAYER_FRAG,
	LAYER_AH,
	LAYER_UDP,
	LAYER_TCP,
	LAYER_ICMP,
	LAYER_ICMPV6,
	LAYER_BYTES,
	LAYER_PAYLOAD,
	LAYER_NEXT,
	LAYER_IP_END,
	LAYER_CUT,
};

struct layer {
	enum layer_kind kind;
	union {
		struct {
			const char *dst, *src; /* six bytes each */
			__u32 type;
		} eth;
		struct {
			__u32 vid, priority;
			__u32 tpid; /* 0: 802.1Q */
			__u32 type;
		} vlan;
		struct {
			__u32 operation;
			const char *sender, *target;
		} arp;
		struct {
			const char *src, *dst;
			__u32 options; /* bytes of them, rounded up to four */
			__u32 version, ihl, tot_len, protocol;
			__u32 id, frag; /* the words as they are: flags and offset */
		} ipv4;
		struct {
			const char *src, *dst;
			__u32 version, payload_len, next;
		} ipv6;
		struct {
			__u32 type;       /* as the header before calls it: 0, 43, 60 */
			__u32 units;      /* of eight bytes behind the first eight */
			const char *body; /* first six bytes behind next and length; NULL: options
					     to skip */
			__u32 len, next;
		} ext;
		struct {
			__u32 offset; /* of eight bytes */
			__u32 more, id, next;
		} frag;
		struct {
			__u32 words; /* of four bytes, behind the fixed twelve */
			__u32 len, next;
		} ah;
		struct {
			__u32 sport, dport, length;
		} udp;
		struct {
			__u32 sport, dport, flags;
			__u32 options; /* bytes of them, rounded up to four */
			__u32 doff;
		} tcp;
		struct {
			__u32 type, code;
		} icmp;
		struct {
			const char *data;
			size_t size;
		} bytes;
		struct {
			__u32 size, fill;
		} payload;
		__u32 number; /* NEXT: the type or protocol; CUT: the frame's length */
	};
};

/* Tables say what is not zero, and no more. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define FORCE(n) (0x80000000u | (n))

#define PKT(...) ((const struct layer[]){ __VA_ARGS__, { .kind = LAYER_END } })

#define ETH(...)                                          \
	{                                                 \
		.kind = LAYER_ETH, .eth = { __VA_ARGS__ } \
	}
#define VLAN(...)                                           \
	{                                                   \
		.kind = LAYER_VLAN, .vlan = { __VA_ARGS__ } \
	}
#define ARP(...)                                          \
	{                                                 \
		.kind = LAYER_ARP, .arp = { __VA_ARGS__ } \
	}
#define IPV4(...)                                           \
	{                                                   \
		.kind = LAYER_IPV4, .ipv4 = { __VA_ARGS__ } \
	}
#define IPV6(...)                                           \
	{                                                   \
		.kind = LAYER_IPV6, .ipv6 = { __VA_ARGS__ } \
	}
#define EXT(...)                                          \
	{                                                 \
		.kind = LAYER_EXT, .ext = { __VA_ARGS__ } \
	}
#define FRAG(...)                                           \
	{                                                   \
		.kind = LAYER_FRAG, .frag = { __VA_ARGS__ } \
	}
#define AH(...)                                         \
	{                                               \
		.kind = LAYER_AH, .ah = { __VA_ARGS__ } \
	}
#define UDP(...)                                          \
	{                                                 \
		.kind = LAYER_UDP, .udp = { __VA_ARGS__ } \
	}
#define TCP(...)                                          \
	{                                                 \
		.kind = LAYER_TCP, .tcp = { __VA_ARGS__ } \
	}
#define ICMP(...)                                           \
	{                                                   \
		.kind = LAYER_ICMP, .icmp = { __VA_ARGS__ } \
	}
#define ICMPV6(...)                                           \
	{                                                     \
		.kind = LAYER_ICMPV6, .icmp = { __VA_ARGS__ } \
	}
/* A string literal's bytes, without its closing zero. */
#define BYTES(literal)                                                         \
	{                                                                      \
		.kind = LAYER_BYTES, .bytes = { literal, sizeof(literal) - 1 } \
	}
#define PAYLOAD(n)                                             \
	{                                                      \
		.kind = LAYER_PAYLOAD, .payload = {(n), 0xa5 } \
	}
/* What follows is called n in the header before, whatever it is. */
#define NEXT(n)                                   \
	{                                         \
		.kind = LAYER_NEXT, .number = (n) \
	}
/* No length of an IP or UDP header before counts what follows: it is padding. */
#define IP_END()                     \
	{                            \
		.kind = LAYER_IP_END \
	}
/* The frame is cut to n bytes, all length fields staying what they are. */
#define CUT(n)                                   \
	{                                        \
		.kind = LAYER_CUT, .number = (n) \
	}

struct packet {
	size_t len;
	__u8 data[PACKET_MAX];
};

void packet_build(struct packet *p, const struct layer *layers);

/* Puts n bytes in at an offset. */
void packet_insert(struct packet *p, size_t offset, const void *bytes, size_t n);

/* In hex to stderr, as comment lines of TAP. */
void packet_dump(const struct packet *p);

#endif
