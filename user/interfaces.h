/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces that are renamed, deleted, made anew, or moved to another network namespace while an
 * instance is loaded on them.
 */
#ifndef ALLOWXDP_INTERFACES_H
#define ALLOWXDP_INTERFACES_H

#include "attach.h"

enum { INTERFACE_STATE_MAX = 256 };

/*
 * What has become of an interface, behind "interface NAME ": "is deleted..."; "" where it is here
 * under its name. Returns buf.
 */
const char *interface_state(const struct attachment *a, char buf[static INTERFACE_STATE_MAX]);

/* Can `load` attach to it again? */
bool interface_is_back(const struct attachment *a);

/*
 * Pins, counters and records of interfaces that were renamed take the new name. The caller holds
 * the lock.
 */
void interfaces_follow_names(const struct paths *paths);

/* Warns of those that the instance is not attached to. */
void interfaces_warn(const struct paths *paths);

/* The instance whose program that is; false: none that has its pins beside ours. */
bool interfaces_owner(const struct paths *paths, uint32_t program,
		      char instance[static INSTANCE_NAME_MAX + 1]);

#endif
