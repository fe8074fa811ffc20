// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A ruleset for `nft -f`: an interval set for each list and family, a chain for each service, a
 * base chain for each direction.
 */
#include <errno.h>
#include <inttypes.h>
#include "cleanup.h"
#include "export.h"

enum { COMMENT_MAX = 127 }; /* bytes that nft takes */

static const char *family_name(uint8_t family)
{
	return family == AXP_IPV4 ? "v4" : "v6";
}

static void print_element(FILE *f, const struct export_about *a, const struct export_piece *e)
{
	char text[PREFIX_TEXT_MAX], label[POLICY_LABEL_MAX + 1];

	fprintf(f, "\t\t\t%s", prefix_text(&e->prefix, text));
	if (e->until)
		fprintf(f, " timeout %" PRIu32 "s", e->until - a->now);
	if (*export_label(a->policy, e->label, COMMENT_MAX, label))
		fprintf(f, " comment \"%s\"", label);
	fputs(",\n", f);
}

static int print_set(FILE *f, const struct export_about *a, size_t list, uint8_t family)
{
	struct export_pieces pieces _cleanup_export_pieces_ = { 0 };
	bool timed = false;

	if (export_cut(a->policy, list, family, &pieces))
		return -ENOMEM;
	for (size_t i = 0; i < pieces.n; i++)
		timed |= pieces.v[i].until != 0;
	if (pieces.holes_kept)
		fprintf(f, "\t# %zu holes of this list expire; here they stay.\n",
			pieces.holes_kept);
	fprintf(f, "\tset list_%s_%s {\n\t\ttype %s\n\t\tflags interval%s\n",
		a->policy->lists[list].name, family_name(family),
		family == AXP_IPV4 ? "ipv4_addr" : "ipv6_addr", timed ? ", timeout" : "");
	if (pieces.n)
		fputs("\t\telements = {\n", f);
	for (size_t i = 0; i < pieces.n; i++)
		print_element(f, a, &pieces.v[i]);
	fputs(pieces.n ? "\t\t}\n\t}\n" : "\t}\n", f);
	return 0;
}

static void print_ports(FILE *f, const struct export_ports *ports)
{
	fprintf(f, "%s dport { ", ports->v[0].protocol == AXP_TCP ? "tcp" : "udp");
	for (size_t i = 0; i < ports->n; i++) {
		fprintf(f, "%s%u", i ? ", " : "", ports->v[i].low);
		if (ports->v[i].high > ports->v[i].low)
			fprintf(f, "-%u", ports->v[i].high);
	}
	fputs(" }", f);
}

/* A line for each protocol that has such ports: "udp dport { 5060 } WHAT" */
static int print_port_rules(FILE *f, const struct policy *p, const struct service *only,
			    enum axp_direction direction, bool replies, const char *what,
			    const char *name)
{
	struct export_ports ports _cleanup_export_ports_ = { 0 };

	for (uint8_t protocol = 0; protocol < AXP_PROTOCOLS; protocol++) {
		if (export_ports(p, only, direction, protocol, replies, &ports))
			return -ENOMEM;
		if (!ports.n)
			continue;
		fputs("\t\t", f);
		print_ports(f, &ports);
		fprintf(f, " %s%s\n", what, name);
	}
	return 0;
}

static void print_service(FILE *f, const struct policy *p, const struct service *s)
{
	const char *side = s->direction == AXP_IN ? "saddr" : "daddr";

	fprintf(f, "\tchain service_%s {\n", s->name);
	for (size_t i = 0; i < p->n_lists; i++) {
		if (!(s->allow[i / 64] >> (i % 64) & 1))
			continue;
		fprintf(f, "\t\tip %s @list_%s_v4 accept\n", side, p->lists[i].name);
		fprintf(f, "\t\tip6 %s @list_%s_v6 accept\n", side, p->lists[i].name);
	}
	fputs("\t}\n\n", f);
}

static void print_interfaces(FILE *f, const struct export_about *a)
{
	if (!a->n_interfaces)
		return;
	fputs("\tset interfaces {\n\t\ttype ifname\n\t\telements = { ", f);
	for (size_t i = 0; i < a->n_interfaces; i++)
		fprintf(f, "%s\"%s\"", i ? ", " : "", a->interfaces[i]);
	fputs(" }\n\t}\n\n", f);
}

static int print_chain(FILE *f, const struct export_about *a, enum axp_direction direction)
{
	const struct policy *p = a->policy;
	const char *drop = a->mode == AXP_MODE_ENFORCE ? "counter drop"
						       : "counter comment \"would be dropped\"";
	bool in = direction == AXP_IN;
	int rc = 0;

	if (!export_guards(p, direction))
		return 0;
	fprintf(f, "\tchain guard_%s {\n\t\ttype filter hook %s priority mangle; policy accept;\n",
		in ? "in" : "out", in ? "prerouting" : "postrouting");
	if (a->n_interfaces)
		fprintf(f, "\t\t%s != @interfaces accept\n", in ? "iifname" : "oifname");
	else
		fprintf(f, "\t\t%s \"lo\" accept\n", in ? "iifname" : "oifname");
	if (in)
		fputs("\t\tmeta nfproto ipv4 udp sport { 67, 68 } udp dport { 67, 68 } accept\n"
		      "\t\tmeta nfproto ipv6 udp sport { 546, 547 } udp dport { 546, 547 } "
		      "accept\n",
		      f);
	for (size_t i = 0; i < p->n_services && !rc; i++) {
		const struct service *s = &p->services[i];

		if (s->direction == direction)
			rc = print_port_rules(f, p, s, direction, false, "jump service_", s->name);
	}
	if (!rc)
		rc = print_port_rules(f, p, NULL, direction, in,
				      "ct state established ct direction reply accept", "");
	if (!rc)
		rc = print_port_rules(f, p, NULL, direction, false, drop, "");
	fputs("\t}\n\n", f);
	return rc;
}

int export_nft(FILE *f, const struct export_about *a)
{
	const struct policy *p = a->policy;
	int rc = 0;

	fputs("#!/usr/sbin/nft -f\n", f);
	export_head(f, a, "nft", "Load it with: nft -f FILE");
	fputs("table inet allowxdp\ndelete table inet allowxdp\n\ntable inet allowxdp {\n", f);
	for (size_t i = 0; i < p->n_lists && !rc; i++) {
		if (a->lists && !a->lists[i])
			continue;
		rc = print_set(f, a, i, AXP_IPV4);
		if (!rc)
			rc = print_set(f, a, i, AXP_IPV6);
	}
	if (!a->lists && !rc) {
		fputs("\n", f);
		print_interfaces(f, a);
		for (size_t i = 0; i < p->n_services; i++)
			print_service(f, p, &p->services[i]);
		rc = print_chain(f, a, AXP_IN);
		if (!rc)
			rc = print_chain(f, a, AXP_OUT);
	}
	fputs("}\n", f);
	return rc;
}
