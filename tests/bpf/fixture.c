// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "allowxdp.skel.h"
#include "directories.h"
#include "fixture.h"

#define MINUTE (60 * SECOND)

enum { CLASSES_IN_USE_FROM = 1 }; /* class 0: not guarded */

enum {
	VERIFIER_STATISTICS = 4, /* BPF_LOG_STATS of the kernel's bpf_verifier.h */
	ONE_BUFFER = 3500, /* what a frame of one buffer may have at least, where pages have 4 KB */
};

static void must(int err, const char *what)
{
	if (err) {
		fprintf(stderr, "fixture: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static int only_warnings(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

/* Small maps, so that looking through them is quick. */
static void set_room(struct allowxdp_bpf *skel, __u32 flow_capacity)
{
	must(bpf_map__set_max_entries(skel->maps.flows, flow_capacity), "capacity");
	must(bpf_map__set_max_entries(skel->maps.strangers, MAP_ROOM), "capacity");
	must(bpf_map__set_max_entries(skel->maps.answers, MAP_ROOM), "capacity");
	must(bpf_map__set_max_entries(skel->maps.fragments, MAP_ROOM), "capacity");
}

void fixture_one_cpu(void)
{
	cpu_set_t one;
	int cpu = sched_getcpu();

	must(cpu < 0 ? cpu : 0, "CPU");
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	must(sched_setaffinity(0, sizeof(one), &one), "CPU");
}

static void set_frags(struct fixture *f)
{
	f->frags = libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_get_buff_len, NULL) > 0;
	f->skel->rodata->have_frags = f->frags;
	if (f->frags)
		bpf_program__set_flags(f->skel->progs.allowxdp_in, BPF_F_XDP_HAS_FRAGS);
}

static void keep_statistics(struct bpf_program *program, char buf[static VERIFIER_SAYS])
{
	must(bpf_program__set_log_level(program, VERIFIER_STATISTICS), "log level");
	must(bpf_program__set_log_buf(program, buf, VERIFIER_SAYS), "log");
}

int fixture_open(struct fixture *f)
{
	return fixture_open_with(f, MAP_ROOM);
}

int fixture_open_with(struct fixture *f, __u32 flow_capacity)
{
	int err;

	memset(f, 0, sizeof(*f));
	libbpf_set_print(only_warnings);
	f->skel = allowxdp_bpf__open();
	if (!f->skel)
		return -errno;
	set_frags(f);
	keep_statistics(f->skel->progs.allowxdp_in, f->verified[0]);
	keep_statistics(f->skel->progs.allowxdp_out, f->verified[1]);
	set_room(f->skel, flow_capacity);
	err = allowxdp_bpf__load(f->skel);
	if (err)
		return err;
	f->program = bpf_program__fd(f->skel->progs.allowxdp_in);
	f->egress = bpf_program__fd(f->skel->progs.allowxdp_out);
	f->counters = bpf_map__fd(f->skel->maps.counters);
	f->remembering[FLOWS] = bpf_map__fd(f->skel->maps.flows);
	f->remembering[STRANGERS] = bpf_map__fd(f->skel->maps.strangers);
	f->remembering[ANSWERS] = bpf_map__fd(f->skel->maps.answers);
	f->remembering[FRAGMENTS] = bpf_map__fd(f->skel->maps.fragments);
	f->cpus = libbpf_num_possible_cpus();
	f->raw = calloc((size_t)AXP_COUNTS_ENTRIES * f->cpus, sizeof(*f->raw));
	f->keys = calloc(AXP_COUNTS_ENTRIES, sizeof(*f->keys));
	f->out = malloc(PACKET_MAX);
	for (__u32 slot = 0; slot < AXP_SLOTS; slot++)
		f->rules[slot] = &no_rules;
	return f->raw && f->keys && f->out ? 0 : -ENOMEM;
}

void fixture_close(struct fixture *f)
{
	allowxdp_bpf__destroy(f->skel);
	free(f->raw);
	free(f->keys);
	free(f->out);
	memset(f, 0, sizeof(*f));
}

static void set_ports(struct axp_policy *policy, const struct guard *guards)
{
	__u32 class = CLASSES_IN_USE_FROM;

	for (; guards->services; guards++, class ++) {
		__u8 *ports = policy->port_class[guards->direction][guards->protocol];

		policy->classes[class].services = guards->services;
		policy->classes[class].first = guards->first;
		policy->classes[class].replies = guards->direction == AXP_IN && !guards->no_replies;
		memset(ports + guards->from, class, guards->to - guards->from + 1);
	}
}

static int new_trie(enum axp_family family)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	size_t key = family == AXP_IPV4 ? sizeof(struct axp_lpm4_key) : sizeof(struct axp_lpm6_key);
	int trie;

	trie = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "test_trie", key, sizeof(struct axp_lpm_value),
			      AXP_MAX_PREFIXES, &opts);
	must(trie < 0, "trie");
	return trie;
}

