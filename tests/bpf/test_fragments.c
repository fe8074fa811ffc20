// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fragments: the first one, which has the ports, decides for the rest of its packet. Every scene
 * untagged, tagged and tagged twice.
 */
#include <linux/bpf.h>
#include "cases.h"

static const struct rules refusing = {
	.guards = GUARDS({ AXP_UDP, 5060, 5060, BIT(SIP), SIP },
			 { AXP_TCP, 443, 443, BIT(HTTPS), HTTPS }),
	.nodes = NODES({ "192.0.2.0/24", BIT(SIP) }, { "192.0.2.201/32", 0 },
		       { "2001:db8:1::/48", BIT(SIP) }, { "2001:db8:1::201/128", 0 }),
	.refuse_fragments = true,
};

/* Another generation: the listed are no longer, and the ports are others'. */
static const struct rules changed = {
	.guards = GUARDS({ AXP_UDP, 5060, 5060, BIT(TRUNK), TRUNK }),
	.nodes = NODES({ .prefix = NULL }),
};

/* Only what leaves is guarded. */
static const struct rules outward = {
	.guards = GUARDS({ AXP_UDP, 5060, 5060, BIT(SIP), SIP },
			 { AXP_UDP, 7000, 7000, BIT(TRUNK), TRUNK, AXP_OUT }),
	.nodes = NODES({ "192.0.2.0/24", BIT(SIP) | BIT(TRUNK) },
		       { "2001:db8:1::/48", BIT(SIP) | BIT(TRUNK) }),
};

#define STRANGER4 "198.51.100.1"
#define OTHER4    "198.51.100.2"
#define LISTED4   "192.0.2.10"
#define HOLE4     "192.0.2.201"
#define HOST4     "203.0.113.1"
#define STRANGER6 "2001:db8:bad::1"
#define OTHER6    "2001:db8:bad::2"
#define LISTED6   "2001:db8:1::10"
#define HOLE6     "2001:db8:1::201"
#define HOST6     "2001:db8:ffff::1"

#define FIRST4(from, to, n, ...)                                                       \
	PKT(ETH(), IPV4(.src = from, .dst = to, .id = n, .frag = 0x2000), __VA_ARGS__, \
	    PAYLOAD(1472))
#define FIRST6(from, to, n, ...)                                                        \
	PKT(ETH(), IPV6(.src = from, .dst = to), FRAG(.id = n, .more = 1), __VA_ARGS__, \
	    PAYLOAD(1224))
#define MIDDLE4(from, to, n)                                                              \
	PKT(ETH(), IPV4(.src = from, .dst = to, .id = n, .frag = 0x2000 | 185), NEXT(17), \
	    PAYLOAD(1480))
#define MIDDLE6(from, to, n)                                                              \
	PKT(ETH(), IPV6(.src = from, .dst = to), FRAG(.id = n, .offset = 185, .more = 1), \
	    NEXT(17), PAYLOAD(1232))
#define LATER4(from, to, n, protocol) \
	PKT(ETH(), IPV4(.src = from, .dst = to, .id = n, .frag = 370), NEXT(protocol), PAYLOAD(40))
#define LATER6(from, to, n, protocol)                                                          \
	PKT(ETH(), IPV6(.src = from, .dst = to), FRAG(.id = n, .offset = 370), NEXT(protocol), \
	    PAYLOAD(40))

/* From this peer to the host. */
#define FIRST(F, peer, n, ...) FIRST##F(peer##F, HOST##F, n, __VA_ARGS__)
#define MIDDLE(F, peer, n)     MIDDLE##F(peer##F, HOST##F, n)
#define LAST(F, peer, n)       LATER##F(peer##F, HOST##F, n, 17)

#define SIP_UDP UDP(5060, 5060)

