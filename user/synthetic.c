// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include "synthetic.h"

static const uint8_t host4[4] = { 192, 0, 2, 1 };
static const uint8_t host6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

static size_t put(uint8_t *at, const void *header, size_t n)
{
	memcpy(at, header, n);
	return n;
}

static size_t put_ports(const struct synthetic *s, uint8_t *at)
{
	struct udphdr udp = {
		.source = htons(s->sport),
		.dest = htons(s->dport),
		.len = htons(sizeof(udp)),
	};
	struct tcphdr tcp = {
		.source = htons(s->sport),
		.dest = htons(s->dport),
		.doff = sizeof(tcp) / 4,
		.syn = 1,
		.window = htons(0xffff),
	};

	return s->protocol == AXP_UDP ? put(at, &udp, sizeof(udp)) : put(at, &tcp, sizeof(tcp));
}

static size_t ports_size(const struct synthetic *s)
{
	return s->protocol == AXP_UDP ? sizeof(struct udphdr) : sizeof(struct tcphdr);
}

static uint8_t ip_protocol(const struct synthetic *s)
{
	return s->protocol == AXP_UDP ? IPPROTO_UDP : IPPROTO_TCP;
}

static size_t put_ipv4(const struct synthetic *s, uint8_t *at)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = htons((uint16_t)(sizeof(ip) + ports_size(s))),
		.ttl = 64,
		.protocol = ip_protocol(s),
	};

	memcpy(&ip.saddr, s->direction == AXP_IN ? s->remote.addr : host4, sizeof(ip.saddr));
	memcpy(&ip.daddr, s->direction == AXP_IN ? host4 : s->remote.addr, sizeof(ip.daddr));
	return put(at, &ip, sizeof(ip));
}

static size_t put_ipv6(const struct synthetic *s, uint8_t *at)
{
	struct ip6_hdr ip = { 0 };

	ip.ip6_vfc = 6 << 4;
	ip.ip6_plen = htons((uint16_t)ports_size(s));
	ip.ip6_nxt = ip_protocol(s);
	ip.ip6_hlim = 64;
	memcpy(&ip.ip6_src, s->direction == AXP_IN ? s->remote.addr : host6, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, s->direction == AXP_IN ? host6 : s->remote.addr, sizeof(ip.ip6_dst));
	return put(at, &ip, sizeof(ip));
}

size_t synthetic_frame(const struct synthetic *s, uint8_t frame[static SYNTHETIC_MAX])
{
	bool v4 = s->remote.family == AXP_IPV4;
	struct ethhdr eth = {
		.h_dest = { 2, [5] = 1 }, /* locally administered */
		.h_source = { 2, [5] = 2 },
		.h_proto = htons(v4 ? ETH_P_IP : ETH_P_IPV6),
	};
	size_t n;

	memset(frame, 0, SYNTHETIC_MAX);
	n = put(frame, &eth, sizeof(eth));
	n += v4 ? put_ipv4(s, frame + n) : put_ipv6(s, frame + n);
	n += put_ports(s, frame + n);
	return n < ETH_ZLEN ? ETH_ZLEN : n;
}
