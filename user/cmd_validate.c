// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "cleanup.h"
#include "cmd.h"
#include "empties.h"
#include "compile.h"
#include "missing.h"
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

int cmd_validate(struct app *app, int argc, char **argv)
{
	const char *config;
	_cleanup_policy_ struct policy p = { 0 };
	struct json_object *o;
	size_t n_nodes = 0;
	struct error err;
	int first, status = command_arguments(app, argc, argv, 0, 0, &first);

	if (status >= 0)
		return status;
	config = app->config ? app->config : DEFAULT_CONFIG;
	if (paths_init(&app->paths, app->instance, &err) ||
	    policy_read_files(&app->paths, config, &p, &err) || compile_all(&p, &n_nodes, &err) ||
	    policy_check_empty(&p, AXP_MODE_MONITOR, false, &err))
		return fail(&err);
	missing_warn(&p);
	if (!app->json) {
		printf("%s: valid: mode %s, %zu services, %zu lists, %zu entries, %zu prefixes for "
		       "the "
		       "kernel\n",
		       config, mode_name(p.settings.mode), p.n_services, p.n_lists,
		       p.base.n + p.added.n, n_nodes);
		return EXIT_DONE;
	}
	o = json_object_new_object();
	json_object_object_add(o, "valid", json_object_new_boolean(true));
	json_add_text(o, "config", config);
	json_add_text(o, "mode", mode_name(p.settings.mode));
	json_object_object_add(o, "services", json_object_new_int64((int64_t)p.n_services));
	json_object_object_add(o, "lists", json_object_new_int64((int64_t)p.n_lists));
	json_object_object_add(o, "entries",
			       json_object_new_int64((int64_t)(p.base.n + p.added.n)));
	json_object_object_add(o, "prefixes", json_object_new_int64((int64_t)n_nodes));
	return print_json(o);
}
