/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Millions of packets, from a million addresses in turn: too many for a system call each. */
#ifndef ALLOWXDP_TEST_FLOOD_H
#define ALLOWXDP_TEST_FLOOD_H

#include "fixture.h"

enum {
	FLOOD = 1 << 20,
	FLOOD_ROUNDS = 2, /* as many as it takes to come to the rarest samples */
};

/* Skips the test where no flood can be made: before Linux 5.18. */
void need_flood(void);

void flood(const struct fixture *f, const struct packet *p, const __be32 sources[static FLOOD]);

#endif
