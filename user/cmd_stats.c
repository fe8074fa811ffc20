// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include "cleanup.h"
#include "cmd.h"
#include "counters.h"
#include "output.h"
#include "privileges.h"
#include "running.h"

static int print_counter(const struct counter *c, void *arg)
{
	(void)arg;
	printf("%-12s %-4s %-16s %-6s %-8s %-14s %14" PRIu64 " %16" PRIu64 "\n", c->interface,
	       c->direction, c->service, c->family, c->verdict, c->reason, c->packets, c->bytes);
	return 0;
}

static int append_counter(const struct counter *c, void *arg)
{
	struct json_object *o = json_object_new_object();

	json_add_text(o, "interface", c->interface);
	json_add_text(o, "direction", c->direction);
	json_add_text(o, "service", c->service);
	json_add_text(o, "family", c->family);
	json_add_text(o, "verdict", c->verdict);
	json_add_text(o, "reason", c->reason);
	json_object_object_add(o, "packets", json_object_new_int64((int64_t)c->packets));
	json_object_object_add(o, "bytes", json_object_new_int64((int64_t)c->bytes));
	json_object_array_add(arg, o);
	return 0;
}

static int each_counter(const struct app *app, const struct policy *p,
			int (*show)(const struct counter *c, void *arg), void *arg,
			struct error *err)
{
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(&app->paths, names, ARRAY_SIZE(names));
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = counters_each(&app->paths, p, names[i], show, arg, err);
	return rc;
}

int cmd_stats(struct app *app, int argc, char **argv)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	struct json_object *o, *counters;
	struct error err;
	int first, rc, status = command_arguments(app, argc, argv, 0, 0, &first);

	if (status >= 0)
		return status;
	if (privileges_check(&err) || paths_init(&app->paths, app->instance, &err) ||
	    running_open(&r, &app->paths, &err))
		return fail(&err);
	if (!app->json) {
		printf("%-12s %-4s %-16s %-6s %-8s %-14s %14s %16s\n", "interface", "dir",
		       "service", "family", "verdict", "reason", "packets", "bytes");
		rc = each_counter(app, &r.policy, print_counter, NULL, &err);
		return rc ? fail(&err) : EXIT_DONE;
	}
	o = json_object_new_object();
	counters = json_object_new_array();
	json_add_text(o, "instance", app->paths.instance);
	json_object_object_add(o, "counters", counters);
	rc = each_counter(app, &r.policy, append_counter, counters, &err);
	if (!rc)
		return print_json(o);
	json_object_put(o);
	return fail(&err);
}
