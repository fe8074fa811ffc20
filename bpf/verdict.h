/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From ports and addresses to the reason. Written for both directions: `local` is the port on this
 * host's side for AXP_IN, and `remote` the address on the other side.
 */
#ifndef ALLOWXDP_VERDICT_H
#define ALLOWXDP_VERDICT_H

#include "lookup.h"
#include "maps.h"
#include "parse.h"

/* What a node opens now, where its entries expire. */
static __always_inline __u64 timed_services(const struct axp_lpm_value *value)
{
	const struct axp_timed *steps;
	__u64 services = value->services;
	__u32 key = value->timed;
	__u64 now;
	int i;

	steps = bpf_map_lookup_elem(&timed, &key);
	if (!steps)
		return services;
	now = bpf_ktime_get_boot_ns();
#pragma unroll
	for (i = 0; i < AXP_TIMED_STEPS; i++) {
		if (!steps->at[i] || now < steps->at[i])
			break;
		services = steps->services[i];
	}
	return services;
}

/* What the longest match in the trie opens. */
static __always_inline __u64 trie_services(__u8 family, const __be32 *addr, __u32 slot)
{
	const struct axp_lpm_value *value;
	void *trie;

	if (family == AXP_IPV4) {
		struct axp_lpm4_key key = { .prefixlen = 32 };

		trie = bpf_map_lookup_elem(&tries4, &slot);
		if (!trie)
			return 0;
		__builtin_memcpy(key.addr, addr, sizeof(key.addr));
		value = bpf_map_lookup_elem(trie, &key);
	} else {
		struct axp_lpm6_key key = { .prefixlen = 128 };

		trie = bpf_map_lookup_elem(&tries6, &slot);
		if (!trie)
			return 0;
		__builtin_memcpy(key.addr, addr, sizeof(key.addr));
		value = bpf_map_lookup_elem(trie, &key);
	}
	if (!value)
		return 0;
	return value->timed ? timed_services(value) : value->services;
}

/*
 * Not inlined, as they are needed in many places; global, so that the verifier looks at each once.
 * Addresses in network byte order, for IPv6 in two halves.
 */
__noinline __u64 trie4_services(__u32 address, __u32 slot)
{
	return trie_services(AXP_IPV4, &address, slot);
}

__noinline __u64 services6(__u64 first, __u64 second, __u32 slot)
{
	__u64 addr[2] = { first, second }, services;

	if (directory6_look_up(slot, bpf_be64_to_cpu(first), bpf_be64_to_cpu(second), &services) ==
	    DIRECTORY_ASKS_TRIE)
		services = trie_services(AXP_IPV6, (const __be32 *)addr, slot);
	return services;
}

/* Services that the longest match of the address opens; 0: no entry covers it. */
static __always_inline __u64 services4(__u32 address, const struct axp_policy *policy, __u32 slot)
{
	__u64 services;

	if (directory4_look_up(policy, slot, bpf_ntohl(address), &services) == DIRECTORY_ASKS_TRIE)
		services = trie4_services(address, slot);
	return services;
}

/* The same where a call does not matter, for the verifier's sake. */
__noinline __u64 services4_of(__u32 address, __u32 slot)
{
	const struct axp_policy *policy;

	slot &= AXP_SLOTS - 1;
	policy = bpf_map_lookup_elem(&policies, &slot);
	return policy ? services4(address, policy, slot) : 0;
}

static __always_inline __u64 services_of(__u8 family, const __be32 *addr, __u32 slot)
{
	__u64 halves[2];

	if (family == AXP_IPV4)
		return services4_of(addr[0], slot);
	__builtin_memcpy(halves, addr, sizeof(halves));
	return services6(halves[0], halves[1], slot);
}

/*
 * DHCP must go on, or the host loses its address hours after loading. Both ports are looked at
 * (RFC 2131 section 4.1, RFC 8415 section 7.2): one alone anybody may choose. One comparison: what
 * the verifier learns of a port from several is so many more states for it.
 */
static __always_inline int is_dhcp(const struct pkt *p, __u8 family)
{
	__u32 first = family == AXP_IPV4 ? 67 : 546; /* the other one is the next */

	return p->protocol == AXP_UDP && ((p->sport - first) | (p->dport - first)) <= 1;
}

/* Index of the lowest bit set in a set that has one; BPF has no instruction for it. */
static __always_inline __u32 lowest_bit(__u64 set)
{
	__u32 index = 0;

	if (!(set & 0xffffffff)) {
		set >>= 32;
		index += 32;
	}
	if (!(set & 0xffff)) {
		set >>= 16;
		index += 16;
	}
	if (!(set & 0xff)) {
		set >>= 8;
		index += 8;
	}
	if (!(set & 0xf)) {
		set >>= 4;
		index += 4;
	}
	if (!(set & 0x3)) {
		set >>= 2;
		index += 2;
	}
	return index + !(set & 1);
}

/*
 * The lists' word on the packet; for a guarded one `class` is set, and `services` to what its
 * address opens. The port that counts is this host's for AXP_IN, the other side's for AXP_OUT:
 * either way the one that the packet goes to.
 */
static __always_inline int judge(const struct pkt *p, __u8 family, __u32 direction,
				 const struct axp_policy *policy, __u32 slot, __u32 *service,
				 const struct axp_port_class **class, __u64 *services)
{
	__u64 match;
	__u8 index;

	index = policy->port_class[direction & 1][p->protocol & 1][p->dport];
	if (!index)
		return AXP_REASON_NOT_GUARDED;
	if (is_dhcp(p, family))
		return AXP_REASON_DHCP;

	*class = &policy->classes[index];
	*service = (*class)->first;
	*services = services_of(family, direction == AXP_IN ? p->src : p->dst, slot);
	match = (*class)->services & *services;
	if (!match)
		return AXP_REASON_UNLISTED;
	if (!(match >> ((*class)->first & 63) & 1))
		*service = lowest_bit(match);
	return AXP_REASON_LISTED;
}

#endif
