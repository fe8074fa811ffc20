/* SPDX-License-Identifier: GPL-2.0-only */
/* Which policy packets see at this moment, and what time it is. */
#ifndef ALLOWXDP_CLOCK_H
#define ALLOWXDP_CLOCK_H

#include "maps.h"

/* CLOCK_MONOTONIC to a few milliseconds: idle limits need no more, and it costs a fifth. */
static __always_inline __u64 now_coarse(void)
{
	return bpf_ktime_get_coarse_ns();
}

/* The control word to go by (AXP_ACTIVE): past the deadline, the one to fall back to. */
static __always_inline __u64 policy_word(void)
{
	__u64 active, deadline;

	/* In this order: the command stores them the other way round (include/abi.h). */
	active = control.active;
	deadline = control.deadline;
	if (deadline && bpf_ktime_get_boot_ns() > deadline)
		return control.fallback;
	return active;
}

#endif
