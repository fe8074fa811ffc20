/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of packets with what must become of them, each a test of its own. */
#ifndef ALLOWXDP_TEST_CASES_H
#define ALLOWXDP_TEST_CASES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "fixture.h"

enum case_mode { ENFORCE, MONITOR, OFF };

struct test_case {
	const char *name;
	const struct layer *layers;
	struct expect expect;
	const struct rules *rules; /* NULL: standard_rules */
	enum case_mode mode;
	size_t linear; /* bytes in the first buffer; 0: as many as go there */
};

/* What all tests of a program share; cases_run() opens and closes it. */
extern struct fixture fixture;

/* Tests pile up here, then cases_run() runs them: its result is that of main(). */
void cases_add(const struct test_case *cases, size_t n);
void cases_add_copy(const char *name, const struct layer *layers, struct expect expect);
void cases_add_test(const char *name, CMUnitTestFunction function, const void *state);
int cases_run(const char *group);

/* A name that lives as long as the tests. */
const char *case_name(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fail the running test unless exactly that happens; the model must agree with `expect` as well. */
void check_case(const struct test_case *c);
void check_packet(const struct packet *p, const struct expect *expect, size_t linear);

#define ADD_CASES(table) cases_add(table, sizeof(table) / sizeof((table)[0]))

#endif
