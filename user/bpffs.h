/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF filesystem that holds the pins, and with them the filter, when the command has ended. */
#ifndef ALLOWXDP_BPFFS_H
#define ALLOWXDP_BPFFS_H

#include "paths.h"

/*
 * Makes sure that paths->bpffs can be made on a BPF filesystem that outlives this command: mounts
 * one where there is none, and refuses one that only this process's mount namespace has (`ip netns
 * exec` makes such a namespace: pins in it, and the filter with them, would silently go away).
 * Makes paths->pins.
 */
int bpffs_prepare(const struct paths *paths, struct error *err);

/* Removes the directories made for an instance that is gone, and a mount that bpffs_prepare made.
 */
void bpffs_tidy(const struct paths *paths);

#endif
