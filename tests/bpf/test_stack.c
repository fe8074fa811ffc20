// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The filter before Linux's real stack. What it lets pass is put into a namespace of its own, whose
 * sockets then tell whom they heard: at a guarded port nobody who isn't listed, however the packets
 * were bent or cut to pieces. And what it drops as malformed is put there too: nobody may hear it,
 * or the filter would drop what a host without it takes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include "cases.h"
#include "generate.h"
#include "stack.h"
#include "train.h"

enum { PACKETS = 40000, TRAINS = 4000, HEARD_AT_LEAST = 200 };

static const __u16 udp_ports[] = { 5060, 12000, 20050, 53, 67, 68, 546, 547, 0 };
static const __u16 tcp_ports[] = { 443, 5061, 22, 53, 0 };

#define GUARDED                                                                                  \
	GUARDS({ AXP_UDP, 5060, 5060, BIT(SIP), SIP }, { AXP_UDP, 12000, 12000, BIT(RTP), RTP }, \
	       { AXP_UDP, 20050, 20050, BIT(RTP) | BIT(TRUNK), RTP },                            \
	       { AXP_TCP, 443, 443, BIT(HTTPS), HTTPS }, { AXP_TCP, 5061, 5061, BIT(SIP), SIP }, \
	       { AXP_UDP, 67, 68, BIT(DHCPD), DHCPD }, { AXP_UDP, 546, 547, BIT(DHCPD), DHCPD })

#define LISTED                                                                                 \
	NODES({ "192.0.2.0/24", BIT(SIP) | BIT(RTP) },                                         \
	      { "192.0.2.128/25", BIT(SIP) | BIT(RTP) | BIT(HTTPS) }, { "192.0.2.201/32", 0 }, \
	      { "198.18.0.0/15", BIT(TRUNK) }, { "2001:db8:1::/48", BIT(SIP) | BIT(RTP) },     \
	      { "2001:db8:1:80::/57", BIT(SIP) | BIT(RTP) | BIT(HTTPS) },                      \
	      { "2001:db8:2::/47", BIT(TRUNK) })

static const struct rules rules = { .guards = GUARDED, .nodes = LISTED };
static const struct rules refusing = { .guards = GUARDED,
				       .nodes = LISTED,
				       .refuse_fragments = true };

static struct stack stack;

static void need_stack(void)
{
	static bool tried;
	static int err;

	if (!tried)
		err = stack_open(&stack, udp_ports, tcp_ports);
	tried = true;
	if (err == -EPERM || err == -EACCES || err == -ENOENT || err == -ENODEV) {
		print_message("# no namespace or no tap: %s\n", strerror(-err));
		skip();
	}
	assert_int_equal(err, 0);
	check_begins(&rules, AXP_MODE_ENFORCE);
}

static __u64 seed_from_environment(void)
{
	const char *text = getenv("ALLOWXDP_TEST_SEED");

	return text ? strtoull(text, NULL, 0) : 20260102;
}

/* Would a plain packet from there to there be let in? */
static bool may_be_heard(const struct delivery *d)
{
	struct layer layers[] = {
		ETH(), IPV4(d->source), UDP(d->source_port, d->port), { LAYER_END }
	};
	static struct packet p;

	if (d->family == AXP_IPV6)
		layers[1] = (struct layer)IPV6(d->source);
	if (d->protocol == AXP_TCP)
		layers[2] = (struct layer)TCP(d->source_port, d->port);
	packet_build(&p, layers);
	return model(&rules, AXP_MODE_ENFORCE, p.data, p.len).verdict == AXP_PASS;
}

/* How many heard something; fails if one of them should not have. */
static size_t heard(const struct packet *p)
{
	struct delivery d;
	size_t n = 0;

	for (; stack_next(&stack, &d); n++) {
		if (may_be_heard(&d))
			continue;
		print_error("# %s port %u heard %s port %u\n",
			    d.protocol == AXP_TCP ? "TCP" : "UDP", d.port, d.source, d.source_port);
		packet_dump(p);
		fail();
	}
	return n;
}

static size_t filter(const struct packet *p)
{
	int action = fixture_run(&fixture, p, WHOLE_FRAME);

	assert_true(action == XDP_PASS || action == XDP_DROP);
	if (action == XDP_PASS)
		stack_send(&stack, p);
	return heard(p);
}

static void test_passed(void **state)
{
	struct generator g = { .state = seed_from_environment(), .rules = &rules };
	static struct packet p;
	size_t n = 0;

	(void)state;
	need_stack();
	for (int i = 0; i < PACKETS; i++) {
		cases_generate(&g, &p);
		if (chance(&g, 40))
			mutate_packet(&g, &p);
		n += filter(&p);
	}
	print_message("# %d packets, %zu heard\n", PACKETS, n);
	assert_true(n >= HEARD_AT_LEAST);
}

