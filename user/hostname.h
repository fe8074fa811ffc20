/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is this a host name that can be resolved? Pure. */
#ifndef ALLOWXDP_HOSTNAME_H
#define ALLOWXDP_HOSTNAME_H

#include <stdbool.h>
#include <stddef.h>
#include "error.h"

enum { HOSTNAME_MAX = 253 };

/*
 * A whole name in ASCII, without search domains: "sip.example.com". `srv`: one of a service, as in
 * "_sip._udp.example.com". err->text says what is wrong and how to mend it. 0 or -EINVAL.
 */
int hostname_check(const char *name, bool srv, struct error *err);

/* Lower case, without a dot at its end; `out` has room for HOSTNAME_MAX + 1. */
void hostname_normal(const char *name, char *out);

#endif
