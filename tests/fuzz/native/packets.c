// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random packets under random rules, as many as are asked for:
 *
 *	packets [--packets N | --seconds N] [--seed N] [--out DIRECTORY]
 *
 * A batch is a set of rules and the packets that go by them. Its number and the seed make it what
 * it is: `--seed S --batch B` runs that one alone. Exit status 1 and DIRECTORY/packets-S-B.pcapng:
 * programs and model did not agree on the last packet in there, or the sanitizers stopped at it.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sanitizer/common_interface_defs.h>
#include "generate.h"
#include "versus.h"

enum {
	AGES_IN_1000 = 5,
	OLDEST = 60, /* bytes of a first buffer: more, and it counts as the frame */
	FINDINGS_MAX = 10,
	ROUNDS = 6, /* of VERSUS_PACKETS in a batch: new rules take long */
};

struct options {
	unsigned long long packets, seconds, seed, batch;
	bool one_batch;
	const char *out;
};

struct run {
	enum axp_mode mode;
	bool random_rules, frags;
	__u32 mutated, split; /* of a hundred */
	__u32 changes;        /* of a thousand: rules and mode, what came before is still known */
};

static const struct run runs[] = {
	{ AXP_MODE_ENFORCE, true, false, 0, 0 },    { AXP_MODE_ENFORCE, true, true, 0, 0 },
	{ AXP_MODE_ENFORCE, true, true, 50, 0 },    { AXP_MODE_ENFORCE, false, true, 70, 0 },
	{ AXP_MODE_MONITOR, true, true, 30, 0 },    { AXP_MODE_LEARN, true, true, 10, 0 },
	{ AXP_MODE_ENFORCE, true, true, 30, 100 },  { AXP_MODE_MONITOR, false, true, 30, 60 },
	{ AXP_MODE_ENFORCE, true, true, 0, 0, 20 }, { AXP_MODE_ENFORCE, false, true, 20, 20, 5 },
};

static const struct limits limits = { 15, 35, 9 };
static unsigned long long tally[AXP_DIRECTIONS][AXP_REASONS];
static char capture[PATH_MAX]; /* where to write what is found in this batch */

static const struct rules *fixed_rules(bool refuse_fragments)
{
	static struct rules rules;

	rules = standard_rules;
	rules.limits = limits;
	rules.refuse_fragments = refuse_fragments;
	return &rules;
}

static const struct rules *choose_rules(struct generator *g, const struct run *run)
{
	static struct generated_rules generated;

	if (!run->random_rules)
		return fixed_rules(chance(g, 50));
	generate_rules(g, &generated);
	generated.rules.limits = limits;
	return &generated.rules;
}

/* Two generations: packets go by the one, or by the other. */
struct generations {
	const struct rules *rules[2];
	__u32 slot; /* of the first; the other one is in the next */
};

static void choose_generations(struct generator *g, const struct run *run, struct generations *both)
{
	static struct generated_rules varied;

	both->slot = random_below(g, AXP_SLOTS);
	both->rules[0] = both->rules[1] = choose_rules(g, run);
	versus_fill(both->rules[0], both->slot);
	if (!run->changes)
		return;
	vary_rules(g, both->rules[0], &varied);
	both->rules[1] = &varied.rules;
	versus_fill(both->rules[1], (both->slot + 1) % AXP_SLOTS);
}

static void use_generation(struct generator *g, const struct generations *both, __u32 which,
			   enum axp_mode mode)
{
	g->rules = both->rules[which];
	versus_use(g->rules, mode, (both->slot + which) % AXP_SLOTS);
}

/* A reload or another mode, seldom. */
static void sometimes_change(struct generator *g, const struct run *run,
			     const struct generations *both)
{
	static const enum axp_mode modes[] = { AXP_MODE_ENFORCE, AXP_MODE_ENFORCE, AXP_MODE_MONITOR,
					       AXP_MODE_LEARN, AXP_MODE_OFF };

	if (random_below(g, 1000) < run->changes)
		use_generation(g, both, random_below(g, 2),
			       modes[random_below(g, sizeof(modes) / sizeof(modes[0]))]);
}

