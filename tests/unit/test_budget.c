// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a packet may cost, counted and not timed: look-ups in maps (which the kernel inlines) and
 * calls of the kernel (which it does not) on the ways that matter, and the memory that directories
 * take. The programs are compiled for this machine. Whoever makes a way longer says so here.
 */
#include <endian.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <sys/mman.h>
#include "compile.h"
#include "directory.h"
#include "kernel_side.h"
#include "unit.h"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-declarations"
#include "../../bpf/allowxdp.bpf.c"

enum { GUARDED = 5060, OTHER = 53, FRAME = 64 };

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t rest[FRAME - sizeof(struct ethhdr) - sizeof(struct iphdr) - sizeof(struct udphdr)];
} __attribute__((packed));

struct world {
	struct axp_policy *policies;
	struct axp_counts *counters;
	struct directory directory;
	void *memory;        /* where 32 bits can point to */
	struct frame *frame; /* in it, so that the IP header is aligned */
};

static int by_prefix(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

static void world_open(struct world *w, uint32_t prefixes)
{
	struct nodes nodes = { .v = calloc(prefixes, sizeof(*nodes.v)), .n = prefixes };

	control.active = AXP_ACTIVE(1, AXP_MODE_ENFORCE, 0);
	w->policies = calloc(AXP_SLOTS, sizeof(*w->policies));
	w->counters = calloc(AXP_COUNTS_ENTRIES, sizeof(*w->counters));
	w->memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	assert_true(nodes.v && w->policies && w->counters && w->memory != MAP_FAILED);
	w->frame = (struct frame *)((char *)w->memory + 2);
	w->policies[0].port_class[AXP_IN][AXP_UDP][GUARDED] = 1;
	w->policies[0].classes[1] = (struct axp_port_class){ .services = 1, .replies = 1 };
	for (uint32_t i = 0; i < prefixes; i++) { /* one in each of so many /16s, or more */
		uint32_t address = htobe32((i % 50000 + 256) << 16 | i / 50000 << 8);

		nodes.v[i].prefix = (struct prefix){ .family = AXP_IPV4, .len = 32 };
		nodes.v[i].services = 1;
		memcpy(nodes.v[i].prefix.addr, &address, sizeof(address));
	}
	w->directory.family = AXP_IPV4;
	qsort(nodes.v, prefixes, sizeof(*nodes.v), by_prefix);
	assert_int_equal(directory_build(&w->directory, &nodes, 0, prefixes), 0);
	free(nodes.v);
	w->policies[0].dir4 = *w->directory.head;
	memcpy(&w->policies[0].front4, w->directory.units, AXP_DIR4_FRONT);
	kernel_units = w->directory.units + AXP_DIR4_FRONT;
	kernel_pages = (w->directory.room - AXP_DIR4_FRONT_UNITS) / AXP_DIR4_PAGE_UNITS;
	memset(kernel_maps, 0, sizeof(kernel_maps));
	kernel_add_map(&policies, w->policies, sizeof(*w->policies), AXP_SLOTS);
	kernel_add_map(&counters, w->counters, sizeof(*w->counters), AXP_COUNTS_ENTRIES);
}

static void world_close(struct world *w)
{
	directory_free(&w->directory);
	free(w->policies);
	free(w->counters);
	munmap(w->memory, 4096);
}

static int run(struct world *w, uint32_t source, uint16_t port)
{
	struct xdp_md ctx = {
		.data = (__u32)(uintptr_t)w->frame,
		.data_end = (__u32)(uintptr_t)(w->frame + 1),
	};

	*w->frame = (struct frame){
		.eth.h_proto = htobe16(ETH_P_IP),
		.ip = { .version = 4,
			.ihl = 5,
			.tot_len = htobe16(FRAME - sizeof(struct ethhdr)),
			.protocol = IPPROTO_UDP,
			.saddr = htobe32(source) },
		.udp = { .source = htobe16(40000), .dest = htobe16(port) },
	};
	kernel_lookups = kernel_calls = 0;
	return allowxdp_in(&ctx);
}

struct budget {
	const char *way;
	uint32_t source;
	uint16_t port;
	int action;
	uint64_t lookups;
};

/*
 * policies, counters. In a flood: drops and listed packets are sampled, and what is counted here
 * are those that are not.
 */
static const struct budget budgets[] = {
	{ "not guarded", 0x01000000, OTHER, XDP_PASS, 2 },
	{ "unlisted, stopped by the filter", 0x01000900, GUARDED, XDP_DROP, 2 },
	{ "unlisted, beside a listed one", 0x01000001, GUARDED, XDP_DROP, 2 },
	{ "listed", 0x01000000, GUARDED, XDP_PASS, 2 },
};

/* The same, and for who gets past the filter a page (two: its map, its element). */
static const struct budget large_budgets[] = {
	{ "not guarded", 0x01000000, OTHER, XDP_PASS, 2 },
	{ "unlisted, stopped by the filter", 0x01000900, GUARDED, XDP_DROP, 2 },
	{ "unlisted, beside a listed one", 0x01000001, GUARDED, XDP_DROP, 4 },
	{ "listed", 0x01000000, GUARDED, XDP_PASS, 4 },
};

static void check_ways(uint32_t prefixes, const struct budget *budget, size_t n)
{
	struct world w = { 0 };

	world_open(&w, prefixes);
	for (size_t i = 0; i < AXP_COUNTS_ENTRIES; i++)
		w.counters[i].sampler.skip = w.counters[i].hit_sampler.skip = 1000;
	for (size_t i = 0; i < n; i++) {
		const struct budget *b = &budget[i];

		print_message("# %s\n", b->way);
		assert_int_equal(run(&w, b->source, b->port), b->action);
		assert_int_equal(kernel_lookups, b->lookups);
		assert_int_equal(kernel_calls, 0);
	}
	world_close(&w);
}

static void test_ways(void **state)
{
	(void)state;
	check_ways(10000, budgets, ARRAY_SIZE(budgets));
	check_ways(140000, large_budgets, ARRAY_SIZE(large_budgets));
}

/* Kernel memory: what every instance has, and whole pages of 1 MB. */
static void test_memory(void **state)
{
	static const struct {
		uint32_t prefixes, pages;
	} budget[] = { { 20, 0 }, { 10000, 0 }, { 50000, 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(budget); i++) {
		struct world w = { 0 };
		uint32_t used;

		world_open(&w, budget[i].prefixes);
		used = directory_used(&w.directory);
		assert_true(used <= AXP_DIR4_FRONT_UNITS + budget[i].pages * AXP_DIR4_PAGE_UNITS);
		world_close(&w);
	}
	assert_true(AXP_DIR_PAGE == 1 << 20);
	assert_true(AXP_SLOTS * sizeof(struct axp_policy) <= 7000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
