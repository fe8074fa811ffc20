/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a test puts into a slot, and what it expects of a packet. The fixture writes rules into the
 * maps, the model reads them as they stand here; neither needs the policy compiler.
 */
#ifndef ALLOWXDP_TEST_RULES_H
#define ALLOWXDP_TEST_RULES_H

#include <stdbool.h>
#include "abi.h"

/* Tables say what is not zero, and no more. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define BIT(n) (1ULL << (n))
#define SECOND 1000000000ULL /* ns */

/* Ports from..to belong to these services; drops count under the first. Guards don't overlap. */
struct guard {
	enum axp_protocol protocol;
	__u16 from, to;
	__u64 services;
	__u32 first;
	enum axp_direction direction;
	bool no_replies;
};

/* How a node changes with time: `passed` of the steps have come already, the others will not. */
struct expiry {
	__u32 steps, passed;
	__u64 services[AXP_TIMED_STEPS];
	bool lost; /* the node names steps that the kernel does not have */
};

/* What a trie holds: the services are all that the prefix opens, its ancestors' included. */
struct node {
	const char *prefix;
	__u64 services;
	const struct expiry *expiry; /* NULL: it stays as it is */
};

/* Idle limits of flows, in seconds; 0: what the config has without being told. */
struct limits {
	__u32 udp, tcp, tcp_closing;
};

struct rules {
	const struct guard *guards; /* up to the one without services */
	const struct node *nodes;   /* up to the one without prefix */
	struct limits limits;
	bool refuse_fragments; /* later ones without a known first one, from unlisted sources */
};

struct limits limits_of(const struct rules *rules);
bool guards_out(const struct rules *rules);

/* What of them is not about ports and prefixes, into a policy that is all zero. */
void rules_settings(struct axp_policy *policy, const struct rules *rules);

#define GUARDS(...) ((const struct guard[]){ __VA_ARGS__, { .services = 0 } })
#define NODES(...)  ((const struct node[]){ __VA_ARGS__, { .prefix = NULL } })

/* A node's prefix in bytes and bits. */
struct prefix_bits {
	enum axp_family family;
	__u32 len;
	__u8 addr[16];
};

struct prefix_bits prefix_bits(const char *text);

/* The services of standard_rules, by slot. */
enum { SIP = 0, HTTPS = 1, RTP = 2, TRUNK = 3, DHCPD = 4, EDGE = 5, NONE = AXP_NO_SERVICE };

extern const struct rules standard_rules;
extern const struct rules no_rules; /* what is in a slot before anything is put there */

/* Short, for tables. */
#define NO_IP AXP_FAMILY_NONE
#define V4    AXP_IPV4
#define V6    AXP_IPV6

/* Exactly this counter moves, by one packet and the frame's bytes. */
struct expect {
	enum axp_verdict verdict;
	__u32 service; /* slot, or AXP_NO_SERVICE */
	enum axp_family family;
	enum axp_reason reason;
	bool monitored;
	enum axp_direction direction;
	bool uncounted; /* passes, and no counter moves: verdict and direction alone matter */
};

#define PASS(symbol, slot, version)                                          \
	{                                                                    \
		.verdict = AXP_PASS, .service = (slot), .family = (version), \
		.reason = AXP_REASON_##symbol                                \
	}
#define DROP(symbol, slot, version)                                          \
	{                                                                    \
		.verdict = AXP_DROP, .service = (slot), .family = (version), \
		.reason = AXP_REASON_##symbol                                \
	}
#define MONITORED(symbol, slot, version)                                     \
	{                                                                    \
		.verdict = AXP_PASS, .service = (slot), .family = (version), \
		.reason = AXP_REASON_##symbol, .monitored = true             \
	}

/* The same for a packet that leaves. */
#define GOES(symbol, slot, version)                                          \
	{                                                                    \
		.verdict = AXP_PASS, .service = (slot), .family = (version), \
		.reason = AXP_REASON_##symbol, .direction = AXP_OUT          \
	}
#define STOPPED(symbol, slot, version)                                       \
	{                                                                    \
		.verdict = AXP_DROP, .service = (slot), .family = (version), \
		.reason = AXP_REASON_##symbol, .direction = AXP_OUT          \
	}
#define GOES_MONITORED(symbol, slot, version)                                           \
	{                                                                               \
		.verdict = AXP_PASS, .service = (slot), .family = (version),            \
		.reason = AXP_REASON_##symbol, .monitored = true, .direction = AXP_OUT, \
	}
#define GOES_UNSEEN                                                                           \
	{                                                                                     \
		.verdict = AXP_PASS, .service = NONE, .direction = AXP_OUT, .uncounted = true \
	}

const char *reason_name(enum axp_reason reason);

#endif
