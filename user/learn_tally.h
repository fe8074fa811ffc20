/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts of refused packets, added up. Pure. */
#ifndef ALLOWXDP_LEARN_TALLY_H
#define ALLOWXDP_LEARN_TALLY_H

#include "learn.h"

struct learn_tally learn_tally_of(const struct top_source *s);
void learn_tally_add(struct learn_tally *t, const struct learn_tally *more);

/* Many different ports, and few packets to each? */
bool learn_sweeps(const struct learn_tally *t);

#endif
