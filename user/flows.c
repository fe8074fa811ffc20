// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "cleanup.h"
#include "explain.h"
#include "flows.h"
#include "sockets.h"

#define NANOSECONDS 1000000000ULL

enum { FLOW_BATCH = 4096 };

static uint64_t monotonic_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NANOSECONDS + (uint64_t)ts.tv_nsec;
}

/* TCP and UDP ports that somebody waits on: what comes to them was not asked for by this host. */
struct seed {
	const struct instance *instance;
	const struct policy *policy;
	uint64_t listening[AXP_PROTOCOLS][65536 / 64];
	struct axp_flow_ports *ports;
	uint64_t now, n;
	struct error *err;
};

static void note_listening(struct seed *seed, const struct socket_info *s)
{
	if (s->listening)
		seed->listening[s->protocol][s->local_port / 64] |= 1ULL << (s->local_port % 64);
}

static bool replies_to(const struct policy *p, uint8_t protocol, uint16_t port)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		for (size_t j = 0; s->replies && j < s->n_ports; j++) {
			if (s->ports[j].protocol == protocol && s->ports[j].low <= port &&
			    port <= s->ports[j].high)
				return true;
		}
	}
	return false;
}

static struct axp_flow_key key_of(const struct socket_info *s)
{
	struct axp_flow_key key = {
		.local_port = s->local_port,
		.remote_port = s->remote_port,
		.protocol = s->protocol,
		.family = s->remote.family,
	};

	memcpy(key.local, s->local.addr, sizeof(key.local));
	memcpy(key.remote, s->remote.addr, sizeof(key.remote));
	return key;
}

static int seed_socket(struct seed *seed, const struct socket_info *s)
{
	struct axp_flow flow = { .seen = seed->now, .origin = AXP_FLOW_OPENED };
	struct axp_flow_key key;
	struct explanation x;
	int rc;

	if (s->listening || !s->remote_port ||
	    seed->listening[s->protocol][s->local_port / 64] >> (s->local_port % 64) & 1 ||
	    !replies_to(seed->policy, s->protocol, s->local_port))
		return 0;
	explain(seed->policy, &s->remote, AXP_IN, s->protocol, s->local_port, &x);
	if (x.verdict == AXP_PASS)
		flow.origin = AXP_FLOW_LISTED;
	key = key_of(s);
	rc = bpf_map_update_elem(seed->instance->maps[MAP_FLOWS], &key, &flow, BPF_NOEXIST);
	if (rc && rc != -EEXIST)
		return error_set(seed->err, -rc, "cannot enter an open flow: %s", strerror(-rc));
	seed->n += !rc;
	if (flow.origin == AXP_FLOW_OPENED)
		seed->ports->used[s->protocol][s->local_port] = 1;
	return 0;
}

/* The egress program sets bytes of it meanwhile: so it is mapped, not read and written back. */
static struct axp_flow_ports *map_ports(const struct instance *i)
{
	void *p = mmap(NULL, sizeof(struct axp_flow_ports), PROT_READ | PROT_WRITE, MAP_SHARED,
		       i->maps[MAP_FLOW_PORTS], 0);

	return p == MAP_FAILED ? NULL : p;
}

static uint64_t flow_count(const struct instance *i, uint32_t what, int cpus, uint64_t *values)
{
	uint64_t sum = 0;

	if (bpf_map_lookup_elem(i->maps[MAP_FLOW_COUNTS], &what, values))
		return 0;
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += values[cpu];
	return sum;
}

static void count_seeded(const struct instance *i, uint64_t n)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *values = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*values));
	uint32_t what = AXP_FLOWS_SEEDED;

	if (!values)
		return;
	flow_count(i, what, 0, values);
	values[0] += n;
	bpf_map_update_elem(i->maps[MAP_FLOW_COUNTS], &what, values, BPF_ANY);
}

