/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is refused most: a table of fixed size. Each source has a set of places where it may stand. A
 * newcomer takes the place of the least frequent there with a chance of its own packets to the
 * other's: a flood of sources that come once each wears itself out, and leaves alone who comes
 * again and again ("randomized admission policy" in the literature on frequent items).
 */
#ifndef ALLOWXDP_SOURCES_H
#define ALLOWXDP_SOURCES_H

#include "maps.h"
#include "maps_seen.h"
#include "parse.h"
#include "sample.h"

enum {
	RANK_HALF_LIFE = 42, /* 2^42 ns: 73 minutes */
	RANK_MAX = 0x7fffffff,
};

static __always_inline void source_key(const struct axp_event *e, struct axp_source_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->address, e->direction == AXP_IN ? e->src : e->dst,
			 sizeof(key->address));
	key->family = e->family;
	key->protocol = e->protocol;
	key->service = e->service;
	key->direction = e->direction;
}

static __always_inline __u32 source_set(const struct axp_source_key *key)
{
	const __u64 *word = (const __u64 *)key;
	__u64 hash = control.seed;

	hash = (hash ^ word[0]) * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ hash >> 32 ^ word[1]) * 0xbf58476d1ce4e5b9ULL;
	hash = (hash ^ hash >> 32 ^ word[2]) * 0x94d049bb133111ebULL;
	return hash >> 48 & (AXP_SOURCE_SETS - 1);
}

static __always_inline int is_source(const struct axp_source *s, const struct axp_source_key *key)
{
	const __u64 *a = (const __u64 *)&s->key, *b = (const __u64 *)key;

	return s->first && a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

static __always_inline __u32 rank_now(const struct axp_source *s, __u64 now)
{
	__u64 age = now > s->last ? (now - s->last) >> RANK_HALF_LIFE : 0;

	return age > 31 ? 0 : s->rank >> age;
}

static __always_inline int wins(__u32 random, __u32 mine, __u32 other)
{
	return (__u64)random * ((__u64)mine + other) < (__u64)mine << 32;
}

static __always_inline void count_port(struct axp_source *s, __u16 port, __u32 weight, __u32 random)
{
	__u32 least = 0, i;

	s->ports_seen |= 1ULL << AXP_PORT_BIT(port);
#pragma unroll
	for (i = 0; i < AXP_SOURCE_PORTS; i++) {
		if (s->port_packets[i] && s->ports[i] == port) {
			if (s->port_packets[i] < RANK_MAX)
				s->port_packets[i] += weight;
			return;
		}
		if (s->port_packets[i] < s->port_packets[least & (AXP_SOURCE_PORTS - 1)])
			least = i;
	}
	least &= AXP_SOURCE_PORTS - 1;
	if (!wins(random, weight, s->port_packets[least]))
		return;
	s->ports[least] = port;
	s->port_packets[least] += weight;
}

static __always_inline void count_source(struct axp_source *s, const struct axp_event *e, __u64 now,
					 __u32 weight, __u32 random)
{
	struct axp_count *count = &s->by_verdict[e->verdict & 1];
	__u32 rank = rank_now(s, now);

	s->rank = rank < RANK_MAX ? rank + weight : RANK_MAX;
	s->last = now;
	count->packets += weight;
	count->bytes += (__u64)weight * e->length;
	s->variance += (__u64)weight * (weight - 1);
	s->reasons |= 1u << (e->reason & 31);
	s->ifindex = e->ifindex;
	if (e->protocol != AXP_NO_PROTOCOL)
		count_port(s, e->dport, weight, random);
}

/* Its place in the set, which is locked; NULL: it has none, and wins none. */
static __always_inline struct axp_source *place(struct axp_source_set *set,
						const struct axp_source_key *key, __u64 now,
						__u32 weight, __u32 random)
{
	__u32 least = 0, lowest = 0xffffffff, i;
	struct axp_source *s;

#pragma unroll
	for (i = 0; i < AXP_SOURCE_WAYS; i++) {
		__u32 rank = rank_now(&set->ways[i], now);

		if (is_source(&set->ways[i], key))
			return &set->ways[i];
		if (rank < lowest) {
			lowest = rank;
			least = i;
		}
	}
	if (!wins(random, weight, lowest))
		return NULL;
	s = &set->ways[least & (AXP_SOURCE_WAYS - 1)];
	__builtin_memset(s, 0, sizeof(*s));
	s->key = *key;
	s->first = now;
	s->last = now;
	s->rank = lowest;
	s->missed = lowest;
	return s;
}

static const struct sample_steps source_steps = {
	.every = AXP_SAMPLE_EXACT,
	.some = AXP_SAMPLE_SOME,
	.few = AXP_SAMPLE_FEW,
	.rare = AXP_SAMPLE_RARE,
};

/* Whether it has a place in the table. Not inlined: it needs the stack when others don't. */
static __noinline int note_source(struct description *d, struct axp_sampler *sampler)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	__u32 random = bpf_get_prandom_u32();
	struct axp_source_set *set;
	struct axp_source *s;
	__u32 index, weight;

	source_key(&d->event, &d->source);
	weight = sample_weight(sampler, now, &source_steps);
	index = source_set(&d->source);
	set = bpf_map_lookup_elem(&sources, &index);
	if (!set)
		return 0;
	bpf_spin_lock(&set->lock);
	s = place(set, &d->source, now, weight, random);
	if (s)
		count_source(s, &d->event, now, weight, random);
	bpf_spin_unlock(&set->lock);
	return s != NULL;
}

#endif
