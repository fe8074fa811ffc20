// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include "cleanup.h"
#include "config.h"
#include "starter.h"
#include "text.h"

#define OFFICE "office"

/* ---- what is asked for ---- */

static int unknown_kind(const char *name, size_t n, struct error *err)
{
	char shown[TEXT_SHOWN_MAX], known[128] = "";
	size_t used = 0;

	for (enum service_kind k = 0; k < SERVICE_KINDS; k++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", k ? ", " : "",
					 kind_name(k));
	return error_set(err, EINVAL,
			 "\"%s\" is no service that is known here (%s): write its ports too, as in "
			 "api=tcp/8443+tcp/9443",
			 text_shown(name, n, shown), known);
}

/* "tcp/8443+udp/10000-20000" */
static int parse_ports(const char *text, size_t n, struct ports *out, struct error *err)
{
	out->n = 0;
	for (;;) {
		size_t len = strcspn(text, "+");
		char one[64];

		len = len < n ? len : n;
		if (out->n == ARRAY_SIZE(out->v))
			return error_set(err, EINVAL, "more than %zu port ranges: use wider ones",
					 ARRAY_SIZE(out->v));
		snprintf(one, sizeof(one), "%.*s", (int)len, text);
		if (port_range_parse(one, &out->v[out->n], err))
			return -EINVAL;
		out->n++;
		if (len == n)
			return 0;
		text += len + 1;
		n -= len + 1;
	}
}

static bool is_wished(const struct starter *s, const char *name)
{
	for (size_t i = 0; i < s->n_wishes; i++) {
		if (!strcmp(s->wishes[i].name, name))
			return true;
	}
	return false;
}

static int wish_one(struct starter *s, const char *text, size_t n, struct error *err)
{
	const char *equals = memchr(text, '=', n);
	size_t name_len = equals ? (size_t)(equals - text) : n;
	struct starter_wish w = { .kind = kind_by_name(text, name_len) };
	char shown[TEXT_SHOWN_MAX];

	if (w.kind == SERVICE_KINDS && !equals)
		return unknown_kind(text, n, err);
	snprintf(w.name, sizeof(w.name), "%.*s", (int)name_len, text);
	if (name_len > POLICY_NAME_MAX || !policy_name_ok(w.name))
		return error_set(err, EINVAL,
				 "\"%s\" cannot name a service: use letters, digits, \"_\", \"-\" "
				 "and \".\"",
				 text_shown(text, name_len, shown));
	if (is_wished(s, w.name))
		return error_set(err, EINVAL, "service %s is given twice: remove one", w.name);
	if (s->n_wishes == ARRAY_SIZE(s->wishes))
		return error_set(err, EINVAL,
				 "more than %zu services: write the others into the file",
				 ARRAY_SIZE(s->wishes));
	if (!equals)
		kind_ports(w.kind, s->listeners, &w.ports);
	else if (parse_ports(equals + 1, n - name_len - 1, &w.ports, err))
		return -EINVAL;
	s->wishes[s->n_wishes++] = w;
	return 0;
}

int starter_wish(struct starter *s, const char *text, struct error *err)
{
	for (;;) {
		size_t n = strcspn(text, ","), start = strspn(text, " ");
		size_t len = start < n ? n - start : 0;
		int rc = 0;

		while (len && text[start + len - 1] == ' ')
			len--;
		if (len)
			rc = wish_one(s, text + start, len, err);
		if (rc || !text[n])
			return rc;
		text += n + 1;
	}
}

void starter_wish_found(struct starter *s)
{
	struct error ignored;

	for (enum service_kind k = 0; k < SERVICE_KINDS; k++) {
		if (kind_usual(k) && kind_found(k, s->listeners))
			starter_wish(s, kind_name(k), &ignored);
	}
}

/* ---- what comes of it ---- */

static void allow(struct starter_service *v, const char *list)
{
	for (size_t i = 0; i < v->n_allow; i++) {
		if (!strcmp(v->allow[i], list))
			return;
	}
	if (v->n_allow < ARRAY_SIZE(v->allow))
		snprintf(v->allow[v->n_allow++], sizeof(v->allow[0]), "%s", list);
}

static struct starter_service *new_service(struct starter *s, const char *name)
{
	struct starter_service *v;

	if (s->n_services == ARRAY_SIZE(s->services))
		return NULL;
	v = &s->services[s->n_services++];
	memset(v, 0, sizeof(*v));
	snprintf(v->name, sizeof(v->name), "%s", name);
	return v;
}

