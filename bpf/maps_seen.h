/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of what is seen of packets: sources of drops. */
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

#endif
