// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames cut short at every byte, and IP lengths that end at every byte. Up to the end of the last
 * header that is needed the frame is truncated (or its header bad, or a fragment too small),
 * whatever its source and port; from there on the verdict is that of the whole.
 */
#include <stdio.h>
#include <string.h>
#include "cases.h"

struct shape {
	const char *name;
	size_t ip, needed; /* where the IP header begins; where the last header needed ends */
	const struct layer *layers;
	struct expect expect; /* of the whole */
};

static const struct shape shapes[] = {
	{ "IPv4, UDP, listed", 14, 42, PKT(ETH(), IPV4("192.0.2.10"), UDP(9, 5060), PAYLOAD(12)),
	  PASS(LISTED, SIP, V4) },
	{ "IPv4, UDP, unlisted", 14, 42, PKT(ETH(), IPV4(), UDP(9, 5060), PAYLOAD(12)),
	  DROP(UNLISTED, SIP, V4) },
	{ "IPv4, UDP, not guarded", 14, 42, PKT(ETH(), IPV4(), UDP(9, 53), PAYLOAD(12)),
	  PASS(NOT_GUARDED, NONE, V4) },
	{ "IPv4, UDP, DHCP", 14, 42, PKT(ETH(), IPV4(), UDP(67, 68), PAYLOAD(12)),
	  PASS(DHCP, NONE, V4) },
	{ "IPv4, TCP with options", 14, 54,
	  PKT(ETH(), IPV4("192.0.2.10"), TCP(9, 5061, .options = 12)), PASS(LISTED, SIP, V4) },
	{ "IPv4 with options, TCP", 14, 94,
	  PKT(ETH(), IPV4(.options = 40), TCP(9, 443), PAYLOAD(5)), DROP(UNLISTED, HTTPS, V4) },
	{ "IPv4 with options, ICMP", 14, 46, PKT(ETH(), IPV4(.options = 12), ICMP(8), PAYLOAD(20)),
	  PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "IPv4 with options, later fragment", 14, 42,
	  PKT(ETH(), IPV4(.options = 8, .frag = 185), NEXT(17), PAYLOAD(20)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "802.1Q, IPv4, UDP", 18, 46, PKT(ETH(), VLAN(.vid = 5), IPV4(), UDP(9, 5060), PAYLOAD(9)),
	  DROP(UNLISTED, SIP, V4) },
	{ "802.1ad, 802.1Q, IPv4 with options, TCP", 22, 66,
	  PKT(ETH(), VLAN(.tpid = 0x88a8), VLAN(.vid = 5), IPV4("192.0.2.10", .options = 4),
	      TCP(9, 5060)),
	  PASS(LISTED, SIP, V4) },
	{ "IPv6, UDP, listed", 14, 62, PKT(ETH(), IPV6("2001:db8:1::10"), UDP(9, 5060), PAYLOAD(9)),
	  PASS(LISTED, SIP, V6) },
	{ "IPv6, TCP, unlisted", 14, 74, PKT(ETH(), IPV6(), TCP(9, 443), PAYLOAD(9)),
	  DROP(UNLISTED, HTTPS, V6) },
	{ "IPv6, TCP, not guarded", 14, 74, PKT(ETH(), IPV6(), TCP(9, 22), PAYLOAD(9)),
	  PASS(NOT_GUARDED, NONE, V6) },
	{ "802.1Q, 802.1Q, IPv6, options, UDP", 22, 78,
	  PKT(ETH(), VLAN(.vid = 5), VLAN(.vid = 6), IPV6(), EXT(60), UDP(9, 5060)),
	  DROP(UNLISTED, SIP, V6) },
	{ "IPv6, every kind of header, UDP", 14, 150,
	  PKT(ETH(), IPV6("2001:db8:1::10"), EXT(0), EXT(60, 1), EXT(43, 2), FRAG(.more = 1),
	      AH(.words = 3), EXT(60), UDP(9, 5060), PAYLOAD(9)),
	  PASS(LISTED, SIP, V6) },
	{ "IPv6, eight headers, TCP", 14, 146,
	  PKT(ETH(), IPV6(), EXT(0), EXT(60), EXT(60, 1), EXT(60), EXT(60), EXT(60), EXT(60),
	      EXT(60), TCP(9, 443)),
	  DROP(UNLISTED, HTTPS, V6) },
	{ "IPv6, nine headers", 14, 118,
	  PKT(ETH(), IPV6(), EXT(0), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60),
	      EXT(60), TCP(9, 443)),
	  DROP(EXT_CHAIN, NONE, V6) },
	{ "IPv6, later fragment", 14, 70,
	  PKT(ETH(), IPV6(), EXT(0), FRAG(.offset = 4), PAYLOAD(16)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V6) },
	{ "IPv6, long options, neighbour solicitation", 14, 94,
	  PKT(ETH(), IPV6(), EXT(0, 4), ICMPV6(135), PAYLOAD(16)), PASS(OTHER_PROTOCOL, NONE, V6) },
	{ "IPv6, authentication header, ESP", 14, 78,
	  PKT(ETH(), IPV6(), AH(.words = 3), NEXT(50), PAYLOAD(16)),
	  PASS(OTHER_PROTOCOL, NONE, V6) },
};

