// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "cmd.h"
#include "duration.h"
#include "privileges.h"
#include "top_draw.h"
#include "top_gather.h"
#include "top_keys.h"
#include "top_plain.h"
#include "top_screen.h"

enum { INTERVAL_MAX = 3600 /* seconds */ };

/* Two looks, and what came between them. */
static int once(const struct app *app, struct top *t, uint32_t seconds)
{
	const struct timespec interval = { .tv_sec = seconds };
	struct error err;

	if (top_look(t, &err))
		return fail(&err);
	nanosleep(&interval, NULL);
	if (top_look(t, &err))
		return fail(&err);
	if (app->json)
		return print_json(top_json(&t->view, &t->model));
	top_print(&t->view, &t->model);
	return EXIT_DONE;
}

static int show(const struct top *t, const struct top_options *o)
{
	_cleanup_grid_ struct grid g = { 0 };
	int rows, columns, rc;

	screen_size(&rows, &columns);
	rc = grid_reset(&g, rows, columns);
	if (!rc)
		rc = top_draw(&t->view, &t->model, o, &g);
	if (!rc)
		screen_show(&g);
	return rc;
}

/* False: quit. */
static bool take_keys(struct top_options *o)
{
	int key;

	while ((key = screen_key()) != -1) {
		if (!top_key(o, key))
			return false;
	}
	return !screen_signal();
}

static int milliseconds_until(uint64_t due)
{
	uint64_t now = boot_time();

	return due > now ? (int)((due - now) / 1000000) + 1 : 0;
}

static void watch(struct top *t, struct top_options *o)
{
	uint64_t looked = 0;
	struct error ignored; /* the view shows it */

	do {
		uint64_t due = looked + o->seconds * 1000000000ULL;

		if (!o->paused && boot_time() >= due) {
			looked = boot_time();
			top_look(t, &ignored);
			due = looked + o->seconds * 1000000000ULL;
		}
		if (show(t, o))
			return;
		screen_wait(o->paused ? INTERVAL_MAX * 1000 : milliseconds_until(due));
	} while (take_keys(o));
}

static int live(struct top *t, uint32_t seconds)
{
	struct top_options o = { .seconds = seconds };
	struct error err;
	int ended;

	if (screen_open(&err))
		return fail(&err);
	o.utf8 = screen_utf8();
	watch(t, &o);
	ended = screen_signal();
	screen_close();
	/* Ctrl-C is a way to quit; of the other signals the parent may want to know. */
	if (ended && ended != SIGINT)
		raise(ended);
	return EXIT_DONE;
}

static int read_interval(const struct app *app, const char *text, uint32_t *seconds)
{
	struct error err;

	*seconds = 1;
	if (!text)
		return -1;
	if (duration_parse(text, seconds, &err))
		return usage(app, "--interval: %s", err.text);
	if (*seconds > INTERVAL_MAX)
		return usage(app, "--interval %.32s is longer than an hour", text);
	return -1;
}

int cmd_top(struct app *app, int argc, char **argv)
{
	const char *interval = NULL;
	bool only_once = false;
	const struct option_spec specs[] = {
		{ "once", OPTION_FLAG, &only_once, NULL,
		  "print one interval and end; so does --json" },
		{ "interval", OPTION_TEXT, &interval, "DUR", "between two looks (default 1s)" },
	};
	_cleanup_top_ struct top t = { .paths = &app->paths };
	struct error err;
	uint32_t seconds;
	int first, status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);

	if (status >= 0)
		return status;
	if (first < argc)
		return usage(app, "top does not take '%.64s'", argv[first]);
	status = read_interval(app, interval, &seconds);
	if (status >= 0)
		return status;
	if (privileges_check(&err) || paths_init(&app->paths, app->instance, &err))
		return fail(&err);
	return only_once || app->json ? once(app, &t, seconds) : live(&t, seconds);
}
