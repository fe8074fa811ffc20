/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The default gateways of the network namespace. */
#ifndef ALLOWXDP_ROUTES_H
#define ALLOWXDP_ROUTES_H

#include "prefix.h"

struct gateway {
	struct prefix address; /* full length */
	char interface[16];    /* that leads to it; "" if it has gone */
};

/*
 * Calls `fn` for every gateway of every default route in the main table, IPv4 and IPv6, also those
 * of several paths at once; a gateway may come more than once. Stops at the first non-zero return,
 * which it returns; else 0 or a negative errno with err set.
 */
int default_gateways_each(int (*fn)(const struct gateway *g, void *arg), void *arg,
			  struct error *err);

#endif
