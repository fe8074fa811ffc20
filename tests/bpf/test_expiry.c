// SPDX-License-Identifier: GPL-2.0-or-later
/* What the clock changes: entries that expire, and a generation that nobody confirmed. */
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/bpf.h>
#include "cases.h"

/* Entries of four lists go one after the other; at the end nothing is open. */
#define ONE_BY_ONE(n)                                                            \
	(&(const struct expiry){ .steps = 4,                                     \
				 .passed = (n),                                  \
				 .services = { BIT(SIP) | BIT(RTP) | BIT(HTTPS), \
					       BIT(SIP) | BIT(RTP), BIT(SIP), 0 } })
/* A hole is filled again: it opens more as time goes by. */
#define HOLE_ENDS(n) (&(const struct expiry){ .steps = 1, .passed = (n), .services = { BIT(SIP) } })
#define LOST         (&(const struct expiry){ .lost = true, .steps = 1, .passed = 1 })

#define RULES_WITH(...)                                                                           \
	(&(const struct rules){ .guards = GUARDS({ AXP_UDP, 5060, 5060, BIT(SIP), SIP },          \
						 { AXP_TCP, 443, 443, BIT(HTTPS), HTTPS },        \
						 { AXP_UDP, 7000, 7000, BIT(SIP), SIP, AXP_OUT }, \
						 { AXP_UDP, 40000, 40000, BIT(SIP), SIP }),       \
				.nodes = NODES(__VA_ARGS__),                                      \
				.refuse_fragments = true })

#define ALL (BIT(SIP) | BIT(RTP) | BIT(HTTPS) | BIT(TRUNK))

#define FADING(n)                                             \
	RULES_WITH({ "198.51.100.0/24", ALL, ONE_BY_ONE(n) }, \
		   { "2001:db8:bad::/48", ALL, ONE_BY_ONE(n) }, { "192.0.2.0/24", BIT(SIP) })

#define SIP4   ARRIVES(PKT(ETH(), IPV4(), UDP(9, 5060)), PASS(LISTED, SIP, V4))
#define SIP6   ARRIVES(PKT(ETH(), IPV6(), UDP(9, 5060)), PASS(LISTED, SIP, V6))
#define HTTPS4 ARRIVES(PKT(ETH(), IPV4(), TCP(9, 443)), PASS(LISTED, HTTPS, V4))
#define HTTPS6 ARRIVES(PKT(ETH(), IPV6(), TCP(9, 443)), PASS(LISTED, HTTPS, V6))
#define OUT4   LEAVES(PKT(ETH(), IPV4(.dst = "198.51.100.1"), UDP(9, 7000)), GOES(LISTED, SIP, V4))
#define OUT6   LEAVES(PKT(ETH(), IPV6(.dst = "2001:db8:bad::1"), UDP(9, 7000)), GOES(LISTED, SIP, V6))
#define PIECE4 ARRIVES(PKT(ETH(), IPV4(.frag = 9), NEXT(17)), PASS(FRAGMENT_LISTED, NONE, V4))
#define PIECE6 \
	ARRIVES(PKT(ETH(), IPV6(), FRAG(.offset = 9), NEXT(17)), PASS(FRAGMENT_LISTED, NONE, V6))

#define NO_SIP4   ARRIVES(PKT(ETH(), IPV4(), UDP(9, 5060)), DROP(UNLISTED, SIP, V4))
#define NO_SIP6   ARRIVES(PKT(ETH(), IPV6(), UDP(9, 5060)), DROP(UNLISTED, SIP, V6))
#define NO_HTTPS4 ARRIVES(PKT(ETH(), IPV4(), TCP(9, 443)), DROP(UNLISTED, HTTPS, V4))
#define NO_HTTPS6 ARRIVES(PKT(ETH(), IPV6(), TCP(9, 443)), DROP(UNLISTED, HTTPS, V6))
#define NO_OUT4 \
	LEAVES(PKT(ETH(), IPV4(.dst = "198.51.100.1"), UDP(9, 7000)), STOPPED(UNLISTED, SIP, V4))
#define NO_OUT6 \
	LEAVES(PKT(ETH(), IPV6(.dst = "2001:db8:bad::1"), UDP(9, 7000)), STOPPED(UNLISTED, SIP, V6))
#define NO_PIECE4 ARRIVES(PKT(ETH(), IPV4(.frag = 9), NEXT(17)), DROP(FRAGMENT_REFUSED, NONE, V4))
#define NO_PIECE6 \
	ARRIVES(PKT(ETH(), IPV6(), FRAG(.offset = 9), NEXT(17)), DROP(FRAGMENT_REFUSED, NONE, V6))

