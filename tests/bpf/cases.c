// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/bpf.h>
#include "cases.h"
#include "generate.h"

struct fixture fixture;
struct memory memory;

static const enum axp_mode modes[] = {
	[ENFORCE] = AXP_MODE_ENFORCE,
	[MONITOR] = AXP_MODE_MONITOR,
	[OFF] = AXP_MODE_OFF,
	[LEARN] = AXP_MODE_LEARN,
};

static struct CMUnitTest *tests;
static size_t count;

static int open_fixture(void **state)
{
	(void)state;
	return fixture_open(&fixture);
}

static int close_fixture(void **state)
{
	(void)state;
	fixture_close(&fixture);
	return 0;
}

void cases_add_test(const char *name, CMUnitTestFunction function, const void *state)
{
	tests = realloc(tests, (count + 1) * sizeof(*tests));
	if (!tests)
		abort();
	tests[count++] = (struct CMUnitTest){ .name = name,
					      .test_func = function,
					      .initial_state = (void *)state };
}

static void run_case(void **state)
{
	check_case(*state);
}

void cases_add(const struct test_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cases_add_test(cases[i].name, run_case, &cases[i]);
}

void cases_add_copy(const char *name, const struct layer *layers, struct expect expect)
{
	struct test_case *c = calloc(1, sizeof(*c));
	struct layer *copy = calloc(PACKET_LAYERS, sizeof(*copy));

	if (!c || !copy)
		abort();
	for (size_t i = 0; layers[i].kind != LAYER_END; i++)
		copy[i] = layers[i];
	c->name = name;
	c->layers = copy;
	c->expect = expect;
	cases_add(c, 1);
}

int cases_run(const char *group)
{
	return _cmocka_run_group_tests(group, tests, count, open_fixture, close_fixture) != 0;
}

const char *case_name(const char *format, ...)
{
	va_list args;
	char *name;

	va_start(args, format);
	if (vasprintf(&name, format, args) < 0)
		abort();
	va_end(args);
	return name;
}

static size_t step_number; /* of the scene that runs, from 1 */

static void print_expect(const char *who, const struct expect *e)
{
	const char *verdict = e->verdict == AXP_DROP ? "drop" : "pass";

	if (e->uncounted)
		print_error("# %s: %s, uncounted\n", who, verdict);
	else
		print_error("# %s: %s %s%s, direction %u, service %u, family %u\n", who, verdict,
			    reason_name(e->reason), e->monitored ? " (monitored)" : "",
			    e->direction, e->service, e->family);
}

static void print_change(const struct change *c)
{
	print_error("# counted: %s%s, direction %u, service %u, family %u: %lld packets, "
		    "%lld bytes\n",
		    reason_name(c->reason), c->monitored ? " (monitored)" : "", c->direction,
		    c->service, c->family, c->packets, c->bytes);
}

static bool same(const struct expect *a, const struct expect *b)
{
	if (a->verdict != b->verdict || a->direction != b->direction ||
	    a->uncounted != b->uncounted)
		return false;
	return a->uncounted || (a->service == b->service && a->family == b->family &&
				a->reason == b->reason && a->monitored == b->monitored);
}

static bool is_change(const struct change *c, const struct expect *e, size_t bytes)
{
	return c->direction == e->direction && c->service == e->service && c->family == e->family &&
	       c->reason == e->reason && c->monitored == e->monitored && c->packets == 1 &&
	       c->bytes == (__s64)bytes;
}

static int run(const struct packet *p, const struct expect *expect, size_t linear)
{
	int got;

	if (expect->direction == AXP_OUT)
		got = fixture_run_out(&fixture, p);
	else
		got = fixture_run(&fixture, p, linear);
	if (got == -ENOTSUP)
		skip();
	return got;
}

void cases_generate(struct generator *g, struct packet *p)
{
	do
		generate_packet(g, p);
	while (!fixture_takes(&fixture, p));
}

static int wanted_action(const struct expect *e)
{
	if (e->direction == AXP_OUT)
		return e->verdict == AXP_DROP ? EGRESS_DROP : EGRESS_NEXT;
	return e->verdict == AXP_DROP ? XDP_DROP : XDP_PASS;
}

