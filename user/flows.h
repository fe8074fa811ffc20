/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flow table from user space: filled from the socket tables at load, read for status and plans.
 */
#ifndef ALLOWXDP_FLOWS_H
#define ALLOWXDP_FLOWS_H

#include "instance.h"
#include "policy.h"

/*
 * Enters the flows that this host has opened already from guarded ports: TCP connections whose
 * local port is not listened on, and connected UDP sockets. Flows that are there stay.
 */
int flows_seed(const struct instance *i, const struct policy *p, struct error *err);

/* One flow, as far as users care. */
struct flow_info {
	struct prefix local, remote;
	uint16_t local_port, remote_port;
	uint8_t protocol;
	bool opened;   /* replies to it are let in (enum axp_flow_origin) */
	uint32_t idle; /* seconds since the last packet that left */
	bool alive;    /* within its idle limit */
};

/* Calls fn for every flow in the table; stops at its first non-zero return, which it returns. */
int flows_each(const struct instance *i, const struct policy *p,
	       int (*fn)(const struct flow_info *f, void *arg), void *arg, struct error *err);

struct flow_stats {
	uint64_t capacity, entries, alive;
	uint64_t created, evicted, insert_failed; /* since the load */
};

int flows_stats(const struct instance *i, const struct policy *p, struct flow_stats *out,
		struct error *err);

#endif
