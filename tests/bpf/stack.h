/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux's own network stack as the judge of what reaches a socket: a tap interface in a network
 * namespace that only this process has and that ends with it. No program is attached to it; frames
 * are put in one by one, and what comes out at the sockets is reported.
 */
#ifndef ALLOWXDP_TEST_STACK_H
#define ALLOWXDP_TEST_STACK_H

#include <netinet/in.h>
#include "abi.h"
#include "packet.h"

enum { STACK_SOCKETS = 16 };

struct stack {
	int tap;
	int sockets[STACK_SOCKETS];
	__u16 ports[STACK_SOCKETS];
	size_t udp, all; /* sockets[0..udp) are UDP, the others listen for TCP */
};

/* That a socket got a datagram, or a listener answered a segment. */
struct delivery {
	enum axp_family family;
	enum axp_protocol protocol;
	char source[INET6_ADDRSTRLEN];
	__u16 source_port, port;
};

/* -EPERM or -ENOENT: not here (no tap, no right to a namespace). Ports end with 0. */
int stack_open(struct stack *s, const __u16 *udp, const __u16 *tcp);
void stack_close(struct stack *s);

/* The frame arrives; IPv4's header checksum is made right before, UDP and TCP's need not be. */
void stack_send(struct stack *s, const struct packet *p);

/* The next of the deliveries since; false: there is none left. */
bool stack_next(struct stack *s, struct delivery *d);

#endif
