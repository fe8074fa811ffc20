/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why the kernel refuses an XDP program on an interface, in its own words. */
#ifndef ALLOWXDP_EXTACK_H
#define ALLOWXDP_EXTACK_H

#include <stddef.h>
#include <stdint.h>

/*
 * For after a link was refused, which leaves only an errno: asks for the same by netlink, whose
 * answer has a text. `flags` is XDP_FLAGS_DRV_MODE and the like. Returns the kernel's negative
 * errno, its text in buf ("" where it gives none); 0 if it accepts the program this time: that is
 * undone at once. Never takes the place of a program that is there.
 */
int xdp_extack(int ifindex, int prog_fd, uint32_t flags, char *buf, size_t n);

#endif