static __u64 clock_now(clockid_t clock)
{
	struct timespec now;

	must(clock_gettime(clock, &now), "clock");
	return now.tv_sec * SECOND + now.tv_nsec;
}

void fixture_set_timed(struct fixture *f, __u32 key, const struct axp_timed *timed)
{
	must(bpf_map_update_elem(bpf_map__fd(f->skel->maps.timed), &key, timed, 0), "timed");
}

/* Returns the key of the node's steps. */
static __u32 set_expiry(struct fixture *f, const struct expiry *expiry)
{
	__u64 hour = clock_now(CLOCK_BOOTTIME) + 3600 * SECOND;
	struct axp_timed timed = { 0 };

	f->next_timed++;
	if (expiry->lost)
		return f->next_timed;
	for (__u32 i = 0; i < expiry->steps; i++) {
		timed.at[i] = i < expiry->passed ? i + 1 : hour + i;
		timed.services[i] = expiry->services[i];
	}
	fixture_set_timed(f, f->next_timed, &timed);
	return f->next_timed;
}

static void put(struct bpf_map *maps, __u32 slot, int map)
{
	if (map < 0 && bpf_map_delete_elem(bpf_map__fd(maps), &slot))
		must(errno != ENOENT, "empty slot");
	if (map < 0)
		return;
	must(bpf_map_update_elem(bpf_map__fd(maps), &slot, &map, 0), "map into its slot");
	close(map);
}

/* A family without prefixes has neither trie nor directory. */
static void set_family(struct fixture *f, struct axp_policy *policy, __u32 slot,
		       enum axp_family family, const struct node *nodes)
{
	struct bpf_map *tries = family == AXP_IPV4 ? f->skel->maps.tries4 : f->skel->maps.tries6;
	struct bpf_map *directories =
		family == AXP_IPV4 ? f->skel->maps.directories4 : f->skel->maps.directories6;
	struct leaf *leaves = NULL;
	int trie = -1;
	size_t n = 0;

	for (; nodes->prefix; nodes++) {
		struct prefix_bits prefix = prefix_bits(nodes->prefix);
		struct axp_lpm_value value = { nodes->services };
		struct axp_lpm6_key key = { .prefixlen = prefix.len };

		if (prefix.family != family)
			continue;
		if (trie < 0)
			trie = new_trie(family);
		if (nodes->expiry)
			value.timed = set_expiry(f, nodes->expiry);
		memcpy(key.addr, prefix.addr, sizeof(key.addr));
		must(bpf_map_update_elem(trie, &key, &value, BPF_NOEXIST), nodes->prefix);
		leaves = reallocarray(leaves, n + 1, sizeof(*leaves));
		must(!leaves, "leaves");
		leaves[n++] = (struct leaf){ prefix, nodes->services, value.timed };
	}
	put(tries, slot, trie);
	directory_set_slot(bpf_map__fd(directories), bpf_map__fd(f->skel->maps.policies), policy,
			   slot, family, leaves, n);
	free(leaves);
}

