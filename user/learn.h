/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whom to list: entries proposed for what was refused as unlisted, and who looks like a scanner.
 * Nothing is changed by it. Pure.
 */
#ifndef ALLOWXDP_LEARN_H
#define ALLOWXDP_LEARN_H

#include "learn_group.h"
#include "policy.h"
#include "sip_agents.h"
#include "top_sources.h"

enum { LEARN_PORTS = 8 };

struct learn_port {
	uint8_t protocol; /* enum axp_protocol */
	uint16_t port;
	uint64_t packets;
};

/* What came, of one source or of several together. */
struct learn_tally {
	uint64_t packets, bytes, dropped;
	uint64_t missed;                      /* about as many more came before they were seen */
	double variance;                      /* of packets */
	int64_t first, last;                  /* ns since 1970 */
	struct learn_port ports[LEARN_PORTS]; /* the most frequent ones, most packets first */
	uint32_t n_ports;
	uint32_t port_count; /* how many different ones one source tried, at least */
	bool many_ports;     /* more than can be told */
};

/* Twice the standard deviation: the true number is so near, 19 times of 20. */
uint64_t learn_error(const struct learn_tally *t);

/* Why an address looks like a scanner. */
enum learn_why {
	LEARN_MANY_PORTS = 1 << 0,
	LEARN_MANY_SERVICES = 1 << 1,
	LEARN_AGENT = 1 << 2,
};

/* What becomes of an address that does not look like a scanner. */
enum learn_fate {
	LEARN_PROPOSED,
	LEARN_FEW,    /* packets */
	LEARN_OLD,    /* not seen since */
	LEARN_LISTED, /* by now it is let in */
	LEARN_CARVED, /* somebody carved it out of a list */
	LEARN_FATES,
};

struct learn_options {
	int service;          /* index into policy->services; -1: all */
	uint64_t min_packets; /* for certain: less the error of sampling */
	int64_t since;        /* ns since 1970 */
	struct learn_rules rules;
};

struct learn_proposal {
	size_t service;
	struct prefix prefix;
	uint32_t addresses;
	struct learn_tally tally;
	const struct sip_agent_of *agent; /* of the first that said; NULL: none */
};

struct learn_scanner {
	struct prefix address;
	uint64_t services; /* bit n: policy->services[n] */
	uint32_t why;
	struct learn_tally tally;
	const struct sip_agent_of *agent;
};

struct learn {
	struct learn_proposal *proposals; /* by service in the config's order, then by prefix */
	size_t n_proposals;
	struct learn_scanner *scanners; /* by address */
	size_t n_scanners;
	uint64_t fates[LEARN_FATES]; /* addresses, once for each service */
};

#define _cleanup_learn_ __attribute__((cleanup(learn_free)))
void learn_free(struct learn *l);

/* `agents` must outlive *out. 0 or -ENOMEM. */
int learn(const struct policy *p, const struct top_source *sources, size_t n,
	  const struct sip_agents *agents, const struct learn_options *o, struct learn *out);

/*
 * The list to propose for a service: of those that it allows the one that opens the fewest
 * services; -1: it allows none.
 */
int learn_list(const struct policy *p, size_t service);

#endif