#define FAMILY_SCENES(F)                                                                           \
	{ "IPv" #F ": the first is dropped, and so are the others",                                \
	  STEPS(ARRIVES(FIRST(F, STRANGER, 7, SIP_UDP), DROP(UNLISTED, SIP, V##F)),                \
		ARRIVES(MIDDLE(F, STRANGER, 7), DROP(FRAGMENT_DROPPED, SIP, V##F)),                \
		ARRIVES(LAST(F, STRANGER, 7), DROP(FRAGMENT_DROPPED, SIP, V##F)),                  \
		ARRIVES(LAST(F, STRANGER, 7), DROP(FRAGMENT_DROPPED, SIP, V##F))) },               \
		{ "IPv" #F ": the first passes, and so do the others",                             \
		  STEPS(ARRIVES(FIRST(F, LISTED, 7, SIP_UDP), PASS(LISTED, SIP, V##F)),            \
			ARRIVES(MIDDLE(F, LISTED, 7), PASS(FRAGMENT, SIP, V##F)),                  \
			ARRIVES(LAST(F, LISTED, 7), PASS(FRAGMENT, SIP, V##F))) },                 \
		{ "IPv" #F                                                                         \
		  ": the first passes, which is more than the source's own lists would do",        \
		  STEPS(ARRIVES(FIRST(F, STRANGER, 7, UDP(9, 53)), PASS(NOT_GUARDED, NONE, V##F)), \
			ARRIVES(LAST(F, STRANGER, 7), PASS(FRAGMENT, NONE, V##F))),                \
		  &refusing },                                                                     \
		{ "IPv" #F ": the first is dropped, though the source is listed for something",    \
		  STEPS(ARRIVES(FIRST(F, LISTED, 7, TCP(9, 443)), DROP(UNLISTED, HTTPS, V##F)),    \
			ARRIVES(LATER##F(LISTED##F, HOST##F, 7, 6),                                \
				DROP(FRAGMENT_DROPPED, HTTPS, V##F))) },                           \
		{ "IPv" #F ": in reverse order, unlisted",                                         \
		  STEPS(ARRIVES(LAST(F, STRANGER, 7), PASS(FRAGMENT_UNMATCHED, NONE, V##F)),       \
			ARRIVES(MIDDLE(F, STRANGER, 7), PASS(FRAGMENT_UNMATCHED, NONE, V##F)),     \
			ARRIVES(FIRST(F, STRANGER, 7, SIP_UDP), DROP(UNLISTED, SIP, V##F))) },     \
		{ "IPv" #F ": in reverse order, unlisted, fragments set to drop",                  \
		  STEPS(ARRIVES(LAST(F, STRANGER, 7), DROP(FRAGMENT_REFUSED, NONE, V##F)),         \
			ARRIVES(MIDDLE(F, STRANGER, 7), DROP(FRAGMENT_REFUSED, NONE, V##F)),       \
			ARRIVES(FIRST(F, STRANGER, 7, SIP_UDP), DROP(UNLISTED, SIP, V##F))),       \
		  &refusing },                                                                     \
		{ "IPv" #F ": in reverse order, listed, fragments set to drop",                    \
		  STEPS(ARRIVES(LAST(F, LISTED, 7), PASS(FRAGMENT_LISTED, NONE, V##F)),            \
			ARRIVES(MIDDLE(F, LISTED, 7), PASS(FRAGMENT_LISTED, NONE, V##F)),          \
			ARRIVES(FIRST(F, LISTED, 7, SIP_UDP), PASS(LISTED, SIP, V##F)),            \
			ARRIVES(LAST(F, LISTED, 7), PASS(FRAGMENT, SIP, V##F))),                   \
		  &refusing },                                                                     \
		{ "IPv" #F ": from a hole in a listed prefix",                                     \
		  STEPS(ARRIVES(LAST(F, HOLE, 7), DROP(FRAGMENT_REFUSED, NONE, V##F))),            \
		  &refusing },                                                                     \
		{ "IPv" #F ": another identification, source or destination",                      \
		  STEPS(ARRIVES(FIRST(F, STRANGER, 7, SIP_UDP), DROP(UNLISTED, SIP, V##F)),        \
			ARRIVES(LAST(F, STRANGER, 8), PASS(FRAGMENT_UNMATCHED, NONE, V##F)),       \
			ARRIVES(LAST(F, STRANGER, 0x700), PASS(FRAGMENT_UNMATCHED, NONE, V##F)),   \
			ARRIVES(LAST(F, OTHER, 7), PASS(FRAGMENT_UNMATCHED, NONE, V##F)),          \
			ARRIVES(LATER##F(STRANGER##F, OTHER##F, 7, 17),                            \
				PASS(FRAGMENT_UNMATCHED, NONE, V##F)),                             \
			ARRIVES(LATER##F(HOST##F, STRANGER##F, 7, 17),                             \
				PASS(FRAGMENT_UNMATCHED, NONE, V##F)),                             \
			ARRIVES(LAST(F, STRANGER, 7), DROP(FRAGMENT_DROPPED, SIP, V##F))) },       \
		{ "IPv" #F ": identifications that are apart",                                     \
		  STEPS(ARRIVES(FIRST(F, LISTED, 1, SIP_UDP), PASS(LISTED, SIP, V##F)),            \
			ARRIVES(FIRST(F, LISTED, 2, TCP(9, 443)), DROP(UNLISTED, HTTPS, V##F)),    \
			ARRIVES(FIRST(F, LISTED, 3, UDP(9, 53)), PASS(NOT_GUARDED, NONE, V##F)),   \
			ARRIVES(LATER##F(LISTED##F, HOST##F, 2, 6),                                \
				DROP(FRAGMENT_DROPPED, HTTPS, V##F)),                              \
			ARRIVES(LAST(F, LISTED, 1), PASS(FRAGMENT, SIP, V##F)),                    \
			ARRIVES(LAST(F, LISTED, 3), PASS(FRAGMENT, NONE, V##F))) },                \
		{ "IPv" #F ": an identification that is used again",                               \
		  STEPS(ARRIVES(FIRST(F, LISTED, 7, SIP_UDP), PASS(LISTED, SIP, V##F)),            \
			ARRIVES(FIRST(F, LISTED, 7, UDP(9, 53)), PASS(NOT_GUARDED, NONE, V##F)),   \
			ARRIVES(LAST(F, LISTED, 7), PASS(FRAGMENT, NONE, V##F))) },                \
		{ "IPv" #F ": after four seconds, after six",                                      \
		  STEPS(ARRIVES(FIRST(F, STRANGER, 7, SIP_UDP), DROP(UNLISTED, SIP, V##F)),        \
			AGE(4000),                                                                 \
			ARRIVES(LAST(F, STRANGER, 7), DROP(FRAGMENT_DROPPED, SIP, V##F)),          \
			AGE(2000),                                                                 \
			ARRIVES(LAST(F, STRANGER, 7), PASS(FRAGMENT_UNMATCHED, NONE, V##F)),       \
			ARRIVES(FIRST(F, STRANGER, 7, SIP_UDP), DROP(UNLISTED, SIP, V##F)),        \
			ARRIVES(LAST(F, STRANGER, 7), DROP(FRAGMENT_DROPPED, SIP, V##F))) },       \
		{ "IPv" #F ": monitored",                                                          \
		  STEPS(ARRIVES(FIRST(F, STRANGER, 7, SIP_UDP), MONITORED(UNLISTED, SIP, V##F)),   \
			ARRIVES(LAST(F, STRANGER, 7), MONITORED(FRAGMENT_DROPPED, SIP, V##F)),     \
			ARRIVES(LAST(F, STRANGER, 8), MONITORED(FRAGMENT_REFUSED, NONE, V##F)),    \
			ARRIVES(LAST(F, LISTED, 8), PASS(FRAGMENT_LISTED, NONE, V##F)),            \
			MODE(ENFORCE),                                                             \
			ARRIVES(LAST(F, STRANGER, 7), DROP(FRAGMENT_DROPPED, SIP, V##F))),         \
		  &refusing, MONITOR },                                                            \
		{ "IPv" #F ": off between first and last",                                         \
		  STEPS(ARRIVES(FIRST(F, STRANGER, 7, SIP_UDP), DROP(UNLISTED, SIP, V##F)),        \
			MODE(OFF), ARRIVES(LAST(F, STRANGER, 7), PASS(OFF, NONE, NO_IP)),          \
			ARRIVES(FIRST(F, LISTED, 8, SIP_UDP), PASS(OFF, NONE, NO_IP)),             \
			MODE(ENFORCE),                                                             \
			ARRIVES(LAST(F, LISTED, 8), PASS(FRAGMENT_LISTED, NONE, V##F))) },         \
		{ "IPv" #F ": a generation that ends between first and last",                      \
		  STEPS(ARRIVES(FIRST(F, LISTED, 7, SIP_UDP), PASS(LISTED, SIP, V##F)),            \
			RULES(&changed), ARRIVES(LAST(F, LISTED, 7), PASS(FRAGMENT, SIP, V##F)),   \
			ARRIVES(LAST(F, LISTED, 8), PASS(FRAGMENT_UNMATCHED, NONE, V##F))) },      \
		{ "IPv" #F ": of a packet that is neither TCP nor UDP",                            \
		  STEPS(ARRIVES(FIRST(F, STRANGER, 7, NEXT(50)),                                   \
				PASS(OTHER_PROTOCOL, NONE, V##F)),                                 \
			ARRIVES(LATER##F(STRANGER##F, HOST##F, 7, 50),                             \
				PASS(FRAGMENT, NONE, V##F))),                                      \
		  &refusing },                                                                     \
		{ "IPv" #F ": the first is too small, the others are dropped with it",             \
		  STEPS(ARRIVES(FIRST(F, LISTED, 7, IP_END(), SIP_UDP),                            \
				DROP(TINY_FRAGMENT, NONE, V##F)),                                  \
			ARRIVES(LAST(F, LISTED, 7), DROP(FRAGMENT_DROPPED, NONE, V##F))) },        \
		{ "IPv" #F ": what leaves, the first stopped",                                     \
		  STEPS(LEAVES(FIRST##F(HOST##F, STRANGER##F, 7, UDP(9, 7000)),                    \
			       STOPPED(UNLISTED, TRUNK, V##F)),                                    \
			LEAVES(MIDDLE##F(HOST##F, STRANGER##F, 7),                                 \
			       STOPPED(FRAGMENT_DROPPED, TRUNK, V##F)),                            \
			LEAVES(LATER##F(HOST##F, STRANGER##F, 7, 17),                              \
			       STOPPED(FRAGMENT_DROPPED, TRUNK, V##F)),                            \
			LEAVES(LATER##F(HOST##F, STRANGER##F, 8, 17), GOES_UNSEEN)),               \
		  &outward },                                                                      \
		{ "IPv" #F ": what leaves, the first listed",                                      \
		  STEPS(LEAVES(FIRST##F(HOST##F, LISTED##F, 7, UDP(9, 7000)),                      \
			       GOES(LISTED, TRUNK, V##F)),                                         \
			LEAVES(MIDDLE##F(HOST##F, LISTED##F, 7), GOES(FRAGMENT, TRUNK, V##F)),     \
			LEAVES(LATER##F(HOST##F, LISTED##F, 7, 17), GOES(FRAGMENT, TRUNK, V##F)),  \
			LEAVES(LATER##F(HOST##F, LISTED##F, 8, 17), GOES_UNSEEN)),                 \
		  &outward },                                                                      \
		{ "IPv" #F ": what leaves, to a port that is not guarded",                         \
		  STEPS(LEAVES(FIRST##F(HOST##F, STRANGER##F, 7, UDP(9, 53)), GOES_UNSEEN),        \
			LEAVES(LATER##F(HOST##F, STRANGER##F, 7, 17), GOES_UNSEEN)),               \
		  &outward },                                                                      \
		{ "IPv" #F ": what leaves, monitored",                                             \
		  STEPS(LEAVES(FIRST##F(HOST##F, STRANGER##F, 7, UDP(9, 7000)),                    \
			       GOES_MONITORED(UNLISTED, TRUNK, V##F)),                             \
			LEAVES(LATER##F(HOST##F, STRANGER##F, 7, 17),                              \
			       GOES_MONITORED(FRAGMENT_DROPPED, TRUNK, V##F))),                    \
		  &outward, MONITOR },                                                             \
	{                                                                                          \
		"IPv" #F ": someone sends with this host's address, as if it were its fragments",  \
			STEPS(ARRIVES(FIRST##F(HOST##F, STRANGER##F, 7, SIP_UDP),                  \
				      DROP(UNLISTED, SIP, V##F)),                                  \
			      LEAVES(LATER##F(HOST##F, STRANGER##F, 7, 17), GOES_UNSEEN),          \
			      LEAVES(FIRST##F(HOST##F, STRANGER##F, 8, UDP(9, 53)), GOES_UNSEEN),  \
			      ARRIVES(LATER##F(HOST##F, STRANGER##F, 8, 17),                       \
				      PASS(FRAGMENT_UNMATCHED, NONE, V##F))),                      \
			&outward                                                                   \
	}

static const struct scene both[] = { FAMILY_SCENES(4), FAMILY_SCENES(6) };

#define V4_FIRST(...)      PKT(ETH(), IPV4(.id = 7, .frag = 0x2000), __VA_ARGS__, PAYLOAD(800))
#define V4_LATER(protocol) PKT(ETH(), IPV4(.id = 7, .frag = 103), NEXT(protocol), PAYLOAD(40))

static const struct scene ipv4[] = {
	{ "IPv4: another protocol makes it another packet's (RFC 791)",
	  STEPS(ARRIVES(V4_FIRST(SIP_UDP), DROP(UNLISTED, SIP, V4)),
		ARRIVES(V4_LATER(6), PASS(FRAGMENT_UNMATCHED, NONE, V4)),
		ARRIVES(V4_LATER(1), PASS(FRAGMENT_UNMATCHED, NONE, V4)),
		ARRIVES(V4_LATER(17), DROP(FRAGMENT_DROPPED, SIP, V4))) },
	{ "IPv4: the reserved flag makes no difference",
	  STEPS(ARRIVES(PKT(ETH(), IPV4(.id = 7, .frag = 0xa000), SIP_UDP, PAYLOAD(800)),
			DROP(UNLISTED, SIP, V4)),
		ARRIVES(PKT(ETH(), IPV4(.id = 7, .frag = 0xe000 | 103), NEXT(17), PAYLOAD(40)),
			DROP(FRAGMENT_DROPPED, SIP, V4))) },
	{ "IPv4: TCP going on at offset 1 (RFC 3128), whatever the first did",
	  STEPS(ARRIVES(PKT(ETH(), IPV4("192.0.2.10", .id = 7, .frag = 0x2000), TCP(9, 5060),
			    PAYLOAD(800)),
			PASS(LISTED, SIP, V4)),
		ARRIVES(PKT(ETH(), IPV4("192.0.2.10", .id = 7, .frag = 0x2001), NEXT(6),
			    PAYLOAD(40)),
			DROP(TINY_FRAGMENT, NONE, V4)),
		ARRIVES(PKT(ETH(), IPV4("192.0.2.10", .id = 7, .frag = 0x2002), NEXT(6),
			    PAYLOAD(40)),
			PASS(FRAGMENT, SIP, V4))) },
	{ "IPv4: TCP going on at offset 1 decides for nothing else",
	  STEPS(ARRIVES(PKT(ETH(), IPV4(.id = 7, .frag = 0x2001), NEXT(6), PAYLOAD(40)),
			DROP(TINY_FRAGMENT, NONE, V4)),
		ARRIVES(V4_LATER(6), PASS(FRAGMENT_UNMATCHED, NONE, V4))) },
	{ "IPv4: ICMP",
	  STEPS(ARRIVES(V4_FIRST(ICMP(8)), PASS(OTHER_PROTOCOL, NONE, V4)),
		ARRIVES(V4_LATER(1), PASS(FRAGMENT, NONE, V4))),
	  &refusing },
	{ "IPv4: DHCP", STEPS(ARRIVES(V4_FIRST(UDP(67, 68)), PASS(DHCP, NONE, V4)),
			      ARRIVES(V4_LATER(17), PASS(FRAGMENT, NONE, V4))) },
	{ "IPv4: a first fragment with a bad header is none",
	  STEPS(ARRIVES(PKT(ETH(), IPV4(.id = 7, .frag = 0x2000, .ihl = FORCE(4)), SIP_UDP),
			DROP(BAD_HEADER, NONE, V4)),
		ARRIVES(V4_LATER(17), PASS(FRAGMENT_UNMATCHED, NONE, V4))) },
	{ "IPv4: don't fragment is no fragment",
	  STEPS(ARRIVES(PKT(ETH(), IPV4(.id = 7, .frag = 0x4000), SIP_UDP),
			DROP(UNLISTED, SIP, V4)),
		ARRIVES(V4_LATER(17), PASS(FRAGMENT_UNMATCHED, NONE, V4))) },
	{ "IPv4: all 16 bits of the identification",
	  STEPS(ARRIVES(PKT(ETH(), IPV4(.id = 0x8001, .frag = 0x2000), SIP_UDP, PAYLOAD(8)),
			DROP(UNLISTED, SIP, V4)),
		ARRIVES(PKT(ETH(), IPV4(.id = 0x0001, .frag = 3), NEXT(17)),
			PASS(FRAGMENT_UNMATCHED, NONE, V4)),
		ARRIVES(PKT(ETH(), IPV4(.id = 0x8001, .frag = 3), NEXT(17)),
			DROP(FRAGMENT_DROPPED, SIP, V4))) },
};

#define V6_FIRST(...) PKT(ETH(), IPV6(), FRAG(.id = 7, .more = 1), __VA_ARGS__, PAYLOAD(800))
#define V6_LATER(...) PKT(ETH(), IPV6(), FRAG(.id = 7, .offset = 101), __VA_ARGS__, PAYLOAD(40))

static const struct scene ipv6[] = {
	{ "IPv6: the protocol that a later one names makes no difference (RFC 8200)",
	  STEPS(ARRIVES(V6_FIRST(SIP_UDP), DROP(UNLISTED, SIP, V6)),
		ARRIVES(V6_LATER(NEXT(6)), DROP(FRAGMENT_DROPPED, SIP, V6)),
		ARRIVES(V6_LATER(NEXT(60)), DROP(FRAGMENT_DROPPED, SIP, V6))) },
	{ "IPv6: an atomic fragment (RFC 6946) decides for no others",
	  STEPS(ARRIVES(PKT(ETH(), IPV6(), FRAG(.id = 7), SIP_UDP), DROP(UNLISTED, SIP, V6)),
		ARRIVES(V6_LATER(NEXT(17)), PASS(FRAGMENT_UNMATCHED, NONE, V6))) },
	{ "IPv6: nor do others decide for it",
	  STEPS(ARRIVES(V6_FIRST(SIP_UDP), DROP(UNLISTED, SIP, V6)),
		ARRIVES(PKT(ETH(), IPV6(), FRAG(.id = 7), UDP(9, 53)),
			PASS(NOT_GUARDED, NONE, V6))) },
	{ "IPv6: options before and behind the fragment header",
	  STEPS(ARRIVES(PKT(ETH(), IPV6(), EXT(0), EXT(43, 2), FRAG(.id = 7, .more = 1), EXT(60),
			    SIP_UDP, PAYLOAD(800)),
			DROP(UNLISTED, SIP, V6)),
		ARRIVES(PKT(ETH(), IPV6(), EXT(0), EXT(43, 2), FRAG(.id = 7, .offset = 102),
			    NEXT(60), PAYLOAD(40)),
			DROP(FRAGMENT_DROPPED, SIP, V6)),
		ARRIVES(V6_LATER(NEXT(60)), DROP(FRAGMENT_DROPPED, SIP, V6))) },
	{ "IPv6: ICMPv6",
	  STEPS(ARRIVES(V6_FIRST(ICMPV6(128)), PASS(OTHER_PROTOCOL, NONE, V6)),
		ARRIVES(V6_LATER(NEXT(58)), PASS(FRAGMENT, NONE, V6))),
	  &refusing },
	{ "IPv6: DHCPv6", STEPS(ARRIVES(V6_FIRST(UDP(547, 546)), PASS(DHCP, NONE, V6)),
				ARRIVES(V6_LATER(NEXT(17)), PASS(FRAGMENT, NONE, V6))) },
	{ "IPv6: too many headers behind the fragment header",
	  STEPS(ARRIVES(V6_FIRST(EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60),
				 EXT(60), SIP_UDP),
			DROP(EXT_CHAIN, NONE, V6)),
		ARRIVES(V6_LATER(NEXT(60)), DROP(FRAGMENT_DROPPED, NONE, V6))) },
	{ "IPv6: all 32 bits of the identification",
	  STEPS(ARRIVES(PKT(ETH(), IPV6(), FRAG(.id = 0x80000001, .more = 1), SIP_UDP),
			DROP(UNLISTED, SIP, V6)),
		ARRIVES(PKT(ETH(), IPV6(), FRAG(.id = 0x00000001, .offset = 1), NEXT(17)),
			PASS(FRAGMENT_UNMATCHED, NONE, V6)),
		ARRIVES(PKT(ETH(), IPV6(), FRAG(.id = 0x80000001, .offset = 1), NEXT(17)),
			DROP(FRAGMENT_DROPPED, SIP, V6))) },
	{ "IPv6: no TCP at offset 1 without a whole header before it (RFC 7112), so it may pass",
	  STEPS(ARRIVES(
		  PKT(ETH(), IPV6(), FRAG(.id = 7, .offset = 1, .more = 1), NEXT(6), PAYLOAD(40)),
		  PASS(FRAGMENT_UNMATCHED, NONE, V6))) },
	{ "the same bits in the other family",
	  STEPS(ARRIVES(PKT(ETH(), IPV4("198.51.100.1", "203.0.113.1", .id = 7, .frag = 0x2000),
			    SIP_UDP),
			DROP(UNLISTED, SIP, V4)),
		ARRIVES(PKT(ETH(), IPV6("c633:6401::", "cb00:7101::"),
			    FRAG(.id = 0x70000, .offset = 1), NEXT(17)),
			PASS(FRAGMENT_UNMATCHED, NONE, V6)),
		ARRIVES(PKT(ETH(), IPV6("c633:6401::", "cb00:7101::"), FRAG(.id = 7, .offset = 1),
			    NEXT(17)),
			PASS(FRAGMENT_UNMATCHED, NONE, V6))) },
};

/* A packet whose first fragment IP ends after n bytes of what is behind its fragment header. */
static void add_first(const char *what, enum axp_family family, const struct layer *chain,
		      __u32 needed, struct expect whole)
{
	struct layer tiny[PACKET_LAYERS] = { ETH(), IPV4(.src = LISTED4, .frag = 0x2000) };
	struct layer *l = &tiny[2];

	if (family == AXP_IPV6) {
		tiny[1] = (struct layer)IPV6(.src = LISTED6);
		*l++ = (struct layer)FRAG(.more = 1);
	}
	while (chain->kind != LAYER_END)
		*l++ = *chain++;
	for (__u32 n = 0; n <= needed + 2; n++) {
		struct expect cut = DROP(TINY_FRAGMENT, NONE, family);

		if (family == AXP_IPV4)
			tiny[1].ipv4.tot_len = FORCE(20 + n);
		else
			tiny[1].ipv6.payload_len = FORCE(8 + n);
		cases_add_copy(case_name("first fragment of %u bytes: %s", n, what), tiny,
			       n < needed ? cut : whole);
	}
}

static void add_firsts(void)
{
	add_first("UDP over IPv4", AXP_IPV4, PKT(UDP(9, 5060), PAYLOAD(8)), 8,
		  (struct expect)PASS(LISTED, SIP, V4));
	add_first("TCP over IPv4", AXP_IPV4, PKT(TCP(9, 5060, .options = 12), PAYLOAD(8)), 20,
		  (struct expect)PASS(LISTED, SIP, V4));
	add_first("TCP over IPv4, not guarded", AXP_IPV4, PKT(TCP(9, 22), PAYLOAD(8)), 20,
		  (struct expect)PASS(NOT_GUARDED, NONE, V4));
	add_first("ICMP over IPv4", AXP_IPV4, PKT(ICMP(8), PAYLOAD(8)), 0,
		  (struct expect)PASS(OTHER_PROTOCOL, NONE, V4));
	add_first("UDP over IPv6", AXP_IPV6, PKT(UDP(9, 5060), PAYLOAD(8)), 8,
		  (struct expect)PASS(LISTED, SIP, V6));
	add_first("TCP over IPv6", AXP_IPV6, PKT(TCP(9, 5060, .options = 12), PAYLOAD(8)), 20,
		  (struct expect)PASS(LISTED, SIP, V6));
	add_first("options, authentication header, UDP over IPv6", AXP_IPV6,
		  PKT(EXT(60), AH(.words = 1), EXT(60, 1), UDP(9, 5060), PAYLOAD(8)), 48,
		  (struct expect)PASS(LISTED, SIP, V6));
	add_first("options, TCP over IPv6, not guarded", AXP_IPV6,
		  PKT(EXT(60), TCP(9, 22), PAYLOAD(8)), 28,
		  (struct expect)PASS(NOT_GUARDED, NONE, V6));
	add_first("options, ICMPv6", AXP_IPV6, PKT(EXT(60, 1), ICMPV6(128), PAYLOAD(8)), 16,
		  (struct expect)PASS(OTHER_PROTOCOL, NONE, V6));
}

static int run_v4(__u32 id, __u32 frag)
{
	struct layer layers[] = { ETH(),
				  IPV4(.id = id & 0xffff, .frag = frag),
				  UDP(9, 5060),
				  PAYLOAD(8),
				  { LAYER_END } };
	static struct packet p;

	packet_build(&p, layers);
	return fixture_run(&fixture, &p, WHOLE_FRAME);
}

/* More first fragments than there is room for: the newest are known, none is refused its place. */
static void test_flood(void **state)
{
	enum { MANY = 5 * MAP_ROOM };

	(void)state;
	fixture_one_cpu();
	check_begins(&refusing, AXP_MODE_ENFORCE);
	for (__u32 i = 0; i < MANY; i++)
		assert_int_equal(run_v4(i, 0x2000), XDP_DROP);
	assert_in_range(fixture_entries(&fixture, FRAGMENTS), MAP_ROOM / 2, MAP_ROOM);
	check_begins(&standard_rules, AXP_MODE_ENFORCE);
	for (__u32 i = 0; i < MANY; i++)
		run_v4(i, 0x2000);
	for (__u32 i = MANY - MAP_ROOM / 4; i < MANY; i++)
		assert_int_equal(run_v4(i, 5), XDP_DROP); /* by its first */
	for (__u32 i = 0; i < MAP_ROOM; i++)
		assert_int_equal(run_v4(i, 5), XDP_PASS); /* forgotten */
}

/* Later fragments write nothing: a flood of them forgets nobody's first. */
static void test_later_ones_write_nothing(void **state)
{
	(void)state;
	check_begins(&standard_rules, AXP_MODE_ENFORCE);
	for (__u32 i = 0; i < 1000; i++)
		run_v4(i, 0x2000);
	for (__u32 i = 0; i < 2 * MAP_ROOM; i++)
		run_v4(i, 5);
	assert_int_equal(fixture_entries(&fixture, FRAGMENTS), 1000);
	for (__u32 i = 0; i < 1000; i++)
		assert_int_equal(run_v4(i, 5), XDP_DROP);
}

int main(void)
{
	ADD_SCENES(both);
	ADD_SCENES(ipv4);
	ADD_SCENES(ipv6);
	add_firsts();
	cases_add_test("more first fragments than there is room for", test_flood, NULL);
	cases_add_test("later fragments write nothing", test_later_ones_write_nothing, NULL);
	return cases_run("fragments");
}
