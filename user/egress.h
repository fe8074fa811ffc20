/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The egress program's place on an interface: TCX where the kernel has it (6.6), as a pinned link;
 * else a filter of our own handle and priority in clsact, which stays when the command ends. Other
 * programs and filters are left alone.
 */
#ifndef ALLOWXDP_EGRESS_H
#define ALLOWXDP_EGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include "error.h"

/* Attaches the program; where that makes a link, pins it at `pin`. 0 or negative errno. */
int egress_attach(int program, const char *interface, const char *pin, struct error *err);

/* Puts the program in place of ours that is there, in one step; attaches it where none is. */
int egress_replace(int program, const char *interface, const char *pin, struct error *err);

/* Detaches what egress_attach attached; not an error if it is gone. */
void egress_detach(const char *interface, const char *pin);

enum egress_kind { EGRESS_NONE, EGRESS_TCX, EGRESS_CLSACT };

/* How our program is attached to the interface. */
enum egress_kind egress_query(const char *interface, const char *pin);

/* "tcx", "clsact", "none". */
const char *egress_name(enum egress_kind kind);

/* Id of our program there; 0: none. */
uint32_t egress_program(const char *interface, const char *pin);

#endif
