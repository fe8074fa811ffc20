/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An instance that another version of the command has loaded, with other maps (AXP_ABI_VERSION
 * differs), becomes one of this version under traffic. New maps are made and filled aside
 * (PINS/next); then the links of all interfaces are updated to programs that use these, so that
 * every packet meets the old program with the old policy or the new one with the new policy; then
 * pins are renamed into place, `control` last. What packets have left behind (flows and the like)
 * stays where it is, and counters are carried over by name where they look otherwise.
 *
 * Killed before the swap, it has changed nothing. From the swap on until the new control word is in
 * place the old one says that it is no version's: whichever comes next takes over again.
 */
#ifndef ALLOWXDP_TAKEOVER_H
#define ALLOWXDP_TAKEOVER_H

#include "apply.h"

/*
 * Makes r->instance one of this version, which runs `next` in the mode that is in force; r->policy
 * stays what it is. The caller holds the lock.
 */
int takeover(struct running *r, struct policy *next, struct error *err);

/* Refused where it could not be taken back: while, or with, --confirm. */
int takeover_check(const struct running *r, uint32_t confirm, struct error *err);

#endif
