/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the last `load` or `reload` went, kept in the run directory: one that failed changes nothing
 * else.
 */
#ifndef ALLOWXDP_LAST_RELOAD_H
#define ALLOWXDP_LAST_RELOAD_H

#include <stdbool.h>
#include <stdint.h>
#include "paths.h"

struct last_reload {
	bool done;            /* else it failed */
	uint64_t at;          /* seconds since 1970; 0: there was none since the boot */
	uint64_t done_at;     /* the last one that did not fail; 0: none */
	struct error failure; /* "" when it was done */
};

/* `failure` NULL: it was done. The caller holds the lock. That it cannot be kept fails nobody. */
void last_reload_keep(const struct paths *paths, const struct error *failure);

void last_reload_read(const struct paths *paths, struct last_reload *out);

#endif