void fixture_rules(struct fixture *f, __u32 slot, const struct rules *rules)
{
	struct axp_policy *policy;

	if (f->rules[slot] == rules)
		return;
	policy = mmap(NULL, sizeof(*policy), PROT_READ | PROT_WRITE, MAP_SHARED,
		      bpf_map__fd(f->skel->maps.policies), (off_t)(slot * sizeof(*policy)));
	must(policy == MAP_FAILED, "policy");
	memset(policy, 0, sizeof(*policy));
	set_ports(policy, rules->guards);
	rules_settings(policy, rules);
	set_family(f, policy, slot, AXP_IPV4, rules->nodes);
	set_family(f, policy, slot, AXP_IPV6, rules->nodes);
	munmap(policy, sizeof(*policy));
	f->rules[slot] = rules;
}

static void set_control(struct fixture *f, const struct axp_control *control)
{
	__u32 zero = 0;

	must(bpf_map_update_elem(bpf_map__fd(f->skel->maps.data_control), &zero, control, 0),
	     "control");
}

void fixture_active(struct fixture *f, enum axp_mode mode, __u32 slot)
{
	struct axp_control control = { .abi = AXP_ABI_VERSION };

	if (f->mode == mode && f->slot == slot && !f->deadline)
		return;
	control.active = AXP_ACTIVE(1, mode, slot);
	set_control(f, &control);
	f->mode = mode;
	f->slot = slot;
	f->deadline = false;
}

void fixture_deadline(struct fixture *f, enum axp_mode fallback, __u32 slot, __s32 ms)
{
	struct axp_control control = {
		.abi = AXP_ABI_VERSION,
		.active = AXP_ACTIVE(2, f->mode, f->slot),
		.fallback = AXP_ACTIVE(1, fallback, slot),
		.deadline = clock_now(CLOCK_BOOTTIME) + ms * (__s64)(SECOND / 1000),
	};

	set_control(f, &control);
	f->deadline = true;
}

/* All keys, one behind the other; of each map the key is no longer than a fragment's or a flow's.
 */
void *fixture_dump(const struct fixture *f, int which, bool values, size_t *n)
{
	size_t key_size =
		which == FRAGMENTS ? sizeof(struct axp_fragment_key) : sizeof(struct axp_flow_key);
	size_t value_size = which == FLOWS       ? sizeof(struct axp_flow)
			    : which == FRAGMENTS ? sizeof(struct axp_fragment)
			    : which == ANSWERS   ? sizeof(struct axp_answer)
						 : sizeof(__u64);
	size_t size = values ? value_size : key_size, room = 64;
	__u8 key[sizeof(struct axp_flow_key) + sizeof(struct axp_fragment_key)], *last = NULL;
	__u8 *out = malloc(room * size);

	for (*n = 0; !bpf_map_get_next_key(f->remembering[which], last, key); ++*n) {
		last = key;
		if (*n == room)
			out = realloc(out, (room *= 2) * size);
		must(!out, "dump");
		if (values)
			must(bpf_map_lookup_elem(f->remembering[which], key, out + *n * size),
			     "value");
		else
			memcpy(out + *n * size, key, size);
	}
	return out;
}

size_t fixture_entries(const struct fixture *f, int which)
{
	size_t n;

	free(fixture_dump(f, which, false, &n));
	return n;
}

bool fixture_flow(const struct fixture *f, const struct axp_flow_key *key, struct axp_flow *flow)
{
	return !bpf_map_lookup_elem(f->remembering[FLOWS], key, flow);
}

bool fixture_stranger(const struct fixture *f, const struct axp_flow_key *key, __u64 *seen)
{
	return !bpf_map_lookup_elem(f->remembering[STRANGERS], key, seen);
}

bool fixture_answer(const struct fixture *f, const struct axp_flow_key *key,
		    struct axp_answer *answer)
{
	return !bpf_map_lookup_elem(f->remembering[ANSWERS], key, answer);
}

__u64 fixture_now(void)
{
	return clock_now(CLOCK_MONOTONIC_COARSE);
}

bool fixture_fragment(const struct fixture *f, const struct axp_fragment_key *key,
		      struct axp_fragment *fragment)
{
	return !bpf_map_lookup_elem(f->remembering[FRAGMENTS], key, fragment);
}

