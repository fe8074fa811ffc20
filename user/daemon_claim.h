/* SPDX-License-Identifier: GPL-2.0-or-later */
/* That `allowxdp run` runs: RUN/daemon is locked for as long as it lives. */
#ifndef ALLOWXDP_DAEMON_CLAIM_H
#define ALLOWXDP_DAEMON_CLAIM_H

#include <stdbool.h>
#include "paths.h"

/*
 * One for an instance. Returns an fd to be held open, or a negative errno: -EBUSY when there is one
 * already.
 */
int daemon_claim(const struct paths *paths, struct error *err);

/* Is there one? */
bool daemon_runs(const struct paths *paths);

#endif
