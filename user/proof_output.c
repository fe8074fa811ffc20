// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include "output.h"
#include "proof_output.h"

enum { TESTIMONY_TEXT_MAX = 160 };

static const char *service_name(const struct policy *p, uint32_t slot)
{
	for (size_t i = 0; i < p->n_services; i++) {
		if (p->services[i].slot == slot)
			return p->services[i].name;
	}
	return NULL;
}

/* "drop (unlisted, service sip)" */
static const char *testimony_text(const struct testimony *t, const struct policy *p,
				  char buf[static TESTIMONY_TEXT_MAX])
{
	const char *service = service_name(p, t->service);

	if (!t->counted)
		snprintf(buf, TESTIMONY_TEXT_MAX, "%s (no service's)", verdict_name(t->verdict));
	else
		snprintf(buf, TESTIMONY_TEXT_MAX, "%s (%s%s%s)", verdict_name(t->verdict),
			 reason_name(t->reason), service ? ", service " : "",
			 service ? service : "");
	return buf;
}

/* The one of its answers that is not what the policy says. */
static void disagreement_text(const struct witness *w, const struct proof_about *about, char *buf,
			      size_t n)
{
	uint32_t mode = AXP_ACTIVE_MODE(w->word);
	char said[TESTIMONY_TEXT_MAX], wanted[TESTIMONY_TEXT_MAX];
	struct testimony now, enforcing;

	now = testimony_expected(about->explanation, about->direction, mode);
	enforcing = testimony_expected(about->explanation, about->direction, AXP_MODE_ENFORCE);
	if (!testimony_equal(&enforcing, &w->enforcing))
		snprintf(buf, n, "it says %s, the policy says %s",
			 testimony_text(&w->enforcing, about->policy, said),
			 testimony_text(&enforcing, about->policy, wanted));
	else if (!testimony_equal(&now, &w->now))
		snprintf(buf, n, "in mode %s it says %s, and should say %s", mode_name(mode),
			 testimony_text(&w->now, about->policy, said),
			 testimony_text(&now, about->policy, wanted));
	else
		snprintf(buf, n,
			 "it goes by generation %llu in mode %s, or does not know DHCP when it "
			 "sees it",
			 (unsigned long long)AXP_ACTIVE_GENERATION(w->word), mode_name(mode));
}

void proof_complain(const struct proof *p, const struct proof_about *about)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct witness *w = &p->witnesses[i];
		char what[512];

		if (w->agrees)
			continue;
		disagreement_text(w, about, what, sizeof(what));
		fprintf(stderr,
			"allowxdp: the program on %s does not do what the policy says of %s %s: "
			"%s: run `allowxdp reload`, which fills the kernel's tables anew, and "
			"report it\n",
			w->interface, about->address, about->port, what);
	}
}

void proof_print(const struct proof *p, const struct proof_about *about)
{
	const char *agreeing = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct witness *w = &p->witnesses[i];
		char what[512];

		if (w->agrees) {
			printf(agreeing ? ", %s" : "  proven:  by a test run of the program on %s",
			       w->interface);
			agreeing = w->interface;
			continue;
		}
		disagreement_text(w, about, what, sizeof(what));
		printf("%s  DISAGREES: the program on %s: %s\n", agreeing ? "\n" : "", w->interface,
		       what);
		agreeing = NULL;
	}
	if (agreeing)
		putchar('\n');
	if (p->asked_dhcp)
		puts("  DHCP, by both of its ports, passes all the same");
	if (!p->proven)
		printf("  not proven: %s\n", p->unproven);
}

static void add_testimony(struct json_object *o, const struct testimony *t, const struct policy *p)
{
	json_add_text(o, "verdict", verdict_name(t->verdict));
	json_add_text(o, "reason", t->counted ? reason_name(t->reason) : NULL);
	json_add_text(o, "service", t->counted ? service_name(p, t->service) : NULL);
}

static struct json_object *witness_json(const struct witness *w, const struct policy *p)
{
	struct json_object *o = json_object_new_object();
	struct json_object *enforcing = json_object_new_object();

	json_add_text(o, "interface", w->interface);
	json_object_object_add(o, "prog_id", json_object_new_int64(w->program));
	json_object_object_add(o, "agrees", json_object_new_boolean(w->agrees));
	add_testimony(o, &w->now, p);
	add_testimony(enforcing, &w->enforcing, p);
	json_object_object_add(o, "enforcing", enforcing);
	return o;
}

void proof_json(struct json_object *object, const struct proof *p, const struct proof_about *about)
{
	struct json_object *programs = json_object_new_array();

	for (size_t i = 0; p && i < p->n; i++)
		json_object_array_add(programs, witness_json(&p->witnesses[i], about->policy));
	json_object_object_add(object, "agrees",
			       p && p->n ? json_object_new_boolean(p->agrees) : NULL);
	json_add_text(object, "unproven", p ? p->unproven : "no program was asked");
	json_object_object_add(object, "programs", programs);
}
