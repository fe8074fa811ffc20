/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What should become of a frame, worked out slowly from the RFCs and docs/architecture.md. It must
 * never be written from the BPF code: where the two disagree, one of them is wrong.
 */
#ifndef ALLOWXDP_TEST_MODEL_H
#define ALLOWXDP_TEST_MODEL_H

#include <stddef.h>
#include "rules.h"

enum { MEMORY_ROOM = 2048 };

/* Both ends of a flow as this host sees them. IPv4: the first four bytes of an address. */
struct tuple {
	enum axp_family family;
	enum axp_protocol protocol;
	__u8 local[16], remote[16];
	__u16 local_port, remote_port;
};

struct known_flow {
	struct tuple tuple;
	__u64 seen; /* milliseconds, as all times here */
	bool listed, closing;
};

struct known_tuple {
	struct tuple tuple;
	__u64 seen;
	bool ours; /* of answers: this host began */
};

/* What makes fragments those of one packet, and what became of the first. */
struct known_fragment {
	enum axp_direction direction;
	enum axp_family family;
	__u8 src[16], dst[16];
	__u32 id, protocol;
	__u64 seen;
	bool dropped;
	__u32 service;
};

/* What is known of the packets before. All zero: nothing. Time stands still but for model_age(). */
struct memory {
	__u64 now;
	struct known_flow flows[MEMORY_ROOM];
	struct known_tuple strangers[MEMORY_ROOM], answers[MEMORY_ROOM];
	struct known_fragment fragments[MEMORY_ROOM];
	size_t n_flows, n_strangers, n_answers, n_fragments;
};

void model_forget(struct memory *m);
void model_age(struct memory *m, __u32 ms);

/* A packet that comes in, one that leaves. It is remembered, where that matters for those to come.
 */
struct expect model_in(struct memory *m, const struct rules *rules, enum axp_mode mode,
		       const __u8 *frame, size_t len);
struct expect model_out(struct memory *m, const struct rules *rules, enum axp_mode mode,
			const __u8 *frame, size_t len);

/* One that comes in as the first of all, and is forgotten again. */
struct expect model(const struct rules *rules, enum axp_mode mode, const __u8 *frame, size_t len);

#endif
