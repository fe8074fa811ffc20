/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A million packets, each from another address: too many for a system call each. */
#ifndef ALLOWXDP_TEST_FLOOD_H
#define ALLOWXDP_TEST_FLOOD_H

#include "fixture.h"

enum { FLOOD = 1 << 20 };

/* Skips the test where no flood can be made: before Linux 5.18. */
void need_flood(void);

void flood(const struct fixture *f, const struct packet *p, const __be32 sources[static FLOOD]);

#endif
