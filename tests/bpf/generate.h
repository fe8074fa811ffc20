/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random rules, and random packets that know of the rules: near their ports and their prefixes. */
#ifndef ALLOWXDP_TEST_GENERATE_H
#define ALLOWXDP_TEST_GENERATE_H

#include <netinet/in.h>
#include "packet.h"
#include "rules.h"

enum { GENERATED_GUARDS = 24, GENERATED_NODES = 40 };

struct generator {
	__u64 state;
	const struct rules *rules; /* that packets are to come near to */
	bool no_fragments;
	char src[INET6_ADDRSTRLEN];
};

struct generated_rules {
	struct rules rules;
	struct guard guards[GENERATED_GUARDS + 1];
	struct node nodes[GENERATED_NODES + 1];
	char text[GENERATED_NODES][INET6_ADDRSTRLEN + 4];
};

/* Below `limit`; 0 if that is 0. */
__u32 random_below(struct generator *g, __u32 limit);
/* True `percent` times of a hundred. */
bool chance(struct generator *g, __u32 percent);

void generate_rules(struct generator *g, struct generated_rules *out);

/* Mostly well-formed, with a lie or a cut here and there. At least an Ethernet header. */
void generate_packet(struct generator *g, struct packet *p);

/* Overwrites a few bytes, most of them among the headers. */
void mutate_packet(struct generator *g, struct packet *p);

#endif
