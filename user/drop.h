/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up root for good. */
#ifndef ALLOWXDP_DROP_H
#define ALLOWXDP_DROP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "error.h"

struct account {
	uid_t uid;
	gid_t gid;
};

/* An unprivileged user, by name. */
int account_find(const char *name, struct account *out, struct error *err);

/*
 * Becomes that user, without other groups; keeps the `n` capabilities (CAP_*) and can never gain
 * another one, nor, where the kernel knows Landlock, write, make or run any file, nor without
 * `reads` open one. Fails rather than keep more. Who lacks CAP_SETUID or CAP_SETGID stays the user
 * that it is, but only where there is Landlock.
 */
int drop_root(const struct account *a, const unsigned int *capabilities, size_t n, bool reads,
	      struct error *err);

/*
 * The same without any capability, but files may be used and programs run as that user may: never
 * without CAP_SETUID and CAP_SETGID.
 */
int drop_root_only(const struct account *a, struct error *err);

/* Stays who it is; keeps those of the `n` capabilities that it has, and can never gain another. */
int keep_capabilities(const unsigned int *capabilities, size_t n, struct error *err);

#endif
