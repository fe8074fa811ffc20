// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is kept in RUN: counters, their layout, totals, and how the last reload went; all of them
 * the same bytes, but for "=== layout", which divides the layout from the others. The first line
 * says what the counter map has: the size of a value, and how many there are.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include "counters.h"
#include "counters_layout.h"
#include "instance.h"
#include "kept_counters.h"
#include "last_reload.h"
#include "target.h"
#include "totals.h"

#define DIVIDES "=== layout\n"

enum { THE_MAP = 1000, VALUE_SIZE_MAX = 8192 };

/* The counter map: every number in it is 1. */
static struct {
	uint32_t value_size, entries;
} map;

/* No instance is opened here, and no map is the kernel's. */
const char *instance_pin(const struct paths *paths, const char *name, const char *interface,
			 char buf[static INSTANCE_PIN_MAX])
{
	(void)paths;
	(void)name;
	(void)interface;
	(void)buf;
	abort();
}

/* membarrier() takes longer than all else here. */
long no_syscall(long number, ...)
{
	(void)number;
	return 0;
}

int libbpf_num_possible_cpus(void)
{
	return 2;
}

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size)
{
	struct bpf_map_info *out = info;

	if (fd != THE_MAP)
		return -(errno = EBADF);
	fuzz_check(*size == sizeof(*out));
	out->type = BPF_MAP_TYPE_PERCPU_ARRAY;
	out->value_size = map.value_size;
	out->max_entries = map.entries;
	return 0;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	uint64_t *numbers = value;

	if (fd != THE_MAP) { /* of the totals */
		memset(value, 0, 2 * sizeof(uint64_t));
		return 0;
	}
	if (*(const uint32_t *)key >= map.entries)
		return -(errno = ENOENT);
	for (size_t i = 0; i < 2 * ((map.value_size + 7) / 8); i++)
		numbers[i] = 1;
	return 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	const struct axp_counts *rows = value;

	(void)flags;
	fuzz_check(fd == THE_MAP && *(const uint32_t *)key < AXP_COUNTS_ENTRIES);
	fuzz_check(rows[1].by_reason[0].packets == 0); /* it has room for both CPUs */
	return 0;
}

/* What is made of it may go wherever a policy goes. */
static void read_layout(void)
{
	struct policy p _cleanup_policy_ = { 0 };

	if (counters_layout_services(fuzz_paths(), &p))
		return;
	fuzz_check(p.n_services <= AXP_MAX_SERVICES);
	for (size_t i = 0; i < p.n_services; i++)
		fuzz_check(p.services[i].slot < AXP_MAX_SERVICES &&
			   p.services[i].direction < AXP_DIRECTIONS &&
			   policy_name_ok(p.services[i].name));
	counters_layout_fits(fuzz_paths(), THE_MAP);
}

static void read_totals(const struct policy *p)
{
	const struct instance i = { .paths = fuzz_paths() };
	const struct flow_stats flows = { .created = 0 };
	struct totals totals, again;
	struct error err = { "" };

	fuzz_check(!totals_read(&i, p, &flows, &totals, &err));
	totals_keep(fuzz_paths(), p, &totals);
	fuzz_check(!totals_read(&i, p, &flows, &again, &err));
	fuzz_check(!memcmp(&totals, &again, sizeof(totals)));
}

static void read_counters(const struct policy *p)
{
	struct error err = { "" };

	if (counters_restore(fuzz_paths(), "eth0", THE_MAP, p, &err))
		fuzz_fails(err.text, __LINE__);
	if (counters_keep(fuzz_paths(), "eth1", THE_MAP, &err))
		fuzz_one_line(&err);
	else if (counters_restore(fuzz_paths(), "eth1", THE_MAP, p, &err))
		fuzz_fails(err.text, __LINE__);
}

static void read_last_reload(void)
{
	struct last_reload last;

	last_reload_read(fuzz_paths(), &last);
	fuzz_check(memchr(last.failure.text, '\0', sizeof(last.failure.text)));
	fuzz_check(!last.done || last.at);
}

void fuzz_kept(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data, *layout;
	struct policy p _cleanup_policy_ = { 0 };
	_cleanup_free_ char *first = NULL;
	size_t head = fuzz_first_line(&text, &n);

	first = fuzz_text(data, head);
	map.value_size = map.entries = 0;
	if (sscanf(first, "%u %u", &map.value_size, &map.entries) < 1 ||
	    map.value_size > VALUE_SIZE_MAX)
		map.value_size = 0;
	layout = memmem(text, n, DIVIDES, strlen(DIVIDES));
	if (layout) {
		fuzz_write("layout", layout + strlen(DIVIDES),
			   (size_t)(text + n - layout) - strlen(DIVIDES));
		n = (size_t)(layout - text);
	}
	fuzz_policy(&p);
	fuzz_write("counters-eth0", text, n);
	fuzz_write("totals", text, n);
	fuzz_write("last-reload", text, n);
	if (!layout)
		fuzz_write("layout", text, n);
	read_counters(&p);
	read_layout();
	read_totals(&p);
	read_last_reload();
}