void fixture_set_flow(struct fixture *f, const struct axp_flow_key *key,
		      const struct axp_flow *flow)
{
	must(bpf_map_update_elem(f->remembering[FLOWS], key, flow, 0), "flow");
}

__u64 fixture_flow_count(const struct fixture *f, enum axp_flow_count what)
{
	__u64 *counts = calloc(f->cpus, sizeof(*counts)), sum = 0;
	__u32 index = what;

	must(!counts || bpf_map_lookup_elem(bpf_map__fd(f->skel->maps.flow_counts), &index, counts),
	     "flow counts");
	for (int cpu = 0; cpu < f->cpus; cpu++)
		sum += counts[cpu];
	free(counts);
	return sum;
}

void fixture_flow_ports(const struct fixture *f, struct axp_flow_ports *ports)
{
	__u32 zero = 0;

	must(bpf_map_lookup_elem(bpf_map__fd(f->skel->maps.data_flow_ports), &zero, ports),
	     "ports");
}

void fixture_set_flow_ports(const struct fixture *f, const struct axp_flow_ports *ports)
{
	__u32 zero = 0;

	must(bpf_map_update_elem(bpf_map__fd(f->skel->maps.data_flow_ports), &zero, ports, 0),
	     "ports");
}

static void forget_flow_counts(struct fixture *f)
{
	__u64 *zeros = calloc(f->cpus, sizeof(*zeros));

	must(!zeros, "flow counts");
	for (__u32 i = 0; i < AXP_FLOW_COUNTS; i++)
		must(bpf_map_update_elem(bpf_map__fd(f->skel->maps.flow_counts), &i, zeros, 0),
		     "flow counts");
	free(zeros);
}

void fixture_forget(struct fixture *f)
{
	static const struct axp_flow_ports unused;
	__u8 key[sizeof(struct axp_flow_key) + sizeof(struct axp_fragment_key)];

	for (int which = 0; which < REMEMBERING; which++)
		while (!bpf_map_get_next_key(f->remembering[which], NULL, key))
			must(bpf_map_delete_elem(f->remembering[which], key), "forget");
	fixture_set_flow_ports(f, &unused);
	forget_flow_counts(f);
}

/* Every value begins with the time. `waited`: ns that are not to count. */
static void age_entry(int map, const void *key, __u64 by, __u64 waited)
{
	__u64 value[sizeof(struct axp_fragment) / sizeof(__u64)];

	must(bpf_map_lookup_elem(map, key, value), "age");
	value[0] += waited;
	value[0] = value[0] > by ? value[0] - by : FIXTURE_OLDEST;
	must(bpf_map_update_elem(map, key, value, BPF_EXIST), "age");
}

void fixture_up_for(__u64 ns)
{
	const struct timespec until = { .tv_sec = (time_t)(ns / SECOND),
					.tv_nsec = (long)(ns % SECOND) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

void fixture_age(struct fixture *f, __u32 ms)
{
	__u64 by = ms * (SECOND / 1000), from = clock_now(CLOCK_MONOTONIC), waited;

	fixture_up_for(by + MINUTE);
	waited = clock_now(CLOCK_MONOTONIC) - from;
	for (int which = 0; which < REMEMBERING; which++) {
		size_t n, size = which == FRAGMENTS ? sizeof(struct axp_fragment_key)
						    : sizeof(struct axp_flow_key);
		__u8 *keys = fixture_dump(f, which, false, &n);

		for (size_t i = 0; i < n; i++)
			age_entry(f->remembering[which], keys + i * size, by, waited);
		free(keys);
	}
}

int fixture_run_out(struct fixture *f, const struct packet *p)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->data, .data_size_in = p->len,
		    .data_out = f->out, .data_size_out = PACKET_MAX, .repeat = 1);

	if (bpf_prog_test_run_opts(f->egress, &opts))
		return errno != EINVAL ? -errno : p->len > 3000 ? -E2BIG : -ENODATA;
	if (opts.data_size_out != p->len || memcmp(f->out, p->data, p->len))
		return -EBADMSG;
	return (int)opts.retval;
}

