// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ns OBJECT...: nanoseconds that each BPF object of allowxdp adds to an empty XDP_DROP for a
 * packet, over a million different sources, by BPF_PROG_TEST_RUN; means of the middle half of
 * interleaved runs, and in parentheses those of the quietest tenth and the noisiest.
 * Attaches nothing. The objects may be of different versions: only the parts of the ABI that they
 * share are filled.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "abi.h"
#include "bench_wrap.skel.h"
#include "directory_map.h"

enum {
	SOURCES = 1 << 20,
	RUNS = 61, /* short ones, many: a neighbour on the machine spoils some */
	QUIET = RUNS / 10,
	REPEAT = 200000,
	GUARDED_PORT = 5060,
	OTHER_PORT = 53,
	MAX_OBJECTS = 8,
};

enum scenario { MISS, NEAR_MISS, HIT, UNGUARDED, SCENARIOS };

static const char *const scenario_names[] = { "guarded, unlisted", "guarded, near miss",
					      "guarded, listed", "unguarded" };

struct candidate {
	const char *name;
	struct bpf_object *object;
	int program;
	uint32_t value_size; /* of a trie */
};

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 32);
}

static void die(const char *what)
{
	fprintf(stderr, "ns: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int map_fd(const struct candidate *c, const char *name)
{
	return bpf_object__find_map_fd_by_name(c->object, name);
}

/* Sorted prefixes of /24 to /32, the same for every candidate. */
static size_t make_prefixes(uint32_t (*out)[2], size_t n)
{
	uint64_t rng = 7;

	for (size_t i = 0; i < n; i++) {
		uint32_t len = 24 + next_random(&rng) % 9;

		out[i][0] = next_random(&rng) & ~(uint32_t)((1ULL << (32 - len)) - 1);
		out[i][1] = len;
	}
	return n;
}

static void fill_trie(const struct candidate *c, uint32_t (*prefixes)[2], size_t n)
{
	uint32_t slot = 0;
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	int trie = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "bench", sizeof(struct axp_lpm4_key),
				  c->value_size, AXP_MAX_PREFIXES, &opts);
	struct axp_lpm_value value[4] = { { .services = 1 } };

	if (trie < 0)
		die("trie");
	for (size_t i = 0; i < n; i++) {
		struct axp_lpm4_key key = { .prefixlen = prefixes[i][1] };
		uint32_t address = htonl(prefixes[i][0]);

		memcpy(key.addr, &address, 4);
		if (bpf_map_update_elem(trie, &key, value, BPF_ANY))
			die("prefix");
	}
	if (bpf_map_update_elem(map_fd(c, "tries4"), &slot, &trie, BPF_ANY))
		die("tries4");
}

static int by_prefix(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

/* The directory, as the command makes it. */
static void fill_directory(const struct candidate *c, uint32_t (*prefixes)[2], size_t n)
{
	struct nodes nodes = { .v = calloc(n, sizeof(*nodes.v)), .n = n };
	struct directory d = { .family = AXP_IPV4 };
	int outer = map_fd(c, "directories4"), policies = map_fd(c, "policies");
	struct axp_policy *policy =
		mmap(NULL, sizeof(*policy), PROT_READ | PROT_WRITE, MAP_SHARED, policies, 0);
	struct directory_pages pages = { .family = AXP_IPV4,
					 .policy = policy,
					 .policies = policies };

	if (policy == MAP_FAILED)
		die("policies");
	for (size_t i = 0; nodes.v && i < n; i++) {
		uint32_t address = htonl(prefixes[i][0]);

		nodes.v[i].prefix.family = AXP_IPV4;
		nodes.v[i].prefix.len = (uint8_t)prefixes[i][1];
		nodes.v[i].services = 1;
		memcpy(nodes.v[i].prefix.addr, &address, sizeof(address));
	}
	if (!nodes.v)
		die("memory");
	qsort(nodes.v, n, sizeof(*nodes.v), by_prefix);
	if (directory_build(&d, &nodes, 0, n) || directory_pages_fill(&pages, &d) ||
	    directory_pages_put(&pages, 0, outer))
		die("directories4");
	printf("%s: directory of %u pages of 1 MB\n", c->name, pages.n);
	munmap(policy, sizeof(*policy));
	directory_pages_close(&pages);
	directory_free(&d);
	free(nodes.v);
}

static void fill_policy(const struct candidate *c)
{
	struct bpf_map *map = bpf_object__find_map_by_name(c->object, "policies");
	size_t size = bpf_map__value_size(map);
	struct axp_policy *p = calloc(1, size > sizeof(*p) ? size : sizeof(*p));
	struct axp_control control = { .active = AXP_ACTIVE(1, AXP_MODE_ENFORCE, 0) };
	const char *name = "control"; /* until it became a variable */
	uint32_t zero = 0;

	if (!p)
		die("memory");
	p->port_class[AXP_IN][AXP_UDP][GUARDED_PORT] = 1;
	p->classes[1] = (struct axp_port_class){ .services = 1, .first = 0, 1 };
	p->limits = (struct axp_limits){ ~0ULL, ~0ULL, ~0ULL };
	if (bpf_map_update_elem(bpf_map__fd(map), &zero, p, BPF_ANY))
		die("policies");
	if (map_fd(c, AXP_CONTROL_SECTION) >= 0)
		name = AXP_CONTROL_SECTION;
	if (bpf_map_update_elem(map_fd(c, name), &zero, &control, BPF_ANY))
		die("control");
	free(p);
}

/* The table of hits, as the command makes it; versions before it have none. */
static void fill_hits(const struct candidate *c)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	const struct axp_hit_key nobody = { .family = AXP_FAMILY_NONE };
	const struct axp_hit none = { 0 };
	int outer = map_fd(c, "hits"), table;
	uint32_t zero = 0;

	if (outer < 0)
		return;
	table = bpf_map_create(BPF_MAP_TYPE_HASH, "bench_hits", sizeof(nobody), sizeof(none),
			       AXP_HITS, &opts);
	if (table < 0 || bpf_map_update_elem(table, &nobody, &none, BPF_ANY) ||
	    bpf_map_update_elem(outer, &zero, &table, BPF_ANY))
		die("hits");
}

static void load(struct candidate *c, const char *path, uint32_t (*prefixes)[2], size_t n)
{
	struct bpf_program *program;
	struct bpf_map *map;

	c->name = path;
	c->object = bpf_object__open_file(path, NULL);
	if (!c->object)
		die(path);
	bpf_object__for_each_map (map, c->object) {
		char have_frags = 1;

		if (strstr(bpf_map__name(map), "rodata"))
			bpf_map__set_initial_value(map, &have_frags, sizeof(have_frags));
	}
	map = bpf_object__find_map_by_name(c->object, "tries4");
	c->value_size = bpf_map__value_size(bpf_map__inner_map(map)); /* gone after loading */
	program = bpf_object__find_program_by_name(c->object, "allowxdp_in");
	bpf_program__set_flags(program, BPF_F_XDP_HAS_FRAGS);
	if (bpf_object__load(c->object))
		die(path);
	c->program = bpf_program__fd(program);
	fill_policy(c);
	fill_trie(c, prefixes, n);
	fill_directory(c, prefixes, n);
	fill_hits(c);
}

static void fill_sources(struct bench_wrap *wrap, enum scenario s, uint32_t (*prefixes)[2],
			 size_t n)
{
	static uint32_t addresses[SOURCES];
	uint32_t zero = 0;
	uint64_t rng = 99;

	for (size_t i = 0; i < SOURCES; i++) {
		const uint32_t *p = prefixes[next_random(&rng) % n];
		uint32_t any = next_random(&rng);

		if (s == HIT)
			any = p[0] | (any & (uint32_t)((1ULL << (32 - p[1])) - 1));
		else if (s == NEAR_MISS)
			any = (p[0] & 0xffffff00) | (any & 0xff);
		addresses[i] = htonl(any);
	}
	if (bpf_map_update_elem(bpf_map__fd(wrap->maps.sources), &zero, addresses, BPF_ANY))
		die("sources");
}

static double run(struct bench_wrap *wrap, int program, enum scenario s)
{
	struct {
		struct ethhdr eth;
		struct iphdr ip;
		struct udphdr udp;
		char data[22];
	} __attribute__((packed)) packet = {
		.eth.h_proto = htons(ETH_P_IP),
		.ip = { .version = 4,
			.ihl = 5,
			.tot_len = htons(50),
			.ttl = 64,
			.protocol = IPPROTO_UDP },
		.udp = { htons(40000), htons(s == UNGUARDED ? OTHER_PORT : GUARDED_PORT), htons(30),
			 0 },
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &packet, .data_size_in = sizeof(packet),
		    .repeat = REPEAT);
	uint32_t zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(wrap->maps.measured), &zero, &program, BPF_ANY))
		die("prog array");
	if (bpf_prog_test_run_opts(bpf_program__fd(wrap->progs.wrap), &opts))
		die("test run");
	/* What is not filled as this object's version has it would be quick, and measure nothing.
	 */
	if (program != bpf_program__fd(wrap->progs.drop) && (s == HIT || s == UNGUARDED) &&
	    opts.retval != XDP_PASS)
		die("a listed packet was dropped");
	return opts.duration; /* whole nanoseconds */
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Mean of the sorted values from..to. */
static double mean(const double *v, int from, int to)
{
	double sum = 0;

	for (int i = from; i < to; i++)
		sum += v[i];
	return sum / (to - from);
}

