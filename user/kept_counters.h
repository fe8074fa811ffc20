/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters do not go back when an interface is unloaded and loaded again, not even by another
 * version of the command whose maps look otherwise. So they are kept by their names, not their
 * places: RUN/layout says what lies where in the counter maps of the running instance, and
 * `unload` writes by it RUN/counters-IFACE, which the next `load` puts into the interface's new
 * map before any packet is counted there. Like the kernel's own counters they end with the boot.
 */
#ifndef ALLOWXDP_KEPT_COUNTERS_H
#define ALLOWXDP_KEPT_COUNTERS_H

#include "paths.h"
#include "policy.h"

/*
 * For a policy that is about to be put in force; its services have their slots. Services of
 * `previous` (may be NULL) that it does not have, but whose slots it leaves alone, are written
 * too: it may be rolled back.
 */
int counters_layout_write(const struct paths *paths, const struct policy *next,
			  const struct policy *previous, struct error *err);

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

/* Does a map that was filled by RUN/layout look as this version's do? */
bool counters_look_alike(const struct paths *paths, int map);

/*
 * What RUN/layout knows of the policy that runs: its services' names, slots and directions, so that
 * a new one has them at the same slots where nothing else is known. *p is empty.
 */
int counters_layout_services(const struct paths *paths, struct policy *p);

/* What was kept is counted on by a map now. */
void counters_forget(const struct paths *paths, const char *interface);

#endif
