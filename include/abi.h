/* SPDX-License-Identifier: (GPL-2.0-only OR GPL-2.0-or-later) */
/*
 * What the BPF programs and the command agree on: map keys and values, enums, limits.
 * Host byte order unless a comment says otherwise. Raise AXP_ABI_VERSION with every change of
 * layout.
 */
#ifndef ALLOWXDP_ABI_H
#define ALLOWXDP_ABI_H

#include <linux/types.h>
#include "reasons.h"

#define AXP_ABI_VERSION 1

enum {
	AXP_MAX_SERVICES = 64,      /* one bit each in a 64-bit set */
	AXP_MAX_PREFIXES = 2000000, /* distinct prefixes per family */
	AXP_MAX_PORT_CLASSES = 256, /* distinct sets of services on a port; class 0: not guarded */
	AXP_MAX_VLAN_TAGS = 2,      /* 802.1Q and 802.1ad */
	AXP_MAX_EXT_HEADERS = 8,    /* IPv6 extension headers followed (RFC 8200 section 4) */
	AXP_SLOTS = 4,              /* generations that may exist at once; a power of two */
	AXP_BARRIER_SLOT = AXP_SLOTS,      /* of the outer maps: no packet looks there */
	AXP_NO_SERVICE = AXP_MAX_SERVICES, /* counter row of packets that belong to no service */
};

enum axp_mode {
	AXP_MODE_OFF = 0, /* everything passes; also what a freshly made map says */
	AXP_MODE_MONITOR = 1,
	AXP_MODE_ENFORCE = 2,
};

enum axp_direction { AXP_IN = 0, AXP_OUT = 1, AXP_DIRECTIONS };

enum axp_family { AXP_FAMILY_NONE = 0, AXP_IPV4 = 1, AXP_IPV6 = 2, AXP_FAMILIES };

enum axp_protocol { AXP_TCP = 0, AXP_UDP = 1, AXP_PROTOCOLS };

enum axp_verdict { AXP_PASS = 0, AXP_DROP = 1 };

#define AXP_REASON_ENUM(symbol, name, help) AXP_REASON_##symbol,
enum axp_reason {
	AXP_DROP_REASON_LIST(AXP_REASON_ENUM) AXP_DROP_REASONS,
	AXP_REASON_BEFORE_PASS = AXP_DROP_REASONS - 1,
	AXP_PASS_REASON_LIST(AXP_REASON_ENUM) AXP_REASONS,
};
#undef AXP_REASON_ENUM

/*
 * Which generation packets see, in which mode. One 64-bit word, so that one aligned store moves
 *every packet from the old policy to the new one: bits 0-7 slot, bits 8-15 mode (enum axp_mode),
 *bits 16-63 generation number.
 */
#define AXP_ACTIVE(generation, mode, slot) \
	(((__u64)(generation) << 16) | ((__u64)(mode) << 8) | (__u64)(slot))
#define AXP_ACTIVE_SLOT(word)       ((__u32)((word) & (AXP_SLOTS - 1)))
#define AXP_ACTIVE_MODE(word)       ((__u32)(((word) >> 8) & 0xff))
#define AXP_ACTIVE_GENERATION(word) ((word) >> 16)

/* Map `control`: one element, mapped into the command's memory for the atomic store. */
struct axp_control {
	__u64 active; /* AXP_ACTIVE() */
	__u32 abi;    /* AXP_ABI_VERSION of whoever made the maps */
	__u32 pad;
};

/* What guards a port: the services it belongs to, and the one that its drops are counted under. */
struct axp_port_class {
	__u64 services; /* bit n: service slot n */
	__u32 first;    /* slot of the first of them in the config's order */
	__u32 pad;
};

/* Map `policies`: the port tables of a generation, one element per slot. */
struct axp_policy {
	/* local port (host byte order) to index into classes; 0: not guarded */
	__u8 port_class[AXP_DIRECTIONS][AXP_PROTOCOLS][65536];
	struct axp_port_class classes[AXP_MAX_PORT_CLASSES];
};

/* Keys of the tries: prefix length in bits, then the address in network byte order. */
struct axp_lpm4_key {
	__u32 prefixlen;
	__u8 addr[4];
};

struct axp_lpm6_key {
	__u32 prefixlen;
	__u8 addr[16];
};

/* Value of a trie node: every service that its longest match opens, ancestors' included. */
struct axp_lpm_value {
	__u64 services; /* bit n: service slot n */
};

struct axp_count {
	__u64 packets;
	__u64 bytes; /* whole frames, from the Ethernet header, without FCS */
};

/*
 * Map `counters` (per CPU, one map for each interface), indexed by AXP_COUNTS_INDEX. A reason's
 * natural verdict is counted in by_reason; a drop reason that passed because of monitor mode, in
 * monitored.
 */
struct axp_counts {
	struct axp_count by_reason[AXP_REASONS];
	struct axp_count monitored[AXP_DROP_REASONS];
};

#define AXP_COUNTS_INDEX(direction, service, family) \
	((((direction) * (AXP_MAX_SERVICES + 1)) + (service)) * AXP_FAMILIES + (family))
#define AXP_COUNTS_ENTRIES (AXP_DIRECTIONS * (AXP_MAX_SERVICES + 1) * AXP_FAMILIES)

#endif
