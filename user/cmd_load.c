// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "announce.h"
#include "attach.h"
#include "bpffs.h"
#include "cleanup.h"
#include "cmd.h"
#include "hits.h"
#include "kept_counters.h"
#include "last_reload.h"
#include "lint_output.h"
#include "output.h"
#include "preview.h"
#include "privileges.h"
#include "progress.h"
#include "renew.h"
#include "running.h"
#include "snapshot.h"
#include "source_status.h"
#include "takeover.h"

struct target {
	char interface[16];
	bool ours; /* attached already: nothing to do but apply the config */
	bool done; /* attached by this command */
	char note[128];
};

struct load {
	struct app *app;
	const char *config;
	enum attach_mode attach_mode;
	bool monitor, force, dry_run, strict;
	uint32_t confirm; /* seconds; 0: not wanted */
	struct preview preview;
	struct lint lint;
	struct target targets[POLICY_MAX_INTERFACES];
	size_t n_targets;
	struct running running; /* empty: nothing is loaded yet */
	bool loaded;
	bool created; /* the instance is new: undone by destroying it */
};

static int add_target(struct load *l, const char *interface, struct error *err)
{
	if (strlen(interface) >= sizeof(l->targets[0].interface))
		return error_set(err, ENODEV, "there is no interface %.32s...: see `ip link`",
				 interface);
	for (size_t i = 0; i < l->n_targets; i++) {
		if (!strcmp(l->targets[i].interface, interface))
			return 0;
	}
	if (l->n_targets == ARRAY_SIZE(l->targets))
		return error_set(err, E2BIG,
				 "more than %zu interfaces: load the others as another --instance",
				 ARRAY_SIZE(l->targets));
	strcpy(l->targets[l->n_targets++].interface, interface);
	return 0;
}

static int choose_targets(struct load *l, const struct policy *p, char **names, int n,
			  struct error *err)
{
	int rc = 0;

	for (int i = 0; !rc && i < n; i++)
		rc = add_target(l, names[i], err);
	for (size_t i = 0; !rc && !n && i < p->n_interfaces; i++)
		rc = add_target(l, p->interfaces[i], err);
	if (!rc && !l->n_targets)
		return error_set(err, EINVAL,
				 "no interface given, and %s has no `interfaces:`: name one, as in "
				 "`allowxdp load eth0`",
				 l->config);
	return rc;
}

static int check_targets(struct load *l, struct error *err)
{
	for (size_t i = 0; i < l->n_targets; i++) {
		int rc = attach_check(&l->app->paths, l->targets[i].interface, &l->targets[i].ours,
				      err);

		if (rc)
			return rc;
	}
	return 0;
}

static bool egress_there(const struct load *l, const struct target *t)
{
	struct attachment a;

	return !attach_query(&l->app->paths, t->interface, &a) && a.egress != EGRESS_NONE;
}

static int attach_targets(struct load *l, const struct policy *next, struct error *err)
{
	const struct instance *i = &l->running.instance;

	for (size_t n = 0; n < l->n_targets; n++) {
		struct target *t = &l->targets[n];
		int rc;

		if (t->ours && egress_there(l, t))
			continue;
		if (t->ours) {
			rc = attach_egress(i, t->interface, err);
			if (rc)
				return rc;
			snprintf(t->note, sizeof(t->note), "its egress program was gone: put back");
			continue;
		}
		rc = attach(i, next, t->interface, l->attach_mode, t->note, sizeof(t->note), err);
		if (rc)
			return rc;
		t->done = true;
	}
	return 0;
}

static void undo(struct load *l)
{
	struct error ignored;

	for (size_t n = 0; n < l->n_targets; n++) {
		if (l->targets[n].done)
			detach(&l->app->paths, l->targets[n].interface, &ignored);
	}
	if (l->loaded)
		return;
	instance_destroy(&l->app->paths);
	snapshot_prune(&l->app->paths, 0, 0);
	bpffs_tidy(&l->app->paths);
}

/* Of a command that was killed when no policy was in force, not yet or no more. */
static void remove_remains(const struct paths *paths)
{
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_traces(paths, names, ARRAY_SIZE(names));
	struct error ignored;

	for (size_t i = 0; i < n; i++)
		detach(paths, names[i], &ignored);
	instance_destroy(paths);
}

/* What runs already, if anything does. */
static int open_running(struct load *l, struct error *err)
{
	int rc = running_open_to_replace(&l->running, &l->app->paths, err);

	l->loaded = !rc;
	if (rc == -ENOENT && !l->dry_run)
		remove_remains(&l->app->paths);
	if (!rc && !l->dry_run)
		rc = takeover_check(&l->running, l->confirm, err);
	if (!rc && !l->dry_run && !l->running.other)
		rc = refuse_pending(&l->running, err);
	return rc == -ENOENT ? 0 : rc;
}

