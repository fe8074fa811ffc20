/* SPDX-License-Identifier: (GPL-2.0-only OR GPL-2.0-or-later) */
/*
 * What the BPF programs and the command agree on: map keys and values, enums, limits.
 * Host byte order unless a comment says otherwise. Raise AXP_ABI_VERSION with every change of
 * layout.
 */
#ifndef ALLOWXDP_ABI_H
#define ALLOWXDP_ABI_H

#include <linux/bpf.h>
#include <linux/types.h>
#include "reasons.h"

/*
 * Where it differs from that of the maps that run, `load` and `reload` make new ones
 * (user/takeover.h). What outlives that must mean the same as long as it has the same name and
 * size: the maps that user/instance_keep.c names, and in all versions the first four members of
 * struct axp_control.
 */
#ifndef AXP_ABI_VERSION
#define AXP_ABI_VERSION 8
#endif

enum {
	AXP_MAX_SERVICES = 64,      /* one bit each in a 64-bit set */
	AXP_MAX_PREFIXES = 2000000, /* distinct prefixes per family */
	AXP_MAX_PORT_CLASSES = 256, /* distinct sets of services on a port; class 0: not guarded */
	AXP_MAX_VLAN_TAGS = 2,      /* 802.1Q and 802.1ad */
	AXP_MAX_EXT_HEADERS = 8,    /* IPv6 extension headers followed (RFC 8200 section 4) */
	AXP_MAX_FRAGMENTS = 8192,   /* packets whose fragments are on their way */
	AXP_MAX_STRANGERS = 16384,  /* unlisted peers remembered in monitor mode */
	AXP_MAX_ANSWERS = 16384,    /* flows let in whose remote port is guarded outbound */
	AXP_MAX_TIMED = 65536,      /* trie nodes that change with time */
	AXP_TIMED_STEPS = 8,        /* changes of one node */
	AXP_SLOTS = 4,              /* generations that may exist at once; a power of two */
	AXP_BARRIER_SLOT = AXP_SLOTS,      /* of the outer maps: no packet looks there */
	AXP_NO_SERVICE = AXP_MAX_SERVICES, /* counter row of packets that belong to no service */
};

enum axp_mode {
	AXP_MODE_OFF = 0, /* everything passes; also what a freshly made map says */
	AXP_MODE_MONITOR = 1,
	AXP_MODE_ENFORCE = 2,
	AXP_MODE_LEARN = 3, /* a moment before enforcing: as monitor, and every UDP packet that
			       leaves makes a flow */
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

/*
 * Map `control`: one element, mapped into the command's memory for the atomic stores.
 *
 * Confirm or roll back: while `deadline` is set and past, packets use `fallback` in place of
 * `active`. To ask for confirmation, the command stores fallback, deadline, active, in this order;
 * to confirm, deadline 0; to roll back, active, then deadline 0. Killed in between, it leaves the
 * old policy or the new one.
 */
struct axp_control {
	__u64 active;   /* AXP_ACTIVE() */
	__u64 fallback; /* AXP_ACTIVE() */
	__u64 deadline; /* CLOCK_BOOTTIME, ns; 0: none */
	__u32 abi;      /* AXP_ABI_VERSION of whoever made the maps */
	__u32 pad;
	__u64 next_timed; /* last key given out in map `timed`; the command's alone */
	__u64 seed;       /* of hashes that nobody outside shall foretell */
	__u64 watching;   /* who watches packets: see struct axp_watcher */
};

/* The name by which the object and the kernel know the map; pinned as `control`. */
#define AXP_CONTROL_SECTION ".data.control"

/* What guards a port: the services it belongs to, and the one that its drops are counted under. */
struct axp_port_class {
	__u64 services; /* bit n: service slot n */
	__u32 first;    /* slot of the first of them in the config's order */
	__u32 replies;  /* 1: one of them lets replies in */
};

/* Idle limits of flows, ns. */
struct axp_limits {
	__u64 udp;
	__u64 tcp;
	__u64 tcp_closing; /* after a FIN or RST of this host */
};

enum axp_policy_flags {
	AXP_DROP_UNMATCHED_FRAGMENTS = 1 << 0,
	AXP_GUARDS_OUT = 1 << 1, /* a service has the direction out */
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
	__u32 timed;    /* key in map `timed` of what it opens from when on; 0: always these */
	__u32 pad;
};

/*
 * Map `timed` (hash, by axp_lpm_value.timed): a node's services change as entries expire. From
 * at[n] on they are services[n]; at[] ascends, and 0 ends it.
 */
struct axp_timed {
	__u64 at[AXP_TIMED_STEPS]; /* CLOCK_BOOTTIME, ns */
	__u64 services[AXP_TIMED_STEPS];
};

/*
 * Directories: what the tries say, laid out so that nearly every look-up ends after one to three
 * reads (docs/architecture.md). They consist of units, which are numbered from 0 on: those of IPv4
 * begin in its front, which every packet reads and which is a part of the policy (struct
 * axp_policy). Behind that, and for IPv6 from the beginning, they are in pages of 1 MB: maps
 * `directories4` and `directories6` hold those, each an array map of one element, page p of a
 * slot's at AXP_DIR_PAGE_KEY. The command has all of it mapped into its memory. Words in host byte
 * order. What packets can reach is never written again, but for the words that lead to it: those of
 * AXP_DIR4_ROOT (64 bits), the `root` of a place, of a header and the `base` of a node (32), each
 * of them one aligned store; bits of the filters are set before and cleared after.
 *
 * A set id stands for the services that an address opens: AXP_SET_NONE for none, AXP_SET_ASK for
 * "ask the trie" (entries that expire, or more sets than there are ids), else an index into the
 * table of sets.
 */
enum {
	AXP_SET_NONE = 0,
	AXP_SET_ASK = 255,
	AXP_SETS = 256,

