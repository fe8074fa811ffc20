// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "privileges.h"
#include "subject.h"

void subject_close(struct subject *s)
{
	running_close(&s->running);
}

/* Is -c absent, or does it name the config that runs? */
static bool about_running(const struct app *app, const struct policy *running)
{
	_cleanup_free_ char *given = NULL, *used = NULL;

	if (!app->config)
		return true;
	given = realpath(app->config, NULL);
	used = realpath(policy_string(running, running->config), NULL);
	return given && used && !strcmp(given, used);
}

static int read_files(struct subject *s, struct app *app, struct error *err)
{
	running_close(&s->running);
	s->loaded = false;
	return policy_read_files(&app->paths, app->config ? app->config : DEFAULT_CONFIG,
				 &s->running.policy, err);
}

int subject_open(struct subject *s, struct app *app, struct error *err)
{
	int rc = paths_init(&app->paths, app->instance, err);

	*s = (struct subject)SUBJECT_EMPTY;
	if (rc)
		return rc;
	rc = privileges_check(err);
	if (rc && app->config)
		return read_files(s, app, err);
	if (!rc)
		rc = running_open(&s->running, &app->paths, err);
	s->loaded = !rc;
	if (rc && rc != -ENOENT)
		return rc;
	if (rc || !about_running(app, &s->running.policy))
		return read_files(s, app, err);
	return 0;
}

int subject_open_to_change(struct subject *s, struct app *app, struct error *err)
{
	int rc;

	*s = (struct subject)SUBJECT_EMPTY;
	rc = running_open_to_change(&s->running, &app->paths, err);
	if (rc == -ENOENT)
		return read_files(s, app, err);
	s->loaded = !rc;
	if (!rc && !about_running(app, &s->running.policy))
		return error_set(
			err, EINVAL,
			"-c %s is not the config that instance %s runs (%s): leave -c away, or "
			"name the right --instance",
			app->config, app->paths.instance,
			policy_string(&s->running.policy, s->running.policy.config));
	return rc;
}
