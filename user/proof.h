/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does the program in the kernel do what the policy says of a packet? The policy is explained
 * (explain.h), the program is asked (twin.h), and the two are compared.
 */
#ifndef ALLOWXDP_PROOF_H
#define ALLOWXDP_PROOF_H

#include "apply.h"
#include "explain.h"
#include "synthetic.h"
#include "twin.h"

/* What the program of one interface says. */
struct witness {
	char interface[16];
	uint32_t program; /* id */
	uint64_t word;    /* that it goes by (AXP_ACTIVE) */
	struct testimony now;
	struct testimony enforcing; /* as `now` where the mode is enforce */
	struct testimony dhcp;      /* enforcing, from DHCP's other port; only if that was asked */
	bool agrees;
};

struct proof {
	struct witness witnesses[POLICY_MAX_INTERFACES];
	size_t n;
	bool asked_dhcp;
	bool agrees; /* all of them, and there are some */
	bool proven; /* every interface has a witness; else `unproven` says why not */
	char unproven[1024];
};

/* What a program should say of the packet, in that mode. Pure. */
struct testimony testimony_expected(const struct explanation *x, enum axp_direction direction,
				    uint32_t mode);
bool testimony_equal(const struct testimony *a, const struct testimony *b);

/* The port at the other end of a DHCP packet to this one; 0: it is no port of DHCP's. Pure. */
uint16_t dhcp_partner(uint8_t family, enum axp_protocol protocol, uint16_t port);

/*
 * Asks the program of every interface. *x is the explanation of the same packet, from r->policy.
 * `packet`: its source port is set here.
 */
void prove(const struct running *r, const struct explanation *x, const struct synthetic *packet,
	   struct proof *out);

#endif
