/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments: the first one has the ports, and its fate is that of the rest. Later ones may come
 * before it; without it nothing can be reassembled, so letting those of listed sources, or of all,
 * go by is harmless.
 */
#ifndef ALLOWXDP_FRAGMENT_H
#define ALLOWXDP_FRAGMENT_H

#include "clock.h"
#include "parse.h"
#include "verdict.h"

#define FRAGMENT_LIFE (5 * 1000000000ULL) /* ns */

static __always_inline void fragment_key(const struct pkt *p, __u32 direction,
					 struct axp_fragment_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->src, p->src, sizeof(key->src));
	__builtin_memcpy(key->dst, p->dst, sizeof(key->dst));
	key->id = p->fragment_id;
	key->protocol = p->fragment_next;
	key->family = p->family;
	key->direction = direction;
}

/* Not inlined, as the other one below: rare, and their keys take much of the stack. */
__noinline int remember_fragment(const struct pkt *p, __u32 direction, __u32 reason, __u32 service)
{
	struct axp_fragment value = { .reason = reason, .service = service };
	struct axp_fragment_key key;

	if (!p)
		return 0;
	value.seen = now_coarse();
	fragment_key(p, direction, &key);
	bpf_map_update_elem(&fragments, &key, &value, BPF_ANY);
	return 0;
}

/* The reason if the first fragment is known, else GO_ON. */
static __noinline int first_fragment_says(const struct pkt *p, __u32 direction, __u32 *service)
{
	const struct axp_fragment *first;
	struct axp_fragment_key key;
	__u64 now = now_coarse();

	fragment_key(p, direction, &key);
	first = bpf_map_lookup_elem(&fragments, &key);
	if (!first || (now > first->seen && now - first->seen > FRAGMENT_LIFE))
		return GO_ON;
	if (first->service < AXP_NO_SERVICE)
		*service = first->service;
	return first->reason < AXP_DROP_REASONS ? AXP_REASON_FRAGMENT_DROPPED : AXP_REASON_FRAGMENT;
}

static __always_inline int judge_fragment(const struct pkt *p, __u32 direction,
					  const struct axp_policy *policy, __u32 slot,
					  __u32 *service)
{
	int reason = first_fragment_says(p, direction, service);

	if (reason != GO_ON)
		return reason;
	if (services_of(p->family, direction == AXP_IN ? p->src : p->dst, slot))
		return AXP_REASON_FRAGMENT_LISTED;
	if (policy->flags & AXP_DROP_UNMATCHED_FRAGMENTS)
		return AXP_REASON_FRAGMENT_REFUSED;
	return AXP_REASON_FRAGMENT_UNMATCHED;
}

#endif