static const struct scene scenes[] = {
	{ "nothing has expired yet", STEPS(SIP4, SIP6, HTTPS4, HTTPS6, OUT4, OUT6, PIECE4, PIECE6),
	  FADING(0) },
	{ "one of four has", STEPS(SIP4, SIP6, HTTPS4, HTTPS6, OUT4, OUT6, PIECE4, PIECE6),
	  FADING(1) },
	{ "two have", STEPS(SIP4, SIP6, NO_HTTPS4, NO_HTTPS6, OUT4, OUT6, PIECE4, PIECE6),
	  FADING(2) },
	{ "three have", STEPS(SIP4, SIP6, NO_HTTPS4, NO_HTTPS6, OUT4, OUT6, PIECE4, PIECE6),
	  FADING(3) },
	{ "all have",
	  STEPS(NO_SIP4, NO_SIP6, NO_HTTPS4, NO_HTTPS6, NO_OUT4, NO_OUT6, NO_PIECE4, NO_PIECE6),
	  FADING(4) },
	{ "others stay as they are",
	  STEPS(ARRIVES(PKT(ETH(), IPV4("192.0.2.9"), UDP(9, 5060)), PASS(LISTED, SIP, V4))),
	  FADING(4) },
	{ "a hole, while it lasts", STEPS(NO_SIP4, NO_OUT4, NO_PIECE4),
	  RULES_WITH({ "198.51.0.0/16", BIT(SIP) }, { "198.51.100.0/24", 0, HOLE_ENDS(0) }) },
	{ "a hole, when its time is over", STEPS(SIP4, OUT4, PIECE4),
	  RULES_WITH({ "198.51.0.0/16", BIT(SIP) }, { "198.51.100.0/24", 0, HOLE_ENDS(1) }) },
	{ "a node that expired does not hide what is below it", STEPS(SIP4, NO_HTTPS4),
	  RULES_WITH({ "198.51.0.0/16", ALL, ONE_BY_ONE(4) }, { "198.51.100.0/24", BIT(SIP) }) },
	{ "a node that lasts hides one above it that expired", STEPS(NO_SIP4),
	  RULES_WITH({ "198.51.0.0/16", ALL, ONE_BY_ONE(0) }, { "198.51.100.0/24", 0 }) },
	{ "steps that are not there: what was when it was written", STEPS(SIP4, HTTPS4, OUT4),
	  RULES_WITH({ "198.51.100.0/24", ALL, LOST }) },
	{ "steps that are not there: nothing was", STEPS(NO_SIP4, NO_HTTPS4, NO_OUT4),
	  RULES_WITH({ "198.51.100.0/24", 0, LOST }) },
	{ "all addresses, for a time", STEPS(NO_SIP4, NO_SIP6),
	  RULES_WITH({ "0.0.0.0/0", ALL, ONE_BY_ONE(4) }, { "::/0", ALL, ONE_BY_ONE(4) }) },
	{ "a peer who has expired is a stranger to flows",
	  STEPS(LEAVES(PKT(ETH(), IPV4("203.0.113.1", "198.51.100.1"), UDP(40000, 53)),
		       GOES_UNSEEN),
		ARRIVES(PKT(ETH(), IPV4(), UDP(53, 40000)), PASS(REPLY, SIP, V4))),
	  FADING(4) },
	{ "a peer who has not is not",
	  STEPS(LEAVES(PKT(ETH(), IPV4("203.0.113.1", "198.51.100.1"), UDP(40000, 53)),
		       GOES_UNSEEN),
		ARRIVES(PKT(ETH(), IPV4(), UDP(53, 40000)), PASS(LISTED, SIP, V4)),
		RULES(FADING(4)),
		ARRIVES(PKT(ETH(), IPV4(), UDP(53, 40000)), DROP(UNLISTED, SIP, V4))),
	  FADING(3) },
};

/* 1 to 8 steps, none to all of them passed; each step opens a service of its own. */
static void test_steps(void **state)
{
	struct expiry expiry = { 0 };
	struct node nodes[] = { { "198.51.100.0/24", BIT(0), &expiry }, { NULL } };
	struct guard guards[AXP_TIMED_STEPS + 2] = { { 0 } };
	const struct rules rules = { .guards = guards, .nodes = nodes };

	(void)state;
	for (__u32 i = 0; i <= AXP_TIMED_STEPS; i++)
		guards[i] = (struct guard){ AXP_UDP, 1000 + i, 1000 + i, BIT(i), i };
	for (__u32 i = 0; i < AXP_TIMED_STEPS; i++)
		expiry.services[i] = BIT(i + 1);
	for (expiry.steps = 1; expiry.steps <= AXP_TIMED_STEPS; expiry.steps++)
		for (expiry.passed = 0; expiry.passed <= expiry.steps; expiry.passed++) {
			fixture.rules[0] = NULL;
			check_begins(&rules, AXP_MODE_ENFORCE);
			for (__u32 i = 0; i <= AXP_TIMED_STEPS; i++) {
				struct expect open = PASS(LISTED, i, V4),
					      shut = DROP(UNLISTED, i, V4);

				check_in(PKT(ETH(), IPV4(), UDP(9, 1000 + i)),
					 i == expiry.passed ? open : shut);
			}
		}
}

