// SPDX-License-Identifier: GPL-2.0-only
/*
 * The traffic of the proof, and its witness. `generate` runs on frames that BPF_PROG_TEST_RUN makes
 * (live frames) and sends them out of the net's end of a veth pair; `record` sits at tc ingress of
 * the host's end, behind the filter, notes what arrives, and keeps it from the stack.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "hitless.h"

enum { ACT_OK = 0, ACT_SHOT = 2 };

/* Set before loading. */
const volatile __u32 out_ifindex = 0;
const volatile __u32 n_classes = 0;

/* Set by the checker. */
volatile __u32 epoch = 0;
volatile __u32 flowing = 0;

struct hl_class classes[HL_CLASSES] = {};
struct hl_lane lanes[HL_LANES] = {};
struct hl_record records[HL_LANES * HL_CLASSES * 2] = {};
__u64 foreign = 0; /* frames behind the filter that are not ours */

static __always_inline void begin_round(struct hl_lane *lane)
{
	__u32 now = epoch;

	if (now == lane->epoch)
		return;
	lane->start[now & 3] = lane->round;
	lane->epoch = now;
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 cpu = bpf_get_smp_processor_id() & (HL_LANES - 1);
	struct hl_lane *lane = &lanes[cpu];
	struct hl_stamp *stamp = data + HL_HEAD;
	__u32 class = lane->class & (HL_CLASSES - 1);

	if (data + HL_FRAME > end)
		return XDP_ABORTED;
	/* What is not sent now is not numbered, and so not missed. */
	if (lane->sent - *(volatile __u64 *)&lane->seen >= HL_AHEAD)
		return XDP_DROP;
	if (!class) {
		if (!flowing)
			return XDP_DROP;
		begin_round(lane);
	}
	__builtin_memcpy(data, classes[class].head, HL_HEAD);
	stamp->magic = HL_MAGIC;
	stamp->lane = cpu;
	stamp->class = class;
	stamp->epoch = lane->epoch;
	stamp->round = lane->round;
	lane->sent++;
	if (class + 1 < n_classes) {
		lane->class = class + 1;
	} else {
		lane->class = 0;
		lane->round++;
	}
	return bpf_redirect(out_ifindex, 0);
}

SEC("tc")
int record(struct __sk_buff *skb)
{
	struct hl_record *r;
	struct hl_lane *lane;
	struct hl_stamp s;
	__u32 class, at;

	if (skb->len != HL_FRAME || bpf_skb_load_bytes(skb, HL_HEAD, &s, sizeof(s)) ||
	    s.magic != HL_MAGIC) {
		__sync_fetch_and_add(&foreign, 1);
		return ACT_OK;
	}
	class = s.class & (HL_CLASSES - 1);
	lane = &lanes[s.lane & (HL_LANES - 1)];
	at = ((s.lane & (HL_LANES - 1)) * HL_CLASSES + class) * 2 + (s.epoch & 1);
	barrier_var(at); /* clang makes + an |, after which Linux 6.1 knows no bounds any more */
	r = &records[at & (HL_LANES * HL_CLASSES * 2 - 1)];
	if (r->epoch != s.epoch) {
		r->epoch = s.epoch;
		r->count = 0;
		r->first = s.round;
		r->disorder = 0;
	} else if (s.round <= r->last) {
		r->disorder++;
	}
	r->last = s.round;
	r->count++;
	if (classes[class].fence) {
		lane->seen = (__u64)s.round * n_classes + class + 1;
		/* The records of all before it are there when this is. */
		__sync_lock_test_and_set(&lane->seen_epoch, s.epoch);
	}
	return ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";
