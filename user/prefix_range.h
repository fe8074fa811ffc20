/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses as other tools write them: host bits, dotted masks, ranges. Pure. */
#ifndef ALLOWXDP_PREFIX_RANGE_H
#define ALLOWXDP_PREFIX_RANGE_H

#include "prefix.h"

/* From one address to another, both included. */
struct prefix_range {
	unsigned __int128 low, high;
	uint8_t family;
	bool host_bits; /* "10.0.0.1/8" was written, and the network is meant */
};

/*
 * Reads ADDRESS, ADDRESS/LENGTH, ADDRESS/MASK (IPv4) or ADDRESS-ADDRESS; n bytes, need not end in
 * NUL. err->text gets no "FILE:LINE" in front. 0 or -EINVAL.
 */
int prefix_range_parse(const char *text, size_t n, struct prefix_range *out, struct error *err);

/* The range of a prefix. */
struct prefix_range prefix_range_of(const struct prefix *p);

/*
 * The widest prefix at the low end; the range goes on behind it. False: nothing is left. A range
 * takes 62 (IPv4) or 254 prefixes at most.
 */
bool prefix_range_next(struct prefix_range *r, struct prefix *out);

#endif
