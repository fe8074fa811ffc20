/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams in pieces, the way an attacker would send them. */
#ifndef ALLOWXDP_TEST_TRAIN_H
#define ALLOWXDP_TEST_TRAIN_H

#include "generate.h"

enum { TRAIN_MAX = 64, TRAIN_DATAGRAM = 160 };

struct train {
	size_t n;
	bool whole; /* a host takes the first datagram out of it, which has no rival */
	struct packet packets[TRAIN_MAX];
};

/*
 * Fragments of two datagrams with one identification, one for `port` and one for `decoy`: of each
 * piece the one, the other or both, some overlapping or tiny, in any order, and IPv6's fragments
 * now and then fragmented once more. Every fragment has the same source.
 */
void generate_train(struct generator *g, struct train *t, enum axp_family family,
		    const char *source, __u16 port, __u16 decoy);

#endif
