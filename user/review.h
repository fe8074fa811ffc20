/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an audit of a policy finds: entries that nobody seems to need, or that say too little. Pure.
 */
#ifndef ALLOWXDP_REVIEW_H
#define ALLOWXDP_REVIEW_H

#include "hits_state.h"

/* X(SYMBOL, "name", "heading") */
#define FINDING_LIST(X)                                                            \
	X(UNUSED, "unused", "not used for %s")                                     \
	X(TOO_WIDE, "too-wide", "too wide: shorter than /16 (IPv4) or /32 (IPv6)") \
	X(DUPLICATE, "duplicate", "listed twice for the same service")             \
	X(COVERED, "covered", "covered by another entry: it makes no difference")  \
	X(EXPIRED, "expired", "expired")                                           \
	X(EXPIRING, "expiring", "about to expire: within %s")                      \
	X(NO_LABEL, "no-label", "without a label: who is it, and whom to ask?")

#define FINDING_ENUM(symbol, name, heading) FINDING_##symbol,
enum finding_kind { FINDING_LIST(FINDING_ENUM) FINDINGS };
#undef FINDING_ENUM

struct finding {
	enum finding_kind kind;
	const struct entry *entry;
	const struct entry *other; /* duplicate, covered: by this one; else NULL */
	bool needed;               /* duplicate: another service has it from here alone */
};

struct review_rules {
	uint32_t now;      /* seconds since 1970 */
	uint32_t unused;   /* seconds without a hit */
	uint32_t expiring; /* seconds left */
};

struct review {
	struct finding *v; /* by kind, then in the order of prefixes */
	size_t n, cap;
	size_t counts[FINDINGS];
	size_t entries; /* looked at: all but carve-outs */
	size_t young;   /* never hit, but not counted for long enough to call them unused */
};

#define _cleanup_review_ __attribute__((cleanup(review_free)))
void review_free(struct review *r);

/* `view`: NULL where hits are not known: then no entry is called unused. -ENOMEM. */
int review_make(struct review *r, const struct policy *p, const struct hits_view *view,
		const struct review_rules *rules);

/* Has the label the word "standby", in whatever case? Such entries may lie idle. */
bool label_says_standby(const char *label);

const char *finding_name(enum finding_kind kind);
/* Has one %s where the kind has a duration. */
const char *finding_heading(enum finding_kind kind);

#endif
