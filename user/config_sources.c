// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "config_reader.h"
#include "duration.h"
#include "endpoint.h"
#include "hostname.h"
#include "text.h"

enum { RESOLVERS_MAX = 8 };

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "not enough memory for the config");
}

int read_boolean(const struct reader *r, int node, const char *key, const char *text, bool *value)
{
	char shown[TEXT_SHOWN_MAX];

	if (!text)
		return 0;
	*value = !strcmp(text, "true");
	if (*value || !strcmp(text, "false"))
		return 0;
	return error_at(r->err, r->path, yaml_lines_of_key(r->l, node, key),
			"%s: \"%s\" is neither true nor false: write one of them", key,
			text_shown(text, strlen(text), shown));
}

int add_source(const struct reader *r, const struct news_source *s, const char *text)
{
	struct policy *p = r->p;

	for (size_t i = 0; i < p->n_sources; i++) {
		const struct news_source *other = &p->sources[i];

		if (other->list == s->list && other->kind == s->kind &&
		    !strcmp(policy_string(p, other->text), text))
			return error_at(r->err, r->path, s->line,
					"\"%.200s\" stands in list \"%s\" twice (first in line "
					"%u): remove one",
					text, p->lists[s->list].name, other->line);
	}
	if (p->n_sources == POLICY_MAX_SOURCES)
		return error_at(r->err, r->path, s->line,
				"more than %d names and feeds in all lists: remove some",
				POLICY_MAX_SOURCES);
	return policy_add_source(p, s, text) ? no_memory(r->err) : 0;
}

static int read_names(const struct reader *r, int items, char **names, size_t n,
		      struct news_source *s)
{
	char name[HOSTNAME_MAX + 1];
	struct error why;
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		s->line = yaml_lines_of(r->l, yaml_lines_item(r->l, items, i));
		if (hostname_check(names[i], s->kind == SOURCE_SRV, &why))
			return error_at(r->err, r->path, s->line, "%s", why.text);
		hostname_normal(names[i], name);
		ret = add_source(r, s, name);
	}
	return ret;
}

int read_sources(const struct reader *r, const struct config_list *c, size_t list, int node)
{
	struct news_source s = { .list = (uint16_t)list, .kind = SOURCE_NAME };
	bool allow_private = false;
	int ret = read_boolean(r, node, "allow-private", c->allow_private, &allow_private);

	if (ret)
		return ret;
	if (allow_private)
		s.flags |= SOURCE_ALLOW_PRIVATE;
	ret = read_names(r, yaml_lines_key(r->l, node, "names"), c->names, c->names_count, &s);
	if (ret)
		return ret;
	s.kind = SOURCE_SRV;
	return read_names(r, yaml_lines_key(r->l, node, "srv"), c->srv, c->srv_count, &s);
}

/* "192.0.2.53", "192.0.2.53:5353", "2001:db8::53" or "[2001:db8::53]:5353": with its port. */
static int resolver_text(const char *text, char *out, size_t n)
{
	char with_port[ENDPOINT_TEXT_MAX];
	struct endpoint at;

	if (strlen(text) + 8 < sizeof(with_port)) {
		snprintf(with_port, sizeof(with_port), strchr(text, ':') ? "[%s]:53" : "%s:53",
			 text);
		if (endpoint_parse(text, &at) && endpoint_parse(with_port, &at))
			return -EINVAL;
		endpoint_text(&at, with_port);
		return endpoint_port(&at) && snprintf(out, n, "%s", with_port) < (int)n ? 0
											: -EINVAL;
	}
	return -EINVAL;
}

static int read_resolvers(const struct reader *r, const struct config_dns *d, int node)
{
	int items = yaml_lines_key(r->l, node, "resolvers");
	char all[RESOLVERS_MAX * (ENDPOINT_TEXT_MAX + 1)] = "", shown[TEXT_SHOWN_MAX];
	size_t n = 0;

	if (d->resolvers_count > RESOLVERS_MAX)
		return error_at(r->err, r->path, yaml_lines_of_key(r->l, node, "resolvers"),
				"%u resolvers are more than %d: remove some", d->resolvers_count,
				RESOLVERS_MAX);
	for (size_t i = 0; i < d->resolvers_count; i++) {
		char text[ENDPOINT_TEXT_MAX];

		if (resolver_text(d->resolvers[i], text, sizeof(text)))
			return error_at(
				r->err, r->path,
				yaml_lines_of(r->l, yaml_lines_item(r->l, items, i)),
				"\"%s\" is no resolver's address: write one like "
				"192.0.2.53, 192.0.2.53:5353 or \"[2001:db8::53]:53\"",
				text_shown(d->resolvers[i], strlen(d->resolvers[i]), shown));
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", n ? "," : "", text);
	}
	return policy_intern(r->p, all, n, &r->p->settings.resolvers) ? no_memory(r->err) : 0;
}

static int read_seconds(const struct reader *r, int node, const char *key, const char *text,
			uint32_t *seconds)
{
	struct error why;

	if (!text || !duration_parse(text, seconds, &why))
		return 0;
	return error_at(r->err, r->path, yaml_lines_of_key(r->l, node, key), "%s", why.text);
}

int read_dns(const struct reader *r, int root)
{
	int node = yaml_lines_key(r->l, root, "dns");
	const struct config_dns *d = r->c->dns;
	struct settings *s = &r->p->settings;
	int ret;

	if (!d)
		return 0;
	ret = read_resolvers(r, d, node);
	if (!ret)
		ret = read_seconds(r, node, "ttl-min", d->ttl_min, &s->dns_ttl_min);
	if (!ret)
		ret = read_seconds(r, node, "ttl-max", d->ttl_max, &s->dns_ttl_max);
	if (!ret)
		ret = read_seconds(r, node, "grace", d->grace, &s->dns_grace);
	if (!ret && s->dns_ttl_min > s->dns_ttl_max)
		return error_at(r->err, r->path,
				yaml_lines_of_key(r->l, node, d->ttl_min ? "ttl-min" : "ttl-max"),
				"ttl-min is more than ttl-max (%u s): write a smaller one",
				s->dns_ttl_max);
	return ret;
}