static void print(const char *name, double *v, const double *empty)
{
	qsort(v, RUNS, sizeof(*v), by_value);
	printf("   %s +%.1f (%.1f-%.1f)", name,
	       mean(v, RUNS / 4, RUNS * 3 / 4) - mean(empty, RUNS / 4, RUNS * 3 / 4),
	       mean(v, 0, QUIET) - mean(empty, 0, QUIET),
	       mean(v, RUNS - QUIET, RUNS) - mean(empty, RUNS - QUIET, RUNS));
}

static int be_silent(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, args) : 0;
}

int main(int argc, char **argv)
{
	static uint32_t prefixes[1000000][2];
	size_t n = 10000;
	struct candidate c[MAX_OBJECTS];
	struct bench_wrap *wrap;
	cpu_set_t one;
	int objects = 0;

	libbpf_set_print(be_silent);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	if (argc > 2 && !strcmp(argv[1], "-n")) {
		n = strtoul(argv[2], NULL, 10);
		argv += 2;
		argc -= 2;
	}
	if (argc < 2 || argc > MAX_OBJECTS + 1 || !n || n > 1000000) {
		fprintf(stderr, "usage: ns [-n PREFIXES] OBJECT...\n");
		return 2;
	}
	make_prefixes(prefixes, n);
	wrap = bench_wrap__open_and_load();
	if (!wrap)
		die("wrapper");
	for (int i = 1; i < argc; i++)
		load(&c[objects++], argv[i], prefixes, n);
	printf("ns per packet over an empty XDP_DROP, %zu prefixes, %d runs (quiet-noisy)\n", n,
	       RUNS);
	for (int s = 0; s < SCENARIOS; s++) {
		double empty[RUNS], v[MAX_OBJECTS][RUNS];

		fill_sources(wrap, s, prefixes, n);
		for (int r = 0; r < RUNS; r++) {
			empty[r] = run(wrap, bpf_program__fd(wrap->progs.drop), s);
			for (int i = 0; i < objects; i++)
				v[i][r] = run(wrap, c[i].program, s);
		}
		qsort(empty, RUNS, sizeof(*empty), by_value);
		printf("%-20s empty %5.1f", scenario_names[s], mean(empty, RUNS / 4, RUNS * 3 / 4));
		for (int i = 0; i < objects; i++)
			print(c[i].name, v[i], empty);
		putchar('\n');
	}
	return 0;
}
