/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy that a command speaks of: the one that runs, or, where nothing is loaded (or another
 * config was named to look at), the one in the files.
 */
#ifndef ALLOWXDP_SUBJECT_H
#define ALLOWXDP_SUBJECT_H

#include "cmd.h"
#include "hits_state.h"
#include "running.h"

struct subject {
	struct running running; /* .policy is what it is about, loaded or not */
	bool loaded;
};

#define SUBJECT_EMPTY                    \
	{                                \
		.running = RUNNING_EMPTY \
	}
#define _cleanup_subject_ __attribute__((cleanup(subject_close)))
void subject_close(struct subject *s);

/* For commands that only look. Needs no privileges where a config is named by -c. */
int subject_open(struct subject *s, struct app *app, struct error *err);

/* The same, with what is known of its entries' hits up to now; *known is false where nothing is. */
int subject_open_with_hits(struct subject *s, struct app *app, struct hits *hits, bool *known,
			   struct error *err);

/* For commands that change an entry: the caller holds the lock. -c must name the config that runs.
 */
int subject_open_to_change(struct subject *s, struct app *app, struct error *err);

#endif