bool fixture_takes(const struct fixture *f, const struct packet *p)
{
	return f->frags || p->len <= ONE_BUFFER;
}

int fixture_run(struct fixture *f, const struct packet *p, size_t linear)
{
	struct xdp_md ctx = { .data_end = linear };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->data, .data_size_in = p->len,
		    .data_out = f->out, .data_size_out = PACKET_MAX, .repeat = 1);

	if (linear != WHOLE_FRAME) {
		opts.ctx_in = &ctx;
		opts.ctx_size_in = sizeof(ctx);
	}
	if (bpf_prog_test_run_opts(f->program, &opts)) {
		if (!fixture_takes(f, p) || (errno == EINVAL && linear != WHOLE_FRAME))
			return -ENOTSUP;
		return -errno;
	}
	if (opts.data_size_out != p->len || memcmp(f->out, p->data, p->len))
		return -EBADMSG;
	return opts.retval;
}

static void add(struct axp_count *sums, const struct axp_counts *values, int cpus)
{
	memset(sums, 0, COUNTS_IN_ROW * sizeof(*sums));
	for (int cpu = 0; cpu < cpus; cpu++) {
		const struct axp_count *one = (const struct axp_count *)&values[cpu];

		for (int i = 0; i < COUNTS_IN_ROW; i++) {
			sums[i].packets += one[i].packets;
			sums[i].bytes += one[i].bytes;
		}
	}
}

static void read_all(struct fixture *f)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	__u32 next, n = AXP_COUNTS_ENTRIES;

	if (bpf_map_lookup_batch(f->counters, NULL, &next, f->keys, f->raw, &n, &opts))
		must(errno != ENOENT, "counters"); /* ENOENT: that was the end of the map */
	must(n != AXP_COUNTS_ENTRIES, "counters: too few");
	for (__u32 i = 0; i < n; i++)
		add(&f->now[f->keys[i] * COUNTS_IN_ROW], &f->raw[(size_t)i * f->cpus], f->cpus);
}

static struct change change_at(const struct fixture *f, __u32 i)
{
	__u32 row = i / COUNTS_IN_ROW, column = i % COUNTS_IN_ROW;
	bool monitored = column >= AXP_REASONS;

	return (struct change){
		.direction = row / AXP_FAMILIES / (AXP_MAX_SERVICES + 1),
		.service = row / AXP_FAMILIES % (AXP_MAX_SERVICES + 1),
		.family = row % AXP_FAMILIES,
		.reason = monitored ? column - AXP_REASONS : column,
		.monitored = monitored,
		.packets = f->now[i].packets - f->seen[i].packets,
		.bytes = f->now[i].bytes - f->seen[i].bytes,
	};
}

size_t fixture_changes(struct fixture *f, struct change *changes, size_t max)
{
	size_t n = 0;

	read_all(f);
	for (__u32 i = 0; i < COUNTS; i++) {
		if (!memcmp(&f->now[i], &f->seen[i], sizeof(f->now[i])))
			continue;
		if (n < max)
			changes[n] = change_at(f, i);
		n++;
	}
	memcpy(f->seen, f->now, sizeof(f->seen));
	return n;
}

bool fixture_counted(struct fixture *f, const struct expect *e, size_t bytes)
{
	__u32 row = AXP_COUNTS_INDEX(e->direction, e->service, e->family);
	struct axp_count *seen = &f->seen[row * COUNTS_IN_ROW];
	struct axp_count now[COUNTS_IN_ROW];
	__u32 column = e->reason + (e->monitored ? AXP_REASONS : 0);

	if (e->uncounted)
		return true;
	must(bpf_map_lookup_elem(f->counters, &row, f->raw), "counters");
	add(now, f->raw, f->cpus);
	now[column].packets--;
	now[column].bytes -= bytes;
	if (memcmp(now, seen, sizeof(now)))
		return false;
	seen[column].packets++;
	seen[column].bytes += bytes;
	return true;
}
