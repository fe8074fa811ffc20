// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "bpffs.h"
#include "cleanup.h"
#include "cmd.h"
#include "output.h"
#include "running.h"

/*
 * A mode set at run time stays, unless the config's own mode was edited since: then that is what
 * the administrator wants now.
 */
static uint32_t mode_after(const struct running *r, const struct policy *next)
{
	return next->mode != r->policy.mode ? next->mode : AXP_ACTIVE_MODE(r->active);
}

static int print_result(const struct app *app, const struct running *r, const struct policy *next,
			bool dry_run)
{
	struct plan plan _cleanup_plan_ = { 0 };
	struct json_object *object;
	uint64_t active = instance_active(&r->instance);
	uint32_t mode = dry_run ? mode_after(r, next) : AXP_ACTIVE_MODE(active);

	if (plan_make(&r->policy, next, &plan))
		return EXIT_FAILED;
	if (app->json) {
		object = plan_json(&plan, &r->policy, next);
		json_object_object_add(object, "instance",
				       json_object_new_string(app->paths.instance));
		json_object_object_add(object, "dry_run", json_object_new_boolean(dry_run));
		json_object_object_add(object, "mode", json_object_new_string(mode_name(mode)));
		json_object_object_add(
			object, "generation",
			json_object_new_int64((int64_t)AXP_ACTIVE_GENERATION(active)));
		return print_json(object);
	}
	plan_print(&plan, &r->policy, next);
	if (mode != next->mode)
		printf("the mode stays %s, as set at run time; the config says %s\n",
		       mode_name(mode), mode_name(next->mode));
	printf("instance %s: %s, generation %llu, %zu services, %zu entries%s\n",
	       app->paths.instance, mode_name(mode),
	       (unsigned long long)AXP_ACTIVE_GENERATION(active), next->n_services,
	       next->base.n + next->added.n, dry_run ? " (dry run: nothing was changed)" : "");
	return EXIT_DONE;
}

int cmd_reload(struct app *app, int argc, char **argv)
{
	bool force = false, dry_run = false;
	const struct option_spec specs[] = {
		{ "force", OPTION_FLAG, &force, NULL,
		  "enforce even where a service's lists are empty" },
		{ "dry-run", OPTION_FLAG, &dry_run, NULL,
		  "show what would change, change nothing" },
		{ "confirm", OPTION_NOT_YET, NULL, "DUR", "roll back unless confirmed in time" },
	};
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	_cleanup_policy_ struct policy next = { 0 };
	_cleanup_close_ int lock = -1;
	const char *config;
	struct error err;
	int first, status, rc;

	status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);
	if (status >= 0)
		return status;
	if (first < argc)
		return usage(app, "reload does not take '%.64s'", argv[first]);

	rc = privileges_check(&err);
	if (!rc)
		rc = paths_init(&app->paths, app->instance, &err);
	if (!rc)
		rc = lock = lock_instance(&app->paths, &err);
	if (rc >= 0)
		rc = running_open_to_replace(&r, &app->paths, &err);
	if (rc)
		return fail(&err);
	/* Without -c, the config that it was loaded with. */
	config = app->config ? app->config : policy_string(&r.policy, r.policy.config);
	if (!*config)
		config = DEFAULT_CONFIG; /* the record is lost */
	rc = policy_read_files(&app->paths, config, &next, &err);
	if (!rc)
		rc = policy_check_empty(&next, mode_after(&r, &next), force, &err);
	if (!rc && !dry_run)
		rc = policy_apply(&r.instance, &next, &r.policy, mode_after(&r, &next), &err);
	return rc ? fail(&err) : print_result(app, &r, &next, dry_run);
}
