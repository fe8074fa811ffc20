// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What leaves: services with direction `out` guard destinations. Every scene in both families,
 * untagged, tagged and tagged twice.
 */
#include <stdio.h>
#include <linux/bpf.h>
#include "cases.h"

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10 };

/* Ports 7000 (TCP and UDP) and 7001 (of two services) are guarded outwards, 40000 and so on
 * inwards.
 */
#define GUARDED                                                                \
	GUARDS({ AXP_UDP, 7000, 7000, BIT(TRUNK), TRUNK, AXP_OUT },            \
	       { AXP_TCP, 7000, 7000, BIT(TRUNK), TRUNK, AXP_OUT },            \
	       { AXP_UDP, 7001, 7001, BIT(TRUNK) | BIT(EDGE), EDGE, AXP_OUT }, \
	       { AXP_UDP, 67, 68, BIT(TRUNK), TRUNK, AXP_OUT },                \
	       { AXP_UDP, 546, 547, BIT(TRUNK), TRUNK, AXP_OUT },              \
	       { AXP_UDP, 40000, 49999, BIT(RTP), RTP },                       \
	       { AXP_TCP, 40000, 49999, BIT(HTTPS), HTTPS })

static const struct limits limits = { .udp = 15, .tcp = 35, .tcp_closing = 9 };

static const struct rules rules = {
	.guards = GUARDED,
	.nodes = NODES({ "192.0.2.0/24", BIT(TRUNK) | BIT(RTP) | BIT(HTTPS) },
		       { "2001:db8:1::/48", BIT(TRUNK) | BIT(RTP) | BIT(HTTPS) },
		       { "192.0.2.201/32", BIT(RTP) }, { "2001:db8:1::201/128", BIT(RTP) }),
	.limits = limits,
};

static const struct rules nobody = {
	.guards = GUARDED,
	.nodes = NODES({ .prefix = NULL }),
	.limits = limits,
};

/* The same ports inwards alone: nothing is guarded on the way out. */
static const struct rules inward = {
	.guards = GUARDS({ AXP_UDP, 7000, 7000, BIT(TRUNK), TRUNK },
			 { AXP_UDP, 40000, 49999, BIT(RTP), RTP }),
	.nodes = NODES({ .prefix = NULL }),
	.limits = limits,
};

#define STRANGER4 "198.51.100.9"
#define STRANGER6 "2001:db8:bad::9"
#define OTHER4    "198.51.100.10"
#define OTHER6    "2001:db8:bad::10"
#define LISTED4   "192.0.2.10"
#define LISTED6   "2001:db8:1::10"
#define HOLE4     "192.0.2.201"
#define HOLE6     "2001:db8:1::201"

#define TO4(peer, ...) PKT(ETH(), IPV4(.src = "203.0.113.1", .dst = peer), __VA_ARGS__, PAYLOAD(20))
#define TO6(peer, ...) \
	PKT(ETH(), IPV6(.src = "2001:db8:ffff::1", .dst = peer), __VA_ARGS__, PAYLOAD(20))
#define FROM4(peer, ...) PKT(ETH(), IPV4(.src = peer), __VA_ARGS__, PAYLOAD(20))
#define FROM6(peer, ...) PKT(ETH(), IPV6(.src = peer), __VA_ARGS__, PAYLOAD(20))

