// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "cmd.h"
#include "config.h"
#include "explain.h"
#include "output.h"
#include "proof_output.h"
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

/* A packet that is asked about, and what is said of it. */
struct check {
	const char *address_text, *port_text;
	struct prefix address;
	struct port_range port;
	enum axp_direction direction;
	bool no_proof; /* the explanation alone */
	struct subject subject;
	struct explanation explanation;
	struct proof proof; /* where the subject is loaded */
};

static struct proof_about about(const struct check *c)
{
	return (struct proof_about){
		.policy = &c->subject.running.policy,
		.explanation = &c->explanation,
		.address = c->address_text,
		.port = c->port_text,
		.direction = c->direction,
	};
}

static const struct proof *proof_of(const struct check *c)
{
	return c->subject.loaded && !c->no_proof ? &c->proof : NULL;
}

static void print_text(const struct check *c)
{
	const struct subject *s = &c->subject;
	const struct policy *p = &s->running.policy;
	const struct explanation *x = &c->explanation;
	const struct proof_about what = about(c);
	bool out = c->direction == AXP_OUT;
	char text[PREFIX_TEXT_MAX + 1], origin[PATH_MAX + 16];

	printf("%s (%s): %s%s %s: %s\n", verdict_name(x->verdict), reason_name(x->reason),
	       out ? "from this host to " : "", c->address_text, c->port_text,
	       reason_help(x->reason));
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
	if (!s->loaded) {
		printf("  by the files alone: nothing is loaded from %s\n",
		       policy_string(p, p->config));
		return;
	}
	if (AXP_ACTIVE_MODE(s->running.active) != AXP_MODE_ENFORCE && x->verdict == AXP_DROP)
		printf("  passes for now: the mode is %s\n",
		       mode_name(AXP_ACTIVE_MODE(s->running.active)));
	if (proof_of(c))
		proof_print(&c->proof, &what);
}

static int print_check_json(const struct check *c)
{
	const struct subject *s = &c->subject;
	const struct policy *p = &s->running.policy;
	const struct explanation *x = &c->explanation;
	const struct proof_about what = about(c);
	struct json_object *o = json_object_new_object();
	char text[PREFIX_TEXT_MAX + 1], origin[PATH_MAX + 16];
	const struct entry *e = x->entry;

	json_add_text(o, "address", c->address_text);
	json_add_text(o, "port", c->port_text);
	json_add_text(o, "direction", direction_name(c->direction));
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
	proof_json(o, proof_of(c), &what);
	return print_json(o);
}

static int examine(struct check *c, struct app *app, struct error *err)
{
	struct synthetic packet = {
		.remote = c->address,
		.direction = c->direction,
		.protocol = c->port.protocol,
		.dport = c->port.low,
	};
	struct subject *s = &c->subject;
	int rc = subject_open(s, app, err);

	if (rc)
		return rc;
	explain(&s->running.policy, &c->address, c->direction, c->port.protocol, c->port.low,
		&c->explanation);
	if (s->loaded && !c->no_proof)
		prove(&s->running, &c->explanation, &packet, &c->proof);
	return 0;
}

static bool disagrees(const struct check *c)
{
	return proof_of(c) && c->proof.n && !c->proof.agrees;
}

/* A change that was under way looks like a disagreement: look again while none is. */
static int examine_twice(struct check *c, struct app *app, struct error *err)
{
	_cleanup_close_ int lock = -1;
	int rc = examine(c, app, err);

	if (rc || !disagrees(c))
		return rc;
	lock = lock_instance(&app->paths, err);
	if (lock < 0)
		return lock;
	subject_close(&c->subject);
	return examine(c, app, err);
}

static int report(const struct app *app, const struct check *c)
{
	const struct proof_about what = about(c);
	int status = EXIT_DONE;

	if (app->json)
		status = print_check_json(c);
	else
		print_text(c);
	if (disagrees(c)) {
		fflush(stdout);
		proof_complain(&c->proof, &what);
		return EXIT_FAILED;
	}
	return status == EXIT_DONE && c->explanation.verdict == AXP_DROP ? EXIT_DROPPED : status;
}

int cmd_check(struct app *app, int argc, char **argv)
{
	struct check c = { .subject = SUBJECT_EMPTY };
	bool out = false;
	const struct option_spec specs[] = {
		{ "out", OPTION_FLAG, &out, NULL,
		  "a packet of this host to that address and port" },
		{ "no-proof", OPTION_FLAG, &c.no_proof, NULL,
		  "do not ask the program in the kernel, which takes some 0.2 s" },
	};
	struct error err;
	int first, status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);

	if (status >= 0)
		return status;
	if (argc - first != 2)
		return usage(app, "check needs an address and a port, as in 203.0.113.10 udp/5060");
	c.address_text = argv[first];
	c.port_text = argv[first + 1];
	c.direction = out ? AXP_OUT : AXP_IN;
	if (parse_packet(c.address_text, c.port_text, &c.address, &c.port, &err))
		return usage(app, "%s", err.text);
	status = examine_twice(&c, app, &err) ? fail(&err) : report(app, &c);
	subject_close(&c.subject);
	return status;
}
