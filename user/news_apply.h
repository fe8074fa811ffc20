/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How what sources brought becomes part of the policy that runs. */
#ifndef ALLOWXDP_NEWS_APPLY_H
#define ALLOWXDP_NEWS_APPLY_H

#include "paths.h"
#include "policy.h"

/* Whom to tell of every entry that comes (`added`) or goes. */
struct news_listener {
	void (*changed)(const struct policy *p, const struct entry *e, bool added, void *arg);
	void *arg;
};

/*
 * Makes the running policy's news what the news files say (news.h): of one list, or of all (NULL).
 * Everything else of it stays, whatever the administrator's files say by now; so does the mode.
 * Takes the lock. Nothing to do is done at once. Lists may become empty.
 *
 * Returns the number of entries that came and went, or a negative errno: -ENOENT: nothing is
 * loaded; -EAGAIN: a change waits to be confirmed, or another command holds the lock: try later.
 */
int news_apply(const struct paths *paths, const char *list, const struct news_listener *listener,
	       struct error *err);

#endif
