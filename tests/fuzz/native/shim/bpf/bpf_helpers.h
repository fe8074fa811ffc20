/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of libbpf's header of this name, where the BPF programs are compiled for the host: maps
 * are what maps.h in the directory above makes of them, helpers are functions.
 */
#ifndef ALLOWXDP_NATIVE_HELPERS_H
#define ALLOWXDP_NATIVE_HELPERS_H

#include <stddef.h>
#include <linux/bpf.h>

#undef __always_inline
#define SEC(name)
#define __always_inline       inline __attribute__((always_inline))
#define __noinline            __attribute__((noinline))
#define __uint(name, number)  int(*name)[number]
#define __type(name, what)    __typeof__(what) *name
#define __array(name, what)   __typeof__(what) *name[]
#define barrier_var(variable) __asm__ volatile("" : "+r"(variable))

void *bpf_map_lookup_elem(const void *map, const void *key);
long bpf_map_update_elem(const void *map, const void *key, const void *value, __u64 flags);
__u64 bpf_ktime_get_boot_ns(void);
__u64 bpf_ktime_get_coarse_ns(void);
__u64 bpf_jiffies64(void);
__u32 bpf_get_prandom_u32(void);
long bpf_xdp_load_bytes(const void *ctx, __u32 offset, void *to, __u32 n);
long bpf_skb_load_bytes(const void *ctx, __u32 offset, void *to, __u32 n);
__u64 bpf_xdp_get_buff_len(const void *ctx);
long bpf_perf_event_output(const void *ctx, const void *map, __u64 flags, const void *data,
			   __u64 n);
void bpf_spin_lock(struct bpf_spin_lock *lock);
void bpf_spin_unlock(struct bpf_spin_lock *lock);

#endif