static __u64 boot_time(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &now), 0);
	return now.tv_sec * SECOND + now.tv_nsec;
}

static int run_sip(void)
{
	static struct packet p;

	packet_build(&p, PKT(ETH(), IPV4(), UDP(9, 5060)));
	return fixture_run(&fixture, &p, WHOLE_FRAME);
}

static int run_out(void)
{
	static struct packet p;

	packet_build(&p, PKT(ETH(), IPV4(.dst = "198.51.100.1"), UDP(9, 7000)));
	return fixture_run_out(&fixture, &p);
}

/* Whether there was time to see it both before its time and after: a machine may stand still. */
static bool expires_at(__u64 end)
{
	struct axp_timed timed = { .at = { end } };
	bool before = false, after = false;

	fixture_set_timed(&fixture, fixture.next_timed, &timed);
	while (!after) {
		__u64 start = boot_time();
		int action = run_sip(), out = run_out();

		if (boot_time() < end) {
			assert_int_equal(action, XDP_PASS);
			assert_int_equal(out, EGRESS_NEXT);
			before = true;
		} else if (start >= end) {
			assert_int_equal(action, XDP_DROP);
			assert_int_equal(out, EGRESS_DROP);
			after = true;
		}
	}
	return before;
}

/* In real time, to the nanosecond: passed before its time is called late, stopped after. */
static void test_real_time(void **state)
{
	int tries = 1;

	(void)state;
	check_begins(RULES_WITH({ "198.51.100.0/24", ALL, HOLE_ENDS(0) }), AXP_MODE_ENFORCE);
	while (!expires_at(boot_time() + SECOND / 5))
		assert_in_range(++tries, 2, 20);
}

/* ---- deadline ---- */

static const struct rules old_rules = {
	.guards = GUARDS({ AXP_UDP, 5060, 5060, BIT(TRUNK), TRUNK },
			 { AXP_UDP, 7000, 7000, BIT(TRUNK), TRUNK, AXP_OUT }),
	.nodes = NODES({ "198.51.100.0/24", BIT(TRUNK) }),
};

static const struct rules new_rules = {
	.guards = GUARDS({ AXP_UDP, 5060, 5060, BIT(SIP), SIP },
			 { AXP_UDP, 7000, 7000, BIT(SIP), SIP, AXP_OUT }),
	.nodes = NODES({ .prefix = NULL }),
};

/* New rules in slot 1, and in 0 what there was before. */
static void go_to_new(void)
{
	check_begins(&old_rules, AXP_MODE_ENFORCE);
	fixture_rules(&fixture, 1, &new_rules);
	fixture_active(&fixture, AXP_MODE_ENFORCE, 1);
	fixture_changes(&fixture, NULL, 0); /* those of other tests */
}

static struct change only_change(void)
{
	struct change changes[2];

	assert_int_equal(fixture_changes(&fixture, changes, 2), 1);
	return changes[0];
}

static void look(__u32 service, enum axp_reason reason, bool monitored)
{
	bool drop = reason < AXP_DROP_REASONS && !monitored;
	struct change c;

	assert_int_equal(run_sip(), drop ? XDP_DROP : XDP_PASS);
	c = only_change();
	assert_int_equal(c.direction, AXP_IN);
	assert_int_equal(c.service, service);
	assert_int_equal(c.reason, reason);
	assert_int_equal(c.monitored, monitored);
	assert_int_equal(run_out(), drop ? EGRESS_DROP : EGRESS_NEXT);
	if (reason == AXP_REASON_OFF) {
		assert_int_equal(fixture_changes(&fixture, &c, 1), 0);
		return;
	}
	c = only_change();
	assert_int_equal(c.direction, AXP_OUT);
	assert_int_equal(c.service, service);
	assert_int_equal(c.reason, reason);
	assert_int_equal(c.monitored, monitored);
}

static void look_new(void)
{
	look(SIP, AXP_REASON_UNLISTED, false);
}