/* Of more tags and longer chains than are followed Linux takes some: that is what limits mean. */
static bool malformed(const struct packet *p)
{
	struct expect e = model(&rules, AXP_MODE_ENFORCE, p->data, p->len);

	return e.reason == AXP_REASON_TRUNCATED || e.reason == AXP_REASON_BAD_HEADER;
}

static void test_malformed(void **state)
{
	struct generator g = { .state = seed_from_environment() + 1,
			       .rules = &rules,
			       .no_fragments = true };
	struct delivery d;
	static struct packet p;
	size_t n = 0;

	(void)state;
	need_stack();
	for (int i = 0; i < PACKETS; i++) {
		cases_generate(&g, &p);
		if (chance(&g, 80))
			mutate_packet(&g, &p);
		if (!malformed(&p))
			continue;
		assert_int_equal(fixture_run(&fixture, &p, WHOLE_FRAME), XDP_DROP);
		stack_send(&stack, &p);
		n++;
		if (!stack_next(&stack, &d))
			continue;
		print_error("# dropped, but port %u would have heard it\n", d.port);
		packet_dump(&p);
		fail();
	}
	print_message("# %zu malformed packets\n", n);
	assert_true(n >= HEARD_AT_LEAST);
}

/* The same frames, off: the sockets do hear the unlisted, so that silence above means something. */
static void test_off(void **state)
{
	struct generator g = { .state = seed_from_environment(), .rules = &rules };
	static struct packet p;
	size_t intruders = 0;
	struct delivery d;

	(void)state;
	need_stack();
	fixture_active(&fixture, AXP_MODE_OFF, 0);
	for (int i = 0; i < PACKETS / 4; i++) {
		cases_generate(&g, &p);
		assert_int_equal(fixture_run(&fixture, &p, WHOLE_FRAME), XDP_PASS);
		stack_send(&stack, &p);
		while (stack_next(&stack, &d))
			intruders += !may_be_heard(&d);
	}
	print_message("# %zu heard that must not be\n", intruders);
	assert_true(intruders >= HEARD_AT_LEAST);
}

static const struct train_kind {
	const char *name;
	enum axp_family family;
	const char *source;
	bool listed;
	const struct rules *rules;
} train_kinds[] = {
	{ "IPv4 fragments from an unlisted source", AXP_IPV4, "198.51.100.7", false, &rules },
	{ "IPv4 fragments from a listed source", AXP_IPV4, "192.0.2.9", true, &rules },
	{ "IPv6 fragments from an unlisted source", AXP_IPV6, "2001:db8:bad::7", false, &rules },
	{ "IPv6 fragments from a listed source", AXP_IPV6, "2001:db8:1::9", true, &rules },
	{ "IPv4 fragments, unlisted, set to drop", AXP_IPV4, "198.51.100.7", false, &refusing },
	{ "IPv4 fragments, listed, set to drop", AXP_IPV4, "192.0.2.9", true, &refusing },
	{ "IPv6 fragments, unlisted, set to drop", AXP_IPV6, "2001:db8:bad::7", false, &refusing },
	{ "IPv6 fragments, listed, set to drop", AXP_IPV6, "2001:db8:1::9", true, &refusing },
};

static void test_trains(void **state)
{
	const struct train_kind *kind = *state;
	struct generator g = { .state = seed_from_environment() + 2 + (kind - train_kinds),
			       .rules = &rules };
	static struct train t;
	size_t n = 0, before, whole = 0;

	need_stack();
	fixture_rules(&fixture, 0, kind->rules);
	for (int i = 0; i < TRAINS; i++) {
		generate_train(&g, &t, kind->family, kind->source, 5060, 53);
		before = n;
		for (size_t j = 0; j < t.n; j++)
			n += filter(&t.packets[j]);
		if (!kind->listed || !t.whole)
			continue;
		assert_int_equal(n - before, 1); /* in whatever order it came */
		whole++;
	}
	assert_true(!kind->listed || whole >= HEARD_AT_LEAST);
	print_message("# %d datagrams in fragments, %zu heard, of %zu whole ones all\n", TRAINS, n,
		      whole);
	/* Of the unlisted ones port 53 may hear some, none of them in full measure. */
	assert_true(!kind->listed || n >= HEARD_AT_LEAST);
}

int main(void)
{
	cases_add_test("what passes is heard from listed sources alone", test_passed, NULL);
	cases_add_test("what is malformed would be heard by nobody", test_malformed, NULL);
	cases_add_test("off: everybody is heard", test_off, NULL);
	for (size_t i = 0; i < sizeof(train_kinds) / sizeof(train_kinds[0]); i++)
		cases_add_test(train_kinds[i].name, test_trains, &train_kinds[i]);
	return cases_run("stack");
}
