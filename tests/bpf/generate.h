/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random rules, and random packets that know of the rules: near their ports and their prefixes. */
#ifndef ALLOWXDP_TEST_GENERATE_H
#define ALLOWXDP_TEST_GENERATE_H

#include <netinet/in.h>
#include "packet.h"
#include "rules.h"

enum { GENERATED_GUARDS = 24, GENERATED_NODES = 40, GENERATED_PEERS = 5 };

/* The other end of a flow, and the ports of both. */
struct peer {
	enum axp_family family;
	char address[INET6_ADDRSTRLEN];
	__u32 port, local_port;
	enum axp_protocol protocol; /* for preference */
};

struct generator {
	__u64 state;
	const struct rules *rules; /* that packets are to come near to */
	bool no_fragments;
	bool out;    /* packets leave */
	__u32 again; /* of a hundred: from or to one of the last peers */
	struct peer peers[GENERATED_PEERS];
};

struct generated_rules {
	struct rules rules;
	struct guard guards[GENERATED_GUARDS + 1];
	struct node nodes[GENERATED_NODES + 1];
	struct expiry expiries[GENERATED_NODES];
	char text[GENERATED_NODES][INET6_ADDRSTRLEN + 4];
};

/* Below `limit`; 0 if that is 0. */
__u32 random_below(struct generator *g, __u32 limit);
/* True `percent` times of a hundred. */
bool chance(struct generator *g, __u32 percent);

void generate_rules(struct generator *g, struct generated_rules *out);

/* What a reload may make of rules: the same ports, some nodes gone, some open other services. */
void vary_rules(struct generator *g, const struct rules *from, struct generated_rules *out);

/* Mostly well-formed, with a lie or a cut here and there. At least an Ethernet header. */
void generate_packet(struct generator *g, struct packet *p);

/* Overwrites a few bytes, most of them among the headers. */
void mutate_packet(struct generator *g, struct packet *p);

#endif
