/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists that are empty for a reason that is known: said loudly, for nothing on them will pass. */
#ifndef ALLOWXDP_MISSING_H
#define ALLOWXDP_MISSING_H

#include "policy.h"

struct missing {
	const struct list *list;
	char text[640]; /* what is not there and how to get it, without the list's name */
};

/* Calls fn for each. */
void missing_each(const struct policy *p, void (*fn)(const struct missing *m, void *arg),
		  void *arg);

/* Warns of each on stderr. */
void missing_warn(const struct policy *p);

#endif
