/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services that nobody could reach: refused where they would be enforced. */
#ifndef ALLOWXDP_EMPTIES_H
#define ALLOWXDP_EMPTIES_H

#include "policy.h"

/*
 * Refuses to enforce a policy with a service that nobody could reach, unless `force`; else warns of
 * each such service.
 */
int policy_check_empty(const struct policy *p, uint32_t mode, bool force, struct error *err);

/* The same for the services that allow one list, after an entry of it was removed. Warns of
 * nothing. */
int policy_check_emptied(const struct policy *p, int list, uint32_t mode, bool force,
			 struct error *err);

#endif