void check_packet(const struct packet *p, const struct expect *expect, size_t linear)
{
	const struct rules *rules = fixture.rules[fixture.slot];
	struct change changes[4];
	struct expect modelled;
	bool counted;
	size_t n;
	int got;

	modelled = expect->direction == AXP_OUT
			   ? model_out(&memory, rules, fixture.mode, p->data, p->len)
			   : model_in(&memory, rules, fixture.mode, p->data, p->len);
	got = run(p, expect, linear);
	n = fixture_changes(&fixture, changes, 4);
	counted = expect->uncounted ? n == 0 : n == 1 && is_change(&changes[0], expect, p->len);
	if (got == wanted_action(expect) && counted && same(expect, &modelled))
		return;

	if (step_number)
		print_error("# step %zu\n", step_number);
	step_number = 0;
	print_expect("expected", expect);
	if (!same(expect, &modelled))
		print_expect("the model says", &modelled);
	print_error("# the program returned %d, %zu counters moved\n", got, n);
	for (size_t i = 0; i < n && i < 4; i++)
		print_change(&changes[i]);
	packet_dump(p);
	fail();
}

static __u64 begun;

__u64 check_elapsed(void)
{
	return (fixture_now() - begun) / 1000000;
}

void check_forgets(void)
{
	fixture_forget(&fixture);
	model_forget(&memory);
	begun = fixture_now();
}

void check_begins(const struct rules *rules, enum axp_mode mode)
{
	check_forgets();
	fixture_rules(&fixture, 0, rules);
	fixture_active(&fixture, mode, 0);
}

void check_ages(__u32 ms)
{
	fixture_age(&fixture, ms);
	model_age(&memory, ms);
}

void check_in(const struct layer *layers, struct expect expect)
{
	static struct packet p;

	packet_build(&p, layers);
	check_packet(&p, &expect, WHOLE_FRAME);
}

void check_out(const struct layer *layers, struct expect expect)
{
	check_in(layers, expect);
}

void check_case(const struct test_case *c)
{
	static struct packet p;

	check_begins(c->rules ? c->rules : &standard_rules, modes[c->mode]);
	packet_build(&p, c->layers);
	check_packet(&p, &c->expect, c->linear);
	check_memory();
}

/* ---- what is remembered ---- */

static struct axp_flow_key flow_key(const struct tuple *t)
{
	struct axp_flow_key key;

	memset(&key, 0, sizeof(key));
	memcpy(key.local, t->local, sizeof(key.local));
	memcpy(key.remote, t->remote, sizeof(key.remote));
	key.local_port = t->local_port;
	key.remote_port = t->remote_port;
	key.protocol = t->protocol;
	key.family = t->family;
	return key;
}

/* The model's clock stands still, the kernel's has moved on since the beginning. */
static bool same_age(__u64 seen, __u64 model_seen, __u64 now)
{
	__s64 age = (now - seen) / 1000000, model_age = memory.now - model_seen;
	__s64 drift = 1000 + (__s64)check_elapsed();

	if (seen == FIXTURE_OLDEST) /* older than this machine has been up */
		return age - model_age <= drift;
	return age - model_age <= drift && model_age - age <= drift;
}

static void check_flows(__u64 now)
{
	for (size_t i = 0; i < memory.n_flows; i++) {
		const struct known_flow *known = &memory.flows[i];
		struct axp_flow_key key = flow_key(&known->tuple);
		struct axp_flow flow;

		assert_true(fixture_flow(&fixture, &key, &flow));
		assert_int_equal(flow.origin, known->listed ? AXP_FLOW_LISTED : AXP_FLOW_OPENED);
		assert_int_equal(flow.closing, known->closing);
		assert_true(same_age(flow.seen, known->seen, now));
	}
}

static void check_strangers(__u64 now)
{
	for (size_t i = 0; i < memory.n_strangers; i++) {
		const struct known_tuple *known = &memory.strangers[i];
		struct axp_flow_key key = flow_key(&known->tuple);
		__u64 seen;

		assert_true(fixture_stranger(&fixture, &key, &seen));
		assert_true(same_age(seen, known->seen, now));
	}
}

