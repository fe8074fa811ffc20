// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "allowxdp.skel.h"
#include "fixture.h"

enum { CLASSES_IN_USE_FROM = 1 }; /* class 0: not guarded */

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

int fixture_open(struct fixture *f)
{
	int err;

	memset(f, 0, sizeof(*f));
	libbpf_set_print(only_warnings);
	f->skel = allowxdp_bpf__open();
	if (!f->skel)
		return -errno;
	f->skel->rodata->have_frags = true;
	err = allowxdp_bpf__load(f->skel);
	if (err)
		return err;
	f->program = bpf_program__fd(f->skel->progs.allowxdp_in);
	f->counters = bpf_map__fd(f->skel->maps.counters);
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

/* As the command does it: a family without prefixes has no trie at all. */
static void set_trie(struct bpf_map *tries, __u32 slot, enum axp_family family,
		     const struct node *nodes)
{
	int trie = -1;

	for (; nodes->prefix; nodes++) {
		struct prefix_bits prefix = prefix_bits(nodes->prefix);
		struct axp_lpm_value value = { nodes->services };
		struct axp_lpm6_key key = { .prefixlen = prefix.len };

		if (prefix.family != family)
			continue;
		if (trie < 0)
			trie = new_trie(family);
		memcpy(key.addr, prefix.addr, sizeof(key.addr));
		must(bpf_map_update_elem(trie, &key, &value, BPF_NOEXIST), nodes->prefix);
	}
	if (trie < 0) {
		if (bpf_map_delete_elem(bpf_map__fd(tries), &slot))
			must(errno != ENOENT, "no trie");
		return;
	}
	must(bpf_map_update_elem(bpf_map__fd(tries), &slot, &trie, 0), "trie into its slot");
	close(trie);
}

void fixture_rules(struct fixture *f, __u32 slot, const struct rules *rules)
{
	struct axp_policy *policy;

	if (f->rules[slot] == rules)
		return;
	policy = calloc(1, sizeof(*policy));
	must(!policy, "policy");
	set_ports(policy, rules->guards);
	must(bpf_map_update_elem(bpf_map__fd(f->skel->maps.policies), &slot, policy, 0), "policy");
	free(policy);
	set_trie(f->skel->maps.tries4, slot, AXP_IPV4, rules->nodes);
	set_trie(f->skel->maps.tries6, slot, AXP_IPV6, rules->nodes);
	f->rules[slot] = rules;
}

void fixture_active(struct fixture *f, enum axp_mode mode, __u32 slot)
{
	struct axp_control control = { .abi = AXP_ABI_VERSION };
	__u32 zero = 0;

	if (f->mode == mode && f->slot == slot)
		return;
	control.active = AXP_ACTIVE(1, mode, slot);
	must(bpf_map_update_elem(bpf_map__fd(f->skel->maps.control), &zero, &control, 0),
	     "control");
	f->mode = mode;
	f->slot = slot;
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
	if (bpf_prog_test_run_opts(f->program, &opts))
		return errno == EINVAL && linear != WHOLE_FRAME ? -ENOTSUP : -errno;
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
	__u32 row = AXP_COUNTS_INDEX(AXP_IN, e->service, e->family);
	struct axp_count *seen = &f->seen[row * COUNTS_IN_ROW];
	struct axp_count now[COUNTS_IN_ROW];
	__u32 column = e->reason + (e->monitored ? AXP_REASONS : 0);

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
