/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where an instance keeps its pins, its state and what runs, and the lock over all three. */
#ifndef ALLOWXDP_PATHS_H
#define ALLOWXDP_PATHS_H

#include <limits.h>
#include <stdbool.h>
#include "error.h"

enum { INSTANCE_NAME_MAX = 32, PATHS_DIR_MAX = PATH_MAX - 300 };

struct paths {
	char instance[INSTANCE_NAME_MAX + 1];
	char bpffs[PATHS_DIR_MAX]; /* ALLOWXDP_BPFFS or /sys/fs/bpf/allowxdp */
	char pins[PATHS_DIR_MAX];  /* bpffs/INSTANCE */
	char state[PATHS_DIR_MAX]; /* ALLOWXDP_STATE_DIR or /var/lib/allowxdp, /INSTANCE: survives a
				      boot */
	char run[PATHS_DIR_MAX]; /* ALLOWXDP_RUN_DIR or /run/allowxdp, /INSTANCE: gone after a boot
				  */
};

/*
 * Fills *p for the instance (letters, digits, '_' and '-'). Directories that others than root and
 * this user may write are refused (trust.h). 0 or negative errno.
 */
int paths_init(struct paths *p, const char *instance, struct error *err);

/* mkdir -p, mode 0700 for what it makes. */
int make_directory(const char *path, struct error *err);

/*
 * Takes the instance's lock, which every command that changes something holds from its first read
 * to its last write; waits up to half a minute for another one, then fails and says so. Returns an
 * fd that holds the lock until it is closed.
 */
int lock_instance(const struct paths *p, struct error *err);

/* The same, waiting so long; -EBUSY when that was not enough. */
int lock_instance_within(const struct paths *p, int milliseconds, struct error *err);

#endif
