/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The BPF programs loaded but attached to nothing, their maps filled from rules, packets run
 * through BPF_PROG_TEST_RUN, and every counter watched. Nothing is pinned: when the process ends,
 * all of it is gone, and any number of fixtures may live side by side.
 */
#ifndef ALLOWXDP_TEST_FIXTURE_H
#define ALLOWXDP_TEST_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include "abi.h"
#include "packet.h"
#include "rules.h"

enum {
	COUNTS_IN_ROW = offsetof(struct axp_counts, sampler) / sizeof(struct axp_count),
	COUNTS = AXP_COUNTS_ENTRIES * COUNTS_IN_ROW,
	WHOLE_FRAME = 0,      /* as `linear`: as much in the first buffer as goes there */
	VERIFIER_SAYS = 4096, /* bytes, of its statistics */
	MAP_ROOM = 4096,      /* of the maps that remember, unless fixture_open_with() is told */
};

/* What the egress program returns: let others decide, or drop. */
enum { EGRESS_NEXT = -1, EGRESS_DROP = 2 };

/* What the programs remember of packets, by fixture.remembering[]. */
enum { FLOWS, STRANGERS, ANSWERS, FRAGMENTS, REMEMBERING };

struct fixture {
	struct allowxdp_bpf *skel;
	int program, egress;
	char verified[2][VERIFIER_SAYS]; /* what the verifier says of its work: ingress, egress */
	bool frags;                      /* the kernel knows frames of several buffers (5.18) */
	int counters;
	int remembering[REMEMBERING]; /* maps whose values begin with when they were last seen */
	__u32 next_timed;
	int cpus;
	const struct rules *rules[AXP_SLOTS];
	enum axp_mode mode;
	__u32 slot;
	bool deadline;                 /* one is set */
	struct axp_count seen[COUNTS]; /* as of the last look, over all CPUs */
	struct axp_count now[COUNTS];
	struct axp_counts *raw; /* a whole map as the kernel gives it: a value for each CPU */
	__u32 *keys;
	__u8 *out; /* the frame after the program saw it */
};

struct change {
	__u32 direction, service, family, reason;
	bool monitored;
	__s64 packets, bytes;
};

/* 0, or -errno with a line on stderr. */
int fixture_open(struct fixture *f);
int fixture_open_with(struct fixture *f, __u32 flow_capacity);
void fixture_close(struct fixture *f);

/* These give up on the whole process when the kernel refuses: no test could go on. */
void fixture_rules(struct fixture *f, __u32 slot, const struct rules *rules);
void fixture_active(struct fixture *f, enum axp_mode mode, __u32 slot);

/* Packets go by these once the deadline has passed, in so many milliseconds (negative: it has). */
void fixture_deadline(struct fixture *f, enum axp_mode fallback, __u32 slot, __s32 ms);

/* As if no packet had ever come or gone; the counters stay. */
void fixture_forget(struct fixture *f);

enum { FIXTURE_OLDEST = 1 }; /* a time that nothing is before */

/* Waits, just after a boot, until so long ago there was a time. */
void fixture_up_for(__u64 ns);

/* As if all that is remembered were so much older. Just after a boot it waits until that can be. */
void fixture_age(struct fixture *f, __u32 ms);

/*
 * From here on all packets come to one CPU: a map that forgets its oldest keeps a list of the
 * newest for each CPU, so what came to a CPU that then falls silent is not forgotten in its turn.
 */
void fixture_one_cpu(void);

size_t fixture_entries(const struct fixture *f, int which);
bool fixture_flow(const struct fixture *f, const struct axp_flow_key *key, struct axp_flow *flow);
bool fixture_fragment(const struct fixture *f, const struct axp_fragment_key *key,
		      struct axp_fragment *fragment);
void fixture_set_flow(struct fixture *f, const struct axp_flow_key *key,
		      const struct axp_flow *flow);
/* All keys or values of a map, in no order, in memory to be freed; *n says how many. */
void *fixture_dump(const struct fixture *f, int which, bool values, size_t *n);
__u64 fixture_flow_count(const struct fixture *f, enum axp_flow_count what);
void fixture_flow_ports(const struct fixture *f, struct axp_flow_ports *ports);
void fixture_set_flow_ports(const struct fixture *f, const struct axp_flow_ports *ports);
__u64 fixture_now(void); /* as `seen` in the maps */
bool fixture_stranger(const struct fixture *f, const struct axp_flow_key *key, __u64 *seen);
bool fixture_answer(const struct fixture *f, const struct axp_flow_key *key,
		    struct axp_answer *answer);
void fixture_set_timed(struct fixture *f, __u32 key, const struct axp_timed *timed);

/* Not where a frame of several buffers is one too many (Linux before 5.18). */
bool fixture_takes(const struct fixture *f, const struct packet *p);

/*
 * Runs the packet, its first `linear` bytes in the first buffer. Returns the XDP action, -ENOTSUP
 * where the kernel cannot split frames on request (before 6.18) or does not take this one, -EBADMSG
 * if the program altered the frame.
 */
int fixture_run(struct fixture *f, const struct packet *p, size_t linear);

/*
 * Runs a packet that leaves. Returns what the egress program does, or -E2BIG for a frame that is
 * too long, or -ENODATA for one too short, for the kernel to try.
 */
int fixture_run_out(struct fixture *f, const struct packet *p);

/* How many counters moved since the last look, the first `max` of them written to `changes`. */
size_t fixture_changes(struct fixture *f, struct change *changes, size_t max);

/*
 * Whether, in the row of counters where `e` stands, just that one has moved, by one packet of
 * `bytes` (what is uncounted is not looked at). Cheap: it reads one row. The next look at all of
 * them finds what moved elsewhere.
 */
bool fixture_counted(struct fixture *f, const struct expect *e, size_t bytes);

#endif
