/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ranges that no host on the Internet has its address in (IANA's special-purpose registries). Pure.
 */
#ifndef ALLOWXDP_RESERVED_H
#define ALLOWXDP_RESERVED_H

#include "prefix.h"

enum reserved_kind {
	RESERVED_NONE,
	RESERVED_NEVER,     /* no sender's address anywhere: multicast, unspecified, loopback... */
	RESERVED_PRIVATE,   /* fine inside a network of one's own: private, shared, link-local */
	RESERVED_EXAMPLES,  /* documentation and benchmarks */
	RESERVED_TRANSLATED /* 64:ff9b::/96: IPv4 behind a translator */
};

struct reserved {
	enum reserved_kind kind;
	const char *what;  /* "private (RFC 1918)" */
	const char *range; /* "10.0.0.0/8" */
};

/* The range that covers the prefix; .kind is RESERVED_NONE where none does. */
struct reserved reserved_covering(const struct prefix *p);

/*
 * The first one that the prefix covers or lies in: also what a prefix is too wide for, as 0.0.0.0/0
 * is for all of them.
 */
struct reserved reserved_touched(const struct prefix *p);

#endif
