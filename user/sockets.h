/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TCP and UDP sockets of the network namespace, as the kernel lists them (sock_diag). */
#ifndef ALLOWXDP_SOCKETS_H
#define ALLOWXDP_SOCKETS_H

#include "prefix.h"

struct socket_info {
	struct prefix local, remote;      /* full length; all zero: any address. IPv4-mapped IPv6
					     addresses are IPv4; both are of one family. */
	uint16_t local_port, remote_port; /* host byte order; remote_port 0: has no peer */
	uint8_t protocol;                 /* enum axp_protocol */
	uint8_t tcp_state;                /* as in /proc/net/tcp: 1 is ESTABLISHED */
	uint32_t inode;                   /* as in /proc/PID/fd; 0: of the kernel, or of nobody */
	bool listening;                   /* takes packets from any peer: TCP LISTEN, UDP without
					     one */
};

struct sockets {
	struct socket_info *v;
	size_t n, cap;
};

#define _cleanup_sockets_ __attribute__((cleanup(sockets_free)))
void sockets_free(struct sockets *s);

/*
 * Every socket that has a peer (TCP in all states, connections half open and in TIME_WAIT too) or
 * takes packets from any: TCP and UDP, IPv4 and IPv6. Each once, unless sockets come and go too
 * fast for the kernel to list them in peace: then some may be missing or come twice. *out is all
 * zero before. A negative errno with err set. The kernel looks through all its tables for each
 * call, a millisecond or more.
 */
int sockets_read(struct sockets *out, struct error *err);

#endif
