// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "counters.h"

#define REASON_NAME(symbol, name, help) [AXP_REASON_##symbol] = (name),
#define REASON_HELP(symbol, name, help) [AXP_REASON_##symbol] = (help),
static const char *const reason_names[] = { AXP_REASON_LIST(REASON_NAME) };
static const char *const reason_helps[] = { AXP_REASON_LIST(REASON_HELP) };

static const char *const family_names[] = {
	[AXP_FAMILY_NONE] = "-",
	[AXP_IPV4] = "ipv4",
	[AXP_IPV6] = "ipv6",
};

/* What a counter is for, beside its numbers. */
struct row {
	uint32_t direction, service, family;
};

const char *direction_name(uint32_t direction)
{
	return direction == AXP_OUT ? "out" : "in";
}

const char *verdict_name(uint32_t verdict)
{
	return verdict == AXP_DROP ? "drop" : "pass";
}

const char *family_name(uint32_t family)
{
	return family < AXP_FAMILIES ? family_names[family] : "-";
}

const char *reason_name(uint32_t reason)
{
	return reason < AXP_REASONS ? reason_names[reason] : "unknown";
}

const char *reason_help(uint32_t reason)
{
	return reason < AXP_REASONS ? reason_helps[reason] : "";
}

static int open_counters(const struct paths *paths, const char *interface, struct error *err)
{
	char path[INSTANCE_PIN_MAX];
	int fd = bpf_obj_get(instance_pin(paths, "counters_", interface, path));

	return fd < 0 ? error_set(err, -fd, "cannot open %s: %s", path, strerror(-fd)) : fd;
}

/* The sum over CPUs. struct axp_counts is all 64-bit numbers, and so added up as such. */
static int read_row(int map, uint32_t index, struct axp_counts *per_cpu, int cpus,
		    struct axp_counts *sum)
{
	uint64_t *total = (uint64_t *)sum;

	if (bpf_map_lookup_elem(map, &index, per_cpu))
		return -errno;
	memset(sum, 0, sizeof(*sum));
	for (int cpu = 0; cpu < cpus; cpu++) {
		const uint64_t *v = (const uint64_t *)&per_cpu[cpu];

		for (size_t i = 0; i < sizeof(*sum) / sizeof(*v); i++)
			total[i] += v[i];
	}
	return 0;
}

static bool always_shown(const struct row *row, uint32_t reason, uint32_t verdict)
{
	if (row->service == AXP_NO_SERVICE || row->family == AXP_FAMILY_NONE)
		return false;
	return reason == AXP_REASON_LISTED ||
	       (reason == AXP_REASON_UNLISTED && verdict == AXP_DROP);
}

struct show {
	int (*fn)(const struct counter *c, void *arg);
	void *arg;
};

static int show_count(const struct show *show, struct counter c, const struct row *row,
		      uint32_t reason, uint32_t verdict, const struct axp_count *count)
{
	if (!count->packets && !always_shown(row, reason, verdict))
		return 0;
	c.direction = direction_name(row->direction);
	c.family = family_name(row->family);
	c.reason = reason_name(reason);
	c.verdict = verdict_name(verdict);
	c.packets = count->packets;
	c.bytes = count->bytes;
	return show->fn(&c, show->arg);
}

static int show_row(const struct show *show, const struct counter *c, const struct row *row,
		    const struct axp_counts *counts)
{
	int rc = 0;

	for (uint32_t reason = 0; !rc && reason < AXP_REASONS; reason++)
		rc = show_count(show, *c, row, reason,
				reason < AXP_DROP_REASONS ? AXP_DROP : AXP_PASS,
				&counts->by_reason[reason]);
	for (uint32_t reason = 0; !rc && reason < AXP_DROP_REASONS; reason++)
		rc = show_count(show, *c, row, reason, AXP_PASS, &counts->monitored[reason]);
	return rc;
}

int counters_each(const struct paths *paths, const struct policy *p, const char *interface,
		  int (*fn)(const struct counter *c, void *arg), void *arg, struct error *err)
{
	const struct show show = { fn, arg };
	int cpus = libbpf_num_possible_cpus();
	_cleanup_close_ int map = open_counters(paths, interface, err);
	_cleanup_free_ struct axp_counts *per_cpu = NULL;
	struct axp_counts sum;
	int rc = 0;

	if (map < 0)
		return map;
	if (cpus > 0)
		per_cpu = calloc((size_t)cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return error_set(err, ENOMEM, "out of memory");
	for (size_t s = 0; s <= p->n_services; s++) {
		bool none = s == p->n_services;
		struct counter c = {
			.interface = interface,
			.service = none ? "-" : p->services[s].name,
		};
		struct row row = { .service = none ? AXP_NO_SERVICE : p->services[s].slot };

		for (row.direction = 0; row.direction < AXP_DIRECTIONS; row.direction++) {
			if (!none && p->services[s].direction != row.direction)
				continue;
			for (row.family = 0; row.family < AXP_FAMILIES; row.family++) {
				uint32_t index =
					AXP_COUNTS_INDEX(row.direction, row.service, row.family);

				rc = read_row(map, index, per_cpu, cpus, &sum);
				if (rc)
					return error_set(err, -rc,
							 "cannot read the counters of %s: %s",
							 interface, strerror(-rc));
				rc = show_row(&show, &c, &row, &sum);
				if (rc)
					return rc;
			}
		}
	}
	return 0;
}

int counters_reset_service(const struct paths *paths, const char *interface, uint32_t slot,
			   struct error *err)
{
	_cleanup_close_ int map = open_counters(paths, interface, err);
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct axp_counts *zeros = NULL;

	if (map < 0)
		return map;
	if (cpus > 0)
		zeros = calloc((size_t)cpus, sizeof(*zeros));
	if (!zeros)
		return error_set(err, ENOMEM, "out of memory");
	for (uint32_t direction = 0; direction < AXP_DIRECTIONS; direction++) {
		for (uint32_t family = 0; family < AXP_FAMILIES; family++) {
			uint32_t index = AXP_COUNTS_INDEX(direction, slot, family);
			int rc = bpf_map_update_elem(map, &index, zeros, BPF_ANY);

			if (rc)
				return error_set(err, -rc, "cannot reset counters of %s: %s",
						 interface, strerror(-rc));
		}
	}
	return 0;
}
