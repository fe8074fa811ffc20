/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel asks of who works with BPF and network devices: capabilities, never a user id. */
#ifndef ALLOWXDP_PRIVILEGES_H
#define ALLOWXDP_PRIVILEGES_H

#include <stdbool.h>
#include "error.h"

/* Is this capability (CAP_*) in force for this process? */
bool privileges_have(unsigned int capability);

/* CAP_BPF and CAP_NET_ADMIN, or an error that names what is missing. */
int privileges_check(struct error *err);

/* And CAP_PERFMON: without it the verifier refuses the programs. */
int privileges_check_to_load(struct error *err);

#endif
