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
#include "model.h"

enum case_mode { ENFORCE, MONITOR, OFF, LEARN };

struct test_case {
	const char *name;
	const struct layer *layers;
	struct expect expect;
	const struct rules *rules; /* NULL: standard_rules */
	enum case_mode mode;
	size_t linear; /* bytes in the first buffer; 0: as many as go there */
};

enum step_kind { STEP_END, STEP_ARRIVES, STEP_LEAVES, STEP_AGE, STEP_RULES, STEP_MODE };

struct step {
	enum step_kind kind;
	union {
		const struct layer *layers;
		__u32 ms;
		const struct rules *rules;
		enum case_mode mode;
	};
	struct expect expect;
};

/* Packets one after the other, of which each is judged by what those before it left behind. */
struct scene {
	const char *name;
	const struct step *steps;
	const struct rules *rules; /* NULL: standard_rules */
	enum case_mode mode;
};

#define STEPS(...) ((const struct step[]){ __VA_ARGS__, { .kind = STEP_END } })
#define ARRIVES(packet, ...)                                                  \
	{                                                                     \
		.kind = STEP_ARRIVES, .layers = packet, .expect = __VA_ARGS__ \
	}
#define LEAVES(packet, ...)                                                  \
	{                                                                    \
		.kind = STEP_LEAVES, .layers = packet, .expect = __VA_ARGS__ \
	}
#define AGE(milliseconds)                              \
	{                                              \
		.kind = STEP_AGE, .ms = (milliseconds) \
	}
#define RULES(others)                                 \
	{                                             \
		.kind = STEP_RULES, .rules = (others) \
	}
#define MODE(other)                                \
	{                                          \
		.kind = STEP_MODE, .mode = (other) \
	}

/* What all tests of a program share; cases_run() opens and closes it. */
extern struct fixture fixture;
extern struct memory memory; /* the model's */

/* Tests pile up here, then cases_run() runs them: its result is that of main(). */
void cases_add(const struct test_case *cases, size_t n);
void cases_add_copy(const char *name, const struct layer *layers, struct expect expect);
void cases_add_test(const char *name, CMUnitTestFunction function, const void *state);
/* Each scene untagged, tagged, and tagged twice. */
void cases_add_scenes(const struct scene *scenes, size_t n);
int cases_run(const char *group);

/* A name that lives as long as the tests. */
const char *case_name(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fail the running test unless exactly that happens; the model must agree with `expect` as well. */
void check_case(const struct test_case *c);
void check_packet(const struct packet *p, const struct expect *expect, size_t linear);

/* generate_packet(), but for frames that this kernel's test runs do not take. */
struct generator;
void cases_generate(struct generator *g, struct packet *p);

/* Empty maps, an empty memory; and these rules in slot 0. */
void check_forgets(void);
void check_begins(const struct rules *rules, enum axp_mode mode);
/* Milliseconds since, by which the kernel's clock is ahead of the model's. */
__u64 check_elapsed(void);
void check_in(const struct layer *layers, struct expect expect);
void check_out(const struct layer *layers, struct expect expect);
void check_ages(__u32 ms);
/* That the flows in the kernel, and all else that it remembers, are those of the model. */
void check_memory(void);

#define ADD_CASES(table)  cases_add(table, sizeof(table) / sizeof((table)[0]))
#define ADD_SCENES(table) cases_add_scenes(table, sizeof(table) / sizeof((table)[0]))

#endif
