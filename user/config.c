// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "config.h"
#include "config_reader.h"
#include "duration.h"
#include "listfile.h"
#include "readfile.h"
#include "text.h"

enum { CONFIG_LIMIT = 64 << 20, FLOW_CAPACITY_MIN = 1024, FLOW_CAPACITY_MAX = 4194304 };

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "not enough memory for the config");
}

/* The path that stays true when the command is run from elsewhere; symlinks are left as they are.
 */
static char *absolute_path(const char *path)
{
	_cleanup_free_ char *dir = NULL;
	char *out;

	if (path[0] == '/')
		return strdup(path);
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	dir = getcwd(NULL, 0);
	if (!dir || asprintf(&out, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, path) < 0)
		return NULL;
	return out;
}

static int read_mode(const struct reader *r, int root)
{
	const char *mode = r->c->mode;
	char shown[TEXT_SHOWN_MAX];

	if (!mode || strcmp(mode, "enforce") == 0)
		return 0;
	r->p->settings.mode = AXP_MODE_MONITOR;
	if (strcmp(mode, "monitor") == 0)
		return 0;
	return error_at(r->err, r->path, yaml_lines_of_key(r->l, root, "mode"),
			"unknown mode \"%s\": write enforce or monitor",
			text_shown(mode, strlen(mode), shown));
}

