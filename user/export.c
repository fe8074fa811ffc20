// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "export.h"
#include "text.h"

void export_ports_free(struct export_ports *p)
{
	free(p->v);
	*p = (struct export_ports){ 0 };
}

static void mark_service(const struct service *s, uint8_t protocol, bool *guarded)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct port_range *r = &s->ports[i];

		if (r->protocol == protocol)
			memset(guarded + r->low, true, (size_t)(r->high - r->low + 1));
	}
}

static int take_ranges(const bool *guarded, uint8_t protocol, struct export_ports *out)
{
	for (unsigned int port = 1; port <= UINT16_MAX; port++) {
		struct port_range *v;

		if (!guarded[port])
			continue;
		if (guarded[port - 1]) {
			out->v[out->n - 1].high = (uint16_t)port;
			continue;
		}
		v = reallocarray(out->v, out->n + 1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		out->v = v;
		v[out->n++] = (struct port_range){ .low = (uint16_t)port,
						   .high = (uint16_t)port,
						   .protocol = protocol };
	}
	return 0;
}

int export_ports(const struct policy *p, const struct service *only, enum axp_direction direction,
		 uint8_t protocol, bool replies, struct export_ports *out)
{
	bool guarded[UINT16_MAX + 1] = { false };

	out->n = 0;
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (s->direction == direction && (!only || s == only) && (!replies || s->replies))
			mark_service(s, protocol, guarded);
	}
	return take_ranges(guarded, protocol, out);
}

bool export_guards(const struct policy *p, enum axp_direction direction)
{
	for (size_t i = 0; i < p->n_services; i++) {
		if (p->services[i].direction == direction && p->services[i].n_ports)
			return true;
	}
	return false;
}

const char *export_label(const struct policy *p, uint32_t label, size_t max,
			 char buf[static POLICY_LABEL_MAX + 1])
{
	size_t n;

	snprintf(buf, POLICY_LABEL_MAX + 1, "%.*s", (int)max, policy_string(p, label));
	n = text_utf8_valid(buf, strlen(buf)); /* not within a character */
	buf[n] = '\0';
	for (char *c = buf; *c; c++) {
		if (*c == '"')
			*c = '\'';
	}
	return buf;
}

static const char *const limits[] = {
	"Answers to flows that this host opened pass by the connection tracking of the kernel",
	"(established, direction reply): allowxdp knows them without it. What is taken off a list "
	"is cut",
	"off at once by allowxdp; here a flow that this host opened goes on.",
	"Fragments are put together before the rules see them; `fragments:` of the config does not "
	"apply.",
	"Frames with VLAN tags come in by interfaces of their own here (eth0.5): add their names.",
	"Malformed packets, which allowxdp drops with a reason, are left to the kernel.",
};

void export_head(FILE *f, const struct export_about *a, const char *format, const char *how)
{
	time_t now = a->now;
	char date[32] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fprintf(f, "# allowxdp's policy %s for %s, exported on %s.\n# %s\n#\n",
		policy_string(a->policy, a->policy->config), format, date, how);
	if (a->lists) {
		fputs("# The sets alone; no rules use them yet.\n", f);
	} else {
		fputs("# What differs from allowxdp:\n", f);
		for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
			fprintf(f, "#   %s\n", limits[i]);
	}
	if (a->policy->n_sources)
		fputs("# Names and feeds are here as they were last: nothing keeps them up to "
		      "date.\n",
		      f);
	fputs("# Timeouts of entries that expire count from when this is loaded.\n", f);
	if (a->mode != AXP_MODE_ENFORCE && !a->lists)
		fputs("# The mode is not enforce: what would be dropped is counted, and passes.\n",
		      f);
	fputc('\n', f);
}
