// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames by their type: what is not IP passes at once, and is not taken for IP. */
#include "cases.h"

/* An IPv4 packet that would be dropped if anyone looked for one there. */
#define UNLISTED_SIP IPV4(.src = "198.51.100.7"), UDP(.sport = 5060, .dport = 5060), PAYLOAD(30)

static const struct test_case always_pass[] = {
	{ "ARP request", PKT(ETH(.dst = "\xff\xff\xff\xff\xff\xff"), ARP(.operation = 1)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "ARP reply", PKT(ETH(), ARP(.operation = 2)), PASS(NOT_IP, NONE, NO_IP) },
	{ "ARP announcement, padded",
	  PKT(ETH(), ARP(1, "192.0.2.10", "192.0.2.10"), IP_END(), PAYLOAD(18)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "ARP cut short", PKT(ETH(), ARP(.operation = 1), CUT(20)), PASS(NOT_IP, NONE, NO_IP) },
	{ "RARP", PKT(ETH(), NEXT(0x8035), PAYLOAD(28)), PASS(NOT_IP, NONE, NO_IP) },
	{ "LLDP", PKT(ETH(.dst = "\x01\x80\xc2\0\0\x0e"), NEXT(0x88cc), PAYLOAD(60)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "LACP",
	  PKT(ETH(.dst = "\x01\x80\xc2\0\0\x02"), NEXT(0x8809), BYTES("\x01\x01"), PAYLOAD(108)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "EAPOL", PKT(ETH(.dst = "\x01\x80\xc2\0\0\x03"), NEXT(0x888e), BYTES("\x02\x01\0\0")),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "MACsec", PKT(ETH(), NEXT(0x88e5), PAYLOAD(64)), PASS(NOT_IP, NONE, NO_IP) },
	{ "PTP", PKT(ETH(), NEXT(0x88f7), PAYLOAD(44)), PASS(NOT_IP, NONE, NO_IP) },
	{ "Ethernet flow control", PKT(ETH(), NEXT(0x8808), PAYLOAD(46)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "wake on LAN", PKT(ETH(), NEXT(0x0842), PAYLOAD(102)), PASS(NOT_IP, NONE, NO_IP) },
	{ "MPLS", PKT(ETH(), NEXT(0x8847), BYTES("\0\x01\x01\x40"), UNLISTED_SIP),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "MPLS multicast", PKT(ETH(), NEXT(0x8848), BYTES("\0\x01\x01\x40"), UNLISTED_SIP),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "PPPoE discovery", PKT(ETH(), NEXT(0x8863), BYTES("\x11\x09\0\0\0\0")),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "PPPoE session",
	  PKT(ETH(), NEXT(0x8864), BYTES("\x11\0\0\x01\0\x3c\0\x21"), UNLISTED_SIP),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "transparent Ethernet bridging", PKT(ETH(), NEXT(0x6558), ETH(), UNLISTED_SIP),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "spanning tree in an 802.3 frame",
	  PKT(ETH(.dst = "\x01\x80\xc2\0\0\0", .type = FORCE(38)), BYTES("\x42\x42\x03"),
	      PAYLOAD(35)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "CDP in an 802.3 frame with SNAP",
	  PKT(ETH(.dst = "\x01\0\x0c\xcc\xcc\xcc", .type = FORCE(100)),
	      BYTES("\xaa\xaa\x03\0\0\x0c\x20\0"), PAYLOAD(92)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "IPv4 in an 802.3 frame with SNAP, which Linux does not take",
	  PKT(ETH(.type = FORCE(66)), BYTES("\xaa\xaa\x03\0\0\0\x08\0"), UNLISTED_SIP),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "raw 802.3", PKT(ETH(.type = FORCE(40)), BYTES("\xff\xff"), PAYLOAD(38)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "802.3 length 0", PKT(ETH(.type = FORCE(0)), PAYLOAD(46)), PASS(NOT_IP, NONE, NO_IP) },
	{ "802.3 length 1500", PKT(ETH(.type = FORCE(1500)), PAYLOAD(1500)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "type 0x05ff, no length and no type", PKT(ETH(.type = FORCE(0x5ff)), PAYLOAD(46)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "0x9100, a tag that Linux does not know",
	  PKT(ETH(), NEXT(0x9100), BYTES("\0\x07\x08\0"), UNLISTED_SIP),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "type below IPv4's", PKT(ETH(), NEXT(0x07ff), UNLISTED_SIP), PASS(NOT_IP, NONE, NO_IP) },
	{ "type above IPv4's", PKT(ETH(), NEXT(0x0801), UNLISTED_SIP), PASS(NOT_IP, NONE, NO_IP) },
	{ "IPv4's type, bytes swapped", PKT(ETH(), NEXT(0x0008), UNLISTED_SIP),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "type below IPv6's", PKT(ETH(), NEXT(0x86dc), PAYLOAD(46)), PASS(NOT_IP, NONE, NO_IP) },
	{ "type above IPv6's", PKT(ETH(), NEXT(0x86de), PAYLOAD(46)), PASS(NOT_IP, NONE, NO_IP) },
};

static const struct test_case shortest[] = {
	{ "Ethernet header alone, unknown type", PKT(ETH()), PASS(NOT_IP, NONE, NO_IP) },
	{ "Ethernet header alone, ARP", PKT(ETH(), NEXT(0x0806)), PASS(NOT_IP, NONE, NO_IP) },
	{ "Ethernet header alone, IPv4", PKT(ETH(), NEXT(0x0800)), DROP(TRUNCATED, NONE, V4) },
	{ "Ethernet header alone, IPv6", PKT(ETH(), NEXT(0x86dd)), DROP(TRUNCATED, NONE, V6) },
	{ "Ethernet header alone, 802.1Q", PKT(ETH(), NEXT(0x8100)), DROP(TRUNCATED, NONE, NO_IP) },
	{ "Ethernet header alone, 802.1ad", PKT(ETH(), NEXT(0x88a8)),
	  DROP(TRUNCATED, NONE, NO_IP) },
};

/* Nobody's address is special: the rules are the same. */
static const struct test_case destinations[] = {
	{ "broadcast frame, unlisted",
	  PKT(ETH(.dst = "\xff\xff\xff\xff\xff\xff"), IPV4(.dst = "255.255.255.255"),
	      UDP(5060, 5060), PAYLOAD(4)),
	  DROP(UNLISTED, SIP, V4) },
	{ "broadcast frame, listed",
	  PKT(ETH(.dst = "\xff\xff\xff\xff\xff\xff"),
	      IPV4(.src = "192.0.2.10", .dst = "203.0.113.255"), UDP(5060, 5060), PAYLOAD(4)),
	  PASS(LISTED, SIP, V4) },
	{ "multicast frame, unlisted",
	  PKT(ETH(.dst = "\x01\0\x5e\0\x01\x4b"), IPV4(.dst = "224.0.1.75"), UDP(5060, 5060),
	      PAYLOAD(4)),
	  DROP(UNLISTED, SIP, V4) },
	{ "multicast frame, IPv6, unlisted",
	  PKT(ETH(.dst = "\x33\x33\0\0\0\x01"), IPV6(.dst = "ff02::1"), UDP(5060, 5060),
	      PAYLOAD(4)),
	  DROP(UNLISTED, SIP, V6) },
	{ "multicast frame, not guarded: mDNS",
	  PKT(ETH(.dst = "\x01\0\x5e\0\0\xfb"), IPV4(.dst = "224.0.0.251"), UDP(5353, 5353),
	      PAYLOAD(40)),
	  PASS(NOT_GUARDED, NONE, V4) },
	{ "frame to another station, unlisted",
	  PKT(ETH(.dst = "\x02\0\0\0\0\x99"), IPV4(), UDP(5060, 5060), PAYLOAD(4)),
	  DROP(UNLISTED, SIP, V4) },
};

int main(void)
{
	ADD_CASES(always_pass);
	ADD_CASES(shortest);
	ADD_CASES(destinations);
	return cases_run("link");
}
