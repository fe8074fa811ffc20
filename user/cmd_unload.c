// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "attach.h"
#include "bpffs.h"
#include "cleanup.h"
#include "cmd.h"
#include "hits.h"
#include "interfaces.h"
#include "policy.h"
#include "privileges.h"
#include "running.h"
#include "snapshot.h"
#include "totals.h"

struct unload {
	const struct paths *paths;
	char loaded[POLICY_MAX_INTERFACES][16];
	size_t n_loaded;
	char wanted[POLICY_MAX_INTERFACES][16];
	size_t n_wanted;
};

static int refuse_not_loaded(const struct unload *u, const char *interface, struct error *err)
{
	char names[POLICY_MAX_INTERFACES * 18] = "";

	for (size_t i = 0; i < u->n_loaded; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), " %s", u->loaded[i]);
	return error_set(err, ENOENT, "instance %s is not loaded on %.32s: it is on:%s",
			 u->paths->instance, interface, *names ? names : " no interface");
}

static bool is_among(char (*names)[16], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(names[i], name))
			return true;
	}
	return false;
}

static int choose(struct unload *u, char **names, int n, struct error *err)
{
	for (int i = 0; i < n; i++) {
		if (!is_among(u->loaded, u->n_loaded, names[i]))
			return refuse_not_loaded(u, names[i], err);
		if (!is_among(u->wanted, u->n_wanted, names[i]))
			strcpy(u->wanted[u->n_wanted++], names[i]);
	}
	return 0;
}

static int read_totals(const struct paths *paths, struct running *r, struct totals *out)
{
	struct flow_stats flows;
	struct error ignored;
	int rc = running_open(r, paths, &ignored);

	if (!rc)
		rc = flows_stats(&r->instance, &r->policy, &flows, &ignored);
	return rc ? rc : totals_read(&r->instance, &r->policy, &flows, out, &ignored);
}

static int unload(struct unload *u, struct error *err)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	struct totals totals;
	bool known;

	for (size_t i = 0; i < u->n_wanted; i++) {
		int rc = detach_keeping(u->paths, u->wanted[i], err);

		if (rc)
			return rc;
	}
	if (u->n_wanted < u->n_loaded)
		return 0;
	known = !read_totals(u->paths, &r, &totals);
	if (r.instance.shared)
		hits_fold(&r.instance, &r.policy, &r.policy);
	instance_destroy(u->paths);
	if (known)
		totals_keep(u->paths, &r.policy, &totals);
	else
		totals_sweep(u->paths);
	snapshot_prune(u->paths, 0, 0);
	bpffs_tidy(u->paths);
	return 0;
}

static int print_result(const struct app *app, const struct unload *u)
{
	struct json_object *object, *array;

	if (!app->json) {
		for (size_t i = 0; i < u->n_wanted; i++)
			printf("%s: detached\n", u->wanted[i]);
		if (u->n_wanted == u->n_loaded)
			printf("instance %s: %s\n", u->paths->instance,
			       u->n_loaded ? "unloaded" : "nothing was loaded");
		return EXIT_DONE;
	}
	object = json_object_new_object();
	array = json_object_new_array();
	for (size_t i = 0; i < u->n_wanted; i++)
		json_object_array_add(array, json_object_new_string(u->wanted[i]));
	json_object_object_add(object, "instance", json_object_new_string(u->paths->instance));
	json_object_object_add(object, "unloaded", array);
	return print_json(object);
}

int cmd_unload(struct app *app, int argc, char **argv)
{
	struct unload u = { .paths = &app->paths };
	bool all = false;
	const struct option_spec specs[] = {
		{ "all", OPTION_FLAG, &all, NULL, "from every interface of the instance" },
	};
	_cleanup_close_ int lock = -1;
	struct error err;
	int first, status, rc;

	status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);
	if (status >= 0)
		return status;
	if (all == (first < argc))
		return usage(app, "unload needs interfaces, or --all");

	rc = privileges_check(&err);
	if (!rc)
		rc = paths_init(&app->paths, app->instance, &err);
	if (!rc)
		rc = lock = lock_instance(&app->paths, &err);
	if (rc < 0)
		return fail(&err);
	interfaces_follow_names(&app->paths);
	u.n_loaded = instance_traces(&app->paths, u.loaded, ARRAY_SIZE(u.loaded));
	rc = 0;
	/* What a killed command has left can only be unloaded as a whole. */
	if (all || (!u.n_loaded && instance_left_over(&app->paths))) {
		memcpy(u.wanted, u.loaded, sizeof(u.wanted));
		u.n_wanted = u.n_loaded;
	} else {
		if (!u.n_loaded) /* what an earlier one could not remove */
			snapshot_prune(&app->paths, 0, 0);
		rc = choose(&u, argv + first, argc - first, &err);
	}
	if (!rc)
		rc = unload(&u, &err);
	return rc ? fail(&err) : print_result(app, &u);
}
