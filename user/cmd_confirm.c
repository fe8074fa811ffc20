// SPDX-License-Identifier: GPL-2.0-or-later
/* confirm and rollback: what becomes of a change that was made with --confirm. */
#include <errno.h>
#include <stdio.h>
#include "cleanup.h"
#include "cmd.h"
#include "generation.h"
#include "output.h"
#include "privileges.h"
#include "running.h"
#include "snapshot.h"

static int confirm(struct running *r, struct error *err)
{
	if (!r->deadline)
		return error_set(err, EINVAL, "nothing waits to be confirmed");
	instance_confirm(&r->instance);
	snapshot_prune(r->instance.paths, AXP_ACTIVE_GENERATION(r->active), 0);
	generation_prune(&r->instance);
	return 0;
}

static int rollback(struct running *r, struct error *err)
{
	struct running again _cleanup_running_ = RUNNING_EMPTY;
	struct error why;
	int rc;

	if (!r->deadline)
		return error_set(
			err, EINVAL,
			"there is nothing to go back to: only a change made with --confirm can "
			"be rolled back, until it is confirmed");
	rc = running_rollback(r, err);
	if (!rc && running_open_to_change(&again, r->instance.paths, &why))
		warn_line("the policy before is in force again; the next command tidies up: %s",
			  why.text);
	return rc;
}

static int settle(struct app *app, int argc, char **argv,
		  int (*fn)(struct running *r, struct error *err))
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	_cleanup_close_ int lock = -1;
	struct json_object *o;
	struct error err;
	int first, rc, status = command_arguments(app, argc, argv, 0, 0, &first);

	if (status >= 0)
		return status;
	rc = privileges_check(&err);
	if (!rc)
		rc = paths_init(&app->paths, app->instance, &err);
	if (!rc)
		rc = lock = lock_instance(&app->paths, &err);
	if (rc >= 0)
		rc = running_open_to_change(&r, &app->paths, &err);
	if (!rc)
		rc = fn(&r, &err);
	if (rc)
		return fail(&err);
	r.active = instance_active(&r.instance);
	if (!app->json) {
		printf("instance %s: %s, generation %llu\n", app->paths.instance,
		       mode_name(AXP_ACTIVE_MODE(r.active)),
		       (unsigned long long)AXP_ACTIVE_GENERATION(r.active));
		return EXIT_DONE;
	}
	o = json_object_new_object();
	json_add_text(o, "instance", app->paths.instance);
	json_add_text(o, "mode", mode_name(AXP_ACTIVE_MODE(r.active)));
	json_object_object_add(o, "generation",
			       json_object_new_int64((int64_t)AXP_ACTIVE_GENERATION(r.active)));
	return print_json(o);
}

int cmd_confirm(struct app *app, int argc, char **argv)
{
	return settle(app, argc, argv, confirm);
}

int cmd_rollback(struct app *app, int argc, char **argv)
{
	return settle(app, argc, argv, rollback);
}
