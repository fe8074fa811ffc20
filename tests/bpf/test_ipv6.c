// SPDX-License-Identifier: GPL-2.0-or-later
/* IPv6: payload length, extension headers in every order, fragments, what passes always. */
#include "cases.h"

#define LISTED6 "2001:db8:1::10"

enum { HOP = 0, ROUTING = 43, DESTINATION = 60, NO_NEXT = 59 };

static const struct test_case lengths[] = {
	{ "UDP, listed", PKT(ETH(), IPV6(.src = LISTED6), UDP(9, 5060), PAYLOAD(400)),
	  PASS(LISTED, SIP, V6) },
	{ "UDP, unlisted", PKT(ETH(), IPV6(), UDP(9, 5060), PAYLOAD(400)),
	  DROP(UNLISTED, SIP, V6) },
	{ "TCP, listed", PKT(ETH(), IPV6(.src = LISTED6), TCP(9, 5061)), PASS(LISTED, SIP, V6) },
	{ "TCP, unlisted", PKT(ETH(), IPV6(), TCP(9, 443)), DROP(UNLISTED, HTTPS, V6) },
	{ "padded", PKT(ETH(), IPV6(), UDP(9, 5060), IP_END(), PAYLOAD(6)),
	  DROP(UNLISTED, SIP, V6) },
	{ "payload length beyond the frame",
	  PKT(ETH(), IPV6(.payload_len = FORCE(1400)), UDP(9, 5060)), DROP(UNLISTED, SIP, V6) },
	{ "payload length 0 with UDP behind", PKT(ETH(), IPV6(), IP_END(), UDP(9, 5060)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "payload length 0 with UDP behind, listed",
	  PKT(ETH(), IPV6(.src = LISTED6), IP_END(), UDP(9, 5060)), DROP(TRUNCATED, NONE, V6) },
	{ "payload length 0 with TCP behind, not guarded", PKT(ETH(), IPV6(), IP_END(), TCP(9, 22)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "payload length 0 with destination options behind",
	  PKT(ETH(), IPV6(), IP_END(), EXT(DESTINATION), UDP(9, 5060)), DROP(TRUNCATED, NONE, V6) },
	{ "payload length 0 with a fragment header behind",
	  PKT(ETH(), IPV6(), IP_END(), FRAG(.offset = 9), UDP(9, 5060)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "payload length 0, nothing behind", PKT(ETH(), IPV6(), NEXT(NO_NEXT)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "payload length ends after UDP's ports",
	  PKT(ETH(), IPV6(.payload_len = FORCE(4)), UDP(9, 5060)), DROP(TRUNCATED, NONE, V6) },
	{ "payload length one short of UDP's header",
	  PKT(ETH(), IPV6(.payload_len = FORCE(7)), UDP(9, 5060)), DROP(TRUNCATED, NONE, V6) },
	{ "payload length one short of TCP's header",
	  PKT(ETH(), IPV6(.payload_len = FORCE(19)), TCP(9, 443)), DROP(TRUNCATED, NONE, V6) },
	{ "payload length ends with the extension header, ports in the padding",
	  PKT(ETH(), IPV6(.src = LISTED6), EXT(DESTINATION), IP_END(), UDP(9, 5060)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "payload length ends inside an extension header",
	  PKT(ETH(), IPV6(.payload_len = FORCE(12)), EXT(DESTINATION, 1), UDP(9, 5060)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "payload length ends inside an extension header's first eight bytes",
	  PKT(ETH(), IPV6(.payload_len = FORCE(7)), EXT(DESTINATION), UDP(9, 5060)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "payload length ends inside a fragment header",
	  PKT(ETH(), IPV6(.payload_len = FORCE(6)), FRAG(.offset = 9), PAYLOAD(40)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "jumbogram: payload length 0, its length in an option",
	  PKT(ETH(), IPV6(.payload_len = FORCE(0)), EXT(HOP, .body = "\xc2\x04\0\1\0\0"),
	      TCP(9, 443), PAYLOAD(999)),
	  DROP(UNLISTED, HTTPS, V6) },
	{ "jumbogram, listed",
	  PKT(ETH(), IPV6(.src = LISTED6, .payload_len = FORCE(0)),
	      EXT(HOP, .body = "\xc2\x04\0\1\0\0"), UDP(9, 5060, FORCE(0)), PAYLOAD(999)),
	  PASS(LISTED, SIP, V6) },
	{ "payload length 0 and hop-by-hop options without a length: Linux takes what there is",
	  PKT(ETH(), IPV6(.payload_len = FORCE(0)), EXT(HOP, .body = "\1\4\0\0\0\0"), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "payload length 0, hop-by-hop options, fragment",
	  PKT(ETH(), IPV6(.payload_len = FORCE(0)), EXT(HOP), FRAG(.offset = 9), PAYLOAD(9)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V6) },
	{ "payload length 0, hop-by-hop options cut",
	  PKT(ETH(), IPV6(.payload_len = FORCE(0)), EXT(HOP), CUT(61)), DROP(TRUNCATED, NONE, V6) },
	{ "frame ends inside the header", PKT(ETH(), IPV6(), UDP(9, 5060), CUT(53)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "frame ends with the header", PKT(ETH(), IPV6(), UDP(9, 5060), CUT(54)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "frame ends after UDP's ports", PKT(ETH(), IPV6(), UDP(9, 5060), CUT(58)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "traffic class and flow label set",
	  PKT(ETH(.type = FORCE(0x86dd)),
	      BYTES("\x6f\xff\xff\xff\0\x08\x11\x40\x20\1\x0d\xb8\0\1\0\0\0\0\0\0\0\0\0\x10"
		    "\x20\1\x0d\xb8\xff\xff\0\0\0\0\0\0\0\0\0\1"),
	      UDP(9, 5060)),
	  PASS(LISTED, SIP, V6) },
};

static const struct test_case chains[] = {
	{ "hop-by-hop options", PKT(ETH(), IPV6(), EXT(HOP), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "routing header", PKT(ETH(), IPV6(), EXT(ROUTING, 2), TCP(9, 443)),
	  DROP(UNLISTED, HTTPS, V6) },
	{ "destination options", PKT(ETH(), IPV6(.src = LISTED6), EXT(DESTINATION), UDP(9, 5060)),
	  PASS(LISTED, SIP, V6) },
	{ "authentication header", PKT(ETH(), IPV6(), AH(.words = 3), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "authentication header without a checksum", PKT(ETH(), IPV6(), AH(), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "authentication header, the longest",
	  PKT(ETH(), IPV6(.src = LISTED6), AH(.words = 254), UDP(9, 5060)), PASS(LISTED, SIP, V6) },
	{ "authentication header of length 0",
	  PKT(ETH(), IPV6(), AH(.len = FORCE(0)), UDP(9, 5060)), PASS(NOT_GUARDED, NONE, V6) },
	{ "the longest options", PKT(ETH(), IPV6(), EXT(DESTINATION, 255), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "all kinds, in RFC 8200's order",
	  PKT(ETH(), IPV6(), EXT(HOP), EXT(DESTINATION, 1), EXT(ROUTING, 2), FRAG(), AH(.words = 3),
	      EXT(DESTINATION), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "all kinds, in RFC 8200's order, listed",
	  PKT(ETH(), IPV6(.src = LISTED6), EXT(HOP), EXT(DESTINATION, 1), EXT(ROUTING, 2), FRAG(),
	      AH(.words = 3), EXT(DESTINATION), TCP(9, 5060)),
	  PASS(LISTED, SIP, V6) },
	{ "hop-by-hop options twice", PKT(ETH(), IPV6(), EXT(HOP), EXT(HOP), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "options of different lengths",
	  PKT(ETH(), IPV6(), EXT(DESTINATION, 3), EXT(DESTINATION), EXT(DESTINATION, 7),
	      TCP(9, 443)),
	  DROP(UNLISTED, HTTPS, V6) },
	{ "not guarded behind a chain", PKT(ETH(), IPV6(), EXT(HOP), EXT(ROUTING), TCP(9, 22)),
	  PASS(NOT_GUARDED, NONE, V6) },
	{ "length that reaches beyond the frame, UDP said to follow",
	  PKT(ETH(), IPV6(), EXT(DESTINATION, .len = FORCE(9)), UDP(9, 5060)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "length that reaches beyond the frame, nothing said to follow",
	  PKT(ETH(), IPV6(), EXT(DESTINATION, .len = FORCE(9), .next = FORCE(NO_NEXT)),
	      UDP(9, 5060)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "length that reaches beyond the frame, ICMPv6 said to follow",
	  PKT(ETH(), IPV6(), EXT(HOP, .len = FORCE(9)), ICMPV6(135), PAYLOAD(16)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "length that leaves the options' second half out: it is the next header",
	  PKT(ETH(), IPV6(), EXT(DESTINATION, 1, .len = FORCE(0), .next = FORCE(17)), UDP(9, 5060)),
	  PASS(NOT_GUARDED, NONE, V6) },
	{ "fragment header's reserved byte is no length",
	  PKT(ETH(), IPV6(.next = FORCE(44)), BYTES("\x11\xff\0\0\0\0\0\1"), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "frame ends inside an extension header",
	  PKT(ETH(), IPV6(), EXT(HOP), EXT(ROUTING), UDP(9, 5060), CUT(69)),
	  DROP(TRUNCATED, NONE, V6) },
	{ "frame ends with an extension header",
	  PKT(ETH(), IPV6(), EXT(HOP), UDP(9, 5060), CUT(62)), DROP(TRUNCATED, NONE, V6) },
	{ "eight headers, then cut short",
	  PKT(ETH(), IPV6(), EXT(HOP), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60),
	      EXT(60, .len = FORCE(1), .next = FORCE(60))),
	  DROP(TRUNCATED, NONE, V6) },
};

static const struct test_case fragments[] = {
	{ "first fragment, unlisted",
	  PKT(ETH(), IPV6(), FRAG(.more = 1), UDP(9, 5060), PAYLOAD(1224)),
	  DROP(UNLISTED, SIP, V6) },
	{ "first fragment, listed",
	  PKT(ETH(), IPV6(.src = LISTED6), FRAG(.more = 1), UDP(9, 5060), PAYLOAD(1224)),
	  PASS(LISTED, SIP, V6) },
	{ "first fragment, not guarded", PKT(ETH(), IPV6(), FRAG(.more = 1), UDP(9, 7), PAYLOAD(8)),
	  PASS(NOT_GUARDED, NONE, V6) },
	{ "atomic fragment (RFC 6946), unlisted", PKT(ETH(), IPV6(), FRAG(), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "atomic fragment, listed", PKT(ETH(), IPV6(.src = LISTED6), FRAG(), TCP(9, 5060)),
	  PASS(LISTED, SIP, V6) },
	{ "later fragment", PKT(ETH(), IPV6(), FRAG(.offset = 154), NEXT(17), PAYLOAD(100)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V6) },
	{ "later fragment in the middle",
	  PKT(ETH(), IPV6(), FRAG(.offset = 154, .more = 1), NEXT(17), PAYLOAD(1232)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V6) },
	{ "later fragment that looks like ports",
	  PKT(ETH(), IPV6(), FRAG(.offset = 1), UDP(9, 5060)), PASS(FRAGMENT_UNMATCHED, NONE, V6) },
	{ "later fragment at the largest offset",
	  PKT(ETH(), IPV6(), FRAG(.offset = 8191), NEXT(17), PAYLOAD(7)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V6) },
	{ "later fragment behind hop-by-hop options",
	  PKT(ETH(), IPV6(), EXT(HOP), FRAG(.offset = 5), PAYLOAD(8)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V6) },
	{ "later fragment as the eighth header",
	  PKT(ETH(), IPV6(), EXT(HOP), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60),
	      FRAG(.offset = 5), PAYLOAD(8)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V6) },
	{ "later fragment as the ninth header",
	  PKT(ETH(), IPV6(), EXT(HOP), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60),
	      EXT(60), FRAG(.offset = 5), PAYLOAD(8)),
	  DROP(EXT_CHAIN, NONE, V6) },
	{ "later fragment without a byte", PKT(ETH(), IPV6(), FRAG(.offset = 5), NEXT(17)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V6) },
	{ "reserved bits are no offset",
	  PKT(ETH(), IPV6(.next = FORCE(44)), BYTES("\x11\0\0\x06\0\0\0\1"), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "first fragment that ends before the ports (RFC 7112)",
	  PKT(ETH(), IPV6(.src = LISTED6), FRAG(.more = 1), EXT(DESTINATION), IP_END(),
	      UDP(9, 5060)),
	  DROP(TINY_FRAGMENT, NONE, V6) },
	{ "first fragment without a byte",
	  PKT(ETH(), IPV6(), FRAG(.more = 1), IP_END(), UDP(9, 5060)),
	  DROP(TINY_FRAGMENT, NONE, V6) },
	{ "first fragment of eight bytes, TCP",
	  PKT(ETH(), IPV6(.payload_len = FORCE(16)), FRAG(.more = 1), TCP(9, 443)),
	  DROP(TINY_FRAGMENT, NONE, V6) },
	{ "fragment header in a first fragment, itself a first one",
	  PKT(ETH(), IPV6(), FRAG(.more = 1), FRAG(.more = 1), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "fragment header in a first fragment, itself a later one",
	  PKT(ETH(), IPV6(), FRAG(.more = 1), FRAG(.offset = 1), UDP(9, 5060)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V6) },
	{ "first fragment of ICMPv6", PKT(ETH(), IPV6(), FRAG(.more = 1), ICMPV6(128), PAYLOAD(80)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
};

#define MULTICAST_ETH ETH(.dst = "\x33\x33\0\0\0\1")

static const struct test_case always_pass[] = {
	{ "neighbour solicitation",
	  PKT(MULTICAST_ETH, IPV6("fe80::1", "ff02::1:ff00:1"), ICMPV6(135), PAYLOAD(24)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "neighbour solicitation, duplicate address detection",
	  PKT(MULTICAST_ETH, IPV6("::", "ff02::1:ff00:1"), ICMPV6(135), PAYLOAD(16)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "neighbour advertisement", PKT(ETH(), IPV6("fe80::1"), ICMPV6(136), PAYLOAD(24)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "router solicitation", PKT(MULTICAST_ETH, IPV6("fe80::1", "ff02::2"), ICMPV6(133)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "router advertisement",
	  PKT(MULTICAST_ETH, IPV6("fe80::1", "ff02::1"), ICMPV6(134), PAYLOAD(56)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "redirect", PKT(ETH(), IPV6("fe80::1"), ICMPV6(137), PAYLOAD(32)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "MLD report with router alert",
	  PKT(MULTICAST_ETH, IPV6("fe80::1", "ff02::16"), EXT(HOP, .body = "\5\2\0\0\1\0"),
	      ICMPV6(143), PAYLOAD(20)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "echo", PKT(ETH(), IPV6(), ICMPV6(128), PAYLOAD(56)), PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "echo reply", PKT(ETH(), IPV6(), ICMPV6(129), PAYLOAD(56)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "packet too big, about a guarded port",
	  PKT(ETH(), IPV6(), ICMPV6(2), IPV6(), UDP(5060, 5060)), PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "destination unreachable", PKT(ETH(), IPV6(), ICMPV6(1, 4), IPV6(), TCP(443, 443)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "time exceeded", PKT(ETH(), IPV6(), ICMPV6(3), IPV6(), UDP(9, 5060), CUT(100)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "no next header", PKT(ETH(), IPV6(), NEXT(NO_NEXT)), PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "no next header, yet bytes behind",
	  PKT(ETH(), IPV6(.next = FORCE(NO_NEXT)), UDP(9, 5060)), PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "no next header behind options",
	  PKT(ETH(), IPV6(), EXT(DESTINATION), NEXT(NO_NEXT), PAYLOAD(8)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "ESP", PKT(ETH(), IPV6(), NEXT(50), PAYLOAD(64)), PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "ESP behind hop-by-hop options", PKT(ETH(), IPV6(), EXT(HOP), NEXT(50), PAYLOAD(64)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "OSPF", PKT(ETH(), IPV6("fe80::1", "ff02::5"), NEXT(89), PAYLOAD(36)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "SCTP", PKT(ETH(), IPV6(), NEXT(132), PAYLOAD(28)), PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "GRE", PKT(ETH(), IPV6(), NEXT(47), PAYLOAD(28)), PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "IPv6 in IPv6", PKT(ETH(), IPV6(), IPV6(), UDP(9, 5060)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "IPv4 in IPv6", PKT(ETH(), IPV6(), IPV4(), UDP(9, 5060)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "mobility header", PKT(ETH(), IPV6(), NEXT(135), BYTES("\x3b\0\5\0\0\0\0\0")),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "IPv4's ICMP under IPv6", PKT(ETH(), IPV6(), ICMP(8)), PASS(OTHER_PROTOCOL, NONE, V6) },
};

/* n extension headers of a kind, then UDP to a guarded port. */
static void add_chain(const char *kind, const struct layer *one, __u32 n)
{
	struct layer layers[PACKET_LAYERS] = { ETH(), IPV6() }, *l = &layers[2];
	bool too_long = n > AXP_MAX_EXT_HEADERS;

	for (__u32 i = 0; i < n; i++)
		*l++ = one[i % 2];
	*l = (struct layer)UDP(9, 5060);
	cases_add_copy(case_name("%u of %s, unlisted", n, kind), layers,
		       too_long ? (struct expect)DROP(EXT_CHAIN, NONE, V6)
				: (struct expect)DROP(UNLISTED, SIP, V6));
	layers[1].ipv6.src = LISTED6;
	cases_add_copy(case_name("%u of %s, listed", n, kind), layers,
		       too_long ? (struct expect)DROP(EXT_CHAIN, NONE, V6)
				: (struct expect)PASS(LISTED, SIP, V6));
}

static void add_chains(void)
{
	static const struct {
		const char *name;
		struct layer one[2]; /* in turn */
	} kinds[] = {
		{ "destination options", { EXT(DESTINATION), EXT(DESTINATION, 1) } },
		{ "hop-by-hop options", { EXT(HOP), EXT(HOP, 2) } },
		{ "routing headers", { EXT(ROUTING, 2), EXT(ROUTING) } },
		{ "authentication headers", { AH(.words = 1), AH(.words = 3) } },
		{ "atomic fragment headers", { FRAG(), FRAG(.more = 1) } },
		{ "authentication headers and options", { AH(.words = 1), EXT(DESTINATION, 1) } },
	};
	static const __u32 lengths_of_chains[] = { 1, 7, 8, 9, 30 };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (size_t j = 0; j < sizeof(lengths_of_chains) / sizeof(__u32); j++)
			add_chain(kinds[i].name, kinds[i].one, lengths_of_chains[j]);
}

static void add_versions(void)
{
	static const __u32 wrong[] = { 0, 4, 5, 7, 15 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cases_add_copy(
			case_name("version %u", wrong[i]),
			PKT(ETH(), IPV6(.src = LISTED6, .version = FORCE(wrong[i])), UDP(9, 5060)),
			(struct expect)DROP(BAD_HEADER, NONE, V6));
	cases_add_copy("IPv4 under IPv6's type",
		       PKT(ETH(.type = FORCE(0x86dd)), IPV4(), UDP(9, 7), PAYLOAD(20)),
		       (struct expect)DROP(BAD_HEADER, NONE, V6));
}

int main(void)
{
	ADD_CASES(lengths);
	ADD_CASES(chains);
	add_chains();
	add_versions();
	ADD_CASES(fragments);
	ADD_CASES(always_pass);
	return cases_run("ipv6");
}
