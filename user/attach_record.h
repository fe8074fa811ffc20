/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel does not tell of an attachment: RUN/attached-IFACE. Where it is missing nothing
 * goes wrong: the mode is auto then, and the program is taken for another build's.
 */
#ifndef ALLOWXDP_ATTACH_RECORD_H
#define ALLOWXDP_ATTACH_RECORD_H

#include "attach.h"

struct attach_record {
	enum attach_mode mode; /* that was asked for */
	int ifindex;           /* of the device; one that is made anew has another */
	uint32_t program;      /* id, ingress */
	uint64_t object;       /* program_identity() of the build that loaded it */
};

/* Of the BPF object in this build: another one has another. */
uint64_t program_identity(void);

void attach_record_write(const struct paths *paths, const char *interface,
			 const struct attach_record *r);

/* False, and *r is empty, where there is none. */
bool attach_record_read(const struct paths *paths, const char *interface, struct attach_record *r);

void attach_record_rename(const struct paths *paths, const char *from, const char *to);
void attach_record_forget(const struct paths *paths, const char *interface);

#endif