/* Somebody who watches changes nothing. */
static void choose_watcher(struct generator *g)
{
	const struct axp_watcher watcher = {
		.until = ~0ULL,
		.interval = random_below(g, 1000000),
		.burst = 1000000000,
		.services = ~0ULL,
		.reasons = random_below(g, 0xffffffff),
		.no_service = 1,
		.directions = 3,
		.snaplen = random_below(g, 70000),
	};

	native_watch(chance(g, 25) ? &watcher : NULL, 1 + random_below(g, 3));
}

/* Whether they agree. */
static bool next_packet(struct generator *g, const struct run *run)
{
	static struct packet p;
	int linear = NATIVE_WHOLE;
	struct expect e;

	if (random_below(g, 1000) < AGES_IN_1000)
		versus_age(chance(g, 70) ? 2000 : 30000);
	g->out = chance(g, 40);
	generate_packet(g, &p);
	if (chance(g, run->mutated))
		mutate_packet(g, &p);
	if (chance(g, run->split) && p.len >= OLDEST)
		linear = random_below(g, OLDEST);
	if (!versus_packet(p.data, p.len, g->out, linear, run->frags))
		return false;
	e = versus_expected();
	tally[e.direction][e.reason] += !e.uncounted;
	return true;
}

/* How many packets it ran; *agree is false if it came to an end early. */
static unsigned long long run_batch(const struct options *o, unsigned long long batch, bool *agree)
{
	struct generator g = { .state = (o->seed + batch) * 0x9e3779b97f4a7c15ULL, .again = 85 };
	const struct run *run = &runs[batch % (sizeof(runs) / sizeof(runs[0]))];
	struct generations both;

	snprintf(capture, sizeof(capture), "%s/packets-%llu-%llu.pcapng", o->out, o->seed, batch);
	choose_generations(&g, run, &both);
	use_generation(&g, &both, 0, run->mode);
	choose_watcher(&g);
	for (unsigned long long i = 0; i < ROUNDS * VERSUS_PACKETS; i++) {
		if (i % VERSUS_PACKETS == 0)
			versus_forget((__u32)(batch + i));
		sometimes_change(&g, run, &both);
		if (next_packet(&g, run))
			continue;
		versus_write(capture);
		fprintf(stderr, "packet %llu of --seed %llu --batch %llu: %s\n", i, o->seed, batch,
			capture);
		*agree = false;
		return i + 1;
	}
	if (!versus_counted()) {
		fprintf(stderr, "in --seed %llu --batch %llu\n", o->seed, batch);
		*agree = false;
	}
	return ROUNDS * VERSUS_PACKETS;
}

/* The process dies of a packet: of the sanitizers, or of a rule that native.c watches over. */
static void write_last(void)
{
	versus_write(capture);
	fprintf(stderr, "packet that ended it: %s\n", capture);
}

static void on_abort(int signal)
{
	(void)signal;
	write_last();
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_all(const struct options *o)
{
	unsigned long long done = 0, batch = o->batch;
	double start = now(), took;
	int findings = 0;

	while (findings < FINDINGS_MAX &&
	       (o->seconds ? now() - start < (double)o->seconds : done < o->packets)) {
		bool agree = true;

		done += run_batch(o, batch++, &agree);
		findings += !agree;
		if (o->one_batch)
			break;
	}
	took = now() - start;
	for (__u32 reason = 0; reason < AXP_REASONS; reason++)
		printf("%12llu in %12llu out  %s\n", tally[AXP_IN][reason], tally[AXP_OUT][reason],
		       reason_name(reason));
	printf("%llu packets in %.0f s, %.0f a second, seed %llu: %d differences\n", done, took,
	       (double)done / took, o->seed, findings);
	return findings ? 1 : 0;
}

static void usage(void)
{
	fprintf(stderr, "usage: packets [--packets N | --seconds N] [--seed N] [--batch N] "
			"[--out DIRECTORY]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	struct options o = { .packets = 1000000,
			     .seed = (unsigned long long)time(NULL),
			     .out = "." };

	for (int i = 1; i < argc; i += 2) {
		const char *value = argv[i + 1];

		if (!value)
			usage();
		if (!strcmp(argv[i], "--packets"))
			o.packets = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "--seconds"))
			o.seconds = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "--seed"))
			o.seed = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "--out"))
			o.out = value;
		else if (!strcmp(argv[i], "--batch"))
			o.batch = strtoull(value, NULL, 0), o.one_batch = true;
		else
			usage();
	}
	versus_open();
	__sanitizer_set_death_callback(write_last);
	signal(SIGABRT, on_abort);
	return run_all(&o);
}