/* A new instance, in which everything passes until the policy is put in force. */
static int create_instance(struct load *l, const struct policy *next, struct error *err)
{
	int rc = instance_create(&l->running.instance, &l->app->paths, next->settings.flow_capacity,
				 NULL, err);

	l->created = !rc;
	return rc;
}

/* Without -c, an instance that runs keeps its config. */
static void choose_config(struct load *l)
{
	const struct policy *running = &l->running.policy;

	if (l->app->config)
		l->config = l->app->config;
	else if (running->config)
		l->config = policy_string(running, running->config);
	else
		l->config = DEFAULT_CONFIG;
}

static int read_config(struct load *l, struct policy *next, struct error *err)
{
	int rc;

	choose_config(l);
	if (access(l->config, F_OK) && errno == ENOENT)
		return error_set(err, ENOENT,
				 "%s: there is no config: `allowxdp init` writes a starter from "
				 "what runs here; or name another one with -c FILE",
				 l->config);
	progress_show("reading the config and its lists");
	rc = policy_read_files(&l->app->paths, l->config, next, err);
	if (!rc)
		rc = lint_check(&l->lint, next, l->strict, err);
	if (!rc)
		lint_print_serious(&l->lint, next);
	return rc;
}

static uint32_t mode_wanted(const struct load *l, const struct policy *next)
{
	return l->monitor ? (uint32_t)AXP_MODE_MONITOR : next->settings.mode;
}

static int load(struct load *l, struct policy *next, struct error *err)
{
	struct running *r = &l->running;
	struct apply how = { .mode = mode_wanted(l, next), .confirm = l->confirm };
	int rc;

	rc = bpffs_prepare(&l->app->paths, err);
	if (!rc && !l->loaded)
		rc = create_instance(l, next, err);
	if (!rc && r->other)
		rc = takeover(r, next, err);
	else if (!rc && l->loaded)
		rc = programs_renew(&r->instance, err);
	/* Slots now: the new interfaces' counters go on where they were. */
	if (!rc)
		rc = policy_assign_slots(next, l->loaded ? &r->policy : NULL, err);
	if (!rc)
		rc = attach_targets(l, next, err);
	/* Until here a new interface passes everything, or runs the policy that its instance has.
	 */
	progress_show("filling the kernel's maps");
	if (!rc)
		hits_fold(&r->instance, l->loaded ? &r->policy : NULL, next);
	if (!rc)
		rc = policy_apply(&r->instance, next, l->loaded ? &r->policy : NULL, &how, err);
	if (rc)
		undo(l);
	for (size_t n = 0; !rc && n < l->n_targets; n++)
		counters_forget(&l->app->paths, l->targets[n].interface);
	return rc;
}

static void print_target(const struct load *l, const struct target *t)
{
	struct attachment a;

	if (attach_query(&l->app->paths, t->interface, &a))
		return;
	printf("%s: %s, %s%s%s%s\n", t->interface, t->ours ? "attached already" : "attached",
	       a.native ? "native" : "generic", t->note[0] ? " (" : "", t->note,
	       t->note[0] ? ")" : "");
}

static int print_result(const struct load *l, const struct policy *p)
{
	uint64_t active = instance_active(&l->running.instance);
	struct json_object *object, *interfaces;

	for (size_t n = 0; n < l->n_targets; n++) {
		if (l->targets[n].note[0] && !l->targets[n].ours)
			warn_line("%s: attached in generic mode, which is slower: %s",
				  l->targets[n].interface, l->targets[n].note);
	}
	if (!l->app->json) {
		plan_print(&l->preview.plan, &l->preview.cut, l->created);
		for (size_t n = 0; n < l->n_targets; n++)
			print_target(l, &l->targets[n]);
		printf("instance %s: %s, generation %llu, %zu services, %zu entries\n",
		       l->app->paths.instance, mode_name(AXP_ACTIVE_MODE(active)),
		       (unsigned long long)AXP_ACTIVE_GENERATION(active), p->n_services,
		       p->base.n + p->added.n);
		lint_print_count(&l->lint, l->config);
		print_confirm_hint(l->app, l->confirm);
		return EXIT_DONE;
	}
	object = json_object_new_object();
	interfaces = json_object_new_array();
	json_object_object_add(object, "instance", json_object_new_string(l->app->paths.instance));
	json_object_object_add(object, "mode",
			       json_object_new_string(mode_name(AXP_ACTIVE_MODE(active))));
	json_object_object_add(object, "generation",
			       json_object_new_int64((int64_t)AXP_ACTIVE_GENERATION(active)));
	for (size_t n = 0; n < l->n_targets; n++) {
		struct json_object *i = json_object_new_object();
		struct attachment a = { 0 };

		attach_query(&l->app->paths, l->targets[n].interface, &a);
		json_object_object_add(i, "name", json_object_new_string(l->targets[n].interface));
		json_object_object_add(i, "attach",
				       json_object_new_string(a.native ? "native" : "generic"));
		json_object_object_add(i, "prog_id", json_object_new_int64(a.prog_id));
		json_object_object_add(
			i, "note",
			l->targets[n].note[0] ? json_object_new_string(l->targets[n].note) : NULL);
		json_object_array_add(interfaces, i);
	}
	json_object_object_add(object, "interfaces", interfaces);
	json_object_object_add(object, "confirm_seconds",
			       l->confirm ? json_object_new_int64(l->confirm) : NULL);
	plan_json(object, &l->preview.plan, &l->preview.cut);
	lint_json(object, &l->lint, p);
	return print_json(object);
}

