/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of what is seen of packets: sources of drops, hits of lists, watchers. */
#ifndef ALLOWXDP_MAPS_SEEN_H
#define ALLOWXDP_MAPS_SEEN_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, AXP_SOURCE_SETS);
	__type(key, __u32);
	__type(value, struct axp_source_set);
} sources SEC(".maps");

struct hit_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AXP_HITS);
	__uint(key_size, sizeof(struct axp_hit_key));
	__uint(value_size, sizeof(struct axp_hit));
};

/* The table of the moment: taken away in one step, so that each hit is in one table alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct hit_table);
} hits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct axp_watch_table);
} watchers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, AXP_WATCHERS);
	__type(key, __u32);
	__type(value, struct axp_watch_rate);
} watch_rates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AXP_WATCHERS);
	__type(key, __u32);
	__type(value, struct axp_watch_counts);
} watch_counts SEC(".maps");

struct watch_buffer {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 1); /* the command's have as many as there are CPUs */
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
};

/* By watcher: his own, whose events end with him. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, AXP_WATCHERS);
	__type(key, __u32);
	__array(values, struct watch_buffer);
} watch_buffers SEC(".maps");

/* Where a packet is described: the stack has no room for it. Each program has its own. */
struct description {
	struct axp_event event;
	struct axp_source_key source; /* of a refused one */
	struct axp_hit_key hit_key;   /* of a listed one */
	struct axp_hit hit;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct description);
} descriptions SEC(".maps");

#endif
