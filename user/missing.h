/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lists are known to lack: ranges that a provider does not publish, names and feeds that have
 * brought nothing yet. It is said loudly, for whoever is missing would be dropped.
 */
#ifndef ALLOWXDP_MISSING_H
#define ALLOWXDP_MISSING_H

#include "policy.h"

struct missing {
	const struct list *list;
	const struct news_source *source; /* NULL: it is not published */
	char text[640]; /* what is not there and how to get it, without the list's name */
};

/* Calls fn for each, in the lists' order. */
void missing_each(const struct policy *p, void (*fn)(const struct missing *m, void *arg),
		  void *arg);

/* Warns on stderr of what is not published; of names and feeds warn_silent_sources() does. */
void missing_warn(const struct policy *p);

#endif