/* What the load would change. */
static int dry_run(const struct load *l, const struct policy *next)
{
	struct json_object *object, *array;

	if (!l->app->json) {
		for (size_t n = 0; n < l->n_targets; n++)
			printf("%s: %s\n", l->targets[n].interface,
			       l->targets[n].ours ? "attached already" : "would be attached");
		plan_print(&l->preview.plan, &l->preview.cut, false);
		printf("instance %s: mode %s (dry run: nothing was changed)\n",
		       l->app->paths.instance, mode_name(mode_wanted(l, next)));
		lint_print_count(&l->lint, l->config);
		return EXIT_DONE;
	}
	object = json_object_new_object();
	array = json_object_new_array();
	for (size_t n = 0; n < l->n_targets; n++) {
		if (!l->targets[n].ours)
			json_object_array_add(array,
					      json_object_new_string(l->targets[n].interface));
	}
	plan_json(object, &l->preview.plan, &l->preview.cut);
	json_add_text(object, "instance", l->app->paths.instance);
	json_object_object_add(object, "dry_run", json_object_new_boolean(true));
	json_add_text(object, "mode", mode_name(mode_wanted(l, next)));
	json_object_object_add(object, "attach", array);
	lint_json(object, &l->lint, next);
	return print_json(object);
}

int cmd_load(struct app *app, int argc, char **argv)
{
	struct load l = { .app = app, .running = RUNNING_EMPTY };
	const char *attach_mode = "auto", *confirm = NULL;
	const struct option_spec specs[] = {
		{ "mode", OPTION_TEXT, &attach_mode, "MODE", "auto, native or generic" },
		{ "monitor", OPTION_FLAG, &l.monitor, NULL,
		  "count what would be dropped, drop nothing" },
		{ "force", OPTION_FLAG, &l.force, NULL,
		  "enforce even where a service's lists are empty" },
		{ "confirm", OPTION_TEXT, &confirm, "DUR", "roll back unless confirmed in time" },
		{ "dry-run", OPTION_FLAG, &l.dry_run, NULL,
		  "show what would change, change nothing" },
		{ "strict", OPTION_FLAG, &l.strict, NULL, "fail where `validate` would warn" },
	};
	_cleanup_policy_ struct policy next = { 0 };
	_cleanup_close_ int lock = -1;
	struct error err;
	int first, status, rc;

	status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);
	if (status >= 0)
		return status;
	if (attach_mode_parse(attach_mode) < 0)
		return usage(app, "--mode %.32s: use auto, native or generic", attach_mode);
	status = confirm_option(app, confirm, &l.confirm);
	if (status >= 0)
		return status;
	l.attach_mode = (enum attach_mode)attach_mode_parse(attach_mode);

	rc = privileges_check_to_load(&err);
	if (!rc)
		rc = paths_init(&app->paths, app->instance, &err);
	if (!rc)
		rc = lock = lock_instance(&app->paths, &err);
	if (rc >= 0)
		rc = open_running(&l, &err);
	if (!rc)
		rc = read_config(&l, &next, &err);
	if (!rc)
		rc = choose_targets(&l, &next, argv + first, argc - first, &err);
	if (!rc)
		rc = check_targets(&l, &err);
	if (!rc)
		rc = preview_make(&l.preview, &l.running, &next, mode_wanted(&l, &next), l.force,
				  &err);
	if (!rc && !l.dry_run)
		rc = load(&l, &next, &err);
	progress_show(NULL);
	if (lock >= 0 && !l.dry_run)
		last_reload_keep(&app->paths, rc ? &err : NULL);
	if (!rc)
		warn_guarded_exporter(&app->paths, &next);
	if (!rc)
		warn_silent_sources(&app->paths, &next);
	if (rc)
		status = fail(&err);
	else
		status = l.dry_run ? dry_run(&l, &next) : print_result(&l, &next);
	preview_free(&l.preview);
	lint_free(&l.lint);
	running_close(&l.running);
	return status;
}
