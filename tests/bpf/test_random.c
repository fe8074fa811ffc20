// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random packets, in and out, against the model and what it remembers. To run others than always:
 * ALLOWXDP_TEST_SEED=n ALLOWXDP_TEST_PACKETS=n. Where they disagree, the packets up to that one are
 * in ALLOWXDP_TEST_CAPTURES (the current directory) as a capture. ALLOWXDP_TEST_BREAK=n: the model
 * is wrong about packet n of each run, which must be found.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/bpf.h>
#include "cases.h"
#include "generate.h"
#include "trail.h"

enum {
	PACKETS = 200000,
	BATCH = 1500,   /* packets between looks at all counters, and between changes of rules */
	BATCH_MS = 400, /* or so long, as the model's clock stands still meanwhile */
	MISMATCHES_SHOWN = 5,
	FIRST_BUFFER_MAX = 60, /* of the frames that are split */
	OUT_MAX = 3000,
	AGES_IN_1000 = 5,
};

struct run {
	const char *name;
	__u32 percent; /* of all packets */
	enum axp_mode mode;
	bool random_rules;
	__u32 mutated, split; /* of a hundred */
	__u32 changes;        /* of a thousand: rules and mode, what came before is still known */
};

static const struct run runs[] = {
	{ "well-formed packets", 25, AXP_MODE_ENFORCE, false, 0, 0 },
	{ "well-formed packets, random rules", 30, AXP_MODE_ENFORCE, true, 0, 0 },
	{ "mutated packets", 15, AXP_MODE_ENFORCE, false, 70, 0 },
	{ "mutated packets, random rules, monitored", 10, AXP_MODE_MONITOR, true, 70, 0 },
	{ "learning, random rules", 5, AXP_MODE_LEARN, true, 0, 0 },
	{ "packets whose first buffer ends anywhere", 10, AXP_MODE_ENFORCE, true, 30, 100 },
	{ "rules and modes that change", 5, AXP_MODE_ENFORCE, true, 10, 0, 20 },
};

