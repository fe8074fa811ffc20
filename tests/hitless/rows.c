// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "cleanup.h"
#include "rows.h"

static int open_pin(const char *pins, const char *name, const char *interface)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s%s", pins, name, interface);
	return bpf_obj_get(path);
}

int rows_slot_of_port(const char *pins, uint32_t protocol, uint16_t port)
{
	_cleanup_close_ int control = open_pin(pins, "control", "");
	_cleanup_close_ int policies = open_pin(pins, "policies", "");
	_cleanup_free_ struct axp_policy *policy = calloc(1, sizeof(*policy));
	struct axp_control word;
	uint32_t key = 0;
	uint8_t class;

	if (!policy || bpf_map_lookup_elem(control, &key, &word))
		return -1;
	key = AXP_ACTIVE_SLOT(word.active);
	if (bpf_map_lookup_elem(policies, &key, policy))
		return -1;
	class = policy->port_class[AXP_IN][protocol][port];
	return class ? (int)policy->classes[class].first : -1;
}

static uint64_t sum_of(const struct axp_counts *c, enum axp_verdict verdict)
{
	uint64_t sum = 0;

	for (uint32_t r = 0; r < AXP_REASONS; r++) {
		if ((r < AXP_DROP_REASONS) == (verdict == AXP_DROP))
			sum += c->by_reason[r].packets;
		if (r < AXP_DROP_REASONS && verdict == AXP_PASS)
			sum += c->monitored[r].packets;
	}
	return sum;
}

int rows_add(const char *pins, const char *interface, uint32_t slot, struct row_sums *sums)
{
	_cleanup_close_ int map = open_pin(pins, "counters_", interface);
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct axp_counts *per_cpu = NULL;

	if (map < 0 || cpus < 1)
		return -ENOENT;
	per_cpu = calloc((size_t)cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	for (uint32_t family = 0; family < AXP_FAMILIES; family++) {
		uint32_t key = AXP_COUNTS_INDEX(AXP_IN, slot, family);

		if (bpf_map_lookup_elem(map, &key, per_cpu))
			return -errno;
		for (int cpu = 0; cpu < cpus; cpu++) {
			sums->packets[family][AXP_PASS] += sum_of(&per_cpu[cpu], AXP_PASS);
			sums->packets[family][AXP_DROP] += sum_of(&per_cpu[cpu], AXP_DROP);
		}
	}
	return 0;
}
