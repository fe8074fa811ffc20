// SPDX-License-Identifier: GPL-2.0-or-later
/* Which packets are guarded: by the destination's port and protocol, both families alike. */
#include "cases.h"

static const struct {
	enum axp_protocol protocol;
	__u16 source, port;
	__u32 service;
} ports[] = {
	{ AXP_UDP, 40000, 5059, NONE },
	{ AXP_UDP, 40000, 5060, SIP },
	{ AXP_UDP, 40000, 5061, NONE }, /* TCP's alone */
	{ AXP_TCP, 40000, 5059, NONE },
	{ AXP_TCP, 40000, 5060, SIP },
	{ AXP_TCP, 40000, 5061, SIP },
	{ AXP_TCP, 40000, 5062, NONE },
	{ AXP_TCP, 40000, 442, NONE },
	{ AXP_TCP, 40000, 443, HTTPS },
	{ AXP_TCP, 40000, 444, NONE },
	{ AXP_UDP, 40000, 443, NONE },
	{ AXP_UDP, 40000, 9999, NONE },
	{ AXP_UDP, 40000, 10000, RTP },
	{ AXP_UDP, 40000, 10001, RTP },
	{ AXP_TCP, 40000, 10000, NONE },
	{ AXP_UDP, 40000, 19999, RTP },
	{ AXP_UDP, 40000, 20099, RTP },
	{ AXP_UDP, 40000, 20100, TRUNK },
	{ AXP_UDP, 40000, 20199, TRUNK },
	{ AXP_UDP, 40000, 20200, RTP },
	{ AXP_UDP, 40000, 32768, RTP }, /* the highest bit */
	{ AXP_UDP, 40000, 60000, RTP },
	{ AXP_UDP, 40000, 60001, NONE },
	{ AXP_TCP, 40000, 60000, NONE },
	{ AXP_TCP, 40000, 0, EDGE },
	{ AXP_UDP, 40000, 0, NONE },
	{ AXP_TCP, 40000, 1, NONE },
	{ AXP_TCP, 40000, 65534, NONE },
	{ AXP_TCP, 40000, 65535, EDGE },
	{ AXP_UDP, 40000, 65535, NONE },
	{ AXP_TCP, 443, 22, NONE }, /* guarded is the destination, not the source */
	{ AXP_UDP, 5060, 53, NONE },
	{ AXP_UDP, 5060, 5060, SIP },
	{ AXP_UDP, 53, 40000, RTP }, /* an answer from port 53, or what says it is one */
	{ AXP_TCP, 0, 443, HTTPS },
	{ AXP_TCP, 65535, 443, HTTPS },
	{ AXP_UDP, 0, 5060, SIP },
	{ AXP_UDP, 40000, 0xc413, RTP },  /* 5060 with its bytes swapped */
	{ AXP_TCP, 40000, 0xbb01, NONE }, /* 443 with its bytes swapped */
	{ AXP_UDP, 40000, 9000, NONE },   /* guarded outwards alone */
	{ AXP_UDP, 9000, 9001, NONE },
};

static void add_port(size_t i, enum axp_family family)
{
	bool tcp = ports[i].protocol == AXP_TCP;
	struct layer l[] = { ETH(), IPV4(), UDP(ports[i].source, ports[i].port), { LAYER_END } };

	if (family == AXP_IPV6)
		l[1] = (struct layer)IPV6();
	if (tcp)
		l[2] = (struct layer)TCP(ports[i].source, ports[i].port);
	cases_add_copy(case_name("%s from %u to %u, IPv%u", tcp ? "TCP" : "UDP", ports[i].source,
				 ports[i].port, family == AXP_IPV6 ? 6 : 4),
		       l,
		       ports[i].service == NONE
			       ? (struct expect)PASS(NOT_GUARDED, NONE, family)
			       : (struct expect)DROP(UNLISTED, ports[i].service, family));
}

#define BROADCAST_ETH ETH(.dst = "\xff\xff\xff\xff\xff\xff")

