// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "top_sources.h"

/* Sets that are read with one system call. */
enum { CHUNK = 256 };

#define NANOSECONDS 1000000000LL

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NANOSECONDS + ts.tv_nsec;
}

/* Linear counting: how many different ports leave so many bits of the sketch unset. */
static uint32_t count_ports(uint64_t seen, bool *many)
{
	int set = __builtin_popcountll(seen);

	*many = set == 64;
	if (set <= 1)
		return (uint32_t)set;
	return (uint32_t)lround(-64 * log((*many ? 1 : 64 - set) / 64.0));
}

static void take_ports(struct top_source *t, const struct axp_source *s)
{
	for (size_t i = 0; i < AXP_SOURCE_PORTS; i++) {
		struct top_port port = { s->ports[i], s->port_packets[i] };
		size_t at = t->n_ports;

		if (!port.packets)
			continue;
		for (; at && t->ports[at - 1].packets < port.packets; at--)
			t->ports[at] = t->ports[at - 1];
		t->ports[at] = port;
		t->n_ports++;
	}
	t->port_count = count_ports(s->ports_seen, &t->many_ports);
	if (t->port_count < t->n_ports)
		t->port_count = t->n_ports;
}

/* `offset`: from the clock of the map to that of people. */
static struct top_source take(const struct axp_source *s, int64_t offset)
{
	const struct axp_count *passed = &s->by_verdict[AXP_PASS],
			       *dropped = &s->by_verdict[AXP_DROP];
	struct top_source t = {
		.address = { .family = s->key.family },
		.direction = s->key.direction,
		.service = s->key.service,
		.protocol = s->key.protocol,
		.packets = passed->packets + dropped->packets,
		.bytes = passed->bytes + dropped->bytes,
		.dropped = dropped->packets,
		.error = (uint64_t)ceil(2 * sqrt((double)s->variance)),
		.missed = s->missed,
		.first = (int64_t)s->first + offset,
		.last = (int64_t)s->last + offset,
		.reasons = s->reasons,
		.ifindex = s->ifindex,
	};

	memcpy(t.address.addr, s->key.address, sizeof(t.address.addr));
	if (t.address.family != AXP_FAMILY_NONE)
		t.address.len = prefix_max_len(t.address.family);
	take_ports(&t, s);
	return t;
}

static int by_packets(const void *a, const void *b)
{
	const struct top_source *x = a, *y = b;

	if (x->packets != y->packets)
		return x->packets < y->packets ? 1 : -1;
	if (x->last != y->last)
		return x->last < y->last ? 1 : -1;
	return prefix_compare(&x->address, &y->address);
}

struct walk {
	int map;
	uint32_t next, n;
	uint32_t keys[CHUNK];
	struct axp_source_set sets[CHUNK];
};

/* The next sets of the table, each in one piece; how many, 0 at the end, or negative errno. */
static int walk_on(struct walk *w, bool *begun)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = BPF_F_LOCK);

	w->n = CHUNK;
	if (bpf_map_lookup_batch(w->map, *begun ? &w->next : NULL, &w->next, w->keys, w->sets,
				 &w->n, &opts) &&
	    errno != ENOENT)
		return -errno;
	*begun = true;
	return (int)w->n;
}

static struct walk *walk_begin(const struct instance *i, struct error *err)
{
	struct walk *w = calloc(1, sizeof(*w));

	if (w)
		w->map = i->maps[MAP_SOURCES];
	else
		error_set(err, ENOMEM, "out of memory");
	return w;
}

static size_t take_sets(const struct walk *w, int64_t offset, struct top_source *out)
{
	size_t n = 0;

	for (uint32_t set = 0; set < w->n; set++) {
		for (size_t way = 0; way < AXP_SOURCE_WAYS; way++) {
			const struct axp_source *s = &w->sets[set].ways[way];

			if (s->first)
				out[n++] = take(s, offset);
		}
	}
	return n;
}

static int refuse_map(int rc, struct error *err)
{
	return error_set(err, -rc, "cannot read the map of sources: %s", strerror(-rc));
}

int top_sources_read(const struct instance *i, struct top_source *out, size_t n, struct error *err)
{
	int64_t offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	_cleanup_free_ struct walk *w = walk_begin(i, err);
	_cleanup_free_ struct top_source *all = calloc(TOP_SOURCES_MAX, sizeof(*all));
	bool begun = false;
	size_t found = 0;
	int rc;

	if (!w)
		return -ENOMEM;
	if (!all)
		return error_set(err, ENOMEM, "out of memory");
	while ((rc = walk_on(w, &begun)) > 0) {
		if (found + w->n * AXP_SOURCE_WAYS > TOP_SOURCES_MAX)
			break;
		found += take_sets(w, offset, all + found);
		if (w->n < CHUNK)
			break;
	}
	if (rc < 0)
		return refuse_map(rc, err);
	qsort(all, found, sizeof(*all), by_packets);
	if (found > n)
		found = n;
	memcpy(out, all, found * sizeof(*out));
	return (int)found;
}

bool top_source_same(const struct top_source *a, const struct top_source *b)
{
	return a->direction == b->direction && a->service == b->service &&
	       a->protocol == b->protocol && !prefix_compare(&a->address, &b->address);
}

/* A packet that comes between reading and writing a set is lost to the table, no more. */
static int forget(const struct instance *i, uint32_t slot, bool all, struct error *err)
{
	int map = i->maps[MAP_SOURCES];

	for (uint32_t index = 0; index < AXP_SOURCE_SETS; index++) {
		struct axp_source_set set;
		bool changed = false;

		if (bpf_map_lookup_elem_flags(map, &index, &set, BPF_F_LOCK))
			return refuse_map(-errno, err);
		for (size_t way = 0; way < AXP_SOURCE_WAYS; way++) {
			struct axp_source *s = &set.ways[way];

			if (!s->first || (!all && s->key.service != slot))
				continue;
			memset(s, 0, sizeof(*s));
			changed = true;
		}
		if (changed && bpf_map_update_elem(map, &index, &set, BPF_F_LOCK))
			return error_set(err, errno, "cannot clear the map of sources: %s",
					 strerror(errno));
	}
	return 0;
}

int top_sources_forget(const struct instance *i, uint32_t slot, struct error *err)
{
	return forget(i, slot, false, err);
}

int top_sources_forget_all(const struct instance *i, struct error *err)
{
	return forget(i, 0, true, err);
}
