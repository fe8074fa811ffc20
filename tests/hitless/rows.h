/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters of a service that is removed are shown no more, and begin at zero when another one gets
 * its slot. They are read here in between, so that not one packet is missing from the sum.
 */
#ifndef HITLESS_ROWS_H
#define HITLESS_ROWS_H

#include <stdint.h>
#include "abi.h"

struct row_sums {
	uint64_t packets[AXP_FAMILIES][2]; /* by enum axp_verdict */
};

/* Slot of the first service that guards a port, or -1. `pins`: directory of the instance's pins. */
int rows_slot_of_port(const char *pins, uint32_t protocol, uint16_t port);

/* Adds what has been counted in a slot to *sums; 0 or -errno. */
int rows_add(const char *pins, const char *interface, uint32_t slot, struct row_sums *sums);

#endif