static void test_deadline(void **state)
{
	(void)state;
	fixture_up_for(40 * SECOND);
	go_to_new();
	look_new();
	fixture_deadline(&fixture, AXP_MODE_ENFORCE, 0, 3600000);
	look_new();
	fixture_deadline(&fixture, AXP_MODE_ENFORCE, 0, -1);
	look(TRUNK, AXP_REASON_LISTED, false);
	fixture_deadline(&fixture, AXP_MODE_ENFORCE, 0, -30000);
	look(TRUNK, AXP_REASON_LISTED, false);
	fixture_active(&fixture, AXP_MODE_ENFORCE, 1); /* confirmed */
	look_new();
}

static void test_deadline_other_modes(void **state)
{
	(void)state;
	go_to_new();
	fixture_deadline(&fixture, AXP_MODE_OFF, 0, -1); /* first load: nothing was before */
	look(NONE, AXP_REASON_OFF, false);
	fixture_deadline(&fixture, AXP_MODE_MONITOR, 1, -1); /* the same rules, enforced */
	look(SIP, AXP_REASON_UNLISTED, true);
	fixture_deadline(&fixture, AXP_MODE_MONITOR, 0, -1);
	look(TRUNK, AXP_REASON_LISTED, false);
	fixture_deadline(&fixture, AXP_MODE_MONITOR, 0, 3600000);
	look_new();
}

static const struct rules guarding = {
	.guards = GUARDS({ AXP_UDP, 40000, 40000, BIT(RTP), RTP }),
	.nodes = NODES({ .prefix = NULL }),
};

/* What leaves goes by the fallback's flows too: its limits, its services with replies. */
static void test_deadline_flows(void **state)
{
	static struct packet query, reply;

	(void)state;
	packet_build(&query, PKT(ETH(), IPV4("203.0.113.1", "198.51.100.1"), UDP(40000, 53)));
	packet_build(&reply, PKT(ETH(), IPV4(), UDP(53, 40000)));
	check_begins(&guarding, AXP_MODE_ENFORCE);
	fixture_rules(&fixture, 1, &new_rules);
	fixture_active(&fixture, AXP_MODE_ENFORCE, 1);
	fixture_run_out(&fixture, &query);
	assert_int_equal(fixture_entries(&fixture, FLOWS), 0);
	fixture_deadline(&fixture, AXP_MODE_ENFORCE, 0, -1);
	assert_int_equal(fixture_run(&fixture, &reply, WHOLE_FRAME), XDP_DROP);
	fixture_run_out(&fixture, &query);
	assert_int_equal(fixture_entries(&fixture, FLOWS), 1);
	assert_int_equal(fixture_run(&fixture, &reply, WHOLE_FRAME), XDP_PASS);
	fixture_deadline(&fixture, AXP_MODE_OFF, 0, -1);
	fixture_forget(&fixture);
	fixture_run_out(&fixture, &query);
	assert_int_equal(fixture_entries(&fixture, FLOWS), 0);
	assert_true(fixture_changes(&fixture, NULL, 0) > 0);
}

/* In 200 ms. Whether there was time to see it before. */
static bool deadline_passes(void)
{
	__u64 earliest = boot_time() + SECOND / 5, latest, start;
	bool before = false;

	fixture_deadline(&fixture, AXP_MODE_ENFORCE, 0, 200);
	latest = boot_time() + SECOND / 5;
	do {
		int action, out;

		start = boot_time();
		action = run_sip();
		out = run_out();
		if (boot_time() < earliest) {
			assert_int_equal(action, XDP_DROP);
			assert_int_equal(out, EGRESS_DROP);
			before = true;
		}
	} while (start < latest);
	return before;
}

/* It comes by itself, and both programs notice. */
static void test_deadline_passes(void **state)
{
	int tries = 1;

	(void)state;
	go_to_new();
	while (!deadline_passes())
		assert_in_range(++tries, 2, 20);
	fixture_changes(&fixture, NULL, 0);
	look(TRUNK, AXP_REASON_LISTED, false);
}

int main(void)
{
	ADD_SCENES(scenes);
	cases_add_test("one to eight steps", test_steps, NULL);
	cases_add_test("an entry expires in real time", test_real_time, NULL);
	cases_add_test("deadline: before it, after it, confirmed", test_deadline, NULL);
	cases_add_test("deadline: modes to fall back to", test_deadline_other_modes, NULL);
	cases_add_test("deadline: flows", test_deadline_flows, NULL);
	cases_add_test("deadline: in real time", test_deadline_passes, NULL);
	return cases_run("expiry");
}
