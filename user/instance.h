/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An instance in the kernel: its pinned maps, and the control word that says what packets see.
 *
 * Pins, all in paths->pins: control, policies, tries4, tries6; lpm4_SLOT and lpm6_SLOT, the tries
 * inside the last two; counters_IFACE and link_IFACE for each interface. `control` is pinned last
 * and removed first: where it is missing, there is no instance, and what else lies there is left
 * over from a crash.
 */
#ifndef ALLOWXDP_INSTANCE_H
#define ALLOWXDP_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>
#include "abi.h"
#include "paths.h"

enum { INSTANCE_PIN_MAX = PATH_MAX };

struct instance {
	const struct paths *paths;
	int control, policies;
	int tries[2];               /* outer maps: [0] IPv4, [1] IPv6 */
	struct axp_control *shared; /* `control`, mapped */
};

#define INSTANCE_EMPTY                                             \
	{                                                          \
		.control = -1, .policies = -1, .tries = { -1, -1 } \
	}
#define _cleanup_instance_ __attribute__((cleanup(instance_close)))

/* Closes this process's side; the instance stays. */
void instance_close(struct instance *i);

/* -ENOENT (err set: says how to load) when it is not loaded. `paths` must outlive *i. */
int instance_open(struct instance *i, const struct paths *paths, struct error *err);

/* Makes the maps, control word 0 (mode off), and pins them; what a crash left over is removed
 * first. */
int instance_create(struct instance *i, const struct paths *paths, struct error *err);

/* Unpins everything. The kernel frees it once no program uses it. */
void instance_destroy(const struct paths *paths);

/* Reads and atomically sets the control word (AXP_ACTIVE). */
uint64_t instance_active(const struct instance *i);
void instance_set_active(struct instance *i, uint64_t word);

const char *mode_name(uint32_t mode);
/* -1 if there is no such mode. */
int mode_parse(const char *text);

/* Path of a pin; `interface` (may be NULL) is escaped: bpffs takes no dots. Returns buf. */
const char *instance_pin(const struct paths *paths, const char *name, const char *interface,
			 char buf[static INSTANCE_PIN_MAX]);

/* Undoes the escaping of the interface in a pin's file name; false if the name does not begin so.
 */
bool instance_pin_interface(const char *file, const char *name, char interface[static 16]);

/* Names of the interfaces that have a link pin; returns their number, at most `max`. */
size_t instance_interfaces(const struct paths *paths, char (*names)[16], size_t max);

#endif
