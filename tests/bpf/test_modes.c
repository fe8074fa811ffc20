// SPDX-License-Identifier: GPL-2.0-or-later
/* Modes, slots, and that the counters add up. */
#include <linux/bpf.h>
#include "cases.h"

#define UNLISTED_PKT  PKT(ETH(), IPV4(), UDP(9, 5060), PAYLOAD(10))
#define LISTED_PKT    PKT(ETH(), IPV4("192.0.2.10"), UDP(9, 5060), PAYLOAD(10))
#define TRUNCATED_PKT PKT(ETH(), IPV6(), IP_END(), UDP(9, 5060))
#define BAD_PKT       PKT(ETH(), IPV4(.ihl = FORCE(3)), UDP(9, 5060))
#define CHAIN_PKT                                                                                  \
	PKT(ETH(), IPV6(), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), EXT(60), \
	    EXT(60), UDP(9, 5060))
#define TAGS_PKT PKT(ETH(), VLAN(.vid = 1), VLAN(.vid = 2), VLAN(.vid = 3), IPV4(), UDP(9, 5060))

static const struct test_case off[] = {
	{ "off: unlisted", UNLISTED_PKT, PASS(OFF, NONE, NO_IP), .mode = OFF },
	{ "off: listed", LISTED_PKT, PASS(OFF, NONE, NO_IP), .mode = OFF },
	{ "off: truncated", TRUNCATED_PKT, PASS(OFF, NONE, NO_IP), .mode = OFF },
	{ "off: bad header", BAD_PKT, PASS(OFF, NONE, NO_IP), .mode = OFF },
	{ "off: long chain", CHAIN_PKT, PASS(OFF, NONE, NO_IP), .mode = OFF },
	{ "off: three tags", TAGS_PKT, PASS(OFF, NONE, NO_IP), .mode = OFF },
	{ "off: Ethernet header alone", PKT(ETH(), NEXT(0x800)), PASS(OFF, NONE, NO_IP),
	  .mode = OFF },
	{ "off: ARP", PKT(ETH(), ARP(1)), PASS(OFF, NONE, NO_IP), .mode = OFF },
};

static const struct test_case monitor[] = {
	{ "monitor: unlisted", UNLISTED_PKT, MONITORED(UNLISTED, SIP, V4), .mode = MONITOR },
	{ "monitor: unlisted, IPv6", PKT(ETH(), IPV6(), TCP(9, 443)),
	  MONITORED(UNLISTED, HTTPS, V6), .mode = MONITOR },
	{ "monitor: truncated", TRUNCATED_PKT, MONITORED(TRUNCATED, NONE, V6), .mode = MONITOR },
	{ "monitor: truncated before IP", PKT(ETH(), NEXT(0x8100)),
	  MONITORED(TRUNCATED, NONE, NO_IP), .mode = MONITOR },
	{ "monitor: bad header", BAD_PKT, MONITORED(BAD_HEADER, NONE, V4), .mode = MONITOR },
	{ "monitor: long chain", CHAIN_PKT, MONITORED(EXT_CHAIN, NONE, V6), .mode = MONITOR },
	{ "monitor: three tags", TAGS_PKT, MONITORED(VLAN_DEPTH, NONE, NO_IP), .mode = MONITOR },
	{ "monitor: listed", LISTED_PKT, PASS(LISTED, SIP, V4), .mode = MONITOR },
	{ "monitor: not guarded", PKT(ETH(), IPV4(), TCP(9, 22)), PASS(NOT_GUARDED, NONE, V4),
	  .mode = MONITOR },
	{ "monitor: ARP", PKT(ETH(), ARP(1)), PASS(NOT_IP, NONE, NO_IP), .mode = MONITOR },
	{ "monitor: ICMP", PKT(ETH(), IPV4(), ICMP(8)), PASS(OTHER_PROTOCOL, NONE, V4),
	  .mode = MONITOR },
	{ "monitor: later fragment", PKT(ETH(), IPV4(.frag = 9)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4), .mode = MONITOR },
	{ "monitor: DHCP", PKT(ETH(), IPV4(), UDP(67, 68)), PASS(DHCP, NONE, V4), .mode = MONITOR },
};

static const struct rules open_rules = {
	.guards = GUARDS({ AXP_UDP, 5060, 5060, BIT(TRUNK), TRUNK }),
	.nodes = NODES({ "198.51.100.0/24", BIT(TRUNK) }),
};

static const struct rules shut_rules = {
	.guards = GUARDS({ AXP_UDP, 5060, 5060, BIT(HTTPS), HTTPS }),
	.nodes = NODES({ .prefix = NULL }),
};

/* The same packet to each of four slots that differ. */
static const struct {
	const struct rules *rules;
	struct expect expect;
} slots[AXP_SLOTS] = {
	{ &standard_rules, DROP(UNLISTED, SIP, V4) },
	{ &open_rules, PASS(LISTED, TRUNK, V4) },
	{ &no_rules, PASS(NOT_GUARDED, NONE, V4) },
	{ &shut_rules, DROP(UNLISTED, HTTPS, V4) },
};

static void fill_slots(void)
{
	for (__u32 slot = 0; slot < AXP_SLOTS; slot++)
		fixture_rules(&fixture, slot, slots[slot].rules);
}

