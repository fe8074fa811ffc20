/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel can do, by trying it: distributions carry features back to older versions, and
 * build newer ones without them.
 */
#ifndef ALLOWXDP_KERNEL_H
#define ALLOWXDP_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include "error.h"

/* The oldest that is claimed. All that is needed is there since 5.11. */
#define KERNEL_OLDEST "5.15"

struct kernel_feature {
	const char *what;
	int (*probe)(void); /* 1 yes, 0 no, negative errno when that cannot be told */
	bool needed;
	const char *without; /* what its absence means */
};

extern const struct kernel_feature kernel_features[];
extern const size_t kernel_feature_count;

/* XDP on frames of several buffers */
int kernel_probe_frags(void);

/*
 * The kernel refused something. Where it lacks what is needed, that is said in place of what `err`
 * says so far. Nothing is attached in trying. Returns rc.
 */
int kernel_blame(int rc, struct error *err);

#endif