int flows_seed(const struct instance *i, const struct policy *p, struct error *err)
{
	_cleanup_free_ struct seed *seed = calloc(1, sizeof(*seed));
	_cleanup_sockets_ struct sockets sockets = { 0 };
	int rc;

	if (!seed)
		return error_set(err, ENOMEM, "out of memory");
	seed->instance = i;
	seed->policy = p;
	seed->err = err;
	seed->now = monotonic_now();
	seed->ports = map_ports(i);
	if (!seed->ports)
		return error_set(err, errno, "cannot map the flow ports: %s", strerror(errno));
	rc = sockets_read(&sockets, err);
	for (size_t n = 0; n < sockets.n; n++)
		note_listening(seed, &sockets.v[n]);
	for (size_t n = 0; !rc && n < sockets.n; n++)
		rc = seed_socket(seed, &sockets.v[n]);
	munmap(seed->ports, sizeof(*seed->ports));
	count_seeded(i, seed->n);
	return rc;
}

static struct prefix address_of(const __be32 *bytes, uint8_t family)
{
	struct prefix p = { .family = family, .len = prefix_max_len(family) };

	memcpy(p.addr, bytes, family == AXP_IPV4 ? 4 : 16);
	return p;
}

static struct flow_info flow_of(const struct axp_flow_key *key, const struct axp_flow *flow,
				const struct policy *p, uint64_t now)
{
	struct flow_info f = {
		.local = address_of(key->local, key->family),
		.remote = address_of(key->remote, key->family),
		.local_port = key->local_port,
		.remote_port = key->remote_port,
		.protocol = key->protocol,
		.opened = flow->origin == AXP_FLOW_OPENED,
	};
	uint64_t limit = p->settings.idle_udp, idle = now > flow->seen ? now - flow->seen : 0;

	if (key->protocol == AXP_TCP)
		limit = flow->closing ? p->settings.idle_tcp_closing : p->settings.idle_tcp;
	f.idle = (uint32_t)(idle / NANOSECONDS);
	f.alive = idle <= limit * NANOSECONDS;
	return f;
}

int flows_each(const struct instance *i, const struct policy *p,
	       int (*fn)(const struct flow_info *f, void *arg), void *arg, struct error *err)
{
	_cleanup_free_ struct axp_flow_key *keys = calloc(FLOW_BATCH, sizeof(*keys));
	_cleanup_free_ struct axp_flow *flows = calloc(FLOW_BATCH, sizeof(*flows));
	uint64_t now = monotonic_now();
	uint32_t position, *from = NULL;
	int rc = 0;

	if (!keys || !flows)
		return error_set(err, ENOMEM, "out of memory");
	while (!rc) {
		uint32_t count = FLOW_BATCH;
		int fn_rc = 0;

		rc = bpf_map_lookup_batch(i->maps[MAP_FLOWS], from, &position, keys, flows, &count,
					  NULL);
		if (rc && rc != -ENOENT)
			return error_set(err, -rc, "cannot read the flow table: %s", strerror(-rc));
		for (uint32_t n = 0; n < count && !fn_rc; n++) {
			struct flow_info f = flow_of(&keys[n], &flows[n], p, now);

			fn_rc = fn(&f, arg);
		}
		if (fn_rc)
			return fn_rc;
		from = &position;
	}
	return 0;
}

static int count_flow(const struct flow_info *f, void *arg)
{
	struct flow_stats *s = arg;

	s->entries++;
	s->alive += f->alive;
	return 0;
}

int flows_stats(const struct instance *i, const struct policy *p, struct flow_stats *out,
		struct error *err)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *values = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*values));
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	int rc;

	memset(out, 0, sizeof(*out));
	if (!values)
		return error_set(err, ENOMEM, "out of memory");
	if (!bpf_obj_get_info_by_fd(i->maps[MAP_FLOWS], &info, &size))
		out->capacity = info.max_entries;
	rc = flows_each(i, p, count_flow, out, err);
	if (rc)
		return rc;
	out->created = flow_count(i, AXP_FLOWS_CREATED, cpus, values) +
		       flow_count(i, AXP_FLOWS_SEEDED, cpus, values);
	out->insert_failed = flow_count(i, AXP_FLOWS_INSERT_FAILED, cpus, values);
	/* Nothing else removes a flow: one that is over stays until its place is needed. */
	if (out->created > out->entries)
		out->evicted = out->created - out->entries;
	return 0;
}
