// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Jumbo frames and frames in several buffers: the verdict is that of the same frame in one, and the
 * bytes counted are the whole frame's. The first buffer may end anywhere, drivers such as mlx5 even
 * leave it empty; BPF_PROG_TEST_RUN gives it at least the Ethernet header (Linux 6.18; before, such
 * tests are skipped), and about 3.5 KB where nothing is asked for.
 */
#include "cases.h"

static const struct test_case jumbo[] = {
	{ "9000 bytes, listed", PKT(ETH(), IPV4("192.0.2.10"), UDP(9, 5060), PAYLOAD(8972)),
	  PASS(LISTED, SIP, V4) },
	{ "9000 bytes, unlisted", PKT(ETH(), IPV6(), TCP(9, 443), PAYLOAD(8940)),
	  DROP(UNLISTED, HTTPS, V6) },
	{ "9000 bytes, unlisted, monitored", PKT(ETH(), IPV6(), TCP(9, 443), PAYLOAD(8940)),
	  MONITORED(UNLISTED, HTTPS, V6), .mode = MONITOR },
	{ "9000 bytes, not guarded, tagged",
	  PKT(ETH(), VLAN(.vid = 3), IPV4(), TCP(9, 22), PAYLOAD(8960)),
	  PASS(NOT_GUARDED, NONE, V4) },
	{ "9000 bytes, ICMP", PKT(ETH(), IPV4(), ICMP(8), PAYLOAD(8972)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "9000 bytes, later fragment", PKT(ETH(), IPV4(.frag = 1122), NEXT(17), PAYLOAD(8980)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "9000 bytes, not IP", PKT(ETH(), NEXT(0x88b5), PAYLOAD(9000)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "9000 bytes, off", PKT(ETH(), IPV4(), UDP(9, 5060), PAYLOAD(8972)),
	  PASS(OFF, NONE, NO_IP), .mode = OFF },
	{ "9000 bytes, bad header", PKT(ETH(), IPV4(.ihl = FORCE(4)), UDP(9, 5060), PAYLOAD(8972)),
	  DROP(BAD_HEADER, NONE, V4) },
	{ "9000 bytes, most of them padding",
	  PKT(ETH(), IPV4(), UDP(9, 5060), IP_END(), PAYLOAD(8972)), DROP(UNLISTED, SIP, V4) },
	{ "9000 bytes, ports in the padding",
	  PKT(ETH(), IPV4(), IP_END(), UDP(9, 5060), PAYLOAD(8972)), DROP(TRUNCATED, NONE, V4) },
	{ "9000 bytes, three tags",
	  PKT(ETH(), VLAN(.vid = 1), VLAN(.vid = 2), VLAN(.vid = 3), IPV4(), TCP(9, 22),
	      PAYLOAD(8960)),
	  DROP(VLAN_DEPTH, NONE, NO_IP) },
	{ "jumbogram, payload length 0",
	  PKT(ETH(), IPV6(.payload_len = FORCE(0)), EXT(0, .body = "\xc2\4\0\1\0\0"), TCP(9, 443),
	      PAYLOAD(8940)),
	  DROP(UNLISTED, HTTPS, V6) },
	{ "64 KB", PKT(ETH(), IPV4("192.0.2.10"), TCP(9, 5060), PAYLOAD(65495)),
	  PASS(LISTED, SIP, V4) },
	{ "4096 bytes", PKT(ETH(), IPV4(), UDP(9, 5060), PAYLOAD(4054)), DROP(UNLISTED, SIP, V4) },
	{ "1514 bytes", PKT(ETH(), IPV4(), UDP(9, 5060), PAYLOAD(1472)), DROP(UNLISTED, SIP, V4) },
	{ "1522 bytes, two tags",
	  PKT(ETH(), VLAN(.vid = 1), VLAN(.vid = 2), IPV4(), UDP(9, 5060), PAYLOAD(1472)),
	  DROP(UNLISTED, SIP, V4) },
	{ "3 KB, in one buffer", PKT(ETH(), NEXT(0x88b5), PAYLOAD(3000)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "extension headers of 2 KB each, ports in the second buffer",
	  PKT(ETH(), IPV6(), EXT(60, 255), EXT(60, 255), UDP(9, 5060)), DROP(UNLISTED, SIP, V6) },
	{ "extension headers of 2 KB each, listed",
	  PKT(ETH(), IPV6("2001:db8:1::10"), EXT(60, 255), EXT(60, 255), UDP(9, 5060)),
	  PASS(LISTED, SIP, V6) },
	{ "eight extension headers of 2 KB each",
	  PKT(ETH(), IPV6(), EXT(0, 255), EXT(60, 255), EXT(60, 255), EXT(60, 255), EXT(60, 255),
	      EXT(60, 255), EXT(60, 255), EXT(60, 255), TCP(9, 443)),
	  DROP(UNLISTED, HTTPS, V6) },
	{ "nine extension headers of 2 KB each",
	  PKT(ETH(), IPV6(), EXT(0, 255), EXT(60, 255), EXT(60, 255), EXT(60, 255), EXT(60, 255),
	      EXT(60, 255), EXT(60, 255), EXT(60, 255), EXT(60, 255), TCP(9, 443)),
	  DROP(EXT_CHAIN, NONE, V6) },
	{ "extension headers of 2 KB each, cut in the second buffer",
	  PKT(ETH(), IPV6(), EXT(60, 255), EXT(60, 255), UDP(9, 5060), CUT(4100)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "extension headers of 2 KB each, cut before the ports",
	  PKT(ETH(), IPV6(), EXT(60, 255), EXT(60, 255), UDP(9, 5060), CUT(14 + 40 + 4096)),
	  DROP(TRUNCATED, NONE, V6) },
};

/* Each with its first buffer ending at every byte of its headers. */
static const struct test_case split[] = {
	{ "ARP", PKT(ETH(), ARP(1)), PASS(NOT_IP, NONE, NO_IP) },
	{ "IPv4, listed", PKT(ETH(), IPV4("192.0.2.10"), UDP(9, 5060), PAYLOAD(9)),
	  PASS(LISTED, SIP, V4) },
	{ "IPv4, unlisted, 9000 bytes", PKT(ETH(), IPV4(), UDP(9, 5060), PAYLOAD(8972)),
	  DROP(UNLISTED, SIP, V4) },
	{ "IPv4, SSH, 9000 bytes", PKT(ETH(), IPV4(), TCP(9, 22), PAYLOAD(8960)),
	  PASS(NOT_GUARDED, NONE, V4) },
	{ "IPv4 with options, tagged twice",
	  PKT(ETH(), VLAN(.vid = 1), VLAN(.vid = 2), IPV4(.options = 40), TCP(9, 443)),
	  DROP(UNLISTED, HTTPS, V4) },
	{ "IPv4, DHCP", PKT(ETH(), IPV4(), UDP(67, 68), PAYLOAD(300)), PASS(DHCP, NONE, V4) },
	{ "IPv4, later fragment", PKT(ETH(), IPV4(.frag = 9), PAYLOAD(40)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "IPv4, ports in the padding", PKT(ETH(), IPV4(), IP_END(), UDP(9, 5060)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "IPv4, header of 16 bytes", PKT(ETH(), IPV4(.ihl = FORCE(4)), UDP(9, 5060)),
	  DROP(BAD_HEADER, NONE, V4) },
	{ "IPv4, cut after the ports", PKT(ETH(), IPV4("192.0.2.10"), UDP(9, 5060), CUT(40)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "IPv6, listed", PKT(ETH(), IPV6("2001:db8:1::10"), UDP(9, 5060), PAYLOAD(9)),
	  PASS(LISTED, SIP, V6) },
	{ "IPv6, every kind of header, 9000 bytes",
	  PKT(ETH(), VLAN(.vid = 1), IPV6("2001:db8:1::10"), EXT(0), EXT(43, 2), FRAG(.more = 1),
	      AH(.words = 3), EXT(60), TCP(9, 5060), PAYLOAD(8800)),
	  PASS(LISTED, SIP, V6) },
	{ "IPv6, nine headers",
	  PKT(ETH(), IPV6(), EXT(0), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60),
	      EXT(60), UDP(9, 5060)),
	  DROP(EXT_CHAIN, NONE, V6) },
	{ "IPv6, neighbour solicitation behind options",
	  PKT(ETH(), IPV6(), EXT(0), ICMPV6(135), PAYLOAD(16)), PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "three tags", PKT(ETH(), VLAN(.vid = 1), VLAN(.vid = 2), VLAN(.vid = 3), ARP(1)),
	  DROP(VLAN_DEPTH, NONE, NO_IP) },
};

static void test_split(void **state)
{
	const struct test_case *c = *state;
	static struct packet p;

	check_begins(&standard_rules, AXP_MODE_ENFORCE);
	packet_build(&p, c->layers);
	for (size_t linear = 14; linear <= p.len && linear <= 200; linear++)
		check_packet(&p, &c->expect, linear);
}

int main(void)
{
	ADD_CASES(jumbo);
	for (size_t i = 0; i < sizeof(split) / sizeof(split[0]); i++)
		cases_add_test(case_name("first buffer ends at each byte: %s", split[i].name),
			       test_split, &split[i]);
	return cases_run("spread");
}
