/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How full the instance's tables are. */
#ifndef ALLOWXDP_TABLES_H
#define ALLOWXDP_TABLES_H

#include "flows.h"
#include "inventory.h"

struct table {
	const char *name;
	uint64_t used; /* of those that make room by themselves (LRU): what still counts */
	uint64_t capacity;
};

enum { TABLES = 10 };

/* `slot`: of the generation in force. */
int tables_read(const struct instance *i, uint32_t slot, const struct policy *p,
		const struct inventory *inventory, const struct flow_stats *flows,
		struct table out[static TABLES], struct error *err);

#endif
