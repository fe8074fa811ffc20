// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "cmd.h"
#include "config.h"
#include "explain.h"
#include "output.h"
#include "subject.h"

static int parse_packet(const char *address, const char *port, struct prefix *a,
			struct port_range *r, struct error *err)
{
	int rc = prefix_parse(address, strlen(address), a, err);

	if (rc)
		return rc;
	if (a->len != prefix_max_len(a->family))
		return error_set(err, EINVAL, "%s is a prefix: give one address", address);
	rc = port_range_parse(port, r, err);
	if (!rc && r->low != r->high)
		return error_set(err, EINVAL, "%s is a range: give one port, as in udp/%u", port,
				 r->low);
	return rc;
}

static void print_text(const struct subject *s, const char *address, const char *port, bool out,
		       const struct explanation *x)
{
	const struct policy *p = &s->running.policy;
	char text[PREFIX_TEXT_MAX + 1], origin[PATH_MAX + 16];

	printf("%s (%s): %s%s %s: %s\n", verdict_name(x->verdict), reason_name(x->reason),
	       out ? "from this host to " : "", address, port, reason_help(x->reason));
	if (x->verdict == AXP_DROP && x->service->replies)
		puts("  replies to flows that this host opened pass all the same");
	if (x->verdict == AXP_DROP && out)
		puts("  answers to flows that were let in pass all the same");
	if (x->service)
		printf("  service: %s\n", x->service->name);
	if (x->entry) {
		const char *label = policy_string(p, x->entry->label);

		printf("  entry:   %s of list %s%s%s\n", entry_text(x->entry, text, sizeof(text)),
		       p->lists[x->entry->list].name, *label ? ", " : "", label);
		printf("  origin:  %s\n", origin_text(p, x->entry, origin, sizeof(origin)));
	}
	if (!s->loaded)
		printf("  by the files alone: nothing is loaded from %s\n",
		       policy_string(p, p->config));
	else if (AXP_ACTIVE_MODE(s->running.active) != AXP_MODE_ENFORCE && x->verdict == AXP_DROP)
		printf("  passes for now: the mode is %s\n",
		       mode_name(AXP_ACTIVE_MODE(s->running.active)));
}

static int print_check_json(const struct subject *s, const char *address, const char *port,
			    enum axp_direction direction, const struct explanation *x)
{
	const struct policy *p = &s->running.policy;
	struct json_object *o = json_object_new_object();
	char text[PREFIX_TEXT_MAX + 1], origin[PATH_MAX + 16];
	const struct entry *e = x->entry;

	json_add_text(o, "address", address);
	json_add_text(o, "port", port);
	json_add_text(o, "direction", direction_name(direction));
	json_add_text(o, "verdict", verdict_name(x->verdict));
	json_add_text(o, "reason", reason_name(x->reason));
	json_add_text(o, "service", x->service ? x->service->name : NULL);
	json_add_text(o, "list", e ? p->lists[e->list].name : NULL);
	json_add_text(o, "prefix", e ? entry_text(e, text, sizeof(text)) : NULL);
	json_add_text(o, "label", e ? policy_string(p, e->label) : NULL);
	json_add_text(o, "origin", e ? origin_text(p, e, origin, sizeof(origin)) : NULL);
	json_object_object_add(o, "loaded", json_object_new_boolean(s->loaded));
	json_add_text(o, "mode",
		      mode_name(s->loaded ? AXP_ACTIVE_MODE(s->running.active) : p->settings.mode));
	return print_json(o);
}

int cmd_check(struct app *app, int argc, char **argv)
{
	bool out = false;
	const struct option_spec specs[] = {
		{ "out", OPTION_FLAG, &out, NULL,
		  "a packet of this host to that address and port" },
	};
	struct subject s _cleanup_subject_ = SUBJECT_EMPTY;
	struct explanation x;
	struct prefix address;
	struct port_range port;
	struct error err;
	int first, status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);

	if (status >= 0)
		return status;
	if (argc - first != 2)
		return usage(app, "check needs an address and a port, as in 203.0.113.10 udp/5060");
	if (parse_packet(argv[first], argv[first + 1], &address, &port, &err))
		return usage(app, "%s", err.text);
	if (subject_open(&s, app, &err))
		return fail(&err);
	explain(&s.running.policy, &address, out ? AXP_OUT : AXP_IN, port.protocol, port.low, &x);
	status = EXIT_DONE;
	if (app->json)
		status = print_check_json(&s, argv[first], argv[first + 1], out ? AXP_OUT : AXP_IN,
					  &x);
	else
		print_text(&s, argv[first], argv[first + 1], out, &x);
	if (status == EXIT_DONE && x.verdict == AXP_DROP)
		status = EXIT_DROPPED;
	return status;
}