#define SEND(F, peer, ...)    TO##F(peer##F, __VA_ARGS__)
#define FROM(F, peer, ...)    FROM##F(peer##F, __VA_ARGS__)
#define GETS(F, peer, ...)    ARRIVES(FROM##F(peer##F, __VA_ARGS__), PASS(NOT_GUARDED, NONE, V##F))
#define SENT(F, peer, ...)    LEAVES(SEND(F, peer, __VA_ARGS__), GOES(LISTED, TRUNK, V##F))
#define STOPS(F, peer, ...)   LEAVES(SEND(F, peer, __VA_ARGS__), STOPPED(UNLISTED, TRUNK, V##F))
#define ANSWERS(F, peer, ...) LEAVES(SEND(F, peer, __VA_ARGS__), GOES(ANSWER, TRUNK, V##F))
#define WATCHED(F, peer, ...) \
	LEAVES(SEND(F, peer, __VA_ARGS__), GOES_MONITORED(UNLISTED, TRUNK, V##F))

#define LIST_SCENES(F)                                                                           \
	{ "IPv" #F ": to a listed destination, to others",                                       \
	  STEPS(SENT(F, LISTED, UDP(9, 7000)), SENT(F, LISTED, TCP(9, 7000, SYN)),               \
		STOPS(F, STRANGER, UDP(9, 7000)), STOPS(F, STRANGER, TCP(9, 7000, SYN)),         \
		STOPS(F, HOLE, UDP(9, 7000))),                                                   \
	  &rules },                                                                              \
		{ "IPv" #F ": the destination's port counts, not the source's",                  \
		  STEPS(LEAVES(SEND(F, STRANGER, UDP(7000, 9)), GOES_UNSEEN),                    \
			LEAVES(SEND(F, STRANGER, TCP(7000, 6999)), GOES_UNSEEN),                 \
			LEAVES(SEND(F, STRANGER, TCP(9, 7001)), GOES_UNSEEN)),                   \
		  &rules },                                                                      \
		{ "IPv" #F                                                                       \
		  ": ports that are guarded inwards are free outwards, and the other way round", \
		  STEPS(LEAVES(SEND(F, STRANGER, UDP(9, 40000)), GOES_UNSEEN),                   \
			LEAVES(SEND(F, STRANGER, TCP(9, 40000)), GOES_UNSEEN),                   \
			GETS(F, STRANGER, UDP(9, 7000)), GETS(F, STRANGER, TCP(9, 7000))),       \
		  &rules },                                                                      \
		{ "IPv" #F ": a port of two services",                                           \
		  STEPS(LEAVES(SEND(F, LISTED, UDP(9, 7001)), GOES(LISTED, TRUNK, V##F)),        \
			LEAVES(SEND(F, STRANGER, UDP(9, 7001)), STOPPED(UNLISTED, EDGE, V##F))), \
		  &rules },                                                                      \
		{ "IPv" #F ": monitored",                                                        \
		  STEPS(WATCHED(F, STRANGER, UDP(9, 7000)),                                      \
			WATCHED(F, STRANGER, TCP(9, 7000, SYN)), SENT(F, LISTED, UDP(9, 7000)),  \
			LEAVES(SEND(F, STRANGER, UDP(9, 53)), GOES_UNSEEN)),                     \
		  &rules, MONITOR },                                                             \
		{ "IPv" #F ": off",                                                              \
		  STEPS(LEAVES(SEND(F, STRANGER, UDP(9, 7000)), GOES_UNSEEN),                    \
			LEAVES(SEND(F, LISTED, UDP(40000, 7000)), GOES_UNSEEN)),                 \
		  &rules, OFF },                                                                 \
		{ "IPv" #F ": nothing guarded outwards",                                         \
		  STEPS(LEAVES(SEND(F, STRANGER, UDP(9, 7000)), GOES_UNSEEN)), &inward },        \
		{ "IPv" #F ": taken off the list",                                               \
		  STEPS(SENT(F, LISTED, UDP(9, 7000)), RULES(&nobody),                           \
			STOPS(F, LISTED, UDP(9, 7000))),                                         \
		  &rules },                                                                      \
		{ "IPv" #F ": what is stopped opens no flow",                                    \
		  STEPS(STOPS(F, STRANGER, UDP(40000, 7000)),                                    \
			ARRIVES(FROM(F, STRANGER, UDP(7000, 40000)), DROP(UNLISTED, RTP, V##F)), \
			STOPS(F, STRANGER, TCP(40000, 7000, SYN)),                               \
			ARRIVES(FROM(F, STRANGER, TCP(7000, 40000, SYN | ACK)),                  \
				DROP(UNLISTED, HTTPS, V##F))),                                   \
		  &rules },                                                                      \
		{ "IPv" #F ": what would be stopped opens one, and its reply makes no answers",  \
		  STEPS(WATCHED(F, STRANGER, UDP(40000, 7000)),                                  \
			ARRIVES(FROM(F, STRANGER, UDP(7000, 40000)), PASS(REPLY, RTP, V##F)),    \
			MODE(ENFORCE), STOPS(F, STRANGER, UDP(40000, 7000))),                    \
		  &rules, MONITOR },                                                             \
		{ "IPv" #F ": from a guarded port to a listed destination",                      \
		  STEPS(SENT(F, LISTED, UDP(40000, 7000)),                                       \
			ARRIVES(FROM(F, LISTED, UDP(7000, 40000)), PASS(LISTED, RTP, V##F)),     \
			RULES(&nobody), STOPS(F, LISTED, UDP(40000, 7000)),                      \
			ARRIVES(FROM(F, LISTED, UDP(7000, 40000)), DROP(UNLISTED, RTP, V##F))),  \
		  &rules },                                                                      \
	{                                                                                        \
		"IPv" #F ": what cannot be followed to its ports goes",                          \
			STEPS(LEAVES(PKT(ETH(), IPV##F(.dst = STRANGER##F), IP_END(),            \
					 UDP(9, 7000)),                                          \
				     GOES_UNSEEN),                                               \
			      LEAVES(PKT(ETH(), IPV##F(.dst = STRANGER##F, .version = FORCE(5)), \
					 UDP(9, 7000)),                                          \
				     GOES_UNSEEN),                                               \
			      LEAVES(PKT(ETH(), IPV##F(.dst = STRANGER##F), NEXT(132),           \
					 PAYLOAD(40)),                                           \
				     GOES_UNSEEN)),                                              \
			&rules                                                                   \
	}

#define ANSWER_SCENES(F)                                                                           \
	{ "IPv" #F ": an answer to one who called, TCP",                                           \
	  STEPS(STOPS(F, STRANGER, TCP(22, 7000, SYN | ACK)),                                      \
		GETS(F, STRANGER, TCP(7000, 22, SYN)),                                             \
		ANSWERS(F, STRANGER, TCP(22, 7000, SYN | ACK)),                                    \
		ANSWERS(F, STRANGER, TCP(22, 7000, ACK)), STOPS(F, STRANGER, TCP(23, 7000, ACK)),  \
		STOPS(F, OTHER, TCP(22, 7000, ACK)), STOPS(F, STRANGER, UDP(22, 7000))),           \
	  &rules },                                                                                \
		{ "IPv" #F ": an answer to one who called, UDP",                                   \
		  STEPS(STOPS(F, STRANGER, UDP(22, 7000)), GETS(F, STRANGER, UDP(7000, 22)),       \
			ANSWERS(F, STRANGER, UDP(22, 7000)), ANSWERS(F, STRANGER, UDP(22, 7000)),  \
			STOPS(F, STRANGER, UDP(23, 7000)), STOPS(F, OTHER, UDP(22, 7000)),         \
			STOPS(F, STRANGER, TCP(22, 7000, SYN))),                                   \
		  &rules },                                                                        \
		{ "IPv" #F ": an answer on a port of two services",                                \
		  STEPS(GETS(F, STRANGER, UDP(7001, 22)),                                          \
			LEAVES(SEND(F, STRANGER, UDP(22, 7001)), GOES(ANSWER, EDGE, V##F))),       \
		  &rules },                                                                        \
		{ "IPv" #F ": an answer to one let in by a list",                                  \
		  STEPS(ARRIVES(FROM(F, HOLE, UDP(7000, 40000)), PASS(LISTED, RTP, V##F)),         \
			ANSWERS(F, HOLE, UDP(40000, 7000))),                                       \
		  &rules },                                                                        \
		{ "IPv" #F ": no answer to one who was dropped",                                   \
		  STEPS(ARRIVES(FROM(F, STRANGER, UDP(7000, 40000)), DROP(UNLISTED, RTP, V##F)),   \
			STOPS(F, STRANGER, UDP(40000, 7000))),                                     \
		  &rules },                                                                        \
		{ "IPv" #F ": an answer to one who would have been dropped",                       \
		  STEPS(ARRIVES(FROM(F, STRANGER, UDP(7000, 40000)),                               \
				MONITORED(UNLISTED, RTP, V##F)),                                   \
			ANSWERS(F, STRANGER, UDP(40000, 7000))),                                   \
		  &rules, MONITOR },                                                               \
		{ "IPv" #F ": no answer once the idle limit has passed, UDP",                      \
		  STEPS(GETS(F, STRANGER, UDP(7000, 22)), AGE(14000),                              \
			ANSWERS(F, STRANGER, UDP(22, 7000)), AGE(2000),                            \
			STOPS(F, STRANGER, UDP(22, 7000)), GETS(F, STRANGER, UDP(7000, 22)),       \
			ANSWERS(F, STRANGER, UDP(22, 7000))),                                      \
		  &rules },                                                                        \
		{ "IPv" #F ": no answer once the idle limit has passed, TCP",                      \
		  STEPS(GETS(F, STRANGER, TCP(7000, 22, SYN)), AGE(34000),                         \
			ANSWERS(F, STRANGER, TCP(22, 7000, ACK)), AGE(2000),                       \
			STOPS(F, STRANGER, TCP(22, 7000, ACK)),                                    \
			GETS(F, STRANGER, TCP(7000, 22, ACK)),                                     \
			STOPS(F, STRANGER, TCP(22, 7000, ACK)),                                    \
			GETS(F, STRANGER, TCP(7000, 22, SYN)),                                     \
			ANSWERS(F, STRANGER, TCP(22, 7000, SYN | ACK))),                           \
		  &rules },                                                                        \
		{ "IPv" #F ": answers for as long as the caller goes on",                          \
		  STEPS(GETS(F, STRANGER, UDP(7000, 22)), GETS(F, STRANGER, TCP(7000, 22, SYN)),   \
			AGE(10000), GETS(F, STRANGER, UDP(7000, 22)), AGE(10000),                  \
			GETS(F, STRANGER, UDP(7000, 22)), GETS(F, STRANGER, TCP(7000, 22, ACK)),   \
			AGE(10000), ANSWERS(F, STRANGER, UDP(22, 7000)), AGE(20000),               \
			ANSWERS(F, STRANGER, TCP(22, 7000, ACK)),                                  \
			STOPS(F, STRANGER, UDP(22, 7000))),                                        \
		  &rules },                                                                        \
		{ "IPv" #F ": no segment but a SYN is a call",                                     \
		  STEPS(GETS(F, STRANGER, TCP(7000, 22, SYN | ACK)),                               \
			GETS(F, STRANGER, TCP(7000, 22, ACK)),                                     \
			GETS(F, STRANGER, TCP(7000, 22, FIN | ACK)),                               \
			GETS(F, STRANGER, TCP(7000, 22, RST)),                                     \
			STOPS(F, STRANGER, TCP(22, 7000, ACK))),                                   \
		  &rules },                                                                        \
		{ "IPv" #F ": what this host began is no answer, once the list has changed, UDP",  \
		  STEPS(SENT(F, LISTED, UDP(22, 7000)), GETS(F, LISTED, UDP(7000, 22)),            \
			RULES(&nobody), GETS(F, LISTED, UDP(7000, 22)),                            \
			STOPS(F, LISTED, UDP(22, 7000))),                                          \
		  &rules },                                                                        \
		{ "IPv" #F ": what this host began is no answer, once the list has changed, TCP",  \
		  STEPS(SENT(F, LISTED, TCP(22, 7000, SYN)),                                       \
			GETS(F, LISTED, TCP(7000, 22, SYN | ACK)),                                 \
			SENT(F, LISTED, TCP(22, 7000, ACK)), RULES(&nobody),                       \
			GETS(F, LISTED, TCP(7000, 22, ACK)), STOPS(F, LISTED, TCP(22, 7000, ACK)), \
			GETS(F, LISTED, TCP(7000, 22, SYN)),                                       \
			STOPS(F, LISTED, TCP(22, 7000, ACK))),                                     \
		  &rules },                                                                        \
		{ "IPv" #F ": a connection from before there was a list",                          \
		  STEPS(LEAVES(SEND(F, STRANGER, TCP(22, 7000, SYN)), GOES_UNSEEN),                \
			GETS(F, STRANGER, TCP(7000, 22, SYN | ACK)), RULES(&rules),                \
			GETS(F, STRANGER, TCP(7000, 22, ACK)),                                     \
			STOPS(F, STRANGER, TCP(22, 7000, ACK))),                                   \
		  &inward },                                                                       \
		{ "IPv" #F ": a call from one who is listed, and is so no longer",                 \
		  STEPS(GETS(F, LISTED, UDP(7000, 22)), SENT(F, LISTED, UDP(22, 7000)),            \
			RULES(&nobody), ANSWERS(F, LISTED, UDP(22, 7000))),                        \
		  &rules },                                                                        \
	{                                                                                          \
		"IPv" #F ": off, nobody is noted",                                                 \
			STEPS(ARRIVES(FROM(F, STRANGER, UDP(7000, 22)), PASS(OFF, NONE, NO_IP)),   \
			      MODE(ENFORCE), STOPS(F, STRANGER, UDP(22, 7000))),                   \
			&rules, OFF                                                                \
	}

static const struct scene both[] = { LIST_SCENES(4), LIST_SCENES(6), ANSWER_SCENES(4),
				     ANSWER_SCENES(6) };

static const struct scene others[] = {
	{ "what is not IP, or neither TCP nor UDP, goes",
	  STEPS(LEAVES(PKT(ETH(), ARP(1)), GOES_UNSEEN),
		LEAVES(PKT(ETH(), NEXT(0x88cc), PAYLOAD(60)), GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV4(.dst = STRANGER4), ICMP(8), PAYLOAD(56)), GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV6(.dst = "ff02::1"), ICMPV6(135), PAYLOAD(24)), GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV6(.dst = STRANGER6), EXT(60), EXT(60), EXT(60), EXT(60),
			   EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), UDP(9, 7000)),
		       GOES_UNSEEN)),
	  &rules },
	{ "DHCP goes, its ports from others do not",
	  STEPS(LEAVES(PKT(ETH(), IPV4("0.0.0.0", "255.255.255.255"), UDP(68, 67), PAYLOAD(300)),
		       GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV6("fe80::1", "ff02::1:2"), UDP(546, 547), PAYLOAD(60)),
		       GOES_UNSEEN),
		STOPS(4, STRANGER, UDP(9, 67)), STOPS(6, STRANGER, UDP(9, 547))),
	  &rules },
	{ "cut inside the header with the ports",
	  STEPS(LEAVES(PKT(ETH(), IPV4(.dst = STRANGER4), UDP(9, 7000), CUT(41)), GOES_UNSEEN),
		LEAVES(PKT(ETH(), IPV6(.dst = STRANGER6), TCP(9, 7000), CUT(73)), GOES_UNSEEN)),
	  &rules },
	{ "behind options and extension headers",
	  STEPS(LEAVES(PKT(ETH(), IPV4(.dst = STRANGER4, .options = 40), UDP(9, 7000)),
		       STOPPED(UNLISTED, TRUNK, V4)),
		LEAVES(PKT(ETH(), IPV6(.dst = STRANGER6), EXT(0), EXT(43, 2), AH(.words = 3),
			   EXT(60), TCP(9, 7000)),
		       STOPPED(UNLISTED, TRUNK, V6)),
		LEAVES(PKT(ETH(), IPV6(.dst = LISTED6), EXT(0), FRAG(), EXT(60), TCP(9, 7000)),
		       GOES(LISTED, TRUNK, V6))),
	  &rules },
	{ "learning: nothing is stopped, callers are noted",
	  STEPS(WATCHED(4, STRANGER, UDP(9, 7000)), GETS(4, STRANGER, UDP(7000, 22)),
		ANSWERS(4, STRANGER, UDP(22, 7000)),
		ARRIVES(FROM(6, STRANGER, UDP(7000, 40000)), MONITORED(UNLISTED, RTP, V6)),
		ANSWERS(6, STRANGER, UDP(40000, 7000)), MODE(ENFORCE),
		STOPS(4, STRANGER, UDP(9, 7000)), ANSWERS(4, STRANGER, UDP(22, 7000)),
		ANSWERS(6, STRANGER, UDP(40000, 7000))),
	  &rules, LEARN },
	{ "as long as the kernel tries",
	  STEPS(LEAVES(PKT(ETH(), IPV4(.dst = STRANGER4), UDP(9, 7000), PAYLOAD(2900)),
		       STOPPED(UNLISTED, TRUNK, V4)),
		LEAVES(PKT(ETH(), IPV6(.dst = LISTED6), TCP(9, 7000), PAYLOAD(2900)),
		       GOES(LISTED, TRUNK, V6))),
	  &rules },
};

/* Three tags are more than are followed: nothing is known of the packet, so it goes. */
static void test_three_tags(void **state)
{
	(void)state;
	check_begins(&rules, AXP_MODE_ENFORCE);
	check_out(PKT(ETH(), VLAN(.vid = 1), VLAN(.vid = 2), VLAN(.vid = 3), IPV4(.dst = STRANGER4),
		      UDP(9, 7000)),
		  (struct expect)GOES_UNSEEN);
}

/* Every tag there is, in turn. */
static void test_tags(void **state)
{
	static const __u32 tpids[] = { 0x8100, 0x88a8 };

	(void)state;
	check_begins(&rules, AXP_MODE_ENFORCE);
	for (int i = 0; i < 4; i++) {
		check_out(PKT(ETH(), VLAN(.tpid = tpids[i & 1], .vid = 5),
			      VLAN(.tpid = tpids[i >> 1], .vid = 6), IPV4(.dst = STRANGER4),
			      UDP(9, 7000)),
			  (struct expect)STOPPED(UNLISTED, TRUNK, V4));
		check_out(PKT(ETH(), VLAN(.tpid = tpids[i & 1], .vid = 0, .priority = 7),
			      IPV6(.dst = LISTED6), UDP(9, 7000)),
			  (struct expect)GOES(LISTED, TRUNK, V6));
	}
}

/* All ports, both protocols: just those that are guarded outwards are. */
static void test_every_port(void **state)
{
	static struct packet p;
	struct layer layers[] = { ETH(), IPV4(.dst = STRANGER4), UDP(9, 0), { LAYER_END } };
	size_t stopped = 0;

	(void)state;
	check_begins(&rules, AXP_MODE_ENFORCE);
	for (__u32 port = 0; port < 65536; port++) {
		layers[2].udp.dport = port;
		packet_build(&p, layers);
		stopped += fixture_run_out(&fixture, &p) == EGRESS_DROP;
	}
	assert_int_equal(stopped, 6);
}

/* Notes about callers find room, however many come. */
static void test_many_callers(void **state)
{
	struct layer in[] = { ETH(), IPV4(), UDP(7000, 22), { LAYER_END } };
	struct layer out[] = { ETH(), IPV4(), UDP(22, 7000), { LAYER_END } };
	static struct packet p;
	char address[16];

	(void)state;
	fixture_one_cpu();
	check_begins(&rules, AXP_MODE_ENFORCE);
	in[1].ipv4.src = out[1].ipv4.dst = address;
	out[1].ipv4.src = "203.0.113.1";
	for (__u32 i = 0; i < 3 * MAP_ROOM; i++) {
		snprintf(address, sizeof(address), "198.18.%u.%u", i >> 8 & 255, i & 255);
		packet_build(&p, in);
		assert_int_equal(fixture_run(&fixture, &p, WHOLE_FRAME), XDP_PASS);
		packet_build(&p, out);
		assert_int_equal(fixture_run_out(&fixture, &p), EGRESS_NEXT);
	}
	assert_in_range(fixture_entries(&fixture, ANSWERS), MAP_ROOM / 2, MAP_ROOM);
	snprintf(address, sizeof(address), "198.18.0.0");
	packet_build(&p, out);
	assert_int_equal(fixture_run_out(&fixture, &p), EGRESS_DROP); /* forgotten */
}

int main(void)
{
	ADD_SCENES(both);
	ADD_SCENES(others);
	cases_add_test("three tags", test_three_tags, NULL);
	cases_add_test("stacks of tags", test_tags, NULL);
	cases_add_test("every port", test_every_port, NULL);
	cases_add_test("more callers than there is room for", test_many_callers, NULL);
	return cases_run("outbound");
}
