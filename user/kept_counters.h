/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters do not go back when an interface is unloaded and loaded again, not even by another
 * version of the command whose maps look otherwise. So they are kept by their names, not their
 * places: `unload` writes RUN/counters-IFACE, by what counters_layout.h says lies where, which the
 * next `load` puts into the interface's new map before any packet is counted there. Like the
 * kernel's own counters they end with the boot.
 */
#ifndef ALLOWXDP_KEPT_COUNTERS_H
#define ALLOWXDP_KEPT_COUNTERS_H

#include "paths.h"
#include "policy.h"

/* Writes what the interface has counted in this map; its programs have been taken off. */
int counters_keep(const struct paths *paths, const char *interface, int map, struct error *err);

/*
 * Puts what was kept into a new counter map that no program uses yet. -ENOENT: nothing was kept.
 */
int counters_restore(const struct paths *paths, const char *interface, int map,
		     const struct policy *p, struct error *err);

/*
 * The same, into the map that program allowxdp_carry was loaded with, and that packets are counted
 * in already.
 */
int counters_carry(const struct paths *paths, const char *interface, int program,
		   const struct policy *p, struct error *err);

/* What was kept is counted on by a map now. */
void counters_forget(const struct paths *paths, const char *interface);

#endif