static void check_answers(__u64 now)
{
	for (size_t i = 0; i < memory.n_answers; i++) {
		const struct known_tuple *known = &memory.answers[i];
		struct axp_flow_key key = flow_key(&known->tuple);
		struct axp_answer answer;

		assert_true(fixture_answer(&fixture, &key, &answer));
		assert_int_equal(answer.origin, known->ours ? AXP_ANSWER_OURS : AXP_ANSWER_CAME_IN);
		assert_true(same_age(answer.seen, known->seen, now));
	}
}

static void check_fragments(__u64 now)
{
	for (size_t i = 0; i < memory.n_fragments; i++) {
		const struct known_fragment *known = &memory.fragments[i];
		struct axp_fragment_key key;
		struct axp_fragment value;

		memset(&key, 0, sizeof(key));
		memcpy(key.src, known->src, sizeof(key.src));
		memcpy(key.dst, known->dst, sizeof(key.dst));
		key.id = htonl(known->family == AXP_IPV4 ? known->id << 16 : known->id);
		key.protocol = known->protocol;
		key.family = known->family;
		key.direction = known->direction;
		if (!fixture_fragment(&fixture, &key, &value)) {
			print_error("# no fragment: direction %u, family %u, id %u, protocol %u\n",
				    known->direction, known->family, known->id, known->protocol);
			fail();
		}
		assert_int_equal(value.service, known->service);
		assert_int_equal(value.reason < AXP_DROP_REASONS, known->dropped);
		assert_true(same_age(value.seen, known->seen, now));
	}
	assert_int_equal(fixture_entries(&fixture, FRAGMENTS), memory.n_fragments);
}

void check_memory(void)
{
	__u64 now = fixture_now();

	assert_int_equal(fixture_entries(&fixture, FLOWS), memory.n_flows);
	assert_int_equal(fixture_entries(&fixture, STRANGERS), memory.n_strangers);
	assert_int_equal(fixture_entries(&fixture, ANSWERS), memory.n_answers);
	check_fragments(now);
	check_flows(now);
	check_strangers(now);
	check_answers(now);
}

/* ---- scenes ---- */

struct tagged_scene {
	const struct scene *scene;
	const char *tags;
	size_t size;
};

static const struct {
	const char *name, *tags;
	size_t size;
} taggings[] = {
	{ "", "", 0 },
	{ ", tagged", "\x81\0\0\x64", 4 },
	{ ", tagged twice", "\x88\xa8\0\7\x81\0\0\x64", 8 },
};

static void run_step(const struct step *s, const struct tagged_scene *t)
{
	static struct packet p;

	switch (s->kind) {
	case STEP_ARRIVES:
	case STEP_LEAVES:
		packet_build(&p, s->layers);
		packet_insert(&p, 12, t->tags, t->size);
		check_packet(&p, &s->expect, WHOLE_FRAME);
		break;
	case STEP_AGE:
		check_ages(s->ms);
		break;
	case STEP_RULES:
		fixture_rules(&fixture, 0, s->rules);
		break;
	case STEP_MODE:
		fixture_active(&fixture, modes[s->mode], 0);
		break;
	case STEP_END:
		break;
	}
}

static void run_scene(void **state)
{
	const struct tagged_scene *t = *state;
	const struct scene *scene = t->scene;

	check_begins(scene->rules ? scene->rules : &standard_rules, modes[scene->mode]);
	for (const struct step *s = scene->steps; s->kind != STEP_END; s++) {
		step_number = s - scene->steps + 1;
		run_step(s, t);
	}
	step_number = 0;
	check_memory();
}

void cases_add_scenes(const struct scene *scenes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(taggings) / sizeof(taggings[0]); k++) {
			struct tagged_scene *t = calloc(1, sizeof(*t));

			if (!t)
				abort();
			*t = (struct tagged_scene){ &scenes[i], taggings[k].tags,
						    taggings[k].size };
			cases_add_test(case_name("%s%s", scenes[i].name, taggings[k].name),
				       run_scene, t);
		}
}
