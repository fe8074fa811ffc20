// SPDX-License-Identifier: GPL-2.0-only
/*
 * For measuring: gives every packet another source address, one repeated packet would only measure
 * the cache. Then sends it out of an interface (live frames of BPF_PROG_TEST_RUN), or jumps into
 * the program that is to be measured.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include "packets.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set when it is loaded */
	__type(key, __u32);
	__type(value, struct source_block);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} out SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} measured SEC(".maps");

const volatile __u32 mask; /* number of sources less one; a power of two less one */
const volatile __u8 is_ipv6;
__u32 header_sum; /* of the IPv4 header without source and checksum */
__u32 position;

static __always_inline int next4(struct xdp_md *ctx, __u32 at)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	__u32 block = at / SOURCES4, sum;
	struct source_block *b;

	if ((void *)(ip + 1) > end)
		return -1;
	b = bpf_map_lookup_elem(&sources, &block);
	if (!b)
		return -1;
	ip->saddr = b->word[at % SOURCES4];
	sum = header_sum + (ip->saddr & 0xffff) + (ip->saddr >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	ip->check = (__u16)~sum;
	return 0;
}

static __always_inline int next6(struct xdp_md *ctx, __u32 at)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ipv6hdr *ip = data + sizeof(struct ethhdr);
	__u32 block = at / SOURCES6;
	struct source_block *b;

	if ((void *)(ip + 1) > end)
		return -1;
	b = bpf_map_lookup_elem(&sources, &block);
	if (!b)
		return -1;
	__builtin_memcpy(&ip->saddr, &b->word[at % SOURCES6 * 4], 16);
	return 0;
}

static __always_inline int next_source(struct xdp_md *ctx)
{
	__u32 at = position++ & mask;

	return is_ipv6 ? next6(ctx, at) : next4(ctx, at);
}

SEC("xdp")
int send(struct xdp_md *ctx)
{
	return next_source(ctx) ? XDP_ABORTED : bpf_redirect_map(&out, 0, 0);
}

/*
 * What the receiver took: veth hands the packets over in batches, which a NET_RX softirq handles,
 * on this core, in the sender's context or in ksoftirqd. Both ends of each are timed.
 */
#define NET_RX 3 /* enum in linux/interrupt.h; shown by `cat /proc/softirqs` in this order */

const volatile __u32 sender, ksoftirqd; /* their threads */
__u64 received_ns;
static __u64 began;

static __always_inline bool ours(void)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();

	return thread == sender || (ksoftirqd && thread == ksoftirqd);
}

SEC("raw_tp/softirq_entry")
int rx_begins(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[0] == NET_RX && ours())
		began = bpf_ktime_get_ns();
	return 0;
}

SEC("raw_tp/softirq_exit")
int rx_ends(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[0] == NET_RX && ours() && began) {
		received_ns += bpf_ktime_get_ns() - began;
		began = 0;
	}
	return 0;
}

SEC("xdp.frags")
int jump(struct xdp_md *ctx)
{
	if (!next_source(ctx))
		bpf_tail_call(ctx, &measured, 0);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int empty_drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

SEC("xdp.frags")
int empty_pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