	AXP_DIR_PAGE = 1 << 20, /* bytes */
	AXP_DIR_PAGES = 512,    /* of one directory */

	AXP_DIR4_UNIT = 32, /* bytes */
	AXP_DIR4_PAGE_UNITS = AXP_DIR_PAGE / AXP_DIR4_UNIT,
	AXP_DIR4_WORDS = 8, /* __u32, in a unit */
	/* first units of: the filter, __u32[], of a list that is not large (axp_dir_header) */
	AXP_DIR4_FILTER = 0,
	AXP_DIR4_FILTER_UNITS = 8192,
	/* __u64[65536], by /16: what is listed there, or where that stands (AXP_DIR4_RANGE and
	   others) */
	AXP_DIR4_ROOT = AXP_DIR4_FILTER + AXP_DIR4_FILTER_UNITS,
	AXP_DIR4_FIRST = AXP_DIR4_ROOT + 65536 / 4, /* here begins what is given out */

	/* a large list has places in place of filter and root, struct axp_dir4_place[65536] by /16,
	   and nothing else in its front */
	AXP_DIR4_FRONT = 5 << 18, /* bytes */
	AXP_DIR4_FRONT_UNITS = AXP_DIR4_FRONT / AXP_DIR4_UNIT,
	AXP_DIR4_PAGES = 510, /* behind it: as many as units of 24 bits can be in */

