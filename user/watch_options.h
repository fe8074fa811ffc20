/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that `watch` and `capture` share: which packets, how many, for how long. */
#ifndef ALLOWXDP_WATCH_OPTIONS_H
#define ALLOWXDP_WATCH_OPTIONS_H

#include "cmd.h"
#include "watch_run.h"

struct watch_options {
	bool drops, passes, both;
	const char *service, *source, *reason, *interface, *count, *duration, *rate;
};

/* For a table of struct option_spec. */
#define WATCH_OPTION_SPECS(o)                                                                      \
	{ "drops", OPTION_FLAG, &(o)->drops, NULL, "what is dropped, or would be (the default)" }, \
		{ "passes", OPTION_FLAG, &(o)->passes, NULL, "what passes" },                      \
		{ "both", OPTION_FLAG, &(o)->both, NULL, "all of it" },                            \
		{ "service", OPTION_TEXT, &(o)->service, "NAME[,NAME...]",                         \
		  "of these services; - for what belongs to none" },                               \
		{ "source", OPTION_TEXT, &(o)->source, "PREFIX",                                   \
		  "from there (what leaves: to there)" },                                          \
		{ "reason", OPTION_TEXT, &(o)->reason, "REASON[,REASON...]",                       \
		  "for these reasons" },                                                           \
		{ "i", OPTION_TEXT, &(o)->interface, "IFACE", "on this interface alone" },         \
		{ "count", OPTION_TEXT, &(o)->count, "N", "end after so many packets" },           \
		{ "duration", OPTION_TEXT, &(o)->duration, "DUR", "end after 30s, 5m, 1h..." },    \
	{                                                                                          \
		"rate", OPTION_TEXT, &(o)->rate, "N",                                              \
			"at most so many a second; others are counted, not shown"                  \
	}

/*
 * Reads them into *run (its filter, services, limits). -1 to go on, else the exit status: what is
 * wrong has been said.
 */
int watch_options_read(const struct app *app, const struct watch_options *o, uint32_t rate,
		       struct watch_run *run);

/* A whole number from `min` to `max`; false if it is none. */
bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* Opens nothing, but refuses what cannot be watched: an interface that is not loaded. */
int watch_options_check(const struct app *app, const struct watch_options *o, struct error *err);

#endif
