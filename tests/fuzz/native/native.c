// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <sanitizer/asan_interface.h>
#include "allowxdp.bpf.c"
#include "native.h"
#include "table.h"

enum { CTXLEN_SHIFT = 32, DIRECTORY_KEYS = AXP_SLOTS * AXP_DIR_PAGES };

/* A context, and what the kernel knows of the frame beside it. */
struct frame {
	union {
		struct xdp_md xdp;
		struct __sk_buff skb;
	};
	const __u8 *bytes; /* all of it */
	__u32 n;
};

static struct {
	__u64 now;
	__u32 random;
	struct bpf_spin_lock *locked;
	__u8 *buffer; /* in the first 4 GB: a context's pointers have 32 bits */
	struct table tries[AXP_SLOTS][AXP_FAMILIES];
	struct table hit_table;
} world;

/* ---- helpers ---- */

static struct table *table_of(const void *map)
{
	return *(struct table *const *)map;
}

static void must_not_be_locked(void)
{
	if (world.locked) {
		fprintf(stderr, "a helper is called under a spin lock\n");
		abort();
	}
}

void *bpf_map_lookup_elem(const void *map, const void *key)
{
	must_not_be_locked();
	return table_look_up(table_of(map), key);
}

long bpf_map_update_elem(const void *map, const void *key, const void *value, __u64 flags)
{
	must_not_be_locked();
	return table_update(table_of(map), key, value, flags);
}

__u64 bpf_ktime_get_boot_ns(void)
{
	return world.now;
}

__u64 bpf_ktime_get_coarse_ns(void)
{
	return world.now;
}

__u64 bpf_jiffies64(void)
{
	return world.now / 4000000;
}

__u32 bpf_get_prandom_u32(void)
{
	return world.random = world.random * 1664525 + 1013904223;
}

static long load(const struct frame *f, __u32 offset, void *to, __u32 n)
{
	if (offset > f->n || n > f->n - offset)
		return -EFAULT;
	memcpy(to, f->bytes + offset, n);
	return 0;
}

long bpf_xdp_load_bytes(const void *ctx, __u32 offset, void *to, __u32 n)
{
	return load(ctx, offset, to, n);
}

long bpf_skb_load_bytes(const void *ctx, __u32 offset, void *to, __u32 n)
{
	return load(ctx, offset, to, n);
}

__u64 bpf_xdp_get_buff_len(const void *ctx)
{
	return ((const struct frame *)ctx)->n;
}

/* Whatever is handed to a watcher must be there. */
long bpf_perf_event_output(const void *ctx, const void *map, __u64 flags, const void *data, __u64 n)
{
	const struct frame *f = ctx;
	static volatile __u8 sink;

	must_not_be_locked();
	if (table_of(map)->kind != TABLE_ARRAY || (flags >> CTXLEN_SHIFT & 0xfffff) > f->n) {
		fprintf(stderr, "a watcher is shown more than there is\n");
		abort();
	}
	for (__u64 i = 0; i < n; i++)
		sink = ((const __u8 *)data)[i];
	(void)sink;
	return 0;
}

void bpf_spin_lock(struct bpf_spin_lock *lock)
{
	must_not_be_locked();
	world.locked = lock;
}

void bpf_spin_unlock(struct bpf_spin_lock *lock)
{
	if (world.locked != lock)
		abort();
	world.locked = NULL;
}

/* ---- maps ---- */

static void make(void *map, enum table_kind kind, __u32 key_size, __u32 value_size, __u32 n)
{
	struct table *t = malloc(sizeof(*t));

	if (!t)
		abort();
	table_init(t, kind, key_size, value_size, n);
	*(struct table **)map = t;
}

/* Size and number as the declaration says them. */
#define MAKE(map, kind)                                              \
	make(&(map), kind, sizeof(*(map).key), sizeof(*(map).value), \
	     sizeof(*(map).max_entries) / sizeof(**(map).max_entries))
#define MAKE_MAPS(map)                                  \
	make(&(map), TABLE_MAPS, sizeof(*(map).key), 0, \
	     sizeof(*(map).max_entries) / sizeof(**(map).max_entries))

