/* SPDX-License-Identifier: (GPL-2.0-only OR GPL-2.0-or-later) */
/*
 * What the sender, the recorder and the checker agree on.
 *
 * Each CPU is a lane. A lane sends its classes (a source, a protocol and a port) one after the
 * other, round after round, so that a packet's place in the lane's order follows from its class and
 * its round. Every round belongs to an epoch, in which one change is made; it begins when the
 * change before has been made, and all of it has been judged before the next one is made. The
 * recorder sits behind the filter and notes which rounds of a class arrived.
 */
#ifndef HITLESS_H
#define HITLESS_H

#include <linux/types.h>

enum {
	HL_LANES = 8,
	HL_CLASSES = 256,
	HL_HEAD = 80,        /* bytes of headers in a frame, filled up with zeros */
	HL_FRAME = 96,       /* head and stamp */
	HL_AHEAD = 192,      /* packets of a lane under way; veth's ring has room for 256 */
	HL_FENCE_EVERY = 64, /* classes from one fence to the next, at most */
	HL_MAGIC = 0x686c7331,
};

/* At the end of every frame, in host byte order. */
struct hl_stamp {
	__u32 magic;
	__u16 lane;
	__u16 class;
	__u32 epoch;
	__u32 round;
};

/* Headers of a class. A fence goes to a port that is never guarded: it tells that all before it
 * have been judged.
 */
struct hl_class {
	__u8 head[HL_HEAD];
	__u32 fence;
	__u32 pad;
};

/* Written on the lane's CPU alone, but for `seen` when the lane is stuck. */
struct hl_lane {
	__u64 sent;         /* packets */
	__u64 seen;         /* number, from 1, of the last fence's packet that arrived */
	__u32 class, round; /* of the next packet */
	__u32 epoch;        /* of this round */
	__u32 seen_epoch;   /* of the last fence that arrived */
	__u32 start[4];     /* first round of an epoch, by its lowest bits */
	__u32 pad[4];       /* to a cache line */
};

/* What arrived of a class in an epoch. */
struct hl_record {
	__u32 epoch;
	__u32 count;
	__u32 first, last; /* rounds */
	__u32 disorder;    /* packets that did not come after the one before */
	__u32 pad;
};

#endif
