/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An IPv4 or IPv6 prefix: text form, order, containment. Pure. */
#ifndef ALLOWXDP_PREFIX_H
#define ALLOWXDP_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "error.h"

#define PREFIX_TEXT_MAX 64

struct prefix {
	uint8_t addr[16]; /* network byte order; IPv4 in the first four bytes, the rest zero */
	uint8_t family;   /* enum axp_family: AXP_IPV4 or AXP_IPV6 */
	uint8_t len;      /* bits; all bits of addr past it are zero */
};

/*
 * Reads "ADDRESS" or "ADDRESS/LENGTH" (n bytes, need not end in NUL). A bare address is a /32 or
 * /128; an IPv4-mapped IPv6 prefix (RFC 4291 section 2.5.5.2) becomes the IPv4 prefix. Refused with
 * what is wrong and how to mend it: host bits set, length out of range, not an address. err->text
 * gets no "FILE:LINE" in front: the caller knows that. Returns 0 or -EINVAL.
 */
int prefix_parse(const char *text, size_t n, struct prefix *out, struct error *err);

/* Writes the canonical text (RFC 5952), always with its length; returns buf. */
const char *prefix_text(const struct prefix *p, char buf[static PREFIX_TEXT_MAX]);

/* Total order: family, address, length. A prefix sorts right before everything it covers. */
int prefix_compare(const struct prefix *a, const struct prefix *b);

/* Is `inner` equal to or inside `outer`? */
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);

/* The prefix of the first `len` bits of p (len <= p->len). */
struct prefix prefix_shorten(const struct prefix *p, uint8_t len);

/* Longest possible length of the family: 32 or 128. */
uint8_t prefix_max_len(uint8_t family);

#endif
