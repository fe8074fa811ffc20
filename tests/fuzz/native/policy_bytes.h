/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command's own directories, of rules as tests have them. */
#ifndef ALLOWXDP_NATIVE_POLICY_BYTES_H
#define ALLOWXDP_NATIVE_POLICY_BYTES_H

#include "directories.h"

/* n bytes, to be freed; leaves in any order, of one family. */
void *directory_bytes(enum axp_family family, const struct leaf *leaves, size_t count, size_t *n);

#endif
