/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What takes packets from outside on this host: ports, and the programs behind them. */
#ifndef ALLOWXDP_LISTENERS_H
#define ALLOWXDP_LISTENERS_H

#include "sockets.h"

struct listener {
	uint8_t protocol; /* enum axp_protocol */
	uint16_t port;
	uint32_t inode;   /* of one of its sockets */
	char program[16]; /* as `ps` calls it; "" where that is not known */
};

struct listeners {
	struct listener *v; /* by protocol and port, each once */
	size_t n, cap;
};

#define _cleanup_listeners_ __attribute__((cleanup(listeners_free)))
void listeners_free(struct listeners *l);

/*
 * Sockets of this network namespace that take packets from any peer. Those of loopback addresses
 * are left out: no interface carries their packets. Programs of other users are known to root
 * alone. Negative errno.
 */
int listeners_find(struct listeners *out, struct error *err);

#endif
