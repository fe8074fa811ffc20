// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A script for `ipset restore`: a hash:net for each list and family. There too the most specific
 * entry decides, so entries stay what they are. The rules for iptables stand in comments.
 */
#include <inttypes.h>
#include <string.h>
#include "cleanup.h"
#include "export.h"

enum { SET_NAME_MAX = 32, SET_NAME_ROOM = 25, MAXELEM_MIN = 65536, COMMENT_MAX = 255 };

#define RULE "#: "

/* "axp-NAME-4"; ipset takes 31 bytes. '~' is in no name of ours, so no two are the same. */
static const char *set_name(const struct policy *p, size_t list, uint8_t family,
			    char buf[static SET_NAME_MAX])
{
	const char *name = p->lists[list].name;

	if (strlen(name) <= SET_NAME_ROOM)
		snprintf(buf, SET_NAME_MAX, "axp-%.25s-%c", name, family == AXP_IPV4 ? '4' : '6');
	else
		snprintf(buf, SET_NAME_MAX, "axp-%.20s~%u-%c", name, (unsigned int)(list & 255),
			 family == AXP_IPV4 ? '4' : '6');
	return buf;
}

static void print_add(FILE *f, const struct export_about *a, const char *set,
		      const struct prefix *prefix, const struct export_entry *e)
{
	char text[PREFIX_TEXT_MAX], label[POLICY_LABEL_MAX + 1];

	fprintf(f, "add %s %s", set, prefix_text(prefix, text));
	if (e->until)
		fprintf(f, " timeout %" PRIu32, e->until - a->now);
	if (*export_label(a->policy, e->label, COMMENT_MAX, label))
		fprintf(f, " comment \"%s\"", label);
	fputs(e->carve ? " nomatch\n" : "\n", f);
}

static bool has(const struct export_entries *entries, const struct prefix *prefix)
{
	for (size_t i = 0; i < entries->n; i++) {
		if (!prefix_compare(&entries->v[i].prefix, prefix))
			return true;
	}
	return false;
}

/* ipset takes no /0: its two halves, where they have no entry of their own. */
static void print_all(FILE *f, const struct export_about *a, const char *set,
		      const struct export_entries *entries, const struct export_entry *e)
{
	struct prefix half = e->prefix;

	half.len = 1;
	if (!has(entries, &half))
		print_add(f, a, set, &half, e);
	half.addr[0] = 0x80;
	if (!has(entries, &half))
		print_add(f, a, set, &half, e);
}

static int print_set(FILE *f, const struct export_about *a, size_t list, uint8_t family)
{
	struct export_entries entries _cleanup_export_entries_ = { 0 };
	size_t room = MAXELEM_MIN, buckets = 1024;
	char name[SET_NAME_MAX];
	bool timed = false;

	if (export_entries(a->policy, list, family, &entries))
		return -1;
	for (size_t i = 0; i < entries.n; i++)
		timed |= entries.v[i].until != 0;
	while (room < 2 * entries.n)
		room *= 2;
	while (buckets < entries.n)
		buckets *= 2;
	set_name(a->policy, list, family, name);
	fprintf(f, "# list %s\ncreate %s hash:net family %s hashsize %zu maxelem %zu comment%s\n",
		a->policy->lists[list].name, name, family == AXP_IPV4 ? "inet" : "inet6", buckets,
		room, timed ? " timeout 0" : "");
	for (size_t i = 0; i < entries.n; i++) {
		const struct export_entry *e = &entries.v[i];

		if (e->prefix.len)
			print_add(f, a, name, &e->prefix, e);
		else
			print_all(f, a, name, &entries, e);
	}
	return 0;
}

/* A rule for ports in a chain of ours. */
static void print_rule(FILE *f, const char *command, const char *chain, const struct port_range *r,
		       const char *what)
{
	fprintf(f, RULE "%s -t mangle -A %s -p %s --dport %u:%u%s\n", command, chain,
		r->protocol == AXP_TCP ? "tcp" : "udp", r->low, r->high, what);
}

