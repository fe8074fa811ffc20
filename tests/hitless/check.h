/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what arrived follow from the policy before or after, and nothing else? Pure: numbers in,
 * violations out.
 */
#ifndef HITLESS_CHECK_H
#define HITLESS_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include "hitless.h"

enum { CHECK_TEXTS = 20, CHECK_TEXT = 200 };

/* An epoch of a lane: all of its rounds, and what arrived. */
struct span {
	uint32_t lane, epoch;
	uint32_t first; /* round */
	uint32_t rounds;
	const struct hl_record *records; /* two for each class, by the epoch's lowest bit */
};

/* What passes: one byte for each class. */
struct verdicts {
	bool pass[HL_CLASSES];
};

struct check {
	uint32_t n;                  /* classes */
	uint32_t source[HL_CLASSES]; /* classes of one source have the same number */
	uint64_t sent[HL_CLASSES], arrived[HL_CLASSES];
	uint64_t violations;
	uint32_t texts;
	char text[CHECK_TEXTS][CHECK_TEXT];
	/* switches seen with a packet before and one after; the least distance between the two */
	uint64_t switches, tightest;
};

/*
 * A class whose verdict the change does not change: every packet arrived, or none. Another goes
 * from the old verdict to the new one once. All classes of a source do so at one point in the
 * lane's order; `together`: all classes do.
 */
void check_change(struct check *c, const struct span *s, const struct verdicts *before,
		  const struct verdicts *after, bool together);

void check_violation(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