static __u64 number(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* Packets on which program and model agreed. */
static __u32 tally[AXP_DIRECTIONS][AXP_REASONS];

static struct trail trail;

static struct expect modelled(const struct packet *p, bool out)
{
	const struct rules *rules = fixture.rules[fixture.slot];

	if (out)
		return model_out(&memory, rules, fixture.mode, p->data, p->len);
	return model_in(&memory, rules, fixture.mode, p->data, p->len);
}

static int wanted_action(const struct expect *e)
{
	if (e->direction == AXP_OUT)
		return e->verdict == AXP_DROP ? EGRESS_DROP : EGRESS_NEXT;
	return e->verdict == AXP_DROP ? XDP_DROP : XDP_PASS;
}

/* Says where it is. */
static void capture_differences(int action)
{
	static __u32 captures;
	const char *directory = getenv("ALLOWXDP_TEST_CAPTURES");
	char path[PATH_MAX], program[32];

	snprintf(path, sizeof(path), "%s/random-%d-%u.pcapng", directory ? directory : ".",
		 getpid(), captures++);
	snprintf(program, sizeof(program), "returned %d", action);
	if (trail_write(&trail, path, program))
		print_error("# %s: the last packet is the one\n", path);
}

static bool agree(struct packet *p, bool out, size_t linear, bool wrong)
{
	struct change changes[3];
	struct expect want;
	int action;
	size_t n;

	if (!fixture_takes(&fixture, p))
		return true;
	want = modelled(p, out);
	action = out ? fixture_run_out(&fixture, p) : fixture_run(&fixture, p, linear);
	if (wrong)
		want.verdict = want.verdict == AXP_DROP ? AXP_PASS : AXP_DROP;
	trail_add(&trail, memory.now, &want, p->data, p->len);
	if (action == -ENOTSUP)
		skip();
	/* The kernel does not try an skb without a whole IP header. Nothing would come of it. */
	if (action == -ENODATA && want.uncounted && p->len < 14 + 40)
		return true;
	if (fixture_counted(&fixture, &want, p->len) && action == wanted_action(&want)) {
		tally[out][want.reason] += !want.uncounted;
		return true;
	}
	print_error("# the model: %s %s%s, direction %u, service %u, family %u; the program "
		    "returned %d\n",
		    want.verdict == AXP_DROP ? "drop" : "pass", reason_name(want.reason),
		    want.uncounted ? " (uncounted)" : "", want.direction, want.service, want.family,
		    action);
	n = fixture_changes(&fixture, changes, 3);
	for (size_t i = 0; i < n && i < 3; i++)
		print_error("# counted: %s, direction %u, service %u, family %u, %lld bytes\n",
			    reason_name(changes[i].reason), changes[i].direction,
			    changes[i].service, changes[i].family, changes[i].bytes);
	print_error("# %zu bytes in the first buffer (0: as many as go there)\n", linear);
	packet_dump(p);
	capture_differences(action);
	return false;
}

/* Ages are even, limits odd: where time matters, by a second at least. */
static const struct limits limits = { 15, 35, 9 };

/* Rules that never change; every other batch refuses fragments. */
static const struct rules *fixed_rules(__u32 batch)
{
	static struct rules fixed[2];
	struct rules *rules = &fixed[batch % 2];

	if (!rules->guards) {
		*rules = standard_rules;
		rules->limits = limits;
		rules->refuse_fragments = batch % 2;
	}
	return rules;
}

static const struct rules *random_rules(struct generator *g, __u32 slot)
{
	static struct generated_rules generated[AXP_SLOTS];

	generate_rules(g, &generated[slot]);
	generated[slot].rules.limits = limits;
	fixture.rules[slot] = NULL; /* others, though in the same place */
	return &generated[slot].rules;
}

/* Two generations: packets go by the one, or by the other, which is in the next slot. */
static const struct rules *generations[2];
static __u32 first_slot;

static void use_generation(struct generator *g, __u32 which, enum axp_mode mode)
{
	g->rules = generations[which];
	fixture_active(&fixture, mode, (first_slot + which) % AXP_SLOTS);
}

/* A reload or another mode, seldom. */
static void sometimes_change(struct generator *g, const struct run *run)
{
	static const enum axp_mode modes[] = { AXP_MODE_ENFORCE, AXP_MODE_ENFORCE, AXP_MODE_MONITOR,
					       AXP_MODE_LEARN, AXP_MODE_OFF };

	if (random_below(g, 1000) < run->changes)
		use_generation(g, random_below(g, 2),
			       modes[random_below(g, sizeof(modes) / sizeof(modes[0]))]);
}

static void fill_second(struct generator *g, __u32 slot)
{
	static struct generated_rules varied;

	vary_rules(g, generations[0], &varied);
	generations[1] = &varied.rules;
	fixture.rules[slot] = NULL; /* others, though in the same place */
	fixture_rules(&fixture, slot, generations[1]);
}

static void next_batch(struct generator *g, const struct run *run, __u32 batch)
{
	__u32 slot = batch % AXP_SLOTS;
	struct change change;

	assert_int_equal(fixture_changes(&fixture, &change, 1), 0);
	check_memory();
	check_forgets();
	trail_forget(&trail);
	generations[0] = run->random_rules ? random_rules(g, slot) : fixed_rules(batch);
	fixture_rules(&fixture, slot, generations[0]);
	if (run->changes)
		fill_second(g, (slot + 1) % AXP_SLOTS);
	first_slot = slot;
	use_generation(g, 0, run->mode);
}

static void sometimes_age(struct generator *g)
{
	__u32 ms = chance(g, 70) ? 2000 : 30000;

	if (random_below(g, 1000) >= AGES_IN_1000)
		return;
	fixture_age(&fixture, ms);
	model_age(&memory, ms);
}

/* A generator that never gets somewhere tests nothing there. */
static void test_tally(void **state)
{
	(void)state;
	for (__u32 reason = 0; reason < AXP_REASONS; reason++)
		print_message("# %8u in %8u out %s\n", tally[AXP_IN][reason],
			      tally[AXP_OUT][reason], reason_name(reason));
	if (number("ALLOWXDP_TEST_PACKETS", PACKETS) < PACKETS)
		skip();
	for (__u32 reason = 0; reason < AXP_REASONS; reason++) {
		bool in = reason != AXP_REASON_OFF && reason != AXP_REASON_ANSWER;
		bool out = reason == AXP_REASON_LISTED || reason == AXP_REASON_UNLISTED ||
			   reason == AXP_REASON_ANSWER || reason == AXP_REASON_FRAGMENT ||
			   reason == AXP_REASON_FRAGMENT_DROPPED;

		assert_true(!in || tally[AXP_IN][reason] > 0);
		assert_true(!out || tally[AXP_OUT][reason] > 0);
	}
}

static void test_run(void **state)
{
	const struct run *run = *state;
	__u64 seed = number("ALLOWXDP_TEST_SEED", 20260101);
	__u64 packets = number("ALLOWXDP_TEST_PACKETS", PACKETS) * run->percent / 100;
	__u64 wrong = number("ALLOWXDP_TEST_BREAK", ~0ULL);
	struct generator g = { .state = seed + (run - runs), .again = 85 };
	__u32 mismatches = 0, batches = 0, in_batch = BATCH;
	static struct packet p;

	print_message("# %s: %llu packets, seed %llu\n", run->name, packets, seed);
	for (__u64 i = 0; i < packets && mismatches < MISMATCHES_SHOWN; i++) {
		size_t linear = WHOLE_FRAME;

		if (in_batch++ == BATCH || check_elapsed() > BATCH_MS) {
			next_batch(&g, run, batches++);
			in_batch = 1;
		}
		sometimes_age(&g);
		sometimes_change(&g, run);
		g.out = chance(&g, 40);
		generate_packet(&g, &p);
		if (chance(&g, run->mutated))
			mutate_packet(&g, &p);
		if (chance(&g, run->split) && p.len >= FIRST_BUFFER_MAX)
			linear = 14 + random_below(&g, FIRST_BUFFER_MAX - 14);
		if (p.len > OUT_MAX)
			g.out = false; /* the kernel does not try such at the egress */
		if (!agree(&p, g.out, linear, i == wrong)) {
			print_error("# that was packet %llu\n", i);
			mismatches++;
		}
	}
	assert_int_equal(mismatches, 0);
	next_batch(&g, run, 0);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		cases_add_test(runs[i].name, test_run, &runs[i]);
	cases_add_test("every reason was met", test_tally, NULL);
	return cases_run("random");
}
