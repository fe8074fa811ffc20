/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The BPF programs loaded but attached to nothing, their maps filled from rules, packets run
 * through BPF_PROG_TEST_RUN, and every counter watched. Nothing is pinned: when the process ends,
 * all of it is gone, and any number of fixtures may live side by side.
 */
#ifndef ALLOWXDP_TEST_FIXTURE_H
#define ALLOWXDP_TEST_FIXTURE_H

#include <stdbool.h>
#include "abi.h"
#include "packet.h"
#include "rules.h"

enum {
	COUNTS_IN_ROW = sizeof(struct axp_counts) / sizeof(struct axp_count),
	COUNTS = AXP_COUNTS_ENTRIES * COUNTS_IN_ROW,
	WHOLE_FRAME = 0, /* as `linear`: as much in the first buffer as goes there */
};

struct fixture {
	struct allowxdp_bpf *skel;
	int program;
	int counters;
	int cpus;
	const struct rules *rules[AXP_SLOTS];
	enum axp_mode mode;
	__u32 slot;
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
void fixture_close(struct fixture *f);

/* These give up on the whole process when the kernel refuses: no test could go on. */
void fixture_rules(struct fixture *f, __u32 slot, const struct rules *rules);
void fixture_active(struct fixture *f, enum axp_mode mode, __u32 slot);

/*
 * Runs the packet, its first `linear` bytes in the first buffer. Returns the XDP action, -ENOTSUP
 * where the kernel (before 6.18) cannot split frames on request, -EBADMSG if the program altered
 * the frame.
 */
int fixture_run(struct fixture *f, const struct packet *p, size_t linear);

/* How many counters moved since the last look, the first `max` of them written to `changes`. */
size_t fixture_changes(struct fixture *f, struct change *changes, size_t max);

/*
 * Whether, in the row of counters where `e` stands, just that one has moved, by one packet of
 * `bytes`. Cheap: it reads one row. The next look at all of them finds what moved elsewhere.
 */
bool fixture_counted(struct fixture *f, const struct expect *e, size_t bytes);

#endif
