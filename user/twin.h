/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The twin of a program that is attached: the same instructions (the kernel's tag of both is
 * compared), looking into the very maps that hold the policy for the attached one. All that a
 * program writes (counters, flows, samples...) is the twin's own, and thrown away. So what it says
 * of a packet is what the attached one would say, and leaves no trace.
 */
#ifndef ALLOWXDP_TWIN_H
#define ALLOWXDP_TWIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi.h"
#include "error.h"

enum { TWIN_MAPS_MAX = 64 };

struct twin {
	struct allowxdp_bpf *skel;
	enum axp_direction direction;
	uint8_t tag[8];
	uint32_t shared[TWIN_MAPS_MAX]; /* ids of the maps that it looks into */
	size_t n_shared;
	uint64_t word; /* the control word that the attached program goes by (AXP_ACTIVE) */
};

/* What a program says of a packet. */
struct testimony {
	enum axp_verdict verdict;
	bool counted; /* else it was let through unseen, and the rest says nothing */
	enum axp_reason reason;
	uint32_t service; /* slot, or AXP_NO_SERVICE */
};

#define _cleanup_twin_ __attribute__((cleanup(twin_close)))
void twin_close(struct twin *t);

/*
 * Makes the twin of the program with this id, which is one of ours for that direction. -EPERM and
 * the like, or -ESTALE where its instructions are not this build's.
 */
int twin_open(struct twin *t, uint32_t program, enum axp_direction direction, struct error *err);

/* Would the program's twin be the same one? Spares loading it again for each interface. */
bool twin_is_also_of(const struct twin *t, uint32_t program);

/* Shows it a frame, as if `word` were in the control map. */
int twin_ask(struct twin *t, uint64_t word, const void *frame, size_t n, struct testimony *out,
	     struct error *err);

#endif
