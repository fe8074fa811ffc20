/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Before the act: what a new policy changes, whom it cuts off, and whether it may be put in force.
 */
#ifndef ALLOWXDP_PREVIEW_H
#define ALLOWXDP_PREVIEW_H

#include "cmd.h"
#include "peers.h"
#include "plan.h"
#include "running.h"

struct preview {
	struct plan plan;
	struct peers cut; /* empty unless enforcing */
};

#define _cleanup_preview_ __attribute__((cleanup(preview_free)))
void preview_free(struct preview *p);

/*
 * Fills *out. Refuses, unless `force`, to enforce a policy with a service that nobody could reach,
 * or one that cuts off the SSH session, the default gateway or a resolver. `r` may be empty:
 * nothing runs yet.
 */
int preview_make(struct preview *out, const struct running *r, const struct policy *next,
		 uint32_t mode, bool force, struct error *err);

/* Parses --confirm DUR; 0 seconds where it was not given (NULL). -1, or EXIT_USAGE: it was said
 * why. */
int confirm_option(const struct app *app, const char *text, uint32_t *seconds);

/* Tells people how to keep what they have just set. */
void print_confirm_hint(const struct app *app, uint32_t seconds);

#endif
