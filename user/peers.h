/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is connected right now, and whom a policy would cut off. */
#ifndef ALLOWXDP_PEERS_H
#define ALLOWXDP_PEERS_H

#include "instance.h"
#include "policy.h"

/* One peer of one service, however many connections it has. */
struct peer {
	struct prefix address;
	enum axp_direction direction;
	uint8_t protocol; /* enum axp_protocol */
	uint16_t port;    /* the guarded one: this host's for AXP_IN, the peer's for AXP_OUT */
	char service[POLICY_NAME_MAX + 1];
	char label[POLICY_LABEL_MAX +
		   1]; /* by the policy that runs; "" where it does not list the peer */
};

struct peers {
	struct peer *v;
	size_t n, cap;
};

#define _cleanup_peers_ __attribute__((cleanup(peers_free)))
void peers_free(struct peers *p);

/*
 * The peers of open connections (sockets of this network namespace, and flows of `i`, which may be
 * NULL) that enforcing `next` would cut off: neither listed nor replies to what this host opened.
 * `old` gives the labels.
 */
int peers_cut(const struct instance *i, const struct policy *old, bool enforced,
	      const struct policy *next, struct peers *out, struct error *err);

/*
 * Refuses to enforce a policy that cuts off the SSH session that the command was typed in, the
 * default gateway or a resolver: err says which, and by what service. 0 if it does not. `cut` is
 * what peers_cut found.
 */
int lifelines_check(const struct policy *next, const struct peers *cut, struct error *err);

#endif
