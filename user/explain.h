/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the policy says of one address and port, and which entry decides. Written from the rules,
 * not from the compiler's output, so that the two can be held against each other.
 */
#ifndef ALLOWXDP_EXPLAIN_H
#define ALLOWXDP_EXPLAIN_H

#include "policy.h"

struct explanation {
	enum axp_verdict verdict; /* as if enforcing */
	enum axp_reason reason;
	const struct service *service; /* that the packet is counted under; NULL: not guarded */
	const struct entry *entry; /* the one that lists it, or that carves it out; may be NULL */
};

/* `address` has its full length (/32 or /128). */
void explain(const struct policy *p, const struct prefix *address, enum axp_direction direction,
	     enum axp_protocol protocol, uint16_t port, struct explanation *out);

#endif
