/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps, all made and pinned by the command; what lies in them is in include/abi.h. */
#ifndef ALLOWXDP_MAPS_H
#define ALLOWXDP_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

/* Maps like the others; as variables they need no look-up, which every packet would pay for. */
volatile struct axp_control control SEC(AXP_CONTROL_SECTION);
volatile struct axp_flow_ports flow_ports SEC(AXP_FLOW_PORTS_SECTION);

/* One element per slot: what a generation's packets are judged by. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, AXP_SLOTS);
	__type(key, __u32);
	__type(value, struct axp_policy);
} policies SEC(".maps");

/* By size: clang leaves the types of an inner map's key and value out of the BTF. */
struct lpm4 {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AXP_MAX_PREFIXES);
	__uint(key_size, sizeof(struct axp_lpm4_key));
	__uint(value_size, sizeof(struct axp_lpm_value));
};

struct lpm6 {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AXP_MAX_PREFIXES);
	__uint(key_size, sizeof(struct axp_lpm6_key));
	__uint(value_size, sizeof(struct axp_lpm_value));
};

/* One trie per slot and family; none where the generation has no prefix of the family. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, AXP_SLOTS + 1); /* the last: AXP_BARRIER_SLOT */
	__type(key, __u32);
	__array(values, struct lpm4);
} tries4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, AXP_SLOTS + 1); /* the last: AXP_BARRIER_SLOT */
	__type(key, __u32);
	__array(values, struct lpm6);
} tries6 SEC(".maps");

/* Pages of directories: all of the same size, so that the kernel inlines every look-up. */
struct directory_page {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, AXP_DIR_PAGE);
};

/* Those of one directory for each trie (AXP_DIR_PAGE_KEY). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, AXP_SLOTS *AXP_DIR_PAGES);
	__type(key, __u32);
	__array(values, struct directory_page);
} directories4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, AXP_SLOTS *AXP_DIR_PAGES);
	__type(key, __u32);
	__array(values, struct directory_page);
} directories6 SEC(".maps");

/* Each interface's program has a map of its own, so that no look-up by interface is needed. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AXP_COUNTS_ENTRIES);
	__type(key, __u32);
	__type(value, struct axp_counts);
} counters SEC(".maps");

/* One map of timed nodes for all generations: a key is never given out twice. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AXP_MAX_TIMED);
	__type(key, __u32);
	__type(value, struct axp_timed);
} timed SEC(".maps");

/* max_entries: the capacity in the config. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct axp_flow_key);
	__type(value, struct axp_flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AXP_FLOW_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} flow_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AXP_ELSEWHERE_ENTRIES);
	__type(key, __u32);
	__type(value, __u64);
} elsewhere SEC(".maps");

/* Value: when, CLOCK_MONOTONIC ns. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AXP_MAX_STRANGERS);
	__type(key, struct axp_flow_key);
	__type(value, __u64);
} strangers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AXP_MAX_ANSWERS);
	__type(key, struct axp_flow_key);
	__type(value, struct axp_answer);
} answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AXP_MAX_FRAGMENTS);
	__type(key, struct axp_fragment_key);
	__type(value, struct axp_fragment);
} fragments SEC(".maps");

#endif
