/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `allowxdp run`: an event loop that keeps lists up to date from their sources, and serves metrics.
 * What packets meet does not depend on it: it writes files (news.h) and has them applied
 * (news_apply.h).
 *
 * It goes by the sources of the policy that runs: whoever loads, reloads or rolls back, it follows.
 * Where nothing is loaded it waits.
 */
#ifndef ALLOWXDP_DAEMON_H
#define ALLOWXDP_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include "paths.h"
#include "policy.h"

struct daemon;

/* What keeps the sources of some kinds up to date. All functions run in the event loop. */
struct bringer {
	/* Once, before the loop runs; *state is the bringer's own from then on. */
	int (*start)(struct daemon *d, void **state, struct error *err);
	/* The sources are those of d->policy from now on; it may have none. */
	void (*follow)(struct daemon *d, void *state);
	/* SIGHUP: ask them all now. */
	void (*refresh)(struct daemon *d, void *state);
	void (*stop)(struct daemon *d, void *state);
};

/* Defined where each is; the table of them is in daemon.c. */
extern const struct bringer names_bringer;
extern const struct bringer links_bringer; /* daemon_links.c: brings back the filter */

enum { BRINGERS_MAX = 4 };

struct daemon {
	const struct paths *paths;
	sd_event *event;
	struct policy policy; /* what runs, without its entries; empty: nothing is loaded */
	uint64_t generation;  /* of it; 0: nothing is loaded */
	uint64_t identity;    /* of its snapshot */
	bool said_waiting, said_unreadable;
	uint64_t unreadable_since;  /* what runs could not be read since then; 0: it can */
	void *states[BRINGERS_MAX]; /* the bringers' */
	char (*pending)[POLICY_NAME_MAX + 1]; /* lists whose news files have changed */
	size_t n_pending;
	bool all_pending;
	sd_event_source *poll, *apply, *inotify;
	unsigned int refused; /* times in a row that news could not be applied */
};

/* Starts to follow; the loop is the caller's. */
int daemon_start(struct daemon *d, const struct paths *paths, sd_event *event, struct error *err);
void daemon_stop(struct daemon *d);

/* Asks all sources now. */
void daemon_refresh(struct daemon *d);

/*
 * For bringers: a news file of this list has been written. It is applied as soon as the loop comes
 * to it, again and again until that has worked.
 */
void daemon_news_changed(struct daemon *d, const char *list);

/* Seconds since 1970; and a random share of up to a tenth more of `seconds`. */
uint64_t daemon_now(void);
uint64_t daemon_jitter(uint64_t seconds);

#endif
