// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include "cleanup.h"
#include "cmd.h"
#include "preview.h"
#include "privileges.h"

struct request {
	struct app *app;
	struct apply how;
	bool force;
};

static int set_mode(struct request *q, uint64_t *active, struct error *err)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	struct preview preview _cleanup_preview_ = { 0 };
	_cleanup_close_ int lock = lock_instance(&q->app->paths, err);
	int rc;

	if (lock < 0)
		return lock;
	rc = running_open_to_change(&r, &q->app->paths, err);
	/* Out of an emergency there is always a way: off and monitor never wait. */
	if (!rc && q->how.mode == AXP_MODE_ENFORCE)
		rc = refuse_pending(&r, err);
	if (!rc && q->how.mode != AXP_MODE_OFF)
		rc = preview_make(&preview, &r, &r.policy, q->how.mode, q->force, err);
	if (rc)
		return rc;
	mode_apply(&r, &q->how);
	*active = instance_active(&r.instance);
	return 0;
}

static int get_mode(struct app *app, uint64_t *active, struct error *err)
{
	struct instance i _cleanup_instance_ = INSTANCE_EMPTY;
	int rc = instance_open(&i, &app->paths, err);

	if (!rc)
		*active = instance_effective(&i);
	return rc;
}

int cmd_mode(struct app *app, int argc, char **argv)
{
	struct request q = { .app = app };
	const char *confirm = NULL;
	const struct option_spec specs[] = {
		{ "force", OPTION_FLAG, &q.force, NULL,
		  "even where that cuts off everyone, or you" },
		{ "confirm", OPTION_TEXT, &confirm, "DUR", "roll back unless confirmed in time" },
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

	status = confirm_option(app, confirm, &q.how.confirm);
	if (status >= 0)
		return status;
	if (q.how.confirm && mode != AXP_MODE_ENFORCE)
		return usage(app, "--confirm goes with `mode enforce`");
	q.how.mode = mode < 0 ? 0 : (uint32_t)mode;

	rc = privileges_check(&err);
	if (!rc)
		rc = paths_init(&app->paths, app->instance, &err);
	if (!rc)
		rc = mode < 0 ? get_mode(app, &active, &err) : set_mode(&q, &active, &err);
	if (rc)
		return fail(&err);
	if (!app->json) {
		puts(mode_name(AXP_ACTIVE_MODE(active)));
		print_confirm_hint(app, q.how.confirm);
		return EXIT_DONE;
	}
	object = json_object_new_object();
	json_object_object_add(object, "instance", json_object_new_string(app->paths.instance));
	json_object_object_add(object, "mode",
			       json_object_new_string(mode_name(AXP_ACTIVE_MODE(active))));
	return print_json(object);
}
