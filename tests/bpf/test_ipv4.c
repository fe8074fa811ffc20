// SPDX-License-Identifier: GPL-2.0-or-later
/* IPv4: header length, total length, options, fragments, protocols. */
#include "cases.h"

#define LISTED4   "192.0.2.10"
#define UNLISTED4 "198.51.100.1"

/* A UDP header to the guarded port 5060, as bytes where no header should be looked for. */
#define UDP_5060 "\x13\xc4\x13\xc4\0\x10\0\0"

static const struct test_case lengths[] = {
	{ "UDP, listed", PKT(ETH(), IPV4(.src = LISTED4), UDP(9, 5060), PAYLOAD(400)),
	  PASS(LISTED, SIP, V4) },
	{ "UDP, unlisted", PKT(ETH(), IPV4(), UDP(9, 5060), PAYLOAD(400)),
	  DROP(UNLISTED, SIP, V4) },
	{ "TCP, listed", PKT(ETH(), IPV4(.src = LISTED4), TCP(9, 5061)), PASS(LISTED, SIP, V4) },
	{ "TCP, unlisted", PKT(ETH(), IPV4(), TCP(9, 5061)), DROP(UNLISTED, SIP, V4) },
	{ "UDP without a payload", PKT(ETH(), IPV4(.src = LISTED4), UDP(9, 5060)),
	  PASS(LISTED, SIP, V4) },
	{ "padded to 60 bytes", PKT(ETH(), IPV4(), UDP(9, 5060), PAYLOAD(1), IP_END(), PAYLOAD(17)),
	  DROP(UNLISTED, SIP, V4) },
	{ "total length beyond the frame",
	  PKT(ETH(), IPV4(.tot_len = FORCE(1500)), UDP(9, 5060), PAYLOAD(4)),
	  DROP(UNLISTED, SIP, V4) },
	{ "total length 65535",
	  PKT(ETH(), IPV4(.src = LISTED4, .tot_len = FORCE(65535)), UDP(9, 5060), PAYLOAD(4)),
	  PASS(LISTED, SIP, V4) },
	{ "total length 0", PKT(ETH(), IPV4(.tot_len = FORCE(0)), UDP(9, 5060)),
	  DROP(BAD_HEADER, NONE, V4) },
	{ "total length 0, listed, TCP",
	  PKT(ETH(), IPV4(.src = LISTED4, .tot_len = FORCE(0)), TCP(9, 443)),
	  DROP(BAD_HEADER, NONE, V4) },
	{ "total length 19", PKT(ETH(), IPV4(.tot_len = FORCE(19)), UDP(9, 5060)),
	  DROP(BAD_HEADER, NONE, V4) },
	{ "total length one short of the header with options",
	  PKT(ETH(), IPV4(.options = 12, .tot_len = FORCE(31)), UDP(9, 5060)),
	  DROP(BAD_HEADER, NONE, V4) },
	{ "total length of the header alone: ports in the padding, guarded",
	  PKT(ETH(), IPV4(), IP_END(), UDP(9, 5060), PAYLOAD(18)), DROP(TRUNCATED, NONE, V4) },
	{ "total length of the header alone: ports in the padding, not guarded",
	  PKT(ETH(), IPV4(), IP_END(), UDP(9, 7), PAYLOAD(18)), DROP(TRUNCATED, NONE, V4) },
	{ "total length of the header alone: ports in the padding, listed",
	  PKT(ETH(), IPV4(.src = LISTED4), IP_END(), UDP(9, 5060), PAYLOAD(18)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "total length of a header with options alone",
	  PKT(ETH(), IPV4(.options = 40), IP_END(), UDP(9, 5060)), DROP(TRUNCATED, NONE, V4) },
	{ "total length ends after four bytes of UDP",
	  PKT(ETH(), IPV4(.tot_len = FORCE(24)), UDP(9, 5060), PAYLOAD(18)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "total length one short of UDP's header",
	  PKT(ETH(), IPV4(.tot_len = FORCE(27)), UDP(9, 5060), PAYLOAD(18)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "total length one short of TCP's header",
	  PKT(ETH(), IPV4(.src = LISTED4, .tot_len = FORCE(39)), TCP(9, 5060), PAYLOAD(6)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "total length just TCP's header",
	  PKT(ETH(), IPV4(.tot_len = FORCE(40)), TCP(9, 5060), PAYLOAD(6)),
	  DROP(UNLISTED, SIP, V4) },
	{ "total length of the header alone, ICMP",
	  PKT(ETH(), IPV4(), IP_END(), ICMP(8), PAYLOAD(18)), PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "frame ends inside the options", PKT(ETH(), IPV4(.options = 40), UDP(9, 5060), CUT(73)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "frame ends inside the options, ICMP", PKT(ETH(), IPV4(.options = 4), ICMP(8), CUT(37)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "frame ends with the header", PKT(ETH(), IPV4(), UDP(9, 5060), CUT(34)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "frame ends one short of the header", PKT(ETH(), IPV4(), UDP(9, 5060), CUT(33)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "frame ends after UDP's ports", PKT(ETH(), IPV4(), UDP(9, 5060), CUT(38)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "frame ends after TCP's ports", PKT(ETH(), IPV4(), TCP(9, 5060), CUT(38)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "UDP length 0", PKT(ETH(), IPV4(), UDP(9, 5060, FORCE(0)), PAYLOAD(4)),
	  DROP(UNLISTED, SIP, V4) },
	{ "UDP length 65535", PKT(ETH(), IPV4(.src = LISTED4), UDP(9, 5060, FORCE(65535))),
	  PASS(LISTED, SIP, V4) },
	{ "TCP data offset 0", PKT(ETH(), IPV4(), TCP(9, 5060, .doff = FORCE(0))),
	  DROP(UNLISTED, SIP, V4) },
	{ "TCP with options", PKT(ETH(), IPV4(.src = LISTED4), TCP(9, 5060, .options = 40)),
	  PASS(LISTED, SIP, V4) },
};

static const struct test_case header_lengths[] = {
	{ "header length that skips UDP's header: bytes behind it are the ports",
	  PKT(ETH(), IPV4(.src = LISTED4, .ihl = FORCE(7)), UDP(9, 9), BYTES(UDP_5060)),
	  PASS(LISTED, SIP, V4) },
	{ "header length that takes in guarded ports: those behind count",
	  PKT(ETH(), IPV4(.ihl = FORCE(7)), UDP(9, 5060), UDP(9, 7)), PASS(NOT_GUARDED, NONE, V4) },
	{ "header length that leaves options out: they are the ports",
	  PKT(ETH(), IPV4(.options = 8, .ihl = FORCE(5)), UDP(9, 5060)),
	  PASS(NOT_GUARDED, NONE, V4) },
	{ "header length beyond the total length",
	  PKT(ETH(), IPV4(.ihl = FORCE(15)), UDP(9, 5060), PAYLOAD(8)),
	  DROP(BAD_HEADER, NONE, V4) },
	{ "header length beyond the frame, within the total length",
	  PKT(ETH(), IPV4(.ihl = FORCE(15), .tot_len = FORCE(100)), UDP(9, 5060)),
	  DROP(TRUNCATED, NONE, V4) },
};

static const struct test_case fragments[] = {
	{ "don't fragment", PKT(ETH(), IPV4(.frag = 0x4000), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V4) },
	{ "reserved flag", PKT(ETH(), IPV4(.frag = 0x8000), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V4) },
	{ "first fragment, unlisted", PKT(ETH(), IPV4(.frag = 0x2000), UDP(9, 5060), PAYLOAD(1472)),
	  DROP(UNLISTED, SIP, V4) },
	{ "first fragment, listed",
	  PKT(ETH(), IPV4(.src = LISTED4, .frag = 0x2000), UDP(9, 5060), PAYLOAD(1472)),
	  PASS(LISTED, SIP, V4) },
	{ "first fragment, not guarded", PKT(ETH(), IPV4(.frag = 0x2000), UDP(9, 7), PAYLOAD(1472)),
	  PASS(NOT_GUARDED, NONE, V4) },
	{ "first fragment of eight bytes, UDP", PKT(ETH(), IPV4(.frag = 0x2000), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V4) },
	{ "first fragment of eight bytes, TCP (RFC 1858)",
	  PKT(ETH(), IPV4(.src = LISTED4, .frag = 0x2000, .tot_len = FORCE(28)), TCP(9, 5060)),
	  DROP(TINY_FRAGMENT, NONE, V4) },
	{ "later fragment, unlisted", PKT(ETH(), IPV4(.frag = 185), NEXT(17), PAYLOAD(100)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "later fragment in the middle",
	  PKT(ETH(), IPV4(.frag = 0x2000 | 185), NEXT(17), PAYLOAD(1480)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "later fragment that looks like ports", PKT(ETH(), IPV4(.frag = 2), UDP(9, 5060)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "later fragment at the smallest offset",
	  PKT(ETH(), IPV4(.frag = 1), NEXT(17), PAYLOAD(8)), PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "later fragment at the smallest offset, TCP (RFC 3128)",
	  PKT(ETH(), IPV4(.frag = 1), NEXT(6), PAYLOAD(8)), DROP(TINY_FRAGMENT, NONE, V4) },
	{ "later fragment at the smallest offset, TCP, listed",
	  PKT(ETH(), IPV4(.src = LISTED4, .frag = 0x2001), NEXT(6), PAYLOAD(8)),
	  DROP(TINY_FRAGMENT, NONE, V4) },
	{ "later fragment at the offset behind, TCP",
	  PKT(ETH(), IPV4(.frag = 2), NEXT(6), PAYLOAD(8)), PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "later fragment at the largest offset",
	  PKT(ETH(), IPV4(.frag = 0x1fff), NEXT(17), PAYLOAD(7)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "later fragment, offset in the upper byte alone",
	  PKT(ETH(), IPV4(.frag = 0x1000), NEXT(17), PAYLOAD(7)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "later fragment without a byte", PKT(ETH(), IPV4(.frag = 185), NEXT(17)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "later fragment of ICMP", PKT(ETH(), IPV4(.frag = 185), NEXT(1), PAYLOAD(20)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "later fragment with options",
	  PKT(ETH(), IPV4(.frag = 185, .options = 8), NEXT(17), PAYLOAD(20)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "later fragment, bad header",
	  PKT(ETH(), IPV4(.frag = 185, .ihl = FORCE(4)), NEXT(17), PAYLOAD(20)),
	  DROP(BAD_HEADER, NONE, V4) },
	{ "later fragment, cut in its options",
	  PKT(ETH(), IPV4(.frag = 185, .options = 8), NEXT(17), PAYLOAD(20), CUT(40)),
	  DROP(TRUNCATED, NONE, V4) },
};

static const struct test_case protocols[] = {
	{ "ICMP echo", PKT(ETH(), IPV4(), ICMP(8), PAYLOAD(56)), PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "ICMP echo reply", PKT(ETH(), IPV4(), ICMP(0), PAYLOAD(56)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "ICMP fragmentation needed, about a guarded port",
	  PKT(ETH(), IPV4(), ICMP(3, 4), IPV4(.dst = UNLISTED4), UDP(5060, 5060)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "ICMP port unreachable", PKT(ETH(), IPV4(), ICMP(3, 3), IPV4(), UDP(9, 5060)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "ICMP time exceeded", PKT(ETH(), IPV4(), ICMP(11), IPV4(), TCP(9, 443), CUT(70)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "ICMP without a byte", PKT(ETH(), IPV4(), NEXT(1)), PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "IGMP with router alert",
	  PKT(ETH(.dst = "\x01\0\x5e\0\0\x16"), IPV4(.dst = "224.0.0.22", .options = 4), NEXT(2),
	      BYTES("\x22\0\0\0\0\0\0\1\4\0\0\0\xe0\0\0\xfb")),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "OSPF", PKT(ETH(), IPV4(.dst = "224.0.0.5"), NEXT(89), PAYLOAD(44)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "VRRP", PKT(ETH(), IPV4(.dst = "224.0.0.18"), NEXT(112), PAYLOAD(20)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "PIM", PKT(ETH(), IPV4(.dst = "224.0.0.13"), NEXT(103), PAYLOAD(20)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "GRE", PKT(ETH(), IPV4(), NEXT(47), BYTES("\0\0\x08\0"), IPV4(), UDP(9, 5060)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "ESP", PKT(ETH(), IPV4(), NEXT(50), PAYLOAD(64)), PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "AH", PKT(ETH(), IPV4(), AH(.words = 3), UDP(9, 5060)), PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "SCTP", PKT(ETH(), IPV4(), NEXT(132), BYTES(UDP_5060), PAYLOAD(20)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "DCCP", PKT(ETH(), IPV4(), NEXT(33), BYTES(UDP_5060), PAYLOAD(8)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "UDP-Lite, whose sockets are others", PKT(ETH(), IPV4(), NEXT(136), BYTES(UDP_5060)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "IPv4 in IPv4", PKT(ETH(), IPV4(), IPV4(), UDP(9, 5060)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "IPv6 in IPv4", PKT(ETH(), IPV4(), IPV6(), UDP(9, 5060)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "L2TPv3", PKT(ETH(), IPV4(), NEXT(115), PAYLOAD(20)), PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "protocol 0, IPv6's hop-by-hop",
	  PKT(ETH(), IPV4(), NEXT(0), BYTES("\x11\0\0\0\0\0\0\0"), UDP(9, 5060)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "protocol 44, IPv6's fragment", PKT(ETH(), IPV4(), FRAG(), UDP(9, 5060)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "protocol 255", PKT(ETH(), IPV4(), NEXT(255), BYTES(UDP_5060)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
};

static void add_header_lengths(void)
{
	for (__u32 ihl = 0; ihl < 5; ihl++)
		cases_add_copy(case_name("header length %u", ihl),
			       PKT(ETH(), IPV4(.src = LISTED4, .ihl = FORCE(ihl)), UDP(9, 5060),
				   PAYLOAD(40)),
			       (struct expect)DROP(BAD_HEADER, NONE, V4));
	for (__u32 ihl = 5; ihl < 16; ihl++) {
		cases_add_copy(case_name("header length %u, unlisted", ihl),
			       PKT(ETH(), IPV4(.options = 4 * (ihl - 5)), UDP(9, 5060)),
			       (struct expect)DROP(UNLISTED, SIP, V4));
		cases_add_copy(
			case_name("header length %u, listed", ihl),
			PKT(ETH(), IPV4(.src = LISTED4, .options = 4 * (ihl - 5)), TCP(9, 5060)),
			(struct expect)PASS(LISTED, SIP, V4));
	}
}

static void add_versions(void)
{
	static const __u32 wrong[] = { 0, 3, 5, 6, 15 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cases_add_copy(
			case_name("version %u", wrong[i]),
			PKT(ETH(), IPV4(.src = LISTED4, .version = FORCE(wrong[i])), UDP(9, 5060)),
			(struct expect)DROP(BAD_HEADER, NONE, V4));
	cases_add_copy("IPv6 under IPv4's type", PKT(ETH(.type = FORCE(0x800)), IPV6(), UDP(9, 7)),
		       (struct expect)DROP(BAD_HEADER, NONE, V4));
}

int main(void)
{
	ADD_CASES(lengths);
	ADD_CASES(header_lengths);
	add_header_lengths();
	add_versions();
	ADD_CASES(fragments);
	ADD_CASES(protocols);
	return cases_run("ipv4");
}
