// SPDX-License-Identifier: GPL-2.0-only
/*
 * For measuring: gives every run of a program another source address, then jumps into it. One
 * repeated packet would only measure the cache. BPF_PROG_TEST_RUN keeps the packet from run to run.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

#define SOURCES (1 << 20)

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} measured SEC(".maps");

struct sources {
	__be32 address[SOURCES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sources);
} sources SEC(".maps");

__u32 position;

SEC("xdp.frags")
int wrap(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct sources *s;
	__u32 zero = 0;

	if ((void *)(ip + 1) > end)
		return XDP_ABORTED;
	s = bpf_map_lookup_elem(&sources, &zero);
	if (!s)
		return XDP_ABORTED;
	position = (position + 1) & (SOURCES - 1);
	ip->saddr = s->address[position & (SOURCES - 1)];
	bpf_tail_call(ctx, &measured, 0);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
