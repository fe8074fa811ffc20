// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "announce.h"
#include "cleanup.h"
#include "cmd.h"
#include "hits.h"
#include "interfaces.h"
#include "last_reload.h"
#include "lint_output.h"
#include "output.h"
#include "preview.h"
#include "privileges.h"
#include "progress.h"
#include "renew.h"
#include "running.h"
#include "source_status.h"
#include "takeover.h"

/*
 * A mode set at run time stays, unless the config's own mode was edited since: then that is what
 * the administrator wants now.
 */
static uint32_t mode_after(const struct running *r, const struct policy *next)
{
	if (!r->policy.config) /* what its config said is not known */
		return AXP_ACTIVE_MODE(r->active);
	return next->settings.mode != r->policy.settings.mode ? next->settings.mode
							      : AXP_ACTIVE_MODE(r->active);
}

struct reload {
	struct app *app;
	struct running running;
	struct preview preview;
	struct lint lint;
	bool force, dry_run, strict;
	uint32_t confirm; /* seconds; 0: not wanted */
};

static int print_result(const struct reload *l, const struct policy *next, uint32_t mode)
{
	uint64_t generation = AXP_ACTIVE_GENERATION(instance_active(&l->running.instance));
	const char *instance = l->app->paths.instance;
	struct json_object *object;

	if (l->app->json) {
		object = json_object_new_object();
		plan_json(object, &l->preview.plan, &l->preview.cut);
		json_add_text(object, "instance", instance);
		json_object_object_add(object, "dry_run", json_object_new_boolean(l->dry_run));
		json_add_text(object, "mode", mode_name(mode));
		json_object_object_add(object, "generation",
				       json_object_new_int64((int64_t)generation));
		json_object_object_add(object, "confirm_seconds",
				       l->confirm ? json_object_new_int64(l->confirm) : NULL);
		lint_json(object, &l->lint, next);
		return print_json(object);
	}
	plan_print(&l->preview.plan, &l->preview.cut, false);
	if (mode != next->settings.mode)
		printf("the mode stays %s, as set at run time; the config says %s\n",
		       mode_name(mode), mode_name(next->settings.mode));
	printf("instance %s: %s, generation %llu, %zu services, %zu entries%s\n", instance,
	       mode_name(mode), (unsigned long long)generation, next->n_services,
	       next->base.n + next->added.n, l->dry_run ? " (dry run: nothing was changed)" : "");
	lint_print_count(&l->lint, policy_string(next, next->config));
	if (!l->dry_run)
		print_confirm_hint(l->app, l->confirm);
	return EXIT_DONE;
}

/* Another version's maps and programs are replaced by ours first. */
static int renew(struct running *r, struct policy *next, struct apply *how, struct error *err)
{
	if (!r->other)
		return programs_renew(&r->instance, err);
	how->plan = NULL; /* all of it is new */
	return takeover(r, next, err);
}

static int reload(struct reload *l, struct policy *next, struct error *err)
{
	struct running *r = &l->running;
	const char *config = l->app->config;
	struct apply how = { .confirm = l->confirm };
	int rc = running_open_to_replace(r, &l->app->paths, err);

	if (!rc && !l->dry_run)
		rc = takeover_check(r, l->confirm, err);
	if (!rc && !l->dry_run && !r->other)
		rc = refuse_pending(r, err);
	if (rc)
		return rc;
	/* Without -c, the config that it was loaded with. */
	if (!config)
		config = r->policy.config ? policy_string(&r->policy, r->policy.config)
					  : DEFAULT_CONFIG;
	progress_show("reading the config and its lists");
	rc = policy_read_files(&l->app->paths, config, next, err);
	if (!rc)
		rc = lint_check(&l->lint, next, l->strict, err);
	if (!rc)
		lint_print_serious(&l->lint, next);
	how.mode = mode_after(r, next);
	progress_show("comparing with what runs");
	if (!rc)
		rc = preview_make(&l->preview, r, next, how.mode, l->force, err);
	how.plan = &l->preview.plan;
	progress_show("changing the kernel's maps");
	if (!rc && !l->dry_run)
		rc = renew(r, next, &how, err);
	if (!rc && !l->dry_run)
		hits_fold_changes(&r->instance, &l->preview.plan);
	if (!rc && !l->dry_run)
		rc = policy_apply(&r->instance, next, &r->policy, &how, err);
	return rc;
}

int cmd_reload(struct app *app, int argc, char **argv)
{
	struct reload l = { .app = app, .running = RUNNING_EMPTY };
	const char *confirm = NULL;
	const struct option_spec specs[] = {
		{ "force", OPTION_FLAG, &l.force, NULL,
		  "even where that cuts off everyone, or you" },
		{ "dry-run", OPTION_FLAG, &l.dry_run, NULL,
		  "show what would change, change nothing" },
		{ "confirm", OPTION_TEXT, &confirm, "DUR", "roll back unless confirmed in time" },
		{ "strict", OPTION_FLAG, &l.strict, NULL, "fail where `validate` would warn" },
	};
	_cleanup_policy_ struct policy next = { 0 };
	_cleanup_close_ int lock = -1;
	struct error err;
	int first, status, rc;

	status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);
	if (status >= 0)
		return status;
	if (first < argc)
		return usage(app, "reload does not take '%.64s'", argv[first]);
	status = confirm_option(app, confirm, &l.confirm);
	if (status >= 0)
		return status;

	rc = privileges_check(&err);
	if (!rc)
		rc = paths_init(&app->paths, app->instance, &err);
	if (!rc)
		rc = lock = lock_instance(&app->paths, &err);
	if (rc >= 0)
		rc = reload(&l, &next, &err);
	progress_show(NULL);
	if (lock >= 0 && !l.dry_run)
		last_reload_keep(&app->paths, rc ? &err : NULL);
	if (!rc)
		warn_guarded_exporter(&app->paths, &next);
	if (!rc)
		interfaces_warn(&app->paths);
	if (!rc)
		warn_silent_sources(&app->paths, &next);
	status = rc ? fail(&err) : print_result(&l, &next, mode_after(&l.running, &next));
	preview_free(&l.preview);
	lint_free(&l.lint);
	running_close(&l.running);
	return status;
}
