/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an instance counts as a whole, since the boot: `unload` keeps it (RUN/totals), by names, and
 * what the next instance counts comes on top. For those of interfaces see kept_counters.h.
 */
#ifndef ALLOWXDP_TOTALS_H
#define ALLOWXDP_TOTALS_H

#include "flows.h"

struct totals {
	uint64_t flows_created, flows_not_remembered;
	/* Map `elsewhere`, by the policy's services, family and verdict. */
	uint64_t elsewhere[AXP_MAX_SERVICES][AXP_FAMILIES][2];
};

int totals_read(const struct instance *i, const struct policy *p, const struct flow_stats *flows,
		struct totals *out, struct error *err);

/* The instance is gone: nobody may count it twice. */
void totals_keep(const struct paths *paths, const struct policy *p, const struct totals *totals);

/* Removes what a killed totals_keep() left. */
void totals_sweep(const struct paths *paths);

/* A slot that changes its owner begins at zero. */
int totals_reset_service(const struct instance *i, uint32_t slot, struct error *err);

#endif
