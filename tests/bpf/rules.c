// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rules.h"

/*
 * Services whose ports lie apart, touch, overlap, and sit at both ends of the range. In the nodes:
 * a prefix that opens more than the one around it, one that opens less (a hole), one that opens
 * nothing.
 */
const struct rules standard_rules = {
	.guards = GUARDS(
		{ AXP_UDP, 5060, 5060, BIT(SIP), SIP }, { AXP_TCP, 5060, 5061, BIT(SIP), SIP },
		{ AXP_TCP, 443, 443, BIT(HTTPS), HTTPS }, { AXP_UDP, 10000, 19999, BIT(RTP), RTP },
		{ AXP_UDP, 20000, 20099, BIT(RTP) | BIT(TRUNK), RTP },
		{ AXP_UDP, 20100, 20199, BIT(SIP) | BIT(RTP) | BIT(TRUNK), TRUNK },
		{ AXP_UDP, 20200, 60000, BIT(RTP), RTP }, { AXP_UDP, 67, 68, BIT(DHCPD), DHCPD },
		{ AXP_TCP, 67, 68, BIT(DHCPD), DHCPD }, { AXP_UDP, 546, 547, BIT(DHCPD), DHCPD },
		{ AXP_TCP, 546, 547, BIT(DHCPD), DHCPD }, { AXP_TCP, 0, 0, BIT(EDGE), EDGE },
		{ AXP_TCP, 65535, 65535, BIT(EDGE), EDGE },
		{ AXP_UDP, 9000, 9099, BIT(SIP), SIP, AXP_OUT }),
	.nodes = NODES({ "192.0.2.0/24", BIT(SIP) | BIT(RTP) },
		       { "192.0.2.128/25", BIT(SIP) | BIT(RTP) | BIT(HTTPS) },
		       { "192.0.2.200/32", BIT(SIP) }, { "192.0.2.201/32", 0 },
		       { "198.18.0.0/15", BIT(TRUNK) },
		       { "198.18.7.0/24", BIT(SIP) | BIT(RTP) | BIT(TRUNK) },
		       { "10.0.0.0/8", BIT(EDGE) }, { "10.67.0.1/32", BIT(EDGE) | BIT(DHCPD) },
		       { "2001:db8:1::/48", BIT(SIP) | BIT(RTP) },
		       { "2001:db8:1:80::/57", BIT(SIP) | BIT(RTP) | BIT(HTTPS) },
		       { "2001:db8:1:80::200/128", BIT(SIP) }, { "2001:db8:1:80::201/128", 0 },
		       { "2001:db8:2::/47", BIT(TRUNK) }, { "fd00::/8", BIT(EDGE) },
		       { "fd00:67::1/128", BIT(EDGE) | BIT(DHCPD) }),
};

const struct rules no_rules = {
	.guards = GUARDS({ .services = 0 }),
	.nodes = NODES({ .prefix = NULL }),
};

struct limits limits_of(const struct rules *rules)
{
	struct limits l = rules->limits;

	return (struct limits){
		.udp = l.udp ? l.udp : 180,
		.tcp = l.tcp ? l.tcp : 7200,
		.tcp_closing = l.tcp_closing ? l.tcp_closing : 60,
	};
}

bool guards_out(const struct rules *rules)
{
	for (const struct guard *g = rules->guards; g->services; g++)
		if (g->direction == AXP_OUT)
			return true;
	return false;
}

struct prefix_bits prefix_bits(const char *text)
{
	struct prefix_bits prefix = { .family = strchr(text, ':') ? AXP_IPV6 : AXP_IPV4 };
	int family = prefix.family == AXP_IPV4 ? AF_INET : AF_INET6;
	char address[INET6_ADDRSTRLEN];

	if (sscanf(text, "%45[^/]/%u", address, &prefix.len) != 2 ||
	    inet_pton(family, address, prefix.addr) != 1) {
		fprintf(stderr, "rules: no prefix: %s\n", text);
		abort();
	}
	return prefix;
}

const char *reason_name(enum axp_reason reason)
{
#define NAME(symbol, name, help) [AXP_REASON_##symbol] = name,
	static const char *const names[AXP_REASONS] = { AXP_REASON_LIST(NAME) };
#undef NAME

	return reason < AXP_REASONS ? names[reason] : "no reason";
}

void rules_settings(struct axp_policy *policy, const struct rules *rules)
{
	struct limits limits = limits_of(rules);

	policy->limits.udp = limits.udp * SECOND;
	policy->limits.tcp = limits.tcp * SECOND;
	policy->limits.tcp_closing = limits.tcp_closing * SECOND;
	if (rules->refuse_fragments)
		policy->flags |= AXP_DROP_UNMATCHED_FRAGMENTS;
	if (guards_out(rules))
		policy->flags |= AXP_GUARDS_OUT;
}
