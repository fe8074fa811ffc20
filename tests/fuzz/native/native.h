/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs of bpf/, compiled for the host: the same source, with maps in ordinary memory, a
 * clock that is set, and packets behind whose ends the sanitizer watches.
 */
#ifndef ALLOWXDP_NATIVE_H
#define ALLOWXDP_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include "abi.h"

enum { NATIVE_FRAME_MAX = 1 << 17, NATIVE_WHOLE = -1 };

void native_open(void);

/* As if no packet had ever come or gone, at this time; the policies stay. */
void native_forget(__u64 now_ns, __u32 seed);
void native_clock(__u64 now_ns);

void native_active(__u64 word);
struct axp_policy *native_policy(__u32 slot);
void native_timed(__u32 key, const struct axp_timed *timed);

/* Empties what a slot has of a family, then from `units` n bytes of a directory (0: none), of IPv4
 * with its head. */
void native_directory(__u32 slot, enum axp_family family, const struct axp_dir4_head *head,
		      const void *units, size_t n);
void native_node(__u32 slot, enum axp_family family, __u32 len, const __u8 *address,
		 const struct axp_lpm_value *value);

/* Somebody watches; NULL: nobody. */
void native_watch(const struct axp_watcher *watcher, __u8 kinds);

/*
 * Runs a packet, `linear` bytes of it in the first buffer (NATIVE_WHOLE: all). The rest is to be
 * had by helpers alone, where the kernel has multi-buffer frames: `frags`. Returns what the program
 * does.
 */
int native_in(const __u8 *frame, size_t len, int linear, bool frags);
int native_out(const __u8 *frame, size_t len, int linear);

const struct axp_counts *native_counts(__u32 direction, __u32 service, __u32 family);
/* All packets that were ever counted. */
__u64 native_counted(void);

#endif
