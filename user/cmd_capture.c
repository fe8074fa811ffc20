// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "capture_file.h"
#include "cleanup.h"
#include "output.h"
#include "privileges.h"
#include "watch_options.h"

enum { RATE = 10000, SNAPLEN_MIN = 14 };

struct capture {
	const struct app *app;
	const char *path, *interface;
	bool force;
	struct watch_run run;
	struct capture_file file;
	struct error err; /* of the file */
};

static int begin(void *arg)
{
	struct capture *c = arg;
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(&c->app->paths, names, ARRAY_SIZE(names));
	int rc = capture_file_open(&c->file, c->path, c->force, c->run.filter.snaplen, &c->err);

	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++) {
		if (!c->interface || !strcmp(names[i], c->interface))
			capture_file_interface(&c->file, names[i], if_nametoindex(names[i]));
	}
	return capture_file_flush(&c->file, &c->err);
}

static int show(const struct seen_packet *p, void *arg)
{
	struct capture *c = arg;

	capture_file_packet(&c->file, p);
	return 0;
}

static int pause_capture(const struct watch_counts *counts, void *arg)
{
	struct capture *c = arg;

	(void)counts;
	return capture_file_flush(&c->file, &c->err);
}

static int finish(struct capture *c)
{
	if (c->run.end == WATCH_ENDED_READER)
		return 0;
	capture_file_end(&c->file, &c->run.counts);
	return capture_file_flush(&c->file, &c->err);
}

static void add_int(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

static int report(const struct capture *c)
{
	const struct watch_counts *counts = &c->run.counts;
	int status = c->run.end == WATCH_ENDED_UNLOADED ? EXIT_FAILED : EXIT_DONE;
	struct json_object *o;

	if (!c->app->json) {
		fprintf(stderr,
			"allowxdp: %s: %s: %" PRIu64 " packets, %" PRIu64
			" left out (more than %u a second), %" PRIu64 " lost\n",
			c->path, watch_end_text(c->run.end), c->run.shown, counts->left_out,
			c->run.filter.rate, counts->lost);
		return status;
	}
	o = json_object_new_object();
	json_add_text(o, "file", c->path);
	json_add_text(o, "why", watch_end_text(c->run.end));
	add_int(o, "packets", c->run.shown);
	add_int(o, "left_out", counts->left_out);
	add_int(o, "lost", counts->lost);
	return print_json(o) == EXIT_DONE ? status : EXIT_FAILED;
}

static int run_capture(struct app *app, struct capture *c, const struct watch_options *options)
{
	struct error err;
	int rc = privileges_check(&err);

	if (!rc)
		rc = paths_init(&app->paths, app->instance, &err);
	if (!rc)
		rc = watch_options_check(app, options, &err);
	if (!rc)
		rc = watch_run(&c->run, &app->paths, &err);
	if (rc)
		return fail(*err.text ? &err : &c->err);
	rc = finish(c);
	if (rc && rc != -EPIPE)
		return fail(&c->err);
	return report(c);
}

static int read_snaplen(const struct app *app, const char *text, struct watch_filter *f)
{
	uint64_t snaplen = WATCH_SNAPLEN_MAX;

	if (text && !number_parse(text, SNAPLEN_MIN, WATCH_SNAPLEN_MAX, &snaplen))
		return usage(app, "--snaplen: a number from %d to %d is wanted", SNAPLEN_MIN,
			     WATCH_SNAPLEN_MAX);
	f->snaplen = (uint32_t)snaplen;
	return -1;
}

static int capture(struct app *app, struct capture *c, int argc, char **argv)
{
	struct watch_options options = { 0 };
	const char *snaplen = NULL;
	const struct option_spec specs[] = {
		{ "w", OPTION_TEXT, &c->path, "FILE", "the capture, pcapng; - for stdout" },
		{ "force", OPTION_FLAG, &c->force, NULL, "overwrite FILE" },
		{ "snaplen", OPTION_TEXT, &snaplen, "N", "bytes of each packet (default: all)" },
		WATCH_OPTION_SPECS(&options),
	};
	int first, status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);

	if (status < 0 && first < argc)
		status = usage(app, "capture does not take '%.64s'", argv[first]);
	if (status < 0 && (!c->path || !*c->path))
		status = usage(app, "capture needs -w FILE");
	if (status < 0 && app->json && !strcmp(c->path, "-"))
		status = usage(app, "--json does not go with -w -, both write to stdout");
	if (status < 0)
		status = watch_options_read(app, &options, RATE, &c->run);
	if (status < 0)
		status = read_snaplen(app, snaplen, &c->run.filter);
	if (status >= 0)
		return status;
	c->app = app;
	c->interface = options.interface;
	c->run.begin = begin;
	c->run.show = show;
	c->run.pause = pause_capture;
	c->run.arg = c;
	c->run.output = strcmp(c->path, "-") ? -1 : STDOUT_FILENO;
	status = run_capture(app, c, &options);
	capture_file_close(&c->file);
	return status;
}

int cmd_capture(struct app *app, int argc, char **argv)
{
	_cleanup_free_ struct capture *c = calloc(1, sizeof(*c)); /* large */

	if (c)
		return capture(app, c, argc, argv);
	fputs("allowxdp: out of memory\n", stderr);
	return EXIT_FAILED;
}
