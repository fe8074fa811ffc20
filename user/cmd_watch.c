// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "event_text.h"
#include "output.h"
#include "privileges.h"
#include "watch_options.h"

/* Enough of a frame for its VLAN tags. */
enum { RATE = 1000, SNAPLEN = 64, NOTE_SECONDS = 1 };

struct output {
	const struct app *app;
	struct watch_run *run;
	struct watch_counts said; /* of those left out */
	int64_t said_at;          /* seconds */
};

static int written(int rc)
{
	return rc < 0 || ferror(stdout) ? -errno : 0;
}

static int print_object(struct json_object *o)
{
	int rc = puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
								JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(o);
	return written(rc);
}

static void add_counts(struct json_object *o, const struct watch_counts *c)
{
	json_object_object_add(o, "left_out", json_object_new_int64((int64_t)c->left_out));
	json_object_object_add(o, "lost", json_object_new_int64((int64_t)c->lost));
}

static int begin(void *arg)
{
	const struct output *out = arg;
	struct json_object *o;
	char line[EVENT_LINE_MAX];

	if (!out->app->json) {
		if (puts(event_heading(line)) < 0)
			return -errno;
		return fflush(stdout) ? -errno : 0;
	}
	o = json_object_new_object();
	json_add_text(o, "event", "begin");
	json_add_text(o, "instance", out->app->paths.instance);
	json_object_object_add(o, "rate", json_object_new_int64(out->run->filter.rate));
	if (print_object(o))
		return -errno;
	return fflush(stdout) ? -errno : 0;
}

static int show(const struct seen_packet *p, void *arg)
{
	const struct output *out = arg;
	char name[IF_NAMESIZE], line[EVENT_LINE_MAX];
	const char *interface = if_indextoname(p->e->ifindex, name);

	if (!interface)
		interface = "-";
	if (out->app->json)
		return print_object(event_json(p, interface));
	return written(puts(event_line(p, interface, line)));
}

static int64_t seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Not more often than the clock's seconds change: a flood must not fill the screen with this. */
static int say_left_out(struct output *out, const struct watch_counts *now)
{
	struct watch_counts more = { .left_out = now->left_out - out->said.left_out,
				     .lost = now->lost - out->said.lost };
	struct json_object *o;

	if ((!more.left_out && !more.lost) || seconds_now() - out->said_at < NOTE_SECONDS)
		return 0;
	out->said = *now;
	out->said_at = seconds_now();
	if (!out->app->json)
		return written(printf("... %" PRIu64 " more packets left out\n",
				      more.left_out + more.lost));
	o = json_object_new_object();
	json_add_text(o, "event", "left-out");
	add_counts(o, &more);
	return print_object(o);
}

static int pause_output(const struct watch_counts *counts, void *arg)
{
	int rc = say_left_out(arg, counts);

	if (!rc && fflush(stdout))
		rc = -errno;
	return rc;
}

static int end(const struct app *app, const struct watch_run *run)
{
	const struct watch_counts *c = &run->counts;
	struct json_object *o;

	if (run->end == WATCH_ENDED_READER) {
		__fpurge(stdout); /* nobody wants the rest */
		clearerr(stdout);
		return EXIT_DONE;
	}
	if (!app->json) {
		fprintf(stderr,
			"allowxdp: %s: %" PRIu64 " packets shown, %" PRIu64
			" left out (more than %u a second), %" PRIu64 " lost\n",
			watch_end_text(run->end), run->shown, c->left_out, run->filter.rate,
			c->lost);
	} else {
		o = json_object_new_object();
		json_add_text(o, "event", "end");
		json_add_text(o, "why", watch_end_text(run->end));
		json_object_object_add(o, "shown", json_object_new_int64((int64_t)run->shown));
		add_counts(o, c);
		print_object(o);
		fflush(stdout);
	}
	return run->end == WATCH_ENDED_UNLOADED ? EXIT_FAILED : EXIT_DONE;
}

int cmd_watch(struct app *app, int argc, char **argv)
{
	struct watch_options options = { 0 };
	const struct option_spec specs[] = { WATCH_OPTION_SPECS(&options) };
	struct watch_run run = { .output = STDOUT_FILENO };
	struct output out = { .app = app, .run = &run };
	int first, rc, status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);
	struct error err;

	if (status < 0 && first < argc)
		status = usage(app, "watch does not take '%.64s'", argv[first]);
	if (status < 0)
		status = watch_options_read(app, &options, RATE, &run);
	if (status >= 0)
		return status;
	run.filter.snaplen = SNAPLEN;
	run.begin = begin;
	run.show = show;
	run.pause = pause_output;
	run.arg = &out;
	rc = privileges_check(&err);
	if (!rc)
		rc = paths_init(&app->paths, app->instance, &err);
	if (!rc)
		rc = watch_options_check(app, &options, &err);
	if (!rc)
		rc = watch_run(&run, &app->paths, &err);
	if (rc && !*err.text)
		error_set(&err, -rc, "cannot write: %s", strerror(-rc));
	return rc ? fail(&err) : end(app, &run);
}
