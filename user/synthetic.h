/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A made-up frame to ask a program about: Ethernet, IPv4 or IPv6, UDP or a TCP SYN. Pure. */
#ifndef ALLOWXDP_SYNTHETIC_H
#define ALLOWXDP_SYNTHETIC_H

#include <stddef.h>
#include "abi.h"
#include "prefix.h"

enum { SYNTHETIC_MAX = 128 };

struct synthetic {
	struct prefix remote; /* source of what comes in, destination of what leaves */
	enum axp_direction direction;
	enum axp_protocol protocol;
	uint16_t sport, dport;
};

/*
 * Writes the frame and returns its length, at least the 60 bytes of a frame on the wire. This
 * host's own address is one that is set aside for documentation: no verdict depends on it. Nor does
 * one depend on checksums, which are left zero.
 */
size_t synthetic_frame(const struct synthetic *s, uint8_t frame[static SYNTHETIC_MAX]);

#endif
