/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs that send and measure packets share with user space. */
#ifndef ALLOWXDP_BENCH_PACKETS_H
#define ALLOWXDP_BENCH_PACKETS_H

#include <linux/types.h>

enum {
	SOURCES4 = 16, /* source addresses in a block */
	SOURCES6 = 4,
};

struct source_block {
	__be32 word[16];
};

#endif
