/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies a profile, to be edited. */
#ifndef ALLOWXDP_PROFILE_COPY_H
#define ALLOWXDP_PROFILE_COPY_H

#include "policy.h"

/*
 * Copies the profile at `path`, which `p` was read from, and the list files that lie beside it into
 * directory `to`, which is made. Where one of them is there already nothing is copied.
 */
int profile_copy(const struct policy *p, const char *path, const char *to, struct error *err);

#endif