static bool cut_verdict(const struct expect *e)
{
	return e->verdict == AXP_DROP && e->service == AXP_NO_SERVICE &&
	       (e->reason == AXP_REASON_TRUNCATED || e->reason == AXP_REASON_BAD_HEADER ||
		e->reason == AXP_REASON_TINY_FRAGMENT);
}

/* The model's word is taken for the family and for which of the reasons. */
static void check_at(const struct packet *p, const struct shape *s, size_t end)
{
	struct expect modelled = model(&standard_rules, AXP_MODE_ENFORCE, p->data, p->len);

	if (end < s->needed && !cut_verdict(&modelled)) {
		print_error("# ending at %zu: the model lets it through\n", end);
		packet_dump(p);
		fail();
	}
	check_packet(p, end < s->needed ? &modelled : &s->expect, WHOLE_FRAME);
}

static void enforce_standard(void)
{
	check_begins(&standard_rules, AXP_MODE_ENFORCE);
}

static void test_frame_ends(void **state)
{
	const struct shape *s = *state;
	static struct packet p;

	enforce_standard();
	packet_build(&p, s->layers);
	for (size_t whole = p.len; p.len >= 14; p.len--)
		check_at(&p, s, p.len < whole ? p.len : s->needed);
}

/* The frame stays whole: what IP's length leaves out is padding, even if it looks like ports. */
static void test_ip_ends(void **state)
{
	const struct shape *s = *state;
	bool six = s->expect.family == AXP_IPV6;
	size_t field = s->ip + (six ? 4 : 2), counted_from = s->ip + (six ? 40 : 0);
	static struct packet p;

	enforce_standard();
	packet_build(&p, s->layers);
	for (size_t end = counted_from; end <= p.len; end++) {
		/* Read as a jumbogram, of which nothing is padding. */
		if (six && end == counted_from && p.data[s->ip + 6] == 0)
			continue;
		p.data[field] = (end - counted_from) >> 8;
		p.data[field + 1] = end - counted_from;
		check_at(&p, s, end);
	}
}

/* A frame longer than what was sent says nothing new. */
static void test_padded(void **state)
{
	const struct shape *s = *state;
	static struct packet p;

	enforce_standard();
	packet_build(&p, s->layers);
	for (size_t padding = 1; padding <= 64; padding++) {
		p.data[p.len++] = 0;
		check_packet(&p, &s->expect, WHOLE_FRAME);
	}
}

int main(void)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *s = &shapes[i];

		cases_add_test(case_name("frame ends at each byte: %s", s->name), test_frame_ends,
			       s);
		cases_add_test(case_name("IP ends at each byte: %s", s->name), test_ip_ends, s);
		cases_add_test(case_name("padded: %s", s->name), test_padded, s);
	}
	return cases_run("cut");
}
