// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "packet.h"

enum {
	TYPE_EXPERIMENT = 0x88b5,  /* IEEE 802 local experimental */
	PROTOCOL_EXPERIMENT = 253, /* RFC 3692 */
	TYPE_ROUTING = 43,
};

struct plan {
	const struct layer *layers;
	size_t start[PACKET_LAYERS + 1];
	size_t ip_end; /* where IP's lengths stop counting */
	size_t end;
};

/* What a length field of a header at `start` counts; in the padding, all that is left of it. */
static __u32 length_from(const struct plan *plan, size_t start)
{
	return (start < plan->ip_end ? plan->ip_end : plan->end) - start;
}

static void put16(__u8 *at, __u32 value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(__u8 *at, __u32 value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static __u32 forced_or(__u32 field, __u32 computed)
{
	return field ? field & ~FORCE(0) : computed;
}

static void put_address(__u8 *at, int family, const char *text)
{
	if (inet_pton(family, text, at) != 1) {
		fprintf(stderr, "packet: no address: %s\n", text);
		abort();
	}
}

static size_t layer_size(const struct layer *l)
{
	switch (l->kind) {
	case LAYER_ETH:
		return 14;
	case LAYER_VLAN:
		return 4;
	case LAYER_ARP:
		return 28;
	case LAYER_IPV4:
		return 20 + (l->ipv4.options + 3) / 4 * 4;
	case LAYER_IPV6:
		return 40;
	case LAYER_EXT:
		return 8 + 8 * l->ext.units;
	case LAYER_FRAG:
	case LAYER_UDP:
	case LAYER_ICMP:
	case LAYER_ICMPV6:
		return 8;
	case LAYER_AH:
		return 12 + 4 * l->ah.words;
	case LAYER_TCP:
		return 20 + (l->tcp.options + 3) / 4 * 4;
	case LAYER_BYTES:
		return l->bytes.size;
	case LAYER_PAYLOAD:
		return l->payload.size;
	case LAYER_NEXT:
	case LAYER_IP_END:
	case LAYER_CUT:
	case LAYER_END:
		break;
	}
	return 0;
}

static const struct layer *named_after(const struct layer *l)
{
	do
		l++;
	while (l->kind == LAYER_IP_END);
	return l;
}

static __u32 ethertype_of(const struct layer *l)
{
	switch (l->kind) {
	case LAYER_VLAN:
		return l->vlan.tpid ? l->vlan.tpid : 0x8100;
	case LAYER_ARP:
		return 0x0806;
	case LAYER_IPV4:
		return 0x0800;
	case LAYER_IPV6:
		return 0x86dd;
	case LAYER_NEXT:
		return l->number;
	default:
		return TYPE_EXPERIMENT;
	}
}

static __u32 protocol_of(const struct layer *l)
{
	switch (l->kind) {
	case LAYER_IPV4:
		return 4;
	case LAYER_IPV6:
		return 41;
	case LAYER_EXT:
		return l->ext.type;
	case LAYER_FRAG:
		return 44;
	case LAYER_AH:
		return 51;
	case LAYER_UDP:
		return 17;
	case LAYER_TCP:
		return 6;
	case LAYER_ICMP:
		return 1;
	case LAYER_ICMPV6:
		return 58;
	case LAYER_NEXT:
		return l->number;
	default:
		return PROTOCOL_EXPERIMENT;
	}
}

/* RFC 1071, over what `sum` holds already. */
static __u16 checksum(__u32 sum, const __u8 *bytes, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	if (n % 2)
		sum += bytes[n - 1] << 8;
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return ~sum;
}

static void put_ipv4(const struct plan *plan, const struct layer *l, size_t start, __u8 *at)
{
	size_t header = layer_size(l);

	at[0] = forced_or(l->ipv4.version, 4) << 4 | forced_or(l->ipv4.ihl, header / 4);
	put16(at + 2, forced_or(l->ipv4.tot_len, length_from(plan, start)));
	put16(at + 4, l->ipv4.id);
	put16(at + 6, l->ipv4.frag);
	at[8] = 64;
	at[9] = forced_or(l->ipv4.protocol, protocol_of(named_after(l)));
	put_address(at + 12, AF_INET, l->ipv4.src ? l->ipv4.src : "198.51.100.1");
	put_address(at + 16, AF_INET, l->ipv4.dst ? l->ipv4.dst : "203.0.113.1");
	memset(at + 20, 1, header - 20); /* no-operation */
	put16(at + 10, checksum(0, at, header));
}

static void put_ipv6(const struct plan *plan, const struct layer *l, size_t start, __u8 *at)
{
	at[0] = forced_or(l->ipv6.version, 6) << 4;
	put16(at + 4, forced_or(l->ipv6.payload_len, length_from(plan, start) - 40));
	at[6] = forced_or(l->ipv6.next, protocol_of(named_after(l)));
	at[7] = 64;
	put_address(at + 8, AF_INET6, l->ipv6.src ? l->ipv6.src : "2001:db8:bad::1");
	put_address(at + 24, AF_INET6, l->ipv6.dst ? l->ipv6.dst : "2001:db8:ffff::1");
}

static void put_arp(const struct layer *l, __u8 *at)
{
	memcpy(at, "\x00\x01\x08\x00\x06\x04", 6);
	put16(at + 6, l->arp.operation);
	memcpy(at + 8, "\x02\0\0\0\0\x02", 6);
	put_address(at + 14, AF_INET, l->arp.sender ? l->arp.sender : "198.51.100.1");
	put_address(at + 24, AF_INET, l->arp.target ? l->arp.target : "203.0.113.1");
}

/* Options that a host skips: of a type for experiments (RFC 4727), as long as there is room. */
static void put_options(__u8 *at, size_t room)
{
	while (room >= 2) {
		size_t n = room <= 257 ? room : 256; /* never one byte left over */

		at[0] = 0x1e;
		at[1] = n - 2;
		at += n;
		room -= n;
	}
}

static void put_extension(const struct layer *l, __u8 *at)
{
	at[0] = forced_or(l->ext.next, protocol_of(named_after(l)));
	at[1] = forced_or(l->ext.len, l->ext.units);
	if (l->ext.type != TYPE_ROUTING)
		put_options(at + 2, layer_size(l) - 2);
	if (l->ext.body)
		memcpy(at + 2, l->ext.body, 6);
}

static void put_tcp(const struct layer *l, __u8 *at)
{
	size_t header = layer_size(l);

	put16(at, l->tcp.sport);
	put16(at + 2, l->tcp.dport);
	put32(at + 4, 1);
	at[12] = forced_or(l->tcp.doff, header / 4) << 4;
	at[13] = l->tcp.flags ? l->tcp.flags : 0x02;
	put16(at + 14, 0xffff);
	memset(at + 20, 1, header - 20);
}

static void put_layer(const struct plan *plan, size_t i, __u8 *at)
{
	const struct layer *l = &plan->layers[i];

	memset(at, 0, layer_size(l));
	switch (l->kind) {
	case LAYER_ETH:
		memcpy(at, l->eth.dst ? l->eth.dst : "\x02\0\0\0\0\x01", 6);
		memcpy(at + 6, l->eth.src ? l->eth.src : "\x02\0\0\0\0\x02", 6);
		put16(at + 12, forced_or(l->eth.type, ethertype_of(named_after(l))));
		break;
	case LAYER_VLAN:
		put16(at, l->vlan.priority << 13 | l->vlan.vid);
		put16(at + 2, forced_or(l->vlan.type, ethertype_of(named_after(l))));
		break;
	case LAYER_ARP:
		put_arp(l, at);
		break;
	case LAYER_IPV4:
		put_ipv4(plan, l, plan->start[i], at);
		break;
	case LAYER_IPV6:
		put_ipv6(plan, l, plan->start[i], at);
		break;
	case LAYER_EXT:
		put_extension(l, at);
		break;
	case LAYER_FRAG:
		at[0] = forced_or(l->frag.next, protocol_of(named_after(l)));
		put16(at + 2, l->frag.offset << 3 | l->frag.more);
		put32(at + 4, l->frag.id);
		break;
	case LAYER_AH:
		at[0] = forced_or(l->ah.next, protocol_of(named_after(l)));
		at[1] = forced_or(l->ah.len, l->ah.words + 1);
		put32(at + 4, 0x1234);
		break;
	case LAYER_UDP:
		put16(at, l->udp.sport);
		put16(at + 2, l->udp.dport);
		put16(at + 4, forced_or(l->udp.length, length_from(plan, plan->start[i])));
		break;
	case LAYER_TCP:
		put_tcp(l, at);
		break;
	case LAYER_ICMP:
	case LAYER_ICMPV6:
		at[0] = l->icmp.type;
		at[1] = l->icmp.code;
		break;
	case LAYER_BYTES:
		memcpy(at, l->bytes.data, l->bytes.size);
		break;
	case LAYER_PAYLOAD:
		memset(at, l->payload.fill, l->payload.size);
		break;
	case LAYER_NEXT:
	case LAYER_IP_END:
	case LAYER_CUT:
	case LAYER_END:
		break;
	}
}

/* Over the pseudo header of the IP header before it: addresses, protocol, length. */
static void put_tcp_checksum(const struct plan *plan, size_t i, __u8 *data)
{
	size_t start = plan->start[i], length = length_from(plan, start), ip = i;
	__u32 pseudo = IPPROTO_TCP + length;
	const __u8 *addresses;

	while (ip > 0 && plan->layers[ip].kind != LAYER_IPV4 && plan->layers[ip].kind != LAYER_IPV6)
		ip--;
	if (plan->layers[ip].kind == LAYER_IPV4) {
		addresses = data + plan->start[ip] + 12;
		pseudo += (__u16)~checksum(0, addresses, 8);
	} else if (plan->layers[ip].kind == LAYER_IPV6) {
		addresses = data + plan->start[ip] + 8;
		pseudo += (__u16)~checksum(0, addresses, 32);
	}
	put16(data + start + 16, checksum(pseudo, data + start, length));
}

void packet_build(struct packet *p, const struct layer *layers)
{
	struct plan plan = { .layers = layers, .ip_end = SIZE_MAX };
	size_t n;

	for (n = 0; layers[n].kind != LAYER_END; n++) {
		assert(n < PACKET_LAYERS);
		if (layers[n].kind == LAYER_IP_END)
			plan.ip_end = plan.start[n];
		plan.start[n + 1] = plan.start[n] + layer_size(&layers[n]);
	}
	p->len = plan.end = plan.start[n];
	assert(p->len <= PACKET_MAX);
	if (plan.ip_end == SIZE_MAX)
		plan.ip_end = p->len;
	for (size_t i = 0; i < n; i++)
		put_layer(&plan, i, p->data + plan.start[i]);
	for (size_t i = 0; i < n; i++)
		if (layers[i].kind == LAYER_TCP)
			put_tcp_checksum(&plan, i, p->data);
		else if (layers[i].kind == LAYER_CUT && layers[i].number < p->len)
			p->len = layers[i].number;
}

void packet_insert(struct packet *p, size_t offset, const void *bytes, size_t n)
{
	assert(offset <= p->len && p->len + n <= PACKET_MAX);
	memmove(p->data + offset + n, p->data + offset, p->len - offset);
	memcpy(p->data + offset, bytes, n);
	p->len += n;
}

void packet_dump(const struct packet *p)
{
	size_t shown = p->len < 512 ? p->len : 512;

	fprintf(stderr, "# %zu bytes%s\n", p->len, shown < p->len ? ", the first 512:" : ":");
	for (size_t i = 0; i < shown; i++)
		fprintf(stderr, "%s%02x%s", i % 16 ? " " : "# ", p->data[i],
			i % 16 == 15 || i + 1 == shown ? "\n" : "");
}