static const struct test_case dhcp[] = {
	{ "DHCP discover",
	  PKT(BROADCAST_ETH, IPV4("0.0.0.0", "255.255.255.255"), UDP(68, 67), PAYLOAD(300)),
	  PASS(DHCP, NONE, V4) },
	{ "DHCP offer, broadcast",
	  PKT(BROADCAST_ETH, IPV4(.dst = "255.255.255.255"), UDP(67, 68), PAYLOAD(300)),
	  PASS(DHCP, NONE, V4) },
	{ "DHCP acknowledgement", PKT(ETH(), IPV4(), UDP(67, 68), PAYLOAD(300)),
	  PASS(DHCP, NONE, V4) },
	{ "DHCP from relay to server", PKT(ETH(), IPV4(), UDP(67, 67), PAYLOAD(300)),
	  PASS(DHCP, NONE, V4) },
	{ "DHCP from a listed server", PKT(ETH(), IPV4("10.67.0.1"), UDP(67, 68), PAYLOAD(300)),
	  PASS(DHCP, NONE, V4) },
	{ "DHCP, tagged", PKT(ETH(), VLAN(.vid = 9), IPV4(), UDP(67, 68), PAYLOAD(300)),
	  PASS(DHCP, NONE, V4) },
	{ "DHCP without a byte behind UDP", PKT(ETH(), IPV4(), UDP(67, 68)), PASS(DHCP, NONE, V4) },
	{ "DHCP, first fragment", PKT(ETH(), IPV4(.frag = 0x2000), UDP(67, 68), PAYLOAD(1472)),
	  PASS(DHCP, NONE, V4) },
	{ "DHCP cut inside UDP", PKT(ETH(), IPV4(), UDP(67, 68), CUT(38)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "from a DHCP port to a guarded one", PKT(ETH(), IPV4(), UDP(67, 5060)),
	  DROP(UNLISTED, SIP, V4) },
	{ "to a DHCP port from another", PKT(ETH(), IPV4(), UDP(1067, 67)),
	  DROP(UNLISTED, DHCPD, V4) },
	{ "to a DHCP port from another, client's", PKT(ETH(), IPV4(), UDP(5060, 68)),
	  DROP(UNLISTED, DHCPD, V4) },
	{ "to a DHCP port from another, listed", PKT(ETH(), IPV4("10.67.0.1"), UDP(1067, 67)),
	  PASS(LISTED, DHCPD, V4) },
	{ "neighbours of DHCP's ports", PKT(ETH(), IPV4(), UDP(66, 67)),
	  DROP(UNLISTED, DHCPD, V4) },
	{ "neighbours of DHCP's ports, above", PKT(ETH(), IPV4(), UDP(69, 68)),
	  DROP(UNLISTED, DHCPD, V4) },
	{ "TCP between DHCP's ports", PKT(ETH(), IPV4(), TCP(67, 68)), DROP(UNLISTED, DHCPD, V4) },
	{ "DHCP's ports over IPv6", PKT(ETH(), IPV6(), UDP(67, 68)), DROP(UNLISTED, DHCPD, V6) },
	{ "DHCPv6 solicit", PKT(ETH(), IPV6("fe80::1", "ff02::1:2"), UDP(546, 547), PAYLOAD(60)),
	  PASS(DHCP, NONE, V6) },
	{ "DHCPv6 advertise", PKT(ETH(), IPV6("fe80::2", "fe80::1"), UDP(547, 546), PAYLOAD(90)),
	  PASS(DHCP, NONE, V6) },
	{ "DHCPv6 from relay to server", PKT(ETH(), IPV6("fe80::2"), UDP(547, 547), PAYLOAD(90)),
	  PASS(DHCP, NONE, V6) },
	{ "DHCPv6 behind options", PKT(ETH(), IPV6(), EXT(60), UDP(547, 546)),
	  PASS(DHCP, NONE, V6) },
	{ "to DHCPv6's client from another port", PKT(ETH(), IPV6(), UDP(1547, 546)),
	  DROP(UNLISTED, DHCPD, V6) },
	{ "to DHCPv6's server from another port, listed",
	  PKT(ETH(), IPV6("fd00:67::1"), UDP(5, 547)), PASS(LISTED, DHCPD, V6) },
	{ "from a DHCPv6 port to a guarded one", PKT(ETH(), IPV6(), UDP(547, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "TCP between DHCPv6's ports", PKT(ETH(), IPV6(), TCP(547, 546)),
	  DROP(UNLISTED, DHCPD, V6) },
	{ "DHCPv6's ports over IPv4", PKT(ETH(), IPV4(), UDP(547, 546)),
	  DROP(UNLISTED, DHCPD, V4) },
	{ "one port of each DHCP", PKT(ETH(), IPV6(), UDP(67, 546)), DROP(UNLISTED, DHCPD, V6) },
	{ "DHCP where nothing guards its ports", PKT(ETH(), IPV4(), UDP(67, 68)),
	  PASS(NOT_GUARDED, NONE, V4), .rules = &no_rules },
};

static const struct test_case unguarded[] = {
	{ "SSH", PKT(ETH(), IPV4(), TCP(40000, 22)), PASS(NOT_GUARDED, NONE, V4) },
	{ "SSH, listed", PKT(ETH(), IPV4("192.0.2.10"), TCP(40000, 22)),
	  PASS(NOT_GUARDED, NONE, V4) },
	{ "no rules at all", PKT(ETH(), IPV4(), UDP(9, 5060)), PASS(NOT_GUARDED, NONE, V4),
	  .rules = &no_rules },
	{ "no rules at all, port 0", PKT(ETH(), IPV6(), TCP(0, 0)), PASS(NOT_GUARDED, NONE, V6),
	  .rules = &no_rules },
	{ "no rules at all, truncated", PKT(ETH(), IPV6(), TCP(0, 0), CUT(70)),
	  DROP(TRUNCATED, NONE, V6), .rules = &no_rules },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		add_port(i, AXP_IPV4);
		add_port(i, AXP_IPV6);
	}
	ADD_CASES(dhcp);
	ADD_CASES(unguarded);
	return cases_run("ports");
}
