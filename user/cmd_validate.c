// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "cleanup.h"
#include "cmd.h"
#include "compile.h"
#include "lint_output.h"
#include "output.h"
#include "running.h"

static int compile_all(struct policy *p, size_t *n_nodes, struct error *err)
{
	_cleanup_free_ struct axp_policy *ports = calloc(1, sizeof(*ports));
	_cleanup_nodes_ struct nodes nodes = { 0 };
	int rc = policy_assign_slots(p, NULL, err);

	if (rc)
		return rc;
	if (!ports || compile_nodes(p, &nodes))
		return error_set(err, ENOMEM, "out of memory");
	*n_nodes = nodes.n;
	return compile_ports(p, ports, err);
}

static int print_valid(const struct policy *p, const char *config, size_t n_nodes)
{
	printf("%s: valid: mode %s, %zu services, %zu lists, %zu entries, %zu prefixes for the "
	       "kernel\n",
	       config, mode_name(p->settings.mode), p->n_services, p->n_lists,
	       p->base.n + p->added.n, n_nodes);
	return EXIT_DONE;
}

static int print_object(const struct policy *p, const char *config, size_t n_nodes,
			const struct lint *l, bool valid)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "valid", json_object_new_boolean(valid));
	json_add_text(o, "config", config);
	json_add_text(o, "mode", mode_name(p->settings.mode));
	json_object_object_add(o, "services", json_object_new_int64((int64_t)p->n_services));
	json_object_object_add(o, "lists", json_object_new_int64((int64_t)p->n_lists));
	json_object_object_add(o, "entries",
			       json_object_new_int64((int64_t)(p->base.n + p->added.n)));
	json_object_object_add(o, "prefixes", json_object_new_int64((int64_t)n_nodes));
	lint_json(o, l, p);
	return print_json(o);
}

int cmd_validate(struct app *app, int argc, char **argv)
{
	bool strict = false;
	const struct option_spec specs[] = {
		{ "strict", OPTION_FLAG, &strict, NULL, "fail where there is a warning" },
	};
	_cleanup_policy_ struct policy p = { 0 };
	struct lint lint _cleanup_lint_ = { 0 };
	const char *config;
	size_t n_nodes = 0;
	struct error err;
	int first, rc, status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);

	if (status >= 0)
		return status;
	if (first < argc)
		return usage(app, "validate does not take '%.64s'", argv[first]);
	config = app->config ? app->config : DEFAULT_CONFIG;
	if (paths_init(&app->paths, app->instance, &err) ||
	    policy_read_files(&app->paths, config, &p, &err) || compile_all(&p, &n_nodes, &err))
		return fail(&err);
	rc = lint_check(&lint, &p, strict, &err);
	if (rc == -ENOMEM)
		return fail(&err);
	if (!rc)
		lint_print(&lint, &p);
	status = EXIT_DONE;
	if (app->json)
		status = print_object(&p, config, n_nodes, &lint, !rc);
	else if (!rc)
		status = print_valid(&p, config, n_nodes);
	return rc ? fail(&err) : status;
}