static void open_inner(void)
{
	static struct table buffers[AXP_WATCHERS];

	for (__u32 slot = 0; slot < AXP_SLOTS; slot++) {
		table_init(&world.tries[slot][AXP_IPV4], TABLE_TRIE, sizeof(struct axp_lpm4_key),
			   sizeof(struct axp_lpm_value), AXP_MAX_PREFIXES);
		table_init(&world.tries[slot][AXP_IPV6], TABLE_TRIE, sizeof(struct axp_lpm6_key),
			   sizeof(struct axp_lpm_value), AXP_MAX_PREFIXES);
	}
	table_init(&world.hit_table, TABLE_HASH, sizeof(struct axp_hit_key), sizeof(struct axp_hit),
		   AXP_HITS);
	table_of(&hits)->values[0] = &world.hit_table;
	for (int i = 0; i < AXP_WATCHERS; i++) {
		table_init(&buffers[i], TABLE_ARRAY, 4, 4, 1);
		table_of(&watch_buffers)->values[i] = &buffers[i];
	}
}

void native_open(void)
{
	MAKE(policies, TABLE_ARRAY);
	MAKE_MAPS(tries4);
	MAKE_MAPS(tries6);
	MAKE_MAPS(directories4);
	MAKE_MAPS(directories6);
	MAKE(counters, TABLE_ARRAY);
	MAKE(timed, TABLE_HASH);
	MAKE(flows, TABLE_HASH);
	MAKE(flow_counts, TABLE_ARRAY);
	MAKE(elsewhere, TABLE_ARRAY);
	MAKE(strangers, TABLE_HASH);
	MAKE(answers, TABLE_HASH);
	MAKE(fragments, TABLE_HASH);
	MAKE(sources, TABLE_ARRAY);
	MAKE_MAPS(hits);
	MAKE(watchers, TABLE_ARRAY);
	MAKE(watch_rates, TABLE_ARRAY);
	MAKE(watch_counts, TABLE_ARRAY);
	MAKE_MAPS(watch_buffers);
	MAKE(descriptions, TABLE_ARRAY);
	open_inner();
	world.buffer = mmap(NULL, NATIVE_FRAME_MAX, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (world.buffer == MAP_FAILED)
		abort();
	__asan_poison_memory_region(world.buffer, NATIVE_FRAME_MAX);
	control.abi = AXP_ABI_VERSION;
}

static void *at(const void *map, __u32 index)
{
	return table_look_up(table_of(map), &index);
}

void native_clock(__u64 now_ns)
{
	world.now = now_ns;
}

void native_forget(__u64 now_ns, __u32 seed)
{
	table_clear(table_of(&flows));
	table_clear(table_of(&strangers));
	table_clear(table_of(&answers));
	table_clear(table_of(&fragments));
	table_clear(&world.hit_table);
	memset((void *)&flow_ports, 0, sizeof(flow_ports));
	world.now = now_ns;
	world.random = seed;
}

void native_active(__u64 word)
{
	control.active = word;
}

struct axp_policy *native_policy(__u32 slot)
{
	return at(&policies, slot);
}

void native_timed(__u32 key, const struct axp_timed *value)
{
	if (table_update(table_of(&timed), &key, value, BPF_ANY))
		abort();
}

static void free_page(void **value)
{
	struct table *t = *value;

	if (t) {
		free(t->values[0]);
		free(t->values);
		free(t);
	}
	*value = NULL;
}

void native_directory(__u32 slot, enum axp_family family, const struct axp_dir4_head *head,
		      const void *units, size_t n)
{
	struct table *directories =
		table_of(family == AXP_IPV4 ? (void *)&directories4 : (void *)&directories6);
	struct table *tries = table_of(family == AXP_IPV4 ? (void *)&tries4 : (void *)&tries6);
	size_t front = family == AXP_IPV4 ? AXP_DIR4_FRONT : 0, pages = 0;
	struct axp_policy *policy = native_policy(slot);

	if (n > front)
		pages = (n - front + AXP_DIR_PAGE - 1) / AXP_DIR_PAGE;
	if (pages > AXP_DIR_PAGES)
		abort();
	table_clear(&world.tries[slot][family]);
	tries->values[slot] = n ? &world.tries[slot][family] : NULL;
	if (front) {
		policy->dir4 = *head;
		memset(&policy->front4, 0, front);
		memcpy(&policy->front4, units, n < front ? n : front);
	}
	for (size_t page = 0; page < AXP_DIR_PAGES; page++) {
		void **value = &directories->values[AXP_DIR_PAGE_KEY(slot, page)];
		size_t from = front + page * AXP_DIR_PAGE;

		free_page(value);
		if (page >= pages)
			continue;
		make(value, TABLE_ARRAY, sizeof(__u32), AXP_DIR_PAGE, 1);
		memcpy(((struct table *)*value)->values[0], (const __u8 *)units + from,
		       page + 1 < pages ? AXP_DIR_PAGE : n - from);
	}
}

void native_node(__u32 slot, enum axp_family family, __u32 len, const __u8 *address,
		 const struct axp_lpm_value *value)
{
	struct axp_lpm6_key key = { .prefixlen = len }; /* that of IPv4 begins the same way */

	memcpy(key.addr, address, family == AXP_IPV4 ? 4 : 16);
	if (table_update(&world.tries[slot][family], &key, value, BPF_ANY))
		abort();
}

void native_watch(const struct axp_watcher *watcher, __u8 kinds)
{
	struct axp_watch_table *all = at(&watchers, 0);

	control.watching = 0;
	if (!watcher)
		return;
	all->watcher[0] = *watcher;
	control.watching = kinds;
}

/* ---- packets ---- */

/* A constant of the programs, set before they are loaded. */
static void set_have_frags(bool frags)
{
	long page = sysconf(_SC_PAGESIZE);
	unsigned long address = (unsigned long)&have_frags;
	void *start = (void *)(address & ~(page - 1UL));

	if (have_frags == frags)
		return;
	if (mprotect(start, page, PROT_READ | PROT_WRITE))
		abort();
	barrier_var(address); /* the compiler must not see what is written to */
	*(volatile _Bool *)address = frags;
}

/* Copies what is in the first buffer to where the programs may read it; returns where it is. */
static __u32 first_buffer(const __u8 *frame, size_t first)
{
	static size_t shown;

	if (first > NATIVE_FRAME_MAX - 8)
		abort();
	__asan_poison_memory_region(world.buffer, shown);
	__asan_unpoison_memory_region(world.buffer + 8, first);
	memcpy(world.buffer + 8, frame, first);
	shown = first + 8;
	return (__u32)(unsigned long)(world.buffer + 8);
}

int native_in(const __u8 *frame, size_t len, int linear, bool frags)
{
	size_t first = linear == NATIVE_WHOLE ? len : (size_t)linear;
	struct frame f = { .bytes = frame, .n = len };

	set_have_frags(frags);
	f.xdp.data = first_buffer(frame, first);
	f.xdp.data_end = f.xdp.data + first;
	f.xdp.ingress_ifindex = 1;
	return allowxdp_in(&f.xdp);
}

int native_out(const __u8 *frame, size_t len, int linear)
{
	size_t first = linear == NATIVE_WHOLE ? len : (size_t)linear;
	struct frame f = { .bytes = frame, .n = len };

	f.skb.data = first_buffer(frame, first);
	f.skb.data_end = f.skb.data + first;
	f.skb.len = len;
	f.skb.ifindex = 1;
	return allowxdp_out(&f.skb);
}

const struct axp_counts *native_counts(__u32 direction, __u32 service, __u32 family)
{
	return at(&counters, AXP_COUNTS_INDEX(direction, service, family));
}

__u64 native_counted(void)
{
	__u64 n = 0;

	for (__u32 i = 0; i < AXP_COUNTS_ENTRIES; i++) {
		const struct axp_counts *c = at(&counters, i);

		for (__u32 reason = 0; reason < AXP_REASONS; reason++)
			n += c->by_reason[reason].packets;
		for (__u32 reason = 0; reason < AXP_DROP_REASONS; reason++)
			n += c->monitored[reason].packets;
	}
	return n;
}
