// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include "cases.h"
#include "model.h"

struct fixture fixture;

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

static void print_expect(const char *who, const struct expect *e)
{
	print_error("# %s: %s %s%s, service %u, family %u\n", who,
		    e->verdict == AXP_DROP ? "drop" : "pass", reason_name(e->reason),
		    e->monitored ? " (monitored)" : "", e->service, e->family);
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
	return a->verdict == b->verdict && a->service == b->service && a->family == b->family &&
	       a->reason == b->reason && a->monitored == b->monitored;
}

static bool is_change(const struct change *c, const struct expect *e, size_t bytes)
{
	return c->direction == AXP_IN && c->service == e->service && c->family == e->family &&
	       c->reason == e->reason && c->monitored == e->monitored && c->packets == 1 &&
	       c->bytes == (__s64)bytes;
}

void check_packet(const struct packet *p, const struct expect *expect, size_t linear)
{
	int want = expect->verdict == AXP_DROP ? XDP_DROP : XDP_PASS;
	struct change changes[4];
	struct expect modelled;
	size_t n;
	int got;

	modelled = model(fixture.rules[fixture.slot], fixture.mode, p->data, p->len);
	got = fixture_run(&fixture, p, linear);
	if (got == -ENOTSUP)
		skip();
	n = fixture_changes(&fixture, changes, 4);
	if (got == want && n == 1 && is_change(&changes[0], expect, p->len) &&
	    same(expect, &modelled))
		return;

	print_expect("expected", expect);
	if (!same(expect, &modelled))
		print_expect("the model says", &modelled);
	print_error("# the program returned %d, %zu counters moved\n", got, n);
	for (size_t i = 0; i < n && i < 4; i++)
		print_change(&changes[i]);
	packet_dump(p);
	fail();
}

void check_case(const struct test_case *c)
{
	static const enum axp_mode modes[] = {
		[ENFORCE] = AXP_MODE_ENFORCE,
		[MONITOR] = AXP_MODE_MONITOR,
		[OFF] = AXP_MODE_OFF,
	};
	static struct packet p;

	fixture_rules(&fixture, 0, c->rules ? c->rules : &standard_rules);
	fixture_active(&fixture, modes[c->mode], 0);
	packet_build(&p, c->layers);
	check_packet(&p, &c->expect, c->linear);
}