static bool is_outbound(const struct config_service *c)
{
	return c->direction && !strcmp(c->direction, "out");
}

static void profile_ports(const struct config_service *c, struct ports *out)
{
	struct error ignored;

	out->n = 0;
	for (unsigned int i = 0; i < c->ports_count && out->n < ARRAY_SIZE(out->v); i++)
		out->n += !port_range_parse(c->ports[i], &out->v[out->n], &ignored);
}

/* The service of a profile, on the ports of this host, and open to the office too. */
static int add_override(struct starter *s, const struct starter_profile *p,
			const struct config_service *c, bool *served)
{
	struct starter_service *v;
	struct ports theirs;

	if (is_outbound(c))
		return 0;
	v = new_service(s, c->name);
	if (!v)
		return -E2BIG;
	profile_ports(c, &theirs);
	v->profile = p;
	v->kind = kind_of_service(c->name, &theirs);
	for (size_t i = 0; i < s->n_wishes; i++) {
		if (v->kind == SERVICE_KINDS || s->wishes[i].kind != v->kind)
			continue;
		v->ports = s->wishes[i].ports;
		served[i] = true;
	}
	for (unsigned int i = 0; i < c->allow_count; i++)
		allow(v, c->allow[i]);
	allow(v, OFFICE);
	return 0;
}

/* Also one that a profile brings. */
static bool is_list(const struct starter *s, const char *name)
{
	for (size_t i = 0; i < s->n_lists; i++) {
		if (!strcmp(s->lists[i], name))
			return true;
	}
	for (size_t i = 0; i < s->n_profiles; i++) {
		for (unsigned int k = 0; k < s->profiles[i].yaml->lists_count; k++) {
			if (!strcmp(s->profiles[i].yaml->lists[k].name, name))
				return true;
		}
	}
	return false;
}

static int add_own(struct starter *s, const struct starter_wish *w)
{
	struct starter_service *v = new_service(s, w->name);
	char list[POLICY_NAME_MAX + 1];

	if (!v)
		return -E2BIG;
	v->kind = w->kind;
	v->ports = w->ports;
	if (w->kind < SERVICE_KINDS)
		snprintf(list, sizeof(list), "%s", kind_list(w->kind));
	else
		snprintf(list, sizeof(list), "%.*s-clients",
			 (int)(POLICY_NAME_MAX - strlen("-clients")), w->name);
	if (!is_list(s, list))
		strcpy(s->lists[s->n_lists++], list);
	allow(v, list);
	allow(v, OFFICE);
	return 0;
}

int starter_make(struct starter *s, struct error *err)
{
	bool served[STARTER_SERVICES] = { false };
	int rc = 0;

	s->n_services = s->n_lists = 0;
	for (size_t i = 0; i < s->n_profiles; i++) {
		const struct config_yaml *y = s->profiles[i].yaml;

		for (unsigned int k = 0; k < y->services_count && !rc; k++)
			rc = add_override(s, &s->profiles[i], &y->services[k], served);
	}
	for (size_t i = 0; i < s->n_wishes && !rc; i++) {
		if (!served[i])
			rc = add_own(s, &s->wishes[i]);
	}
	return rc ? error_set(err, -rc, "more than %d services: choose fewer providers or services",
			      STARTER_SERVICES)
		  : 0;
}

static bool guards(const struct ports *p, const struct listener *l)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].protocol == l->protocol && p->v[i].low <= l->port &&
		    l->port <= p->v[i].high)
			return true;
	}
	return false;
}

/* Where the config leaves the ports to a profile, they are looked up there. */
static void ports_of(const struct starter_service *v, struct ports *out)
{
	*out = v->ports;
	for (unsigned int i = 0; !out->n && v->profile && i < v->profile->yaml->services_count;
	     i++) {
		const struct config_service *c = &v->profile->yaml->services[i];

		if (!strcmp(c->name, v->name))
			profile_ports(c, out);
	}
}

const char *starter_guards(const struct starter *s, const struct listener *l)
{
	struct ports ports;

	for (size_t i = 0; i < s->n_services; i++) {
		ports_of(&s->services[i], &ports);
		if (guards(&ports, l))
			return s->services[i].name;
	}
	return NULL;
}

const char *ports_text(const struct ports *p, char *buf, size_t n)
{
	char one[24];
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < p->n && used < n; i++)
		used += (size_t)snprintf(buf + used, n - used, "%s%s", i ? ", " : "",
					 port_range_text(&p->v[i], one));
	return buf;
}
