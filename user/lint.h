/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a policy says that its author may not mean. Nothing of it is wrong enough to be refused; it
 * is found in one walk over the entries. Pure.
 */
#ifndef ALLOWXDP_LINT_H
#define ALLOWXDP_LINT_H

#include "policy.h"

/* X(SYMBOL, "name", serious): worst first. Serious ones are told by `load` and `reload` too. */
#define LINT_LIST(X)                                \
	X(UNREACHABLE, "unreachable-service", true) \
	X(MISSING, "missing", true)                 \
	X(NO_ADDRESS, "no-address", true)           \
	X(TOO_WIDE, "too-wide", true)               \
	X(NAT64, "nat64", true)                     \
	X(RESERVED, "reserved", false)              \
	X(DOCUMENTATION, "documentation", false)    \
	X(UNUSED_LIST, "unused-list", false)        \
	X(DUPLICATE, "duplicate", false)            \
	X(COVERED, "covered", false)                \
	X(IDLE_HOLE, "idle-hole", false)

#define LINT_ENUM(symbol, name, serious) LINT_##symbol,
enum lint_kind { LINT_LIST(LINT_ENUM) LINTS };
#undef LINT_ENUM

enum { LINT_KEPT = 32 /* warnings of a kind; of others only how many they are */ };

struct lint_warning {
	enum lint_kind kind;
	uint32_t file, line; /* string */
	char *text;          /* "what: how to mend it" */
};

struct lint {
	struct lint_warning v[LINTS * LINT_KEPT]; /* in no order */
	size_t n;
	size_t counts[LINTS]; /* all */
	size_t total;
};

#define _cleanup_lint_ __attribute__((cleanup(lint_free)))
void lint_free(struct lint *l);

/* Of a policy that was read from its files. -ENOMEM. */
int lint_make(struct lint *l, const struct policy *p);

const char *lint_name(enum lint_kind kind);
bool lint_serious(enum lint_kind kind);

#endif
