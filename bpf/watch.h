/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets shown to those who watch. While nobody does, a packet pays for a look at one word that
 * lies beside the control word. Nothing that a watcher does, or fails to do, touches a verdict.
 */
#ifndef ALLOWXDP_WATCH_H
#define ALLOWXDP_WATCH_H

#include "maps.h"
#include "maps_seen.h"
#include "parse.h"

/* enum axp_watch_kinds as they lie in the word: does anybody want to see such a packet? */
static __always_inline int is_watched(__u32 kind)
{
	return (control.watching & AXP_WATCH_ALL(kind)) != 0;
}

/* Reasons of which the headers were followed to the ports. */
static __always_inline int knows_ports(__u32 reason)
{
	return reason == AXP_REASON_UNLISTED || reason == AXP_REASON_LISTED ||
	       reason == AXP_REASON_NOT_GUARDED || reason == AXP_REASON_DHCP ||
	       reason == AXP_REASON_REPLY || reason == AXP_REASON_ANSWER;
}

static __always_inline int is_in_prefix(const struct axp_watcher *w, const struct axp_event *e)
{
	const __be32 *address = e->direction == AXP_IN ? e->src : e->dst;
	__u32 differs = 0;
	int i;

	if (w->family == AXP_FAMILY_NONE)
		return 1;
#pragma unroll
	for (i = 0; i < 4; i++)
		differs |= (address[i] & w->mask[i]) ^ w->address[i];
	return w->family == e->family && !differs;
}

static __always_inline int is_wanted(const struct axp_watcher *w, const struct axp_event *e)
{
	if (!(w->reasons >> (e->reason & 31) & 1) || !(w->directions >> (e->direction & 1) & 1))
		return 0;
	if (e->service < AXP_NO_SERVICE ? !(w->services >> (e->service & 63) & 1) : !w->no_service)
		return 0;
	if (w->ifindex && w->ifindex != e->ifindex)
		return 0;
	return is_in_prefix(w, e);
}

/* Records come at times of their own, `interval` apart, but up to `burst` before them. */
static __always_inline int may_send(const struct axp_watcher *w, __u32 n, __u64 now)
{
	struct axp_watch_rate *rate = bpf_map_lookup_elem(&watch_rates, &n);
	int may = 0;

	if (!rate || rate->next > now + w->burst)
		return 0;
	bpf_spin_lock(&rate->lock);
	if (rate->next < now)
		rate->next = now;
	if (rate->next + w->interval <= now + w->burst) {
		rate->next += w->interval;
		may = 1;
	}
	bpf_spin_unlock(&rate->lock);
	return may;
}

static __always_inline int send(void *ctx, const struct axp_watcher *w, struct axp_event *e,
				__u32 n)
{
	__u64 flags = BPF_F_CURRENT_CPU;
	void *buffer = bpf_map_lookup_elem(&watch_buffers, &n);

	if (!buffer)
		return -1;
	if (!e->time) /* one for all watchers */
		e->time = bpf_ktime_get_boot_ns();
	e->captured = e->length < w->snaplen ? e->length : w->snaplen;
	flags |= (__u64)(e->captured & 0xffff) << 32; /* BPF_F_CTXLEN_MASK */
	return bpf_perf_event_output(ctx, buffer, flags, e, sizeof(*e));
}

static __always_inline void show_to(void *ctx, struct axp_event *e, __u32 n, __u64 now)
{
	struct axp_watch_counts *counts = bpf_map_lookup_elem(&watch_counts, &n);
	struct axp_watch_table *table;
	struct axp_watcher *w;
	__u32 zero = 0;

	table = bpf_map_lookup_elem(&watchers, &zero);
	if (!table || !counts)
		return;
	w = &table->watcher[n & (AXP_WATCHERS - 1)];
	if (!is_wanted(w, e))
		return;
	if (!may_send(w, n, now))
		counts->left_out++;
	else if (send(ctx, w, e, n))
		counts->lost++;
	else
		counts->sent++;
}

/* Whoever does not say any more that he watches is not shown more. */
static __always_inline int is_alive(__u32 n, __u64 now)
{
	struct axp_watch_table *table;
	__u32 zero = 0;

	table = bpf_map_lookup_elem(&watchers, &zero);
	if (table && now < table->watcher[n & (AXP_WATCHERS - 1)].until)
		return 1;
	((volatile __u8 *)&control.watching)[n & (AXP_WATCHERS - 1)] = 0;
	return 0;
}

/* To how many it was shown, or would have been but for their filters and rates. */
static __always_inline int show(void *ctx, struct axp_event *e)
{
	__u32 kind = e->reason < AXP_DROP_REASONS ? AXP_WATCH_DROPS : AXP_WATCH_PASSES;
	__u64 now = bpf_ktime_get_coarse_ns();
	int shown = 0;
	__u32 n;

#pragma unroll
	for (n = 0; n < AXP_WATCHERS; n++) {
		if (((volatile __u8 *)&control.watching)[n] & kind && is_alive(n, now)) {
			show_to(ctx, e, n, now);
			shown++;
		}
	}
	return shown;
}

/*
 * Not inlined: each needs the stack in its turn. (What such a function returns must depend on
 * something and be used, or the compiler leaves anything in its place, which the verifier refuses.)
 */
static __noinline int show_in(struct xdp_md *ctx, struct axp_event *e)
{
	return show(ctx, e);
}

static __noinline int show_out(struct __sk_buff *skb, struct axp_event *e)
{
	return show(skb, e);
}

#endif
