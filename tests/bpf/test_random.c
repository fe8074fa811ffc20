// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random packets against the model. To run others than always:
 * ALLOWXDP_TEST_SEED=n ALLOWXDP_TEST_PACKETS=n
 */
#include <errno.h>
#include <stdlib.h>
#include <linux/bpf.h>
#include "cases.h"
#include "generate.h"
#include "model.h"

enum {
	BATCH = 1000, /* packets between looks at all counters, and between changes of rules */
	MISMATCHES_SHOWN = 5,
	FIRST_BUFFER_MAX = 60, /* of the frames that are split */
};

struct run {
	const char *name;
	__u32 percent; /* of all packets */
	enum axp_mode mode;
	bool random_rules;
	__u32 mutated, split; /* of a hundred */
};

static const struct run runs[] = {
	{ "well-formed packets", 25, AXP_MODE_ENFORCE, false, 0, 0 },
	{ "well-formed packets, random rules", 30, AXP_MODE_ENFORCE, true, 0, 0 },
	{ "mutated packets", 20, AXP_MODE_ENFORCE, false, 70, 0 },
	{ "mutated packets, random rules, monitored", 15, AXP_MODE_MONITOR, true, 70, 0 },
	{ "packets whose first buffer ends anywhere", 10, AXP_MODE_ENFORCE, true, 30, 100 },
};

static __u64 number(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static bool agree(struct packet *p, size_t linear, __u32 *tally)
{
	struct expect want = model(fixture.rules[fixture.slot], fixture.mode, p->data, p->len);
	int action = fixture_run(&fixture, p, linear);
	struct change changes[3];
	size_t n;

	if (action == -ENOTSUP)
		skip();
	if (fixture_counted(&fixture, &want, p->len) &&
	    action == (want.verdict == AXP_DROP ? XDP_DROP : XDP_PASS)) {
		tally[want.reason]++;
		return true;
	}
	print_error("# the model: %s %s, service %u, family %u; the program returned %d\n",
		    want.verdict == AXP_DROP ? "drop" : "pass", reason_name(want.reason),
		    want.service, want.family, action);
	n = fixture_changes(&fixture, changes, 3);
	for (size_t i = 0; i < n && i < 3; i++)
		print_error("# counted: %s, service %u, family %u, %lld bytes\n",
			    reason_name(changes[i].reason), changes[i].service, changes[i].family,
			    changes[i].bytes);
	print_error("# %zu bytes in the first buffer (0: as many as go there)\n", linear);
	packet_dump(p);
	return false;
}

static void next_batch(struct generator *g, const struct run *run, __u32 batch)
{
	static struct generated_rules generated[AXP_SLOTS];
	struct change change;
	__u32 slot = batch % AXP_SLOTS;

	assert_int_equal(fixture_changes(&fixture, &change, 1), 0);
	if (run->random_rules) {
		generate_rules(g, &generated[slot]);
		fixture.rules[slot] = NULL; /* others, though in the same place */
		fixture_rules(&fixture, slot, &generated[slot].rules);
	} else {
		fixture_rules(&fixture, slot, &standard_rules);
	}
	fixture_active(&fixture, run->mode, slot);
	g->rules = fixture.rules[slot];
}

static void test_run(void **state)
{
	const struct run *run = *state;
	__u64 seed = number("ALLOWXDP_TEST_SEED", 20260101);
	__u64 packets = number("ALLOWXDP_TEST_PACKETS", 200000) * run->percent / 100;
	struct generator g = { .state = seed + (run - runs) };
	__u32 mismatches = 0, tally[AXP_REASONS] = { 0 };
	static struct packet p;

	print_message("# %s: %llu packets, seed %llu\n", run->name, packets, seed);
	for (__u64 i = 0; i < packets && mismatches < MISMATCHES_SHOWN; i++) {
		size_t linear = WHOLE_FRAME;

		if (i % BATCH == 0)
			next_batch(&g, run, i / BATCH);
		generate_packet(&g, &p);
		if (chance(&g, run->mutated))
			mutate_packet(&g, &p);
		if (chance(&g, run->split) && p.len >= FIRST_BUFFER_MAX)
			linear = 14 + random_below(&g, FIRST_BUFFER_MAX - 14);
		if (!agree(&p, linear, tally)) {
			print_error("# that was packet %llu\n", i);
			mismatches++;
		}
	}
	for (__u32 reason = 0; reason < AXP_REASONS; reason++)
		print_message("# %8u %s\n", tally[reason], reason_name(reason));
	assert_int_equal(mismatches, 0);
	next_batch(&g, run, 0);
	/* A generator that never gets somewhere tests nothing there. */
	for (__u32 reason = 0; packets >= 10000 && reason < AXP_REASONS; reason++)
		assert_true(tally[reason] > 0 || reason == AXP_REASON_OFF);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		cases_add_test(runs[i].name, test_run, &runs[i]);
	return cases_run("random");
}
