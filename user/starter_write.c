// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "starter.h"

enum { LISTENERS_SHOWN = 48, EPHEMERAL_LOWEST = 32768, PORTS_TEXT_MAX = 64 * 24 };

static bool has_names(const struct starter *s)
{
	for (size_t i = 0; i < s->n_profiles; i++) {
		const struct config_yaml *y = s->profiles[i].yaml;

		for (unsigned int k = 0; k < y->lists_count; k++) {
			if (y->lists[k].names_count || y->lists[k].srv_count)
				return true;
		}
	}
	return false;
}

static void write_head(FILE *f, const struct starter *s)
{
	const char *c = s->config ? " -c " : "", *config = s->config ? s->config : "";

	fprintf(f,
		"# allowxdp: who may reach the guarded ports of this host. Everything else on the "
		"machine is left alone.\n"
		"# Written by `allowxdp init`, %s. Edit it as you like; `allowxdp%s%s validate` "
		"says whether it is right.\n"
		"#\n"
		"# Next steps:\n"
		"#   1. Put your providers, your offices, monitoring and health checks into the "
		"lists below.\n"
		"#   2. sudo allowxdp%s%s load --confirm 2m    mode \"monitor\": nothing is "
		"dropped, everything is counted\n"
		"#      sudo allowxdp confirm\n%s"
		"#   3. sudo allowxdp stats            watch \"unlisted\" for some days: who would "
		"have been dropped?\n"
		"#      sudo allowxdp learn            ... and as entries to add\n"
		"#   4. sudo allowxdp mode enforce --confirm 2m    then `mode: enforce` here, for "
		"the next load\n"
		"#   After each change of this file or of a list file: sudo allowxdp reload\n",
		s->date, c, config, c, config,
		has_names(s) ? "#      sudo allowxdp run              looks the providers' names "
			       "up; let it go on running\n"
			     : "");
}

/* Ports of the moment, of clients that have no peer yet, say nothing. */
static bool is_shown(const struct starter *s, const struct listener *l)
{
	return l->protocol == AXP_TCP || l->port < EPHEMERAL_LOWEST || starter_guards(s, l);
}

static void write_listeners(FILE *f, const struct starter *s)
{
	size_t shown = 0, left = 0;

	for (size_t i = 0; i < s->listeners->n; i++) {
		const struct listener *l = &s->listeners->v[i];
		const char *service = starter_guards(s, l);
		char port[16];

		if (!is_shown(s, l))
			continue;
		if (shown++ >= LISTENERS_SHOWN) {
			left++;
			continue;
		}
		if (shown == 1)
			fputs("#\n# What listened on this host then, and what guards it:\n", f);
		snprintf(port, sizeof(port), "%s/%u", l->protocol == AXP_TCP ? "tcp" : "udp",
			 l->port);
		fprintf(f, "#   %-10s %-16s %s%s\n", port, l->program[0] ? l->program : "?",
			service ? "service " : "not guarded", service ? service : "");
	}
	if (left)
		fprintf(f, "#   ... and %zu more\n", left);
}

/* Other people's words, in one line. */
static void write_words(FILE *f, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' ? ' ' : *text, f);
}

static void write_includes(FILE *f, const struct starter *s)
{
	if (!s->n_profiles)
		return;
	fputs("\n# Providers, as `allowxdp profile show NAME` has them. What is written below goes "
	      "before what they say.\n"
	      "include:\n",
	      f);
	for (size_t i = 0; i < s->n_profiles; i++) {
		const struct config_profile *p = s->profiles[i].yaml->profile;

		fprintf(f, "  - %s # ", s->profiles[i].name);
		write_words(f, p->provider);
		fputs(": ", f);
		write_words(f, p->title);
		fputc('\n', f);
		for (unsigned int k = 0; k < p->missing_count; k++) {
			fputs("    # missing: ", f);
			write_words(f, p->missing[k]);
			fputc('\n', f);
		}
	}
}

static void write_service(FILE *f, const struct starter_service *v)
{
	char ports[PORTS_TEXT_MAX];

	fputc('\n', f);
	if (v->profile)
		fprintf(f, "  # Of profile %s%s\n", v->profile->name,
			v->ports.n ? ", on the ports of this host." : ", with its ports.");
	else if (v->kind < SERVICE_KINDS)
		fprintf(f, "  # %s\n", kind_about(v->kind));
	fprintf(f, "  - name: %s\n", v->name);
	if (v->ports.n)
		fprintf(f, "    ports: [%s]\n", ports_text(&v->ports, ports, sizeof(ports)));
	fputs("    allow: [", f);
	for (size_t i = 0; i < v->n_allow; i++)
		fprintf(f, "%s%s", i ? ", " : "", v->allow[i]);
	fputs("]\n", f);
}

static void write_services(FILE *f, const struct starter *s)
{
	if (!s->n_services)
		return;
	fputs("\n# A service is a set of local ports that only the sources on its lists may "
	      "reach.\n"
	      "services:",
	      f);
	for (size_t i = 0; i < s->n_services; i++)
		write_service(f, &s->services[i]);
}

/* In single quotes, where YAML knows no escape but the doubled quote. */
static void write_quoted(FILE *f, const char *text)
{
	fputc('\'', f);
	for (; *text; text++)
		fprintf(f, *text == '\'' ? "''" : "%c", *text);
	fputc('\'', f);
}

static void write_lists(FILE *f, const struct starter *s)
{
	fputs("\n# A list is a named set of prefixes: written here, or in a file with one a line "
	      "(`PREFIX # label`), or\n"
	      "# added by `allowxdp add LIST PREFIX --label TEXT`. While all lists of a service "
	      "are empty, enforcing is refused.\n"
	      "lists:\n",
	      f);
	for (size_t i = 0; i < s->n_lists; i++)
		fprintf(f, "  - name: %s\n    prefixes: []\n    # file: lists/%s.list\n\n",
			s->lists[i], s->lists[i]);
	fputs("  # Your own: where you work from, VPN, monitoring, health checks.\n"
	      "  - name: office\n",
	      f);
	if (!s->n_office)
		fputs("    prefixes: []\n", f);
	else
		fputs("    prefixes:\n", f);
	for (size_t i = 0; i < s->n_office; i++) {
		fputs("      - ", f);
		write_quoted(f, s->office[i]);
		fputc('\n', f);
	}
}

void starter_write(FILE *f, const struct starter *s)
{
	write_head(f, s);
	write_listeners(f, s);
	fputs("\n# monitor: count what would be dropped, drop nothing. enforce: drop it.\n"
	      "mode: monitor\n\ninterfaces: [",
	      f);
	for (size_t i = 0; i < s->n_interfaces; i++)
		fprintf(f, "%s\"%s\"", i ? ", " : "", s->interfaces[i]);
	fputs("]\n", f);
	write_includes(f, s);
	write_services(f, s);
	write_lists(f, s);
}
