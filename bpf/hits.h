/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which addresses of the lists are in use: how often, and when last. Every listed packet while
 * there are few; in a flood one of many (sample.h), which then stands for the others. So a packet
 * pays for that question alone, and for this here at most some ten thousand times a second.
 */
#ifndef ALLOWXDP_HITS_H
#define ALLOWXDP_HITS_H

#include "maps.h"
#include "maps_seen.h"
#include "sample.h"

static __always_inline void hit_key(const struct axp_event *e, struct axp_hit_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->address, e->direction == AXP_IN ? e->src : e->dst,
			 sizeof(key->address));
	key->family = e->family;
	key->service = e->service;
	key->direction = e->direction;
}

/*
 * Its place in the table; where the table is full, that of all which found no room (NULL: there is
 * not even that). `d->hit` is what a new one begins with: no packet yet.
 */
static __always_inline struct axp_hit *hit_place(void *table, struct description *d)
{
	struct axp_hit *hit = bpf_map_lookup_elem(table, &d->hit_key);

	if (hit)
		return hit;
	/* Another CPU may come first: then there is one now. */
	bpf_map_update_elem(table, &d->hit_key, &d->hit, BPF_NOEXIST);
	hit = bpf_map_lookup_elem(table, &d->hit_key);
	if (hit)
		return hit;
	__builtin_memset(&d->hit_key, 0, sizeof(d->hit_key));
	return bpf_map_lookup_elem(table, &d->hit_key);
}

static const struct sample_steps hit_steps = {
	.every = AXP_HIT_EXACT,
	.some = AXP_HIT_SOME,
	.few = AXP_HIT_FEW,
	.rare = AXP_HIT_RARE,
};

/* Whether it was counted. Not inlined: it needs the stack when others don't. */
static __noinline int note_hit(struct description *d, struct axp_sampler *sampler)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 weight = sample_weight(sampler, now, &hit_steps), zero = 0;
	struct axp_hit *hit;
	void *table;

	table = bpf_map_lookup_elem(&hits, &zero);
	if (!table)
		return 0;
	hit_key(&d->event, &d->hit_key);
	d->hit.packets = 0;
	d->hit.first = now;
	d->hit.last = now;
	hit = hit_place(table, d);
	if (!hit)
		return 0;
	__sync_fetch_and_add(&hit->packets, weight);
	hit->last = now;
	return 1;
}

#endif