static void look_at(__u32 slot)
{
	static struct packet p;

	fixture_active(&fixture, AXP_MODE_ENFORCE, slot);
	packet_build(&p, UNLISTED_PKT);
	check_packet(&p, &slots[slot].expect, WHOLE_FRAME);
}

static void test_slot(void **state)
{
	fill_slots();
	look_at(*(const __u32 *)*state);
}

static void test_flips(void **state)
{
	static const __u32 order[] = { 0, 1, 0, 2, 3, 1, 3, 0, 0, 2, 1, 2, 3, 3, 1 };

	(void)state;
	fill_slots();
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		look_at(order[i]);
}

/* What a reload does: new rules into a slot that no packet looks at, then the flip. */
static void test_refill(void **state)
{
	static struct packet p;
	struct expect unlisted = DROP(UNLISTED, SIP, V4), listed = PASS(LISTED, TRUNK, V4);

	(void)state;
	fixture_rules(&fixture, 0, &standard_rules);
	fixture_rules(&fixture, 1, &shut_rules);
	fixture_active(&fixture, AXP_MODE_ENFORCE, 0);
	packet_build(&p, UNLISTED_PKT);
	check_packet(&p, &unlisted, WHOLE_FRAME);
	fixture_rules(&fixture, 1, &open_rules);
	check_packet(&p, &unlisted, WHOLE_FRAME);
	fixture_active(&fixture, AXP_MODE_ENFORCE, 1);
	check_packet(&p, &listed, WHOLE_FRAME);
	fixture_rules(&fixture, 0, &no_rules);
	check_packet(&p, &listed, WHOLE_FRAME);
}

static void test_mode_changes(void **state)
{
	static struct packet p;
	struct expect enforced = DROP(UNLISTED, SIP, V4), watched = MONITORED(UNLISTED, SIP, V4),
		      unseen = PASS(OFF, NONE, NO_IP);

	(void)state;
	fixture_rules(&fixture, 0, &standard_rules);
	packet_build(&p, UNLISTED_PKT);
	for (int round = 0; round < 3; round++) {
		fixture_active(&fixture, AXP_MODE_ENFORCE, 0);
		check_packet(&p, &enforced, WHOLE_FRAME);
		fixture_active(&fixture, AXP_MODE_MONITOR, 0);
		check_packet(&p, &watched, WHOLE_FRAME);
		fixture_active(&fixture, AXP_MODE_OFF, 0);
		check_packet(&p, &unseen, WHOLE_FRAME);
	}
}

/* Maps as the kernel makes them: nothing written, nothing dropped. */
static void test_untouched(void **state)
{
	struct fixture *fresh = test_malloc(sizeof(*fresh));
	static struct packet p;
	struct change change;

	(void)state;
	assert_int_equal(fixture_open(fresh), 0);
	packet_build(&p, UNLISTED_PKT);
	assert_int_equal(fixture_run(fresh, &p, WHOLE_FRAME), XDP_PASS);
	assert_int_equal(fixture_changes(fresh, &change, 1), 1);
	assert_int_equal(change.reason, AXP_REASON_OFF);
	assert_int_equal(change.bytes, p.len);
	fixture_close(fresh);
	test_free(fresh);
}

/* Packets of several kinds, one look at the end: all add up, nothing else moved. */
static void test_totals(void **state)
{
	const struct {
		const struct layer *layers;
		__u32 times;
	} mix[] = { { UNLISTED_PKT, 100 }, { LISTED_PKT, 70 }, { BAD_PKT, 3 } };
	struct change changes[4];
	static struct packet p;
	size_t lengths[3];

	(void)state;
	check_begins(&standard_rules, AXP_MODE_ENFORCE);
	for (size_t i = 0; i < 3; i++) {
		packet_build(&p, mix[i].layers);
		lengths[i] = p.len;
		for (__u32 n = 0; n < mix[i].times; n++)
			assert_true(fixture_run(&fixture, &p, WHOLE_FRAME) >= 0);
	}
	assert_int_equal(fixture_changes(&fixture, changes, 4), 3);
	for (size_t i = 0; i < 3; i++) {
		size_t kind = changes[i].reason == AXP_REASON_UNLISTED ? 0
			      : changes[i].reason == AXP_REASON_LISTED ? 1
								       : 2;

		assert_int_equal(changes[i].packets, mix[kind].times);
		assert_int_equal(changes[i].bytes, mix[kind].times * lengths[kind]);
	}
}

int main(void)
{
	static const __u32 numbers[AXP_SLOTS] = { 0, 1, 2, 3 };

	ADD_CASES(off);
	ADD_CASES(monitor);
	for (__u32 slot = 0; slot < AXP_SLOTS; slot++)
		cases_add_test(case_name("slot %u", slot), test_slot, &numbers[slot]);
	cases_add_test("flips between slots", test_flips, NULL);
	cases_add_test("a slot filled while another is looked at", test_refill, NULL);
	cases_add_test("changes of mode", test_mode_changes, NULL);
	cases_add_test("maps that nobody has written to", test_untouched, NULL);
	cases_add_test("counts add up", test_totals, NULL);
	return cases_run("modes");
}
