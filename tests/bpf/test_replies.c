// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replies: packets to a guarded port that answer a flow which this host opened from it. Every scene
 * in both families, untagged, tagged and tagged twice.
 */
#include "cases.h"

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PUSH = 0x08, ACK = 0x10 };

/* Local ports: guarded, with two services of which one lets replies in; without replies; shut. */
enum { PORT = 40000, SHARED = 50000, NO_REPLIES = 5060, UNGUARDED = 9000 };

#define GUARDED                                                                        \
	GUARDS({ AXP_UDP, 10000, 49999, BIT(RTP), RTP },                               \
	       { AXP_TCP, 10000, 49999, BIT(HTTPS), HTTPS },                           \
	       { AXP_UDP, SHARED, SHARED, BIT(SIP) | BIT(RTP), SIP },                  \
	       { AXP_UDP, NO_REPLIES, NO_REPLIES, BIT(SIP), SIP, .no_replies = true }, \
	       { AXP_TCP, NO_REPLIES, NO_REPLIES, BIT(SIP), SIP, .no_replies = true }, \
	       { AXP_UDP, 67, 68, BIT(DHCPD), DHCPD }, { AXP_UDP, 546, 547, BIT(DHCPD), DHCPD })

static const struct limits limits = { .udp = 15, .tcp = 35, .tcp_closing = 9 };

static const struct rules rules = {
	.guards = GUARDED,
	.nodes = NODES({ "192.0.2.0/24", BIT(RTP) | BIT(HTTPS) },
		       { "2001:db8:1::/48", BIT(RTP) | BIT(HTTPS) }, { "192.0.2.77/32", BIT(SIP) },
		       { "2001:db8:1::77/128", BIT(SIP) }),
	.limits = limits,
};

/* The same, with nobody listed. */
static const struct rules nobody = {
	.guards = GUARDED,
	.nodes = NODES({ .prefix = NULL }),
	.limits = limits,
};

/* The same, with everybody listed. */
static const struct rules everybody = {
	.guards = GUARDED,
	.nodes = NODES({ "0.0.0.0/0", ~0ULL }, { "::/0", ~0ULL }),
	.limits = limits,
};

#define TO_V4(address, ...) \
	PKT(ETH(), IPV4(.src = "203.0.113.1", .dst = address), __VA_ARGS__, PAYLOAD(20))
#define TO_V6(address, ...) \
	PKT(ETH(), IPV6(.src = "2001:db8:ffff::1", .dst = address), __VA_ARGS__, PAYLOAD(20))
#define FROM_V4(address, ...) PKT(ETH(), IPV4(.src = address), __VA_ARGS__, PAYLOAD(20))
#define FROM_V6(address, ...) PKT(ETH(), IPV6(.src = address), __VA_ARGS__, PAYLOAD(20))

#define PEER_V4   "198.51.100.53"
#define PEER_V6   "2001:db8:bad::53"
#define OTHER_V4  "198.51.100.54"
#define OTHER_V6  "2001:db8:bad:1::53"
#define LISTED_V4 "192.0.2.10"
#define LISTED_V6 "2001:db8:1::10"