static void print_service(FILE *f, const struct policy *p, const struct service *s, uint8_t family,
			  const char *command, const char *chain)
{
	char set[SET_NAME_MAX], what[128];

	for (size_t i = 0; i < p->n_lists; i++) {
		if (!(s->allow[i / 64] >> (i % 64) & 1))
			continue;
		snprintf(what, sizeof(what), " -m set --match-set %s %s -j RETURN",
			 set_name(p, i, family, set), s->direction == AXP_IN ? "src" : "dst");
		for (size_t j = 0; j < s->n_ports; j++)
			print_rule(f, command, chain, &s->ports[j], what);
	}
}

static int print_for_ports(FILE *f, const struct policy *p, enum axp_direction direction,
			   bool replies, const char *command, const char *chain, const char *what)
{
	struct export_ports ports _cleanup_export_ports_ = { 0 };

	for (uint8_t protocol = 0; protocol < AXP_PROTOCOLS; protocol++) {
		if (export_ports(p, NULL, direction, protocol, replies, &ports))
			return -1;
		for (size_t i = 0; i < ports.n; i++)
			print_rule(f, command, chain, &ports.v[i], what);
	}
	return 0;
}

static void print_entrance(FILE *f, const struct export_about *a, bool in, const char *command,
			   const char *chain)
{
	const char *hook = in ? "PREROUTING" : "POSTROUTING";

	for (size_t i = 0; i < a->n_interfaces; i++)
		fprintf(f, RULE "%s -t mangle -A %s %s %s -j %s\n", command, hook, in ? "-i" : "-o",
			a->interfaces[i], chain);
	if (!a->n_interfaces)
		fprintf(f, RULE "%s -t mangle -A %s ! %s lo -j %s\n", command, hook,
			in ? "-i" : "-o", chain);
}

static int print_chain(FILE *f, const struct export_about *a, enum axp_direction direction,
		       uint8_t family)
{
	const char *command = family == AXP_IPV4 ? "iptables" : "ip6tables";
	const struct policy *p = a->policy;
	bool in = direction == AXP_IN;
	const char *chain = in ? "axp-in" : "axp-out";

	if (!export_guards(p, direction))
		return 0;
	fprintf(f, RULE "%s -t mangle -N %s\n", command, chain);
	if (in)
		fprintf(f, RULE "%s -t mangle -A %s -p udp --sport %s --dport %s -j RETURN\n",
			command, chain, family == AXP_IPV4 ? "67:68" : "546:547",
			family == AXP_IPV4 ? "67:68" : "546:547");
	for (size_t i = 0; i < p->n_services; i++) {
		if (p->services[i].direction == direction)
			print_service(f, p, &p->services[i], family, command, chain);
	}
	if (print_for_ports(f, p, direction, in, command, chain,
			    " -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j RETURN"))
		return -1;
	if (print_for_ports(f, p, direction, false, command, chain,
			    a->mode == AXP_MODE_ENFORCE ? " -j DROP" : ""))
		return -1;
	print_entrance(f, a, in, command, chain);
	return 0;
}

int export_ipset(FILE *f, const struct export_about *a)
{
	const struct policy *p = a->policy;
	int rc = 0;

	export_head(f, a, "ipset", "Load it with: ipset restore < FILE");
	for (size_t i = 0; i < p->n_lists && !rc; i++) {
		if (a->lists && !a->lists[i])
			continue;
		rc = print_set(f, a, i, AXP_IPV4);
		if (!rc)
			rc = print_set(f, a, i, AXP_IPV6);
	}
	if (a->lists || rc)
		return rc;
	fputs("\n# The rules. To run them, once the sets are there: sed -n 's/^#: //p' FILE | sh "
	      "-e\n",
	      f);
	for (uint8_t family = AXP_IPV4; family <= AXP_IPV6 && !rc; family++) {
		rc = print_chain(f, a, AXP_IN, family);
		if (!rc)
			rc = print_chain(f, a, AXP_OUT, family);
	}
	return rc;
}
