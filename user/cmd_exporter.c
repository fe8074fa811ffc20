// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include "announce.h"
#include "cleanup.h"
#include "cmd.h"
#include "exporter.h"
#include "privileges.h"
#include "running.h"

static void warn_if_guarded(const struct paths *paths)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	struct error ignored;

	if (!running_open(&r, paths, &ignored))
		warn_guarded_exporter(paths, &r.policy);
}

static int say_ready(const struct app *app, const struct endpoint *at)
{
	char text[ENDPOINT_TEXT_MAX];

	endpoint_text(at, text);
	if (app->json)
		printf("{\"instance\": \"%s\", \"listen\": \"%s\"}\n", app->paths.instance, text);
	else
		printf("instance %s: http://%s/metrics\n", app->paths.instance, text);
	return fflush(stdout) ? -errno : 0;
}

static int run(struct app *app, struct endpoint *at, const char *user, struct error *err)
{
	struct exporter e = { .fd = -1 };
	_cleanup_close_ int held = -1;
	struct account account;
	int rc = account_find(user, &account, err);

	if (!rc)
		rc = exporter_start(&e, at, &account, err);
	if (rc)
		return rc;
	rc = held = announce(&app->paths, at, err);
	if (rc < 0)
		return rc;
	warn_if_guarded(&app->paths);
	rc = exporter_drop_root(&account, err);
	if (rc)
		return rc;
	say_ready(app, at);
	while (!exporter_answer(&e, &app->paths))
		;
	return exporter_end(&e, err);
}

int cmd_exporter(struct app *app, int argc, char **argv)
{
	const char *listen = EXPORTER_LISTEN, *user = "nobody";
	const struct option_spec specs[] = {
		{ "listen", OPTION_TEXT, &listen, "ADDR:PORT", "default " EXPORTER_LISTEN },
		{ "user", OPTION_TEXT, &user, "NAME",
		  "to run as once it listens (default nobody)" },
	};
	struct endpoint at;
	struct error err;
	int first, status;

	status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);
	if (status >= 0)
		return status;
	if (first < argc)
		return usage(app, "exporter does not take '%.64s'", argv[first]);
	if (endpoint_parse(listen, &at))
		return usage(app,
			     "--listen %.64s: write an address and a port, as in 127.0.0.1:19790, "
			     "0.0.0.0:19790 or [::1]:19790",
			     listen);
	if (privileges_check(&err) || paths_init(&app->paths, app->instance, &err))
		return fail(&err);
	return run(app, &at, user, &err) ? fail(&err) : EXIT_DONE;
}