/* To and from the one unlisted peer that most scenes are about. */
#define SEND(F, ...)    LEAVES(TO_V##F(PEER_V##F, __VA_ARGS__), GOES_UNSEEN)
#define REPLY(F, ...)   ARRIVES(FROM_V##F(PEER_V##F, __VA_ARGS__), PASS(REPLY, RTP, V##F))
#define REFUSED(F, ...) ARRIVES(FROM_V##F(PEER_V##F, __VA_ARGS__), DROP(UNLISTED, RTP, V##F))
#define TCP_REPLY(F, f) ARRIVES(FROM_V##F(PEER_V##F, TCP(443, PORT, f)), PASS(REPLY, HTTPS, V##F))
#define TCP_REFUSED(F, f) \
	ARRIVES(FROM_V##F(PEER_V##F, TCP(443, PORT, f)), DROP(UNLISTED, HTTPS, V##F))

#define UDP_SCENES(F)                                                                              \
	{ "IPv" #F ": an answer to a packet of this host",                                         \
	  STEPS(REFUSED(F, UDP(53, PORT)), SEND(F, UDP(PORT, 53)), REPLY(F, UDP(53, PORT)),        \
		REPLY(F, UDP(53, PORT))),                                                          \
	  &rules },                                                                                \
		{ "IPv" #F ": from another port, address, protocol, or to another port",           \
		  STEPS(SEND(F, UDP(PORT, 53)), REFUSED(F, UDP(54, PORT)),                         \
			REFUSED(F, UDP(53, PORT + 1)), REFUSED(F, UDP(53, PORT - 1)),              \
			REFUSED(F, UDP(PORT, PORT)),                                               \
			ARRIVES(FROM_V##F(OTHER_V##F, UDP(53, PORT)), DROP(UNLISTED, RTP, V##F)),  \
			ARRIVES(FROM_V##F(PEER_V##F, TCP(53, PORT)), DROP(UNLISTED, HTTPS, V##F)), \
			REPLY(F, UDP(53, PORT))),                                                  \
		  &rules },                                                                        \
		{ "IPv" #F ": to another address of this host",                                    \
		  STEPS(SEND(F, UDP(PORT, 53)),                                                    \
			ARRIVES(PKT(ETH(), IP_V##F(.src = PEER_V##F, .dst = OTHER_V##F),           \
				    UDP(53, PORT)),                                                \
				DROP(UNLISTED, RTP, V##F))),                                       \
		  &rules },                                                                        \
		{ "IPv" #F ": a service without replies",                                          \
		  STEPS(SEND(F, UDP(NO_REPLIES, 53)),                                              \
			ARRIVES(FROM_V##F(PEER_V##F, UDP(53, NO_REPLIES)),                         \
				DROP(UNLISTED, SIP, V##F)),                                        \
			SEND(F, TCP(NO_REPLIES, 443, SYN)),                                        \
			ARRIVES(FROM_V##F(PEER_V##F, TCP(443, NO_REPLIES, SYN | ACK)),             \
				DROP(UNLISTED, SIP, V##F))),                                       \
		  &rules },                                                                        \
		{ "IPv" #F ": a port of two services",                                             \
		  STEPS(SEND(F, UDP(SHARED, 53)),                                                  \
			ARRIVES(FROM_V##F(PEER_V##F, UDP(53, SHARED)), PASS(REPLY, SIP, V##F))),   \
		  &rules },                                                                        \
		{ "IPv" #F ": from a port that is not guarded",                                    \
		  STEPS(SEND(F, UDP(UNGUARDED, 53)),                                               \
			ARRIVES(FROM_V##F(PEER_V##F, UDP(53, UNGUARDED)),                          \
				PASS(NOT_GUARDED, NONE, V##F))),                                   \
		  &rules },                                                                        \
		{ "IPv" #F ": the idle limit",                                                     \
		  STEPS(SEND(F, UDP(PORT, 53)), AGE(14000), REPLY(F, UDP(53, PORT)), AGE(2000),    \
			REFUSED(F, UDP(53, PORT))),                                                \
		  &rules },                                                                        \
		{ "IPv" #F ": what comes in keeps no flow alive",                                  \
		  STEPS(SEND(F, UDP(PORT, 53)), AGE(6000), REPLY(F, UDP(53, PORT)), AGE(6000),     \
			REPLY(F, UDP(53, PORT)), AGE(2000), REPLY(F, UDP(53, PORT)), AGE(2000),    \
			REFUSED(F, UDP(53, PORT))),                                                \
		  &rules },                                                                        \
		{ "IPv" #F ": what goes out does",                                                 \
		  STEPS(SEND(F, UDP(PORT, 53)), AGE(10000), SEND(F, UDP(PORT, 53)), AGE(10000),    \
			SEND(F, UDP(PORT, 53)), AGE(10000), REPLY(F, UDP(53, PORT))),              \
		  &rules },                                                                        \
		{ "IPv" #F ": a flow that is over begins anew",                                    \
		  STEPS(SEND(F, UDP(PORT, 53)), AGE(16000), REFUSED(F, UDP(53, PORT)),             \
			SEND(F, UDP(PORT, 53)), REPLY(F, UDP(53, PORT))),                          \
		  &rules },                                                                        \
		{ "IPv" #F ": to a listed peer, who is then taken off the list",                   \
		  STEPS(SEND(F, UDP(PORT, 53)),                                                    \
			LEAVES(TO_V##F(LISTED_V##F, UDP(PORT, 7)), GOES_UNSEEN),                   \
			ARRIVES(FROM_V##F(LISTED_V##F, UDP(7, PORT)), PASS(LISTED, RTP, V##F)),    \
			RULES(&nobody),                                                            \
			ARRIVES(FROM_V##F(LISTED_V##F, UDP(7, PORT)), DROP(UNLISTED, RTP, V##F)),  \
			LEAVES(TO_V##F(LISTED_V##F, UDP(PORT, 7)), GOES_UNSEEN), AGE(10000),       \
			LEAVES(TO_V##F(LISTED_V##F, UDP(PORT, 7)), GOES_UNSEEN), AGE(10000),       \
			LEAVES(TO_V##F(LISTED_V##F, UDP(PORT, 7)), GOES_UNSEEN),                   \
			ARRIVES(FROM_V##F(LISTED_V##F, UDP(7, PORT)), DROP(UNLISTED, RTP, V##F))), \
		  &rules },                                                                        \
		{ "IPv" #F ": to one taken off the list, after a silence",                         \
		  STEPS(LEAVES(TO_V##F(LISTED_V##F, UDP(PORT, 7)), GOES_UNSEEN), RULES(&nobody),   \
			AGE(16000), LEAVES(TO_V##F(LISTED_V##F, UDP(PORT, 7)), GOES_UNSEEN),       \
			ARRIVES(FROM_V##F(LISTED_V##F, UDP(7, PORT)), PASS(REPLY, RTP, V##F))),    \
		  &rules },                                                                        \
		{ "IPv" #F ": to a peer listed for another service",                               \
		  STEPS(LEAVES(TO_V##F(SIP_V##F, UDP(PORT, 7)), GOES_UNSEEN),                      \
			ARRIVES(FROM_V##F(SIP_V##F, UDP(7, PORT)), PASS(REPLY, RTP, V##F))),       \
		  &rules },                                                                        \
		{ "IPv" #F ": opened while unlisted, listed, unlisted again",                      \
		  STEPS(SEND(F, UDP(PORT, 53)), RULES(&everybody), SEND(F, UDP(PORT, 53)),         \
			ARRIVES(FROM_V##F(PEER_V##F, UDP(53, PORT)), PASS(LISTED, RTP, V##F)),     \
			RULES(&nobody), REPLY(F, UDP(53, PORT))),                                  \
		  &rules },                                                                        \
		{ "IPv" #F ": mode off remembers nothing",                                         \
		  STEPS(MODE(OFF), SEND(F, UDP(PORT, 53)),                                         \
			ARRIVES(FROM_V##F(PEER_V##F, UDP(53, PORT)), PASS(OFF, NONE, NO_IP)),      \
			MODE(ENFORCE), REFUSED(F, UDP(53, PORT))),                                 \
		  &rules },                                                                        \
		{ "IPv" #F ": monitored, opened by this host",                                     \
		  STEPS(SEND(F, UDP(PORT, 53)), REPLY(F, UDP(53, PORT)), SEND(F, UDP(PORT, 53)),   \
			MODE(ENFORCE), REPLY(F, UDP(53, PORT))),                                   \
		  &rules, MONITOR },                                                               \
		{ "IPv" #F ": monitored, a stranger is answered",                                  \
		  STEPS(ARRIVES(FROM_V##F(PEER_V##F, UDP(53, PORT)),                               \
				MONITORED(UNLISTED, RTP, V##F)),                                   \
			SEND(F, UDP(PORT, 53)),                                                    \
			ARRIVES(FROM_V##F(PEER_V##F, UDP(53, PORT)),                               \
				MONITORED(UNLISTED, RTP, V##F)),                                   \
			MODE(ENFORCE), REFUSED(F, UDP(53, PORT)), SEND(F, UDP(PORT, 53)),          \
			REFUSED(F, UDP(53, PORT))),                                                \
		  &rules, MONITOR },                                                               \
		{ "IPv" #F ": a stranger is answered for as long as it takes",                     \
		  STEPS(ARRIVES(FROM_V##F(PEER_V##F, UDP(53, PORT)),                               \
				MONITORED(UNLISTED, RTP, V##F)),                                   \
			MODE(ENFORCE), AGE(10000), SEND(F, UDP(PORT, 53)), AGE(10000),             \
			SEND(F, UDP(PORT, 53)), AGE(10000), SEND(F, UDP(PORT, 53)),                \
			REFUSED(F, UDP(53, PORT))),                                                \
		  &rules, MONITOR },                                                               \
		{ "IPv" #F ": a stranger of long ago is written to",                               \
		  STEPS(ARRIVES(FROM_V##F(PEER_V##F, UDP(53, PORT)),                               \
				MONITORED(UNLISTED, RTP, V##F)),                                   \
			AGE(16000), SEND(F, UDP(PORT, 53)), REPLY(F, UDP(53, PORT))),              \
		  &rules, MONITOR },                                                               \
		{ "IPv" #F ": a stranger to a service without replies",                            \
		  STEPS(ARRIVES(FROM_V##F(PEER_V##F, UDP(53, NO_REPLIES)),                         \
				MONITORED(UNLISTED, SIP, V##F)),                                   \
			SEND(F, UDP(NO_REPLIES, 53))),                                             \
		  &rules, MONITOR },                                                               \
		{ "IPv" #F ": a stranger on another port is no stranger here",                     \
		  STEPS(ARRIVES(FROM_V##F(PEER_V##F, UDP(53, PORT + 1)),                           \
				MONITORED(UNLISTED, RTP, V##F)),                                   \
			SEND(F, UDP(PORT, 53)), REPLY(F, UDP(53, PORT))),                          \
		  &rules, MONITOR },                                                               \
	{                                                                                          \
		"IPv" #F ": the stranger is listed by then",                                       \
			STEPS(ARRIVES(FROM_V##F(PEER_V##F, UDP(53, PORT)),                         \
				      MONITORED(UNLISTED, RTP, V##F)),                             \
			      RULES(&everybody), SEND(F, UDP(PORT, 53)),                           \
			      ARRIVES(FROM_V##F(PEER_V##F, UDP(53, PORT)),                         \
				      PASS(LISTED, RTP, V##F)),                                    \
			      RULES(&nobody), MODE(ENFORCE), REFUSED(F, UDP(53, PORT))),           \
			&rules, MONITOR                                                            \
	}

#define TCP_SCENES(F)                                                                             \
	{ "IPv" #F ": a connection of this host",                                                 \
	  STEPS(TCP_REFUSED(F, SYN | ACK), SEND(F, TCP(PORT, 443, SYN)), TCP_REPLY(F, SYN | ACK), \
		SEND(F, TCP(PORT, 443, ACK)), SEND(F, TCP(PORT, 443, PUSH | ACK)),                \
		TCP_REPLY(F, ACK), TCP_REPLY(F, PUSH | ACK), TCP_REPLY(F, FIN | ACK)),            \
	  &rules },                                                                               \
		{ "IPv" #F ": SYN with ECN's flags, SYN with data",                               \
		  STEPS(SEND(F, TCP(PORT, 443, SYN | 0xc0)), TCP_REPLY(F, SYN | ACK | 0x40),      \
			SEND(F, TCP(PORT + 1, 443, SYN | PUSH)),                                  \
			ARRIVES(FROM_V##F(PEER_V##F, TCP(443, PORT + 1, SYN | ACK)),              \
				PASS(REPLY, HTTPS, V##F))),                                       \
		  &rules },                                                                       \
		{ "IPv" #F ": no segment but a SYN opens a connection",                           \
		  STEPS(SEND(F, TCP(PORT, 443, SYN | ACK)), TCP_REFUSED(F, ACK),                  \
			SEND(F, TCP(PORT, 443, ACK)), TCP_REFUSED(F, ACK),                        \
			SEND(F, TCP(PORT, 443, PUSH | ACK)), TCP_REFUSED(F, ACK),                 \
			SEND(F, TCP(PORT, 443, FIN | ACK)), SEND(F, TCP(PORT, 443, RST)),         \
			SEND(F, TCP(PORT, 443, RST | ACK)), TCP_REFUSED(F, SYN),                  \
			TCP_REFUSED(F, SYN | ACK)),                                               \
		  &rules },                                                                       \
		{ "IPv" #F ": its idle limit",                                                    \
		  STEPS(SEND(F, TCP(PORT, 443, SYN)), AGE(34000), TCP_REPLY(F, ACK), AGE(2000),   \
			TCP_REFUSED(F, ACK), SEND(F, TCP(PORT, 443, ACK)), TCP_REFUSED(F, ACK),   \
			SEND(F, TCP(PORT, 443, SYN)), TCP_REPLY(F, SYN | ACK)),                   \
		  &rules },                                                                       \
		{ "IPv" #F ": kept alive by segments that go out alone",                          \
		  STEPS(SEND(F, TCP(PORT, 443, SYN)), AGE(30000), TCP_REPLY(F, ACK),              \
			SEND(F, TCP(PORT, 443, ACK)), AGE(30000), TCP_REPLY(F, ACK), AGE(6000),   \
			TCP_REFUSED(F, ACK)),                                                     \
		  &rules },                                                                       \
		{ "IPv" #F ": closed by this host with FIN",                                      \
		  STEPS(SEND(F, TCP(PORT, 443, SYN)), SEND(F, TCP(PORT, 443, FIN | ACK)),         \
			AGE(8000), TCP_REPLY(F, FIN | ACK), AGE(2000), TCP_REFUSED(F, ACK)),      \
		  &rules },                                                                       \
		{ "IPv" #F ": closed by this host with RST",                                      \
		  STEPS(SEND(F, TCP(PORT, 443, SYN)), SEND(F, TCP(PORT, 443, RST)), AGE(8000),    \
			TCP_REPLY(F, ACK), AGE(2000), TCP_REFUSED(F, ACK)),                       \
		  &rules },                                                                       \
		{ "IPv" #F ": half closed, still written to",                                     \
		  STEPS(SEND(F, TCP(PORT, 443, SYN)), SEND(F, TCP(PORT, 443, FIN | ACK)),         \
			AGE(8000), SEND(F, TCP(PORT, 443, ACK)), AGE(8000),                       \
			TCP_REPLY(F, PUSH | ACK), AGE(2000), TCP_REFUSED(F, ACK)),                \
		  &rules },                                                                       \
		{ "IPv" #F ": FIN and RST of the peer change nothing",                            \
		  STEPS(SEND(F, TCP(PORT, 443, SYN)), TCP_REPLY(F, FIN | ACK), TCP_REPLY(F, RST), \
			AGE(30000), TCP_REPLY(F, ACK)),                                           \
		  &rules },                                                                       \
		{ "IPv" #F ": a closed connection's ports are used again",                        \
		  STEPS(SEND(F, TCP(PORT, 443, SYN)), SEND(F, TCP(PORT, 443, FIN | ACK)),         \
			SEND(F, TCP(PORT, 443, SYN)), AGE(30000), TCP_REPLY(F, SYN | ACK)),       \
		  &rules },                                                                       \
		{ "IPv" #F                                                                        \
		  ": a closed connection to a listed peer, its ports again once he is off the "   \
		  "list",                                                                         \
		  STEPS(LEAVES(TO_V##F(LISTED_V##F, TCP(PORT, 443, SYN)), GOES_UNSEEN),           \
			LEAVES(TO_V##F(LISTED_V##F, TCP(PORT, 443, RST)), GOES_UNSEEN),           \
			RULES(&nobody),                                                           \
			ARRIVES(FROM_V##F(LISTED_V##F, TCP(443, PORT, ACK)),                      \
				DROP(UNLISTED, HTTPS, V##F)),                                     \
			LEAVES(TO_V##F(LISTED_V##F, TCP(PORT, 443, SYN)), GOES_UNSEEN),           \
			ARRIVES(FROM_V##F(LISTED_V##F, TCP(443, PORT, SYN | ACK)),                \
				PASS(REPLY, HTTPS, V##F))),                                       \
		  &rules },                                                                       \
		{ "IPv" #F ": SYN sent again keeps what there is",                                \
		  STEPS(SEND(F, TCP(PORT, 443, SYN)), AGE(2000), SEND(F, TCP(PORT, 443, SYN)),    \
			TCP_REPLY(F, SYN | ACK)),                                                 \
		  &rules },                                                                       \
		{ "IPv" #F ": to a listed peer, who is then taken off the list, TCP",             \
		  STEPS(SEND(F, TCP(PORT, 443, SYN)),                                             \
			LEAVES(TO_V##F(LISTED_V##F, TCP(PORT, 443, SYN)), GOES_UNSEEN),           \
			ARRIVES(FROM_V##F(LISTED_V##F, TCP(443, PORT, SYN | ACK)),                \
				PASS(LISTED, HTTPS, V##F)),                                       \
			RULES(&nobody),                                                           \
			LEAVES(TO_V##F(LISTED_V##F, TCP(PORT, 443, ACK)), GOES_UNSEEN),           \
			ARRIVES(FROM_V##F(LISTED_V##F, TCP(443, PORT, ACK)),                      \
				DROP(UNLISTED, HTTPS, V##F))),                                    \
		  &rules },                                                                       \
		{ "IPv" #F ": a listed client's connection makes no flow",                        \
		  STEPS(ARRIVES(FROM_V##F(LISTED_V##F, TCP(9, PORT, SYN)),                        \
				PASS(LISTED, HTTPS, V##F)),                                       \
			LEAVES(TO_V##F(LISTED_V##F, TCP(PORT, 9, SYN | ACK)), GOES_UNSEEN),       \
			LEAVES(TO_V##F(LISTED_V##F, TCP(PORT, 9, ACK)), GOES_UNSEEN),             \
			RULES(&nobody),                                                           \
			ARRIVES(FROM_V##F(LISTED_V##F, TCP(9, PORT, ACK)),                        \
				DROP(UNLISTED, HTTPS, V##F))),                                    \
		  &rules },                                                                       \
	{                                                                                         \
		"IPv" #F ": monitored, a stranger's TCP is no matter of strangers",               \
			STEPS(ARRIVES(FROM_V##F(PEER_V##F, TCP(443, PORT, SYN)),                  \
				      MONITORED(UNLISTED, HTTPS, V##F)),                          \
			      SEND(F, TCP(PORT, 443, SYN | ACK)), MODE(ENFORCE),                  \
			      TCP_REFUSED(F, ACK)),                                               \
			&rules, MONITOR                                                           \
	}

#define IP_V4  IPV4
#define IP_V6  IPV6
#define SIP_V4 "192.0.2.77"
#define SIP_V6 "2001:db8:1::77"

static const struct scene both[] = { UDP_SCENES(4), UDP_SCENES(6), TCP_SCENES(4), TCP_SCENES(6) };

#define HOST_V4 "203.0.113.1"
#define HOST_V6 "2001:db8:ffff::1"

/* The moment before enforcing. */
#define LEARN_SCENES(F)                                                                            \
	{ "IPv" #F ": learning, whoever is sent to is a peer, also a stranger",                    \
	  STEPS(ARRIVES(FROM_V##F(PEER_V##F, UDP(53, PORT)), MONITORED(UNLISTED, RTP, V##F)),      \
		SEND(F, UDP(PORT, 53)), MODE(LEARN),                                               \
		ARRIVES(FROM_V##F(PEER_V##F, UDP(53, PORT)), MONITORED(UNLISTED, RTP, V##F)),      \
		SEND(F, UDP(PORT, 53)), REPLY(F, UDP(53, PORT)), MODE(ENFORCE),                    \
		REPLY(F, UDP(53, PORT)), AGE(16000), REFUSED(F, UDP(53, PORT))),                   \
	  &rules, MONITOR },                                                                       \
		{ "IPv" #F ": learning, one who is not sent to is dropped afterwards",             \
		  STEPS(ARRIVES(FROM_V##F(PEER_V##F, UDP(53, PORT)),                               \
				MONITORED(UNLISTED, RTP, V##F)),                                   \
			MODE(ENFORCE), REFUSED(F, UDP(53, PORT)), SEND(F, UDP(PORT, 53)),          \
			REPLY(F, UDP(53, PORT))),                                                  \
		  &rules, LEARN },                                                                 \
		{ "IPv" #F ": learning, a listed peer is one by the list",                         \
		  STEPS(LEAVES(TO_V##F(LISTED_V##F, UDP(PORT, 7)), GOES_UNSEEN), RULES(&nobody),   \
			MODE(ENFORCE),                                                             \
			ARRIVES(FROM_V##F(LISTED_V##F, UDP(7, PORT)), DROP(UNLISTED, RTP, V##F))), \
		  &rules, LEARN },                                                                 \
		{ "IPv" #F ": learning, TCP begins with SYN all the same",                         \
		  STEPS(SEND(F, TCP(PORT, 443, ACK)),                                              \
			ARRIVES(FROM_V##F(PEER_V##F, TCP(443, PORT, ACK)),                         \
				MONITORED(UNLISTED, HTTPS, V##F)),                                 \
			SEND(F, TCP(PORT, 443, SYN)), TCP_REPLY(F, SYN | ACK)),                    \
		  &rules, LEARN },                                                                 \
	{                                                                                          \
		"IPv" #F ": learning, a service without replies has none",                         \
			STEPS(SEND(F, UDP(NO_REPLIES, 53)), MODE(ENFORCE),                         \
			      ARRIVES(FROM_V##F(PEER_V##F, UDP(53, NO_REPLIES)),                   \
				      DROP(UNLISTED, SIP, V##F))),                                 \
			&rules, LEARN                                                              \
	}

static const struct scene learning[] = { LEARN_SCENES(4), LEARN_SCENES(6) };

static const struct scene headers[] = {
	{ "the same bits in the other family: IPv4's flow",
	  STEPS(SEND(4, UDP(PORT, 53)),
		ARRIVES(PKT(ETH(), IPV6("c633:6435::", "cb00:7101::"), UDP(53, PORT)),
			DROP(UNLISTED, RTP, V6)),
		REPLY(4, UDP(53, PORT))),
	  &rules },
	{ "the same bits in the other family: IPv6's flow",
	  STEPS(LEAVES(PKT(ETH(), IPV6("cb00:7101::", "c633:6435::"), UDP(PORT, 53)), GOES_UNSEEN),
		ARRIVES(PKT(ETH(), IPV4(PEER_V4, HOST_V4), UDP(53, PORT)), DROP(UNLISTED, RTP, V4)),
		ARRIVES(PKT(ETH(), IPV6("c633:6435::", "cb00:7101::"), UDP(53, PORT)),
			PASS(REPLY, RTP, V6))),
	  &rules },
	{ "options and extension headers on either way",
	  STEPS(LEAVES(PKT(ETH(), IPV4(HOST_V4, PEER_V4, .options = 12), UDP(PORT, 53)),
		       GOES_UNSEEN),
		ARRIVES(PKT(ETH(), IPV4(PEER_V4, HOST_V4, .options = 40), UDP(53, PORT)),
			PASS(REPLY, RTP, V4)),
		LEAVES(PKT(ETH(), IPV6(HOST_V6, PEER_V6), EXT(60), AH(.words = 3), TCP(PORT, 443)),
		       GOES_UNSEEN),
		ARRIVES(PKT(ETH(), IPV6(PEER_V6, HOST_V6), EXT(0), EXT(43, 2), TCP(443, PORT)),
			PASS(REPLY, HTTPS, V6))),
	  &rules },
	{ "flags behind options and extension headers",
	  STEPS(LEAVES(PKT(ETH(), IPV4(HOST_V4, PEER_V4, .options = 40),
			   TCP(PORT, 443, ACK, .options = 40)),
		       GOES_UNSEEN),
		TCP_REFUSED(4, ACK),
		LEAVES(PKT(ETH(), IPV6(HOST_V6, PEER_V6), EXT(60, 3), TCP(PORT, 443, SYN | ACK)),
		       GOES_UNSEEN),
		TCP_REFUSED(6, ACK)),
	  &rules },
	{ "a fragmented query, a fragmented answer, IPv4",
	  STEPS(LEAVES(PKT(ETH(), IPV4(HOST_V4, PEER_V4, .id = 7, .frag = 0x2000), UDP(PORT, 53),
			   PAYLOAD(1472)),
		       GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV4(HOST_V4, PEER_V4, .id = 7, .frag = 185), NEXT(17),
			   PAYLOAD(99)),
		       GOES_UNSEEN),
		ARRIVES(PKT(ETH(), IPV4(PEER_V4, .id = 9, .frag = 0x2000), UDP(53, PORT),
			    PAYLOAD(1472)),
			PASS(REPLY, RTP, V4)),
		ARRIVES(PKT(ETH(), IPV4(PEER_V4, .id = 9, .frag = 185), NEXT(17), PAYLOAD(99)),
			PASS(FRAGMENT, RTP, V4))),
	  &rules },
	{ "a fragmented query, a fragmented answer, IPv6",
	  STEPS(LEAVES(PKT(ETH(), IPV6(HOST_V6, PEER_V6), FRAG(.id = 7, .more = 1), UDP(PORT, 53),
			   PAYLOAD(1224)),
		       GOES_UNSEEN),
		ARRIVES(PKT(ETH(), IPV6(PEER_V6), FRAG(.id = 9, .more = 1), UDP(53, PORT),
			    PAYLOAD(1224)),
			PASS(REPLY, RTP, V6)),
		ARRIVES(PKT(ETH(), IPV6(PEER_V6), FRAG(.id = 9, .offset = 154), NEXT(17),
			    PAYLOAD(99)),
			PASS(FRAGMENT, RTP, V6))),
	  &rules },
	{ "later fragments that look like a query open nothing",
	  STEPS(LEAVES(PKT(ETH(), IPV4(HOST_V4, PEER_V4, .frag = 5), UDP(PORT, 53)), GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV6(HOST_V6, PEER_V6), FRAG(.offset = 5), UDP(PORT, 53)),
		       GOES_UNSEEN),
		REFUSED(4, UDP(53, PORT)), REFUSED(6, UDP(53, PORT))),
	  &rules },
	{ "ports that are cut off, or in the padding, open nothing",
	  STEPS(LEAVES(PKT(ETH(), IPV4(HOST_V4, PEER_V4), UDP(PORT, 53), CUT(40)), GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV4(HOST_V4, PEER_V4), IP_END(), UDP(PORT, 53)), GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV4(HOST_V4, PEER_V4), TCP(PORT, 443), CUT(53)), GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV6(HOST_V6, PEER_V6), UDP(PORT, 53), CUT(61)), GOES_UNSEEN),
		REFUSED(4, UDP(53, PORT)), TCP_REFUSED(4, ACK), REFUSED(6, UDP(53, PORT))),
	  &rules },
	{ "what else leaves opens nothing",
	  STEPS(LEAVES(PKT(ETH(), ARP(1)), GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV4(HOST_V4, PEER_V4), ICMP(8), PAYLOAD(56)), GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV6(HOST_V6, PEER_V6), ICMPV6(135), PAYLOAD(24)), GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV4(HOST_V4, PEER_V4), NEXT(132),
			   BYTES("\x9c\x40\0\x35\0\0\0\0"), PAYLOAD(20)),
		       GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV4(HOST_V4, PEER_V4, .ihl = FORCE(4)), UDP(PORT, 53)),
		       GOES_UNSEEN),
		REFUSED(4, UDP(53, PORT))),
	  &rules },
	{ "DHCP from guarded ports",
	  STEPS(LEAVES(PKT(ETH(), IPV4(HOST_V4, PEER_V4), UDP(68, 67), PAYLOAD(300)), GOES_UNSEEN),
		ARRIVES(PKT(ETH(), IPV4(PEER_V4), UDP(67, 68), PAYLOAD(300)), PASS(DHCP, NONE, V4)),
		ARRIVES(PKT(ETH(), IPV4(OTHER_V4), UDP(67, 68), PAYLOAD(300)),
			PASS(DHCP, NONE, V4))),
	  &rules },
};

int main(void)
{
	ADD_SCENES(both);
	ADD_SCENES(learning);
	ADD_SCENES(headers);
	return cases_run("replies");
}
