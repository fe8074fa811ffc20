// SPDX-License-Identifier: GPL-2.0-or-later
/* Prometheus's text exposition format, version 0.0.4. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "attach.h"
#include "bpffs.h"
#include "cleanup.h"
#include "cmd.h"
#include "counters.h"
#include "flows.h"
#include "running.h"

struct series {
	const char *name;
	bool bytes; /* else packets */
};

static void print_head(const char *name, const char *type, const char *help)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Label values may hold anything; backslash, quote and line end are escaped. */
static void print_label(const char *key, const char *value, bool last)
{
	printf("%s=\"", key);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			putchar('\\');
		if (*value == '\n')
			fputs("\\n", stdout);
		else
			putchar(*value);
	}
	fputs(last ? "\"" : "\",", stdout);
}

static int print_sample(const struct counter *c, void *arg)
{
	const struct series *s = arg;

	printf("%s{", s->name);
	print_label("interface", c->interface, false);
	print_label("direction", c->direction, false);
	print_label("service", c->service, false);
	print_label("family", c->family, false);
	print_label("verdict", c->verdict, false);
	print_label("reason", c->reason, true);
	printf("} %" PRIu64 "\n", s->bytes ? c->bytes : c->packets);
	return 0;
}

static int print_counters(const struct app *app, const struct running *r, struct error *err)
{
	static const struct series all[] = {
		{ "allowxdp_packets_total", false },
		{ "allowxdp_bytes_total", true },
	};
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(&app->paths, names, ARRAY_SIZE(names));
	int rc = 0;

	for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
		struct series s = all[k];

		print_head(s.name, "counter",
			   s.bytes ? "Bytes of the frames seen, by verdict and reason."
				   : "Packets seen, by verdict and reason.");
		for (size_t i = 0; !rc && i < n; i++)
			rc = counters_each(&app->paths, &r->policy, names[i], print_sample, &s,
					   err);
	}
	return rc;
}

static void print_interfaces(const struct app *app)
{
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(&app->paths, names, ARRAY_SIZE(names));

	print_head("allowxdp_attached", "gauge",
		   "1 where the filter is attached to the interface, by attach mode.");
	for (size_t i = 0; i < n; i++) {
		struct attachment a;

		if (attach_query(&app->paths, names[i], &a))
			continue;
		fputs("allowxdp_attached{", stdout);
		print_label("interface", names[i], false);
		print_label("attach", a.native ? "native" : "generic", true);
		printf("} %d\n", a.attached);
	}
}

static void print_egress(const struct app *app)
{
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(&app->paths, names, ARRAY_SIZE(names));

	print_head("allowxdp_egress_attached", "gauge",
		   "1 where the egress program, which knows replies, is attached.");
	for (size_t i = 0; i < n; i++) {
		struct attachment a;

		if (attach_query(&app->paths, names[i], &a))
			continue;
		fputs("allowxdp_egress_attached{", stdout);
		print_label("interface", names[i], true);
		printf("} %d\n", a.egress != EGRESS_NONE);
	}
}

static void print_policy(const struct running *r)
{
	struct list_size sizes[POLICY_MAX_LISTS];
	const struct policy *p = &r->policy;

	policy_list_sizes(p, sizes);
	print_head("allowxdp_list_entries", "gauge", "Entries of each list.");
	for (size_t i = 0; i < p->n_lists; i++) {
		fputs("allowxdp_list_entries{", stdout);
		print_label("list", p->lists[i].name, true);
		printf("} %zu\n", sizes[i].entries);
	}
	print_head("allowxdp_mode", "gauge", "1 for the mode that is set.");
	for (uint32_t mode = AXP_MODE_OFF; mode <= AXP_MODE_ENFORCE; mode++)
		printf("allowxdp_mode{mode=\"%s\"} %d\n", mode_name(mode),
		       AXP_ACTIVE_MODE(r->active) == mode);
	print_head("allowxdp_generation", "gauge", "Number of the policy that packets see.");
	printf("allowxdp_generation %" PRIu64 "\n", (uint64_t)AXP_ACTIVE_GENERATION(r->active));
}

static void print_number(const char *name, const char *type, const char *help, uint64_t value)
{
	print_head(name, type, help);
	printf("%s %" PRIu64 "\n", name, value);
}

static void print_flows(const struct flow_stats *f)
{
	print_number("allowxdp_flows", "gauge", "Flows in the table, over or not.", f->entries);
	print_number("allowxdp_flows_alive", "gauge", "Flows within their idle limit.", f->alive);
	print_number("allowxdp_flows_capacity", "gauge", "Flows that the table can hold.",
		     f->capacity);
	print_number("allowxdp_flows_created_total", "counter", "Flows ever remembered.",
		     f->created);
	print_number("allowxdp_flows_evicted_total", "counter", "Flows pushed out by newer ones.",
		     f->evicted);
	print_number("allowxdp_flows_insert_failed_total", "counter",
		     "Flows that could not be remembered.", f->insert_failed);
}

static void print_pending(const struct running *r)
{
	uint64_t now = boot_time();

	print_number("allowxdp_confirm_pending", "gauge", "1 while a change waits to be confirmed.",
		     r->deadline && !r->rolled_back);
	print_number("allowxdp_confirm_seconds_left", "gauge", "Until it is rolled back; else 0.",
		     r->deadline > now ? (r->deadline - now) / 1000000000 : 0);
	print_number("allowxdp_rolled_back", "gauge",
		     "1 from a rollback until the next command that changes something.",
		     r->rolled_back);
}

int cmd_metrics(struct app *app, int argc, char **argv)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	struct flow_stats flows;
	struct error err;
	int first, rc, status = command_arguments(app, argc, argv, 0, 0, &first);

	if (status >= 0)
		return status;
	if (privileges_check(&err) || paths_init(&app->paths, app->instance, &err))
		return fail(&err);
	rc = running_open(&r, &app->paths, &err);
	if (rc && rc != -ENOENT)
		return fail(&err);
	print_head("allowxdp_loaded", "gauge", "1 where the instance is loaded.");
	printf("allowxdp_loaded %d\n", !rc);
	print_head("allowxdp_build_info", "gauge", "1, with the version of the command.");
	puts("allowxdp_build_info{version=\"" ALLOWXDP_VERSION "\"} 1");
	if (rc)
		return EXIT_DONE;
	if (flows_stats(&r.instance, &r.policy, &flows, &err) || print_counters(app, &r, &err))
		return fail(&err);
	print_interfaces(app);
	print_egress(app);
	print_policy(&r);
	print_flows(&flows);
	print_pending(&r);
	return EXIT_DONE;
}
