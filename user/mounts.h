/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether what is mounted here stays when this process's mount namespace ends. */
#ifndef ALLOWXDP_MOUNTS_H
#define ALLOWXDP_MOUNTS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Is this process's mount namespace another one than process 1's, as under `ip netns exec`? Told by
 * the mounts themselves, which anybody may read: /proc/1/ns takes every capability that process 1
 * has. false if it cannot be told.
 */
bool mounts_are_private(void);

/* Has process 1 a mount of this device? true if it cannot be told. */
bool mounts_init_has(dev_t dev);

#endif
