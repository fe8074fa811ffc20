/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is refused most, from two readings of the table of sources (top_sources.h). Pure. */
#ifndef ALLOWXDP_TOP_REFUSALS_H
#define ALLOWXDP_TOP_REFUSALS_H

#include "top_sources.h"
#include "top_view.h"

enum { TOP_REFUSED_MAX = 200 /* that are shown */ };

struct top_refusals {
	struct top_source *last; /* sorted, to be found again */
	size_t n;
	uint64_t at; /* ns; 0: there was no reading yet */
};

void top_refusals_free(struct top_refusals *r);

/*
 * Takes the next reading, `n` sources that become its own (they are sorted anew), and fills the
 * view's sources: those of the highest rate first, then those of most packets. `p` names the
 * services. -ENOMEM.
 */
int top_refusals_update(struct top_refusals *r, struct top_source *next, size_t n, uint64_t at,
			const struct policy *p, struct top_view *v);

#endif
