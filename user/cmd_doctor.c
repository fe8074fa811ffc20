// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "cmd.h"
#include "doctor.h"
#include "output.h"
#include "privileges.h"
#include "subject.h"

enum { INTERFACES_MAX = 256 };

static void print_text(const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *x = &f->v[i];

		printf("%-8s %s%s%s: %s\n", finding_level_name(x->level), x->interface,
		       x->interface[0] ? " " : "", x->topic, x->text);
		if (x->fix[0])
			printf("         mend: %s\n", x->fix);
	}
}

static int print_findings_json(const struct findings *f)
{
	struct json_object *o = json_object_new_object(), *array = json_object_new_array();

	for (size_t i = 0; i < f->n; i++) {
		const struct finding *x = &f->v[i];
		struct json_object *item = json_object_new_object();

		json_add_text(item, "level", finding_level_name(x->level));
		json_add_text(item, "topic", x->topic);
		json_add_text(item, "interface", x->interface);
		json_add_text(item, "text", x->text);
		json_add_text(item, "fix", x->fix);
		json_object_array_add(array, item);
	}
	json_object_object_add(o, "findings", array);
	return print_json(o);
}

/* A machine without a config can be looked at too; one that cannot be read is a finding. */
static void read_policy(struct doctor *d, struct app *app, struct subject *s)
{
	struct error err;
	int rc = subject_open(s, app, &err);

	if (!rc) {
		d->policy = &s->running.policy;
		finding(d, FINDING_OK, "config", NULL, "%s can be read",
			policy_string(d->policy, d->policy->config));
	} else if (rc == -ENOENT && !app->config) {
		finding(d, FINDING_NOTE, "config", NULL,
			"there is no " DEFAULT_CONFIG " yet: its ports are not looked at");
	} else {
		finding(d, FINDING_PROBLEM, "config", NULL, "%s", err.text);
	}
}

static void look_at_interfaces(struct doctor *d, char **names, int n)
{
	char found[INTERFACES_MAX][16];
	size_t n_found;

	for (int i = 0; i < n; i++)
		doctor_interface(d, names[i]);
	if (n)
		return;
	for (size_t i = 0; d->policy && i < d->policy->n_interfaces; i++)
		doctor_interface(d, d->policy->interfaces[i]);
	if (d->policy && d->policy->n_interfaces)
		return;
	n_found = device_names_up(found, ARRAY_SIZE(found));
	for (size_t i = 0; i < n_found; i++)
		doctor_interface(d, found[i]);
	if (!n_found)
		finding(d, FINDING_WARNING, "link", NULL,
			"no Ethernet interface is up: name one, as in `allowxdp doctor eth0`");
}

int cmd_doctor(struct app *app, int argc, char **argv)
{
	struct subject s _cleanup_subject_ = SUBJECT_EMPTY;
	struct doctor d = { .paths = &app->paths };
	struct error err;
	int first, status = command_arguments(app, argc, argv, 0, INT_MAX, &first);

	if (status >= 0)
		return status;
	if (privileges_check(&err) || paths_init(&app->paths, app->instance, &err))
		return fail(&err);
	read_policy(&d, app, &s);
	doctor_host(&d);
	look_at_interfaces(&d, argv + first, argc - first);
	status = EXIT_DONE;
	if (app->json)
		status = print_findings_json(&d.findings);
	else
		print_text(&d.findings);
	if (d.findings.lost || findings_worst(&d.findings) == FINDING_PROBLEM)
		status = EXIT_FAILED;
	findings_free(&d.findings);
	return status;
}