	AXP_DIR6_UNIT = 64,
	AXP_DIR6_PAGE_UNITS = AXP_DIR_PAGE / AXP_DIR6_UNIT,
	AXP_DIR6_HEADER = 0,
	AXP_DIR6_SETS = 1,
	AXP_DIR6_FIRST = AXP_DIR6_SETS + 32,
	AXP_DIR6_LEVELS = 22, /* six bits each */
};

/* Bytes before front4, to a multiple of 64 KB: the largest page of a machine that runs Linux. */
enum { AXP_POLICY_PAD = 59328 };

#define AXP_DIR_PAGE_KEY(slot, page) ((slot)*AXP_DIR_PAGES + (page))

enum axp_dir_kind {
	AXP_DIR_ONE = 0, /* one set for all addresses that open anything, `services` */
	AXP_DIR_ASK = 1, /* the same, and what it opens stands in the trie */
	AXP_DIR_MIXED = 2,
};

struct axp_dir_header {
	__u32 used;   /* units given out, from 0 on */
	__u32 n_sets; /* the first is 1 */
	__u32 root;   /* IPv6: unit of the topmost node */
	__u32 filled; /* `used` when it was made: what came since has replaced something */
	/* IPv4: the filter has a bit for each value of the first bits of an address, those that are
	 * left when it is shifted: something is listed there. 0: the list is large. */
	__u32 shift;
	__u32 pad;
};

/*
 * IPv4: what is listed in a /16, or in an equal part of one, where that is little: addresses
 * first[i] to last[i] of the /16 have set[i]; or, where all have one set, prefixes of it, from
 * first[i] on (axp_dir4_prefixes). Ascending; what is left over repeats the last one. Where nothing
 * is listed: first 0xffff, and a set of AXP_SET_NONE.
 */
enum { AXP_DIR4_RANGES = 6, AXP_DIR4_PREFIXES = 12 };

struct axp_dir4_ranges {
	__u16 first[AXP_DIR4_RANGES];
	__u16 last[AXP_DIR4_RANGES];
	__u8 set[AXP_DIR4_RANGES];
	__u8 pad[2];
};

/* `rest`: four bits for each prefix, from bit 0 on: how many of an address it leaves open; bits
 * 48-55: the set of all. */
struct axp_dir4_prefixes {
	__u16 first[AXP_DIR4_PREFIXES];
	__u64 rest;
};

#define AXP_DIR4_PREFIX_OPEN(rest, i) ((__u32)((rest) >> (i)*4) & 15)
#define AXP_DIR4_PREFIX_SET(rest)     ((__u32)((rest) >> 48))

/*
 * A /18, 64 times a /24; four of them are a /16. `any`: /24s in which something is listed. `own`:
 * those that are not listed as a whole by the group's one set; the rank of its bit in `own` says
 * where the rest stands. AXP_DIR_ONE and _ASK: unit base + rank is a bit for each address.
 * AXP_DIR_MIXED, where own is the same as any: an axp_dir4_cell in the units from `base`.
 */
struct axp_dir4_group {
	__u64 any;
	__u64 own;
	__u64 services;
	__u32 base;
	__u8 pad[3];
	__u8 kind;
};

/*
 * A /16, in AXP_DIR4_ROOT or a place: 0 where nothing is listed; one range; the first of 1 to 16
 * units with the ranges of equal parts of it; or the first of four groups. A unit's number has 24
 * bits.
 */
enum axp_dir4_root { AXP_DIR4_IN_RANGE = 1, AXP_DIR4_IN_PARTS = 2, AXP_DIR4_IN_GROUPS = 3 };

enum { AXP_DIR4_PARTS_LOG2 = 4 }; /* at most */

#define AXP_DIR4_RANGE(first, span, set) \
	((__u64)(span) << 32 | (__u64)(first) << 16 | (__u64)(set) << 8 | AXP_DIR4_IN_RANGE)
#define AXP_DIR4_OF_PREFIXES (1U << 5) /* parts are axp_dir4_prefixes */
#define AXP_DIR4_PARTS(unit, log2, of_prefixes)                                          \
	((__u32)(unit) << 8 | ((of_prefixes) ? AXP_DIR4_OF_PREFIXES : 0) | (log2) << 2 | \
	 AXP_DIR4_IN_PARTS)
#define AXP_DIR4_GROUPS(unit)      ((__u32)(unit) << 8 | AXP_DIR4_IN_GROUPS)
#define AXP_DIR4_ROOT_KIND(word)   ((__u32)(word)&3)
#define AXP_DIR4_ROOT_UNIT(word)   ((__u32)(word) >> 8)
#define AXP_DIR4_ROOT_LOG2(word)   ((__u32)(word) >> 2 & 7)
#define AXP_DIR4_RANGE_SPAN(word)  ((__u32)((word) >> 32))
#define AXP_DIR4_RANGE_FIRST(word) ((__u32)(word) >> 16)
#define AXP_DIR4_RANGE_SET(word)   ((__u32)(word) >> 8 & 0xff)

/*
 * A /16 of a large list: its root word, which is no range, and its part of the filter, a bit for
 * each /23: close together, so that the cache has both.
 */
enum { AXP_DIR4_PLACE_WORDS = 4, AXP_DIR4_PLACE_SHIFT = 9 };

struct axp_dir4_place {
	__u32 root;
	__u32 filter[AXP_DIR4_PLACE_WORDS];
};

/*
 * Bits 0-7: set id; bits 8-39: unit. Unit 0: the whole /24 has this set. Set AXP_SET_NONE: the
 * eight units from there on are set ids, one for each address. Else the unit is a bit for each
 * address.
 */
#define AXP_DIR4_CELL(set, unit) ((__u64)(unit) << 8 | (set))
#define AXP_DIR4_CELL_SET(cell)  ((__u32)((cell)&0xff))
#define AXP_DIR4_CELL_UNIT(cell) ((__u32)((cell) >> 8))

union axp_dir4_unit {
	__u32 words[AXP_DIR4_WORDS];
	struct axp_dir4_ranges ranges;
	struct axp_dir4_prefixes prefixes;
	struct axp_dir4_group group;
	__u64 roots[4];
	__u64 cells[4];
	__u32 bits[8]; /* address a of the /24: bit a % 32 of bits[a / 32] */
	__u8 sets[32];
};

union axp_dir4_front {
	union axp_dir4_unit units[AXP_DIR4_FRONT_UNITS];
	struct axp_dir4_place places[65536];
};

struct axp_dir4_page {
	union axp_dir4_unit units[AXP_DIR4_PAGE_UNITS];
};

/* What stands once in a directory for IPv4. */
struct axp_dir4_head {
	struct axp_dir_header header;
	__u64 sets[AXP_SETS]; /* services */
};

/*
 * Map `policies`: a generation's port tables, settings and, for IPv4, what its directory begins
 * with; one element per slot, mapped into the command's memory. What is small comes first: BPF's
 * instructions reach no further than 32 KB from a pointer.
 */
struct axp_policy {
	__u32 flags;       /* enum axp_policy_flags */
	__u32 filled;      /* 1: the slot holds a generation, or part of one; the command's alone */
	__u32 first_timed; /* first key in map `timed` of its nodes; the command's alone */
	__u32 pad;
	struct axp_limits limits;
	struct axp_dir4_head dir4;
	struct axp_port_class classes[AXP_MAX_PORT_CLASSES];
	/* local port (AXP_OUT: remote; host byte order) to index into classes; 0: not guarded */
	__u8 port_class[AXP_DIRECTIONS][AXP_PROTOCOLS][65536];
	__u8 to_page[AXP_POLICY_PAD];
	union axp_dir4_front front4; /* it and the whole are so many pages of the machine */
};

/*
 * IPv6: what the six bits behind the first `depth` lead to. An address whose first `depth` bits are
 * not `key` has the set `outside`. `own`: slots with a node of their own, in the units from `base`
 * on by rank; AXP_DIR_MIXED: behind a unit of 64 set ids. Of the other slots, `any` says which open
 * something. Addresses as two words, the first eight bytes in `high`; bits past the 128th are zero.
 */
struct axp_dir6_node {
	__u64 own;
	__u64 any;
	__u64 services;
	__u64 key_high, key_low;
	__u64 mask_high, mask_low; /* the first `depth` bits */
	__u32 base;
	__u8 kind;
	__u8 depth;
	__u8 outside;
	__u8 pad;
};

union axp_dir6_unit {
	struct axp_dir6_node node;
	__u64 services[8];
	__u8 sets[64];
	struct axp_dir_header header;
};

struct axp_dir6_page {
	union axp_dir6_unit units[AXP_DIR6_PAGE_UNITS];
};

/* Keys of maps `flows`, `strangers` and `answers`: the tuple on the wire, seen from this host. */
struct axp_flow_key {
	__be32 local[4]; /* IPv4: the first alone */
	__be32 remote[4];
	__u16 local_port; /* host byte order */
	__u16 remote_port;
	__u8 protocol; /* enum axp_protocol */
	__u8 family;   /* enum axp_family */
	__u16 pad;
};

enum axp_answer_origin {
	AXP_ANSWER_CAME_IN = 0, /* the remote began: what leaves are answers */
	AXP_ANSWER_OURS = 1,    /* this host began, to a listed remote: the lists alone decide */
};

/* Map `answers`: flows whose remote port is guarded outbound, and who began them. */
struct axp_answer {
	__u64 seen; /* CLOCK_MONOTONIC ns, exact to a second */
	__u32 origin;
	__u32 pad;
};

enum axp_flow_origin {
	AXP_FLOW_OPENED = 0, /* by this host, to an unlisted address: replies are let in */
	AXP_FLOW_LISTED = 1, /* began while the remote was listed: the lists alone let it in */
};

/* Map `flows`: written on egress, and by the command at load; ingress only reads it. */
struct axp_flow {
	__u64 seen;    /* last packet that left, CLOCK_MONOTONIC ns, exact to a second */
	__u32 origin;  /* enum axp_flow_origin */
	__u32 closing; /* 1: TCP, this host has sent FIN or RST */
};

/* Map `flow_counts` (per CPU). */
enum axp_flow_count {
	AXP_FLOWS_CREATED,
	AXP_FLOWS_INSERT_FAILED,
	AXP_FLOWS_SEEDED, /* by the command, from the socket tables */
	AXP_FLOW_COUNTS,
};

/* Map `flow_ports` (mapped by the command, which sets bytes too): 1 where a flow was ever opened
 * from this local port; spares others the look-up.
 */
struct axp_flow_ports {
	__u8 used[AXP_PROTOCOLS][65536];
};

/* The name by which the object knows the map; pinned as `flow_ports`. */
#define AXP_FLOW_PORTS_SECTION ".data.flow_ports"

/* Map `fragments`: what became of a packet's first fragment. */
struct axp_fragment_key {
	__be32 src[4];
	__be32 dst[4];
	__be32 id;     /* IPv4: 16 bits of it (RFC 791); IPv6: 32 (RFC 8200 section 4.5) */
	__u8 protocol; /* IPv4: part of the identity; IPv6: 0 */
	__u8 family;
	__u8 direction; /* enum axp_direction: what comes in is never what leaves */
	__u8 pad;
};

struct axp_fragment {
	__u64 seen;    /* CLOCK_MONOTONIC ns */
	__u32 reason;  /* enum axp_reason */
	__u32 service; /* slot, or AXP_NO_SERVICE */
};

struct axp_count {
	__u64 packets;
	__u64 bytes; /* whole frames, from the Ethernet header, without FCS */
};

/*
 * Which packets of a row of counters, on one CPU, are looked at more closely. All zero: the next
 * one is.
 */
struct axp_sampler {
	__u64 last; /* jiffies at the last sample: a gap that lasts too long ends */
	__u64 tick; /* when the second began in which `taken` are counted; CLOCK_MONOTONIC ns */
	__u32 taken;
	__u32 skip;   /* packets to let go by before the next sample */
	__u32 weight; /* packets that it will stand for; 0 is 1 */
	__u32 pad;
};

/*
 * Map `counters` (per CPU, one map for each interface), indexed by AXP_COUNTS_INDEX. A reason's
 * natural verdict is counted in by_reason; a drop reason that passed because of monitor mode, in
 * monitored.
 */
struct axp_counts {
	struct axp_count by_reason[AXP_REASONS];
	struct axp_count monitored[AXP_DROP_REASONS];
	/* Not counters: */
	struct axp_sampler sampler;     /* of drops */
	struct axp_sampler hit_sampler; /* of listed packets */
};

/* What is to be added to a row of counters, as a packet for program allowxdp_carry. */
struct axp_carried {
	__u32 index; /* AXP_COUNTS_INDEX */
	__u32 pad;
	struct axp_count by_reason[AXP_REASONS];
	struct axp_count monitored[AXP_DROP_REASONS];
};

#define AXP_COUNTS_INDEX(direction, service, family) \
	((((direction) * (AXP_MAX_SERVICES + 1)) + (service)) * AXP_FAMILIES + (family))
#define AXP_COUNTS_ENTRIES (AXP_DIRECTIONS * (AXP_MAX_SERVICES + 1) * AXP_FAMILIES)

/*
 * ---- What is seen of packets: sources of drops, watchers ----
 */

enum {
	AXP_SOURCE_SETS = 2048, /* a power of two */
	AXP_SOURCE_WAYS = 8,
	AXP_SOURCES = AXP_SOURCE_SETS * AXP_SOURCE_WAYS,
	AXP_SOURCE_PORTS = 4,
	AXP_SAMPLE_EXACT = 1024, /* samples of a tick that are every drop */
	AXP_SAMPLE_SOME = 2048,  /* from there on until here one in AXP_SAMPLE_SOME_OF */
	AXP_SAMPLE_FEW = 3072,   /* from there on until here one in AXP_SAMPLE_FEW_OF */
	AXP_SAMPLE_RARE = 4096,  /* from there on until here one in AXP_SAMPLE_RARE_OF */
	AXP_SAMPLE_SOME_OF = 16, /* each of these gaps is random */
	AXP_SAMPLE_FEW_OF = 256,
	AXP_SAMPLE_RARE_OF = 1024,
	AXP_SAMPLE_LEAST_OF = 4096,      /* later */
	AXP_NO_PROTOCOL = AXP_PROTOCOLS, /* ports and protocol are not known */
};

/* Who was refused, where. In padding zeros: it is compared and hashed as a whole. */
struct axp_source_key {
	__be32 address[4]; /* the other side's: for AXP_OUT the destination; IPv4: the first alone
			    */
	__u8 family;       /* enum axp_family */
	__u8 protocol;     /* enum axp_protocol, or AXP_NO_PROTOCOL */
	__u8 service;      /* slot, or AXP_NO_SERVICE */
	__u8 direction;    /* enum axp_direction */
	__u32 pad;
};

/*
 * What is known of a source. Packets and bytes are sums of samples by their weight, the number of
 * drops that each stands for. Of all drops these are missing: those before the source won its
 * place, about `missed`, and by chance some of the square root of `variance`; both are zero while
 * every drop was recorded.
 */
struct axp_source {
	struct axp_source_key key;
	__u64 first; /* CLOCK_MONOTONIC ns, exact to some milliseconds; 0: the place is free */
	__u64 last;
	struct axp_count by_verdict[2]; /* enum axp_verdict: would have been dropped, was */
	__u64 variance;
	__u64 ports_seen; /* a sketch: bit n, of AXP_PORT_BIT(port) */
	__u32 port_packets[AXP_SOURCE_PORTS];
	__u16 ports[AXP_SOURCE_PORTS]; /* the most frequent ones; where port_packets is not zero */
	__u32 rank; /* who has least of it loses his place; halves as time goes */
	__u32 missed;
	__u32 reasons; /* bit n: enum axp_reason n was among them */
	__u32 ifindex; /* of the last one */
};

#define AXP_PORT_BIT(port) ((((__u32)(port)*0x9e3779b1u) >> 26) & 63)

/* Map `sources` (array of AXP_SOURCE_SETS): places that share a hash of the key. */
struct axp_source_set {
	struct bpf_spin_lock lock;
	__u32 pad;
	struct axp_source ways[AXP_SOURCE_WAYS];
};

/*
 * Who was listed, and how often: map `hits` holds one table (hash), which the command takes away
 * and replaces by an empty one when it folds its content into the state directory (user/hits.h).
 * The key of zeros is in it from the beginning: what found no room there any more.
 */
enum {
	AXP_HITS = 65536,     /* of one table */
	AXP_HIT_EXACT = 8192, /* samples of a tick that are every listed packet */
	AXP_HIT_SOME = 10240, /* from there on until here one in AXP_SAMPLE_SOME_OF */
	AXP_HIT_FEW = 11264,  /* from there on until here one in AXP_SAMPLE_FEW_OF */
	AXP_HIT_RARE = 12288, /* from there on until here one in AXP_SAMPLE_RARE_OF */
};

struct axp_hit_key {
	__be32 address[4]; /* the other side's: for AXP_OUT the destination; IPv4: the first alone
			    */
	__u8 family;       /* enum axp_family */
	__u8 service;      /* slot */
	__u8 direction;    /* enum axp_direction */
	__u8 pad;
};

struct axp_hit {
	__u64 packets; /* sum of the samples' weights */
	__u64 first;   /* CLOCK_BOOTTIME ns */
	__u64 last;
};

/*
 * Who watches packets. Byte n of axp_control.watching is watcher n's (enum axp_watch_kinds), 0
 * while nobody does; all that packets pay then is to look at that word. The command sets its byte
 * anew every second; packets clear it when its time is over, so that a killed command leaves
 * nothing on.
 */
enum { AXP_WATCHERS = 4 };

enum axp_watch_kinds { AXP_WATCH_DROPS = 1 << 0, AXP_WATCH_PASSES = 1 << 1 };

#define AXP_WATCH_ALL(kinds) (0x01010101ULL * (kinds))

/* What a watcher wants to see. A service is a bit of `services`. */
struct axp_watcher {
	__u64 until;    /* CLOCK_MONOTONIC ns */
	__u64 interval; /* ns between two records, on average */
	__u64 burst;    /* ns that records may come before their time: burst / interval at once */
	__u64 services;
	__u32 reasons;    /* bit n: enum axp_reason n */
	__u32 no_service; /* 1: packets that belong to none, too */
	__u32 directions; /* bit n: enum axp_direction n */
	__u32 ifindex;    /* 0: any */
	__u32 snaplen;    /* bytes of the frame that follow the record */
	__u32 family;     /* AXP_FAMILY_NONE: any address */
	__be32 mask[4];   /* of the other side's address */
	__be32 address[4];
};

/* Map `watchers` (mapped by the command). */
struct axp_watch_table {
	struct axp_watcher watcher[AXP_WATCHERS];
};

/* Map `watch_rates`, by watcher. */
struct axp_watch_rate {
	struct bpf_spin_lock lock;
	__u32 pad;
	__u64 next; /* when the next record is due, CLOCK_MONOTONIC ns */
};

/* Map `watch_counts` (per CPU), by watcher: together, all packets that he wanted to see. */
struct axp_watch_counts {
	__u64 sent;
	__u64 left_out; /* too many at that moment */
	__u64 lost;     /* his buffer was full */
};

/* A record in a watcher's perf buffer (map `watch_buffers`); `captured` bytes of the frame follow.
 */
struct axp_event {
	__u64 time; /* CLOCK_BOOTTIME ns */
	__u64 generation;
	__be32 src[4]; /* IPv4: the first alone */
	__be32 dst[4];
	__u32 ifindex;
	__u32 length; /* of the frame, as counted */
	__u32 captured;
	__u16 sport; /* host byte order */
	__u16 dport;
	__u16 vlan_tci;    /* of a tag that is not in the frame (what leaves) */
	__be16 vlan_proto; /* 0: there is none */
	__u8 family;       /* enum axp_family */
	__u8 protocol;     /* enum axp_protocol; AXP_NO_PROTOCOL: ports and flags are not known */
	__u8 tcp_flags;
	__u8 reason;    /* enum axp_reason */
	__u8 service;   /* slot of that generation, or AXP_NO_SERVICE */
	__u8 direction; /* enum axp_direction */
	__u8 verdict;   /* enum axp_verdict */
	__u8 mode;      /* enum axp_mode */
	__u32 pad;
};

/*
 * Map `elsewhere` (per CPU, __u64): packets that came in unlisted from a source that the lists of
 * another service cover, by the slot of the service that they were for, family and verdict.
 */
#define AXP_ELSEWHERE_INDEX(service, family, verdict) \
	(((service)*AXP_FAMILIES + (family)) * 2 + (verdict))
#define AXP_ELSEWHERE_ENTRIES (AXP_MAX_SERVICES * AXP_FAMILIES * 2)

#endif
