// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include "bpffs.h"
#include "cleanup.h"
#include "cmd.h"
#include "running.h"

static int set_mode(struct app *app, uint32_t mode, bool force, uint64_t *active, struct error *err)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	_cleanup_close_ int lock = lock_instance(&app->paths, err);
	int rc;

	if (lock < 0)
		return lock;
	rc = running_open_to_change(&r, &app->paths, err);
	if (!rc && mode != AXP_MODE_OFF)
		rc = policy_check_empty(&r.policy, mode, force, err);
	if (rc)
		return rc;
	*active = AXP_ACTIVE(AXP_ACTIVE_GENERATION(r.active), mode, AXP_ACTIVE_SLOT(r.active));
	instance_set_active(&r.instance, *active);
	return 0;
}

static int get_mode(struct app *app, uint64_t *active, struct error *err)
{
	struct instance i _cleanup_instance_ = INSTANCE_EMPTY;
	int rc = instance_open(&i, &app->paths, err);

	if (!rc)
		*active = instance_active(&i);
	return rc;
}

int cmd_mode(struct app *app, int argc, char **argv)
{
	bool force = false;
	const struct option_spec specs[] = {
		{ "force", OPTION_FLAG, &force, NULL,
		  "enforce even where a service's lists are empty" },
		{ "confirm", OPTION_NOT_YET, NULL, "DUR", "roll back unless confirmed in time" },
	};
	struct json_object *object;
	uint64_t active = 0;
	struct error err;
	int first, status, mode = -1, rc;

	status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);
	if (status >= 0)
		return status;
	if (argc - first > 1)
		return usage(app, "mode does not take '%.64s'", argv[first + 1]);
	if (first < argc) {
		mode = mode_parse(argv[first]);
		if (mode < 0)
			return usage(app, "there is no mode '%.64s': use enforce, monitor or off",
				     argv[first]);
	}

	rc = privileges_check(&err);
	if (!rc)
		rc = paths_init(&app->paths, app->instance, &err);
	if (!rc)
		rc = mode < 0 ? get_mode(app, &active, &err)
			      : set_mode(app, (uint32_t)mode, force, &active, &err);
	if (rc)
		return fail(&err);
	if (!app->json) {
		puts(mode_name(AXP_ACTIVE_MODE(active)));
		return EXIT_DONE;
	}
	object = json_object_new_object();
	json_object_object_add(object, "instance", json_object_new_string(app->paths.instance));
	json_object_object_add(object, "mode",
			       json_object_new_string(mode_name(AXP_ACTIVE_MODE(active))));
	return print_json(object);
}