static bool interface_name_ok(const char *name)
{
	size_t n = strlen(name);

	return n && n < sizeof(((struct policy *)0)->interfaces[0]) && !strpbrk(name, "/: \t") &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int read_interface(const struct reader *r, size_t i, unsigned int line)
{
	const char *name = r->c->interfaces[i];
	char shown[TEXT_SHOWN_MAX];
	size_t other;

	text_shown(name, strlen(name), shown);
	if (!interface_name_ok(name))
		return error_at(r->err, r->path, line,
				"\"%s\" is no interface name: use 1 to 15 bytes without blanks, "
				"\"/\" and \":\"",
				shown);
	for (other = 0; other < i; other++)
		if (strcmp(r->p->interfaces[other], name) == 0)
			return error_at(r->err, r->path, line,
					"interface \"%s\" is named twice: remove one", shown);
	strcpy(r->p->interfaces[i], name);
	r->p->n_interfaces = i + 1;
	return 0;
}

static int read_interfaces(const struct reader *r, int root)
{
	int node = yaml_lines_key(r->l, root, "interfaces"), ret = 0;
	size_t i, n = r->c->interfaces_count;

	if (n > POLICY_MAX_INTERFACES)
		return error_at(
			r->err, r->path,
			yaml_lines_of(r->l, yaml_lines_item(r->l, node, POLICY_MAX_INTERFACES)),
			"%zu interfaces are more than %d: remove some", n, POLICY_MAX_INTERFACES);
	r->p->interfaces = calloc(n ? n : 1, sizeof(*r->p->interfaces));
	if (!r->p->interfaces)
		return no_memory(r->err);
	for (i = 0; i < n && !ret; i++)
		ret = read_interface(r, i, yaml_lines_of(r->l, yaml_lines_item(r->l, node, i)));
	return ret;
}

static int check_name(const struct reader *r, const char *kind, const char *name, unsigned int line)
{
	char shown[TEXT_SHOWN_MAX];

	if (policy_name_ok(name))
		return 0;
	if (strlen(name) > POLICY_NAME_MAX)
		return error_at(r->err, r->path, line,
				"name of the %s is %zu bytes long: shorten it to %d bytes or less",
				kind, strlen(name), POLICY_NAME_MAX);
	return error_at(r->err, r->path, line,
			"\"%s\" cannot name a %s: use letters, digits, \"_\", \"-\" and \".\", and "
			"begin with a letter or digit",
			text_shown(name, strlen(name), shown), kind);
}

static int given_twice(const struct reader *r, const char *kind, const char *name,
		       unsigned int line, unsigned int first)
{
	return error_at(r->err, r->path, line,
			"%s \"%s\" is defined twice (first in line %u): rename or remove one", kind,
			name, first);
}

/* One text in the prefixes of a list. */
static int read_prefix(const struct reader *r, struct entry *e, const char *text)
{
	struct list_line parsed;
	struct error why;
	int ret;

	ret = list_line_parse(text, strlen(text), &parsed, &why);
	if (ret)
		return error_at(r->err, r->path, e->line, "%s", why.text);
	if (parsed.blank)
		return error_at(r->err, r->path, e->line,
				"an item of \"prefixes\" holds no prefix: write one or remove it");
	e->prefix = parsed.prefix;
	e->until = parsed.until;
	e->flags = parsed.carve ? ENTRY_CARVE : 0;
	if (policy_intern(r->p, parsed.label, parsed.label_len, &e->label) ||
	    entries_push(&r->p->base, e))
		return no_memory(r->err);
	return 0;
}

static int read_prefixes(const struct reader *r, const struct config_list *c, size_t list, int node)
{
	int items = yaml_lines_key(r->l, node, "prefixes"), ret = 0;
	struct entry e = { .list = (uint16_t)list, .source = r->p->config };
	size_t i;

	for (i = 0; i < c->prefixes_count && !ret; i++) {
		e.line = yaml_lines_of(r->l, yaml_lines_item(r->l, items, i));
		ret = read_prefix(r, &e, c->prefixes[i]);
	}
	return ret;
}

/* A list file's path: relative to the directory that the config is in. */
static char *list_path(const struct reader *r, const char *file)
{
	const char *config = policy_string(r->p, r->p->config);
	int dir = (int)(strrchr(config, '/') - config);
	char *out;

	if (file[0] == '/')
		return strdup(file);
	return asprintf(&out, "%.*s/%s", dir, config, file) < 0 ? NULL : out;
}

static int read_list_file(const struct reader *r, const struct config_list *c, size_t list,
			  unsigned int line)
{
	_cleanup_free_ char *path = NULL;
	struct error why;
	int ret;

	if (!c->file)
		return 0;
	if (!c->file[0])
		return error_at(r->err, r->path, line,
				"\"file\" names no file: write it like file: lists/office.list, or "
				"remove it");
	if (strchr(c->file, '\t')) /* the one control character that yaml_lines lets pass */
		return error_at(r->err, r->path, line,
				"\"file\" holds a tab: remove it, or rename the file");
	path = list_path(r, c->file);
	if (!path || policy_intern(r->p, path, strlen(path), &r->p->lists[list].file))
		return no_memory(r->err);
	ret = list_file_read(r->p, &r->p->base, path, (uint16_t)list, 0, &why);
	if (!ret)
		return 0;
	if (ret == -EINVAL || ret == -ENOMEM) {
		*r->err = why; /* names the line in the list file */
		return ret;
	}
	return error_at(r->err, r->path, line, "list \"%s\": %s", c->name, why.text);
}

static int read_list(const struct reader *r, size_t i, int node)
{
	const struct config_list *c = &r->c->lists[i];
	unsigned int line = yaml_lines_of_key(r->l, node, "name");
	struct list *list = &r->p->lists[i];
	int other, ret;

	ret = check_name(r, "list", c->name, line);
	if (ret)
		return ret;
	other = policy_find_list(r->p, c->name);
	if (other >= 0)
		return given_twice(r, "list", c->name, line, r->p->lists[other].line);
	strcpy(list->name, c->name);
	list->line = yaml_lines_of(r->l, node);
	r->p->n_lists = i + 1;
	ret = read_prefixes(r, c, i, node);
	if (!ret)
		ret = read_sources(r, c, i, node);
	if (ret)
		return ret;
	return read_list_file(r, c, i, yaml_lines_of_key(r->l, node, "file"));
}

static int read_lists(const struct reader *r, int root)
{
	int node = yaml_lines_key(r->l, root, "lists"), ret = 0;
	size_t i, n = r->c->lists_count;

	if (n > POLICY_MAX_LISTS)
		return error_at(r->err, r->path,
				yaml_lines_of(r->l, yaml_lines_item(r->l, node, POLICY_MAX_LISTS)),
				"%zu lists are more than %d: merge some of them", n,
				POLICY_MAX_LISTS);
	r->p->lists = calloc(n ? n : 1, sizeof(*r->p->lists));
	if (!r->p->lists)
		return no_memory(r->err);
	for (i = 0; i < n && !ret; i++)
		ret = read_list(r, i, yaml_lines_item(r->l, node, i));
	return ret;
}

static int read_ports(const struct reader *r, const struct config_service *c, struct service *s,
		      int node)
{
	int items = yaml_lines_key(r->l, node, "ports");
	struct error why;
	size_t i;

	if (!c->ports_count)
		return error_at(r->err, r->path, yaml_lines_of_key(r->l, node, "ports"),
				"service \"%s\" has no port: write at least one, like ports: "
				"[tcp/443]",
				s->name);
	if (c->ports_count > POLICY_MAX_PORT_RANGES)
		return error_at(
			r->err, r->path,
			yaml_lines_of(r->l, yaml_lines_item(r->l, items, POLICY_MAX_PORT_RANGES)),
			"%u port ranges in service \"%s\" are more than %d: merge them into wider "
			"ones or split the service",
			c->ports_count, s->name, POLICY_MAX_PORT_RANGES);
	for (i = 0; i < c->ports_count; i++) {
		if (port_range_parse(c->ports[i], &s->ports[i], &why))
			return error_at(r->err, r->path,
					yaml_lines_of(r->l, yaml_lines_item(r->l, items, i)), "%s",
					why.text);
		s->n_ports++;
	}
	return 0;
}

static int read_allow(const struct reader *r, const struct config_service *c, struct service *s,
		      int node)
{
	int items = yaml_lines_key(r->l, node, "allow"), list;
	char shown[TEXT_SHOWN_MAX];
	size_t i;

	for (i = 0; i < c->allow_count; i++) {
		list = policy_find_list(r->p, c->allow[i]);
		if (list < 0)
			return error_at(r->err, r->path,
					yaml_lines_of(r->l, yaml_lines_item(r->l, items, i)),
					"service \"%s\" allows list \"%s\", which does not exist: "
					"define it under \"lists\" or correct the name",
					s->name,
					text_shown(c->allow[i], strlen(c->allow[i]), shown));
		s->allow[list / 64] |= 1ULL << (list % 64);
	}
	return 0;
}

static int read_direction(const struct reader *r, const struct config_service *c, struct service *s,
			  int node)
{
	unsigned int line = yaml_lines_of_key(r->l, node, "direction");
	char shown[TEXT_SHOWN_MAX];

	s->direction = AXP_IN;
	if (!c->direction || strcmp(c->direction, "in") == 0)
		return 0;
	s->direction = AXP_OUT;
	if (strcmp(c->direction, "out") == 0)
		return 0;
	return error_at(r->err, r->path, line, "unknown direction \"%s\": use in or out",
			text_shown(c->direction, strlen(c->direction), shown));
}

static int read_replies(const struct reader *r, const struct config_service *c, struct service *s,
			int node)
{
	char shown[TEXT_SHOWN_MAX];

	s->replies = s->direction == AXP_IN;
	if (!c->replies)
		return 0;
	if (strcmp(c->replies, "true") && strcmp(c->replies, "false"))
		return error_at(r->err, r->path, yaml_lines_of_key(r->l, node, "replies"),
				"replies: \"%s\" is neither true nor false: write one of them",
				text_shown(c->replies, strlen(c->replies), shown));
	if (s->direction == AXP_OUT)
		return error_at(
			r->err, r->path, yaml_lines_of_key(r->l, node, "replies"),
			"replies are a matter of services with direction in: remove this line");
	s->replies = strcmp(c->replies, "true") == 0;
	return 0;
}

static int read_service(const struct reader *r, size_t i, int node)
{
	const struct config_service *c = &r->c->services[i];
	unsigned int line = yaml_lines_of_key(r->l, node, "name");
	struct service *s = &r->p->services[i];
	int other, ret;

	ret = check_name(r, "service", c->name, line);
	if (ret)
		return ret;
	other = policy_find_service(r->p, c->name);
	if (other >= 0)
		return given_twice(r, "service", c->name, line, r->p->services[other].line);
	strcpy(s->name, c->name);
	s->line = yaml_lines_of(r->l, node);
	r->p->n_services = i + 1;
	ret = read_ports(r, c, s, node);
	if (ret)
		return ret;
	ret = read_allow(r, c, s, node);
	if (ret)
		return ret;
	ret = read_direction(r, c, s, node);
	return ret ? ret : read_replies(r, c, s, node);
}

static int read_services(const struct reader *r, int root)
{
	int node = yaml_lines_key(r->l, root, "services"), ret = 0;
	size_t i, n = r->c->services_count;

	if (!n)
		return error_at(r->err, r->path, yaml_lines_of_key(r->l, root, "services"),
				"no service is defined: write at least one, with \"name\" and "
				"\"ports\" of what to guard");
	if (n > AXP_MAX_SERVICES)
		return error_at(r->err, r->path,
				yaml_lines_of(r->l, yaml_lines_item(r->l, node, AXP_MAX_SERVICES)),
				"%zu services are more than %d: merge some of them", n,
				AXP_MAX_SERVICES);
	r->p->services = calloc(n, sizeof(*r->p->services));
	if (!r->p->services)
		return no_memory(r->err);
	for (i = 0; i < n && !ret; i++)
		ret = read_service(r, i, yaml_lines_item(r->l, node, i));
	return ret;
}

static int read_fragments(const struct reader *r, int root)
{
	const char *text = r->c->fragments;
	char shown[TEXT_SHOWN_MAX];

	if (!text || strcmp(text, "pass") == 0)
		return 0;
	r->p->settings.fragments_drop = 1;
	if (strcmp(text, "drop") == 0)
		return 0;
	return error_at(r->err, r->path, yaml_lines_of_key(r->l, root, "fragments"),
			"unknown word \"%s\" for fragments: write pass or drop",
			text_shown(text, strlen(text), shown));
}

static int read_limit(const struct reader *r, int node, const char *key, const char *text,
		      uint32_t *seconds)
{
	struct error why;

	if (!text || !duration_parse(text, seconds, &why))
		return 0;
	return error_at(r->err, r->path, yaml_lines_of_key(r->l, node, key), "%s", why.text);
}

static int read_capacity(const struct reader *r, int node, const char *text)
{
	char shown[TEXT_SHOWN_MAX], *end;
	unsigned long n;

	if (!text)
		return 0;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (!*text || *end || *text == '-' || errno || n < FLOW_CAPACITY_MIN ||
	    n > FLOW_CAPACITY_MAX)
		return error_at(r->err, r->path, yaml_lines_of_key(r->l, node, "capacity"),
				"capacity \"%s\" is not a number from %d to %d: write one, like "
				"capacity: 131072",
				text_shown(text, strlen(text), shown), FLOW_CAPACITY_MIN,
				FLOW_CAPACITY_MAX);
	r->p->settings.flow_capacity = (uint32_t)n;
	return 0;
}

static int read_flows(const struct reader *r, int root)
{
	int node = yaml_lines_key(r->l, root, "flows");
	const struct config_flows *f = r->c->flows;
	struct settings *s = &r->p->settings;
	int ret;

	if (!f)
		return 0;
	ret = read_capacity(r, node, f->capacity);
	if (!ret)
		ret = read_limit(r, node, "udp", f->udp, &s->idle_udp);
	if (!ret)
		ret = read_limit(r, node, "tcp", f->tcp, &s->idle_tcp);
	if (!ret)
		ret = read_limit(r, node, "tcp-closing", f->tcp_closing, &s->idle_tcp_closing);
	return ret;
}

/* The tries in the kernel have room for so many, whatever list they are in. */
static int check_prefix_limit(const struct reader *r)
{
	const struct entries *e = &r->p->base;
	size_t n[AXP_FAMILIES] = { 0 };
	uint8_t family;
	size_t i;

	for (i = 0; i < e->n; i++)
		if (!i || prefix_compare(&e->v[i - 1].prefix, &e->v[i].prefix) != 0)
			n[e->v[i].prefix.family]++;
	for (family = AXP_IPV4; family < AXP_FAMILIES; family++)
		if (n[family] > AXP_MAX_PREFIXES)
			return error_at(r->err, r->path, 0,
					"%zu distinct %s prefixes in all lists are more than %d: "
					"shorten the lists",
					n[family], family == AXP_IPV4 ? "IPv4" : "IPv6",
					AXP_MAX_PREFIXES);
	return 0;
}

static int read_all(const struct reader *r)
{
	int root = yaml_lines_root(r->l), ret;

	ret = read_mode(r, root);
	if (!ret)
		ret = read_fragments(r, root);
	if (!ret)
		ret = read_flows(r, root);
	if (!ret)
		ret = read_dns(r, root);
	if (ret)
		return ret;
	ret = read_interfaces(r, root);
	if (ret)
		return ret;
	ret = read_lists(r, root); /* before the services, which name them */
	if (ret)
		return ret;
	ret = read_services(r, root);
	if (ret)
		return ret;
	ret = policy_sort_entries(r->p, &r->p->base, r->err);
	if (ret)
		return ret;
	return check_prefix_limit(r);
}

int config_read(struct policy *p, const char *path, struct error *err)
{
	_cleanup_free_ char *data = NULL, *absolute = NULL;
	_cleanup_yaml_lines_ struct yaml_lines l = { 0 };
	_cleanup_config_yaml_ struct config_yaml *c = NULL;
	struct reader r = { .p = p, .l = &l, .path = path, .err = err };
	size_t n;
	int ret;

	ret = file_read_all(path, CONFIG_LIMIT, &data, &n, err);
	if (ret)
		return ret;
	absolute = absolute_path(path);
	if (!absolute || policy_intern(p, absolute, strlen(absolute), &p->config))
		return no_memory(err);
	ret = yaml_lines_open(&l, path, data, n, err);
	if (ret)
		return ret;
	ret = config_yaml_load(&c, &l, path, data, n, err);
	if (ret)
		return ret;
	r.c = c;
	p->settings = policy_defaults();
	p->now = (uint32_t)time(NULL);
	return read_all(&r);
}
