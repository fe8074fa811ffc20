/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy compiler: from services, lists and entries to what the kernel looks up. Pure: no I/O,
 * no BPF, no clock; the same policy always gives the same result.
 */
#ifndef ALLOWXDP_COMPILE_H
#define ALLOWXDP_COMPILE_H

#include "policy.h"

/* A trie node: all services that an address opens whose longest node this is. */
struct node {
	struct prefix prefix;
	uint32_t timed;    /* 1 + index into nodes->timed; 0: it stays as it is */
	uint64_t services; /* bit n: service slot n; when the policy was read */
};

/* How a node changes as entries expire: from at[n] on it opens services[n]. */
struct node_steps {
	uint32_t n;
	uint32_t at[AXP_TIMED_STEPS]; /* seconds since 1970, ascending */
	uint64_t services[AXP_TIMED_STEPS];
};

struct nodes {
	struct node *v; /* sorted by prefix_compare: IPv4 before IPv6 */
	size_t n, cap;
	struct node_steps *timed;
	size_t n_timed, cap_timed;
};

#define _cleanup_nodes_ __attribute__((cleanup(nodes_free)))
void nodes_free(struct nodes *n);

/*
 * The nodes of everything inside `within` (itself included), given its ancestors. Within a list the
 * most specific entry decides, listed or carved out; a service opens when any of its lists does. A
 * node whose services equal those of the node above it is left out. Appends to `out`; -ENOMEM.
 */
int compile_within(const struct policy *p, const struct prefix *within, struct nodes *out);

/*
 * The same for a region taken by itself: the first node is `region`, with what covers it, even
 * where no entry does.
 */
int compile_region(const struct policy *p, const struct prefix *region, struct nodes *out);

/* All nodes of both families; the same errors. */
int compile_nodes(const struct policy *p, struct nodes *out);

/* Fills the port tables and settings (all zero before). -E2BIG when ports belong to too many sets
 * of services.
 */
int compile_ports(const struct policy *p, struct axp_policy *out, struct error *err);

/* Says in words why compile_within() or compile_nodes() failed, and returns it. */
int compile_failed(int rc, struct error *err);

/* One step that turns a trie into another. */
struct change {
	struct node node;
	const struct node_steps *steps; /* borrowed from the nodes that it comes from; NULL: none */
	bool remove;
	bool known;      /* there was a node of this prefix already: changed or removed */
	struct node old; /* if so; its `timed` says only whether it had steps */
};

struct changes {
	struct change *v;
	size_t n, cap;
};

#define _cleanup_changes_ __attribute__((cleanup(changes_free)))
void changes_free(struct changes *c);

/*
 * The steps from `before` to `after`, in an order in which every single address goes from its old
 * services to its new ones at once, whatever happens to its neighbours: first what is set, longest
 * prefix first (so that what is set below is already final), then what is removed, shortest first
 * (so that nothing shows through from above before its own node goes). -ENOMEM.
 */
int nodes_diff(const struct nodes *before, const struct nodes *after, struct changes *out);

#endif
