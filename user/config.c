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
#include "text.h"
#include "trust.h"

enum { FLOW_CAPACITY_MIN = 1024, FLOW_CAPACITY_MAX = 4194304 };

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "not enough memory for the config");
}

/*
 * A list or service as a file writes it; `base` is the same one in a profile, whose keys hold where
 * the config writes none of its own.
 */
struct written {
	const struct reader *r;
	size_t i; /* index in the file's lists or services */
	int node;
	const struct written *base;
};

static bool writes(const struct written *w, const char *key)
{
	return yaml_lines_key(w->r->l, w->node, key) != 0;
}

/* Who has the say over a key. */
static const struct written *writer_of(const struct written *w, const char *key)
{
	return !w->base || writes(w, key) ? w : w->base;
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
		       unsigned int line, const struct reader *by, unsigned int first)
{
	if (by != r)
		return error_at(
			r->err, r->path, line,
			"%s \"%s\" is defined by another profile too (%s:%u): include one of "
			"them, or copy one and rename it there",
			kind, name, by->path, first);
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
	struct entry e = { .list = (uint16_t)list, .source = r->source };
	size_t i;

	for (i = 0; i < c->prefixes_count && !ret; i++) {
		e.line = yaml_lines_of(r->l, yaml_lines_item(r->l, items, i));
		ret = read_prefix(r, &e, c->prefixes[i]);
	}
	return ret;
}

char *config_relative(const struct reader *r, const char *file)
{
	const char *source = policy_string(r->p, r->source);
	int dir = (int)(strrchr(source, '/') - source);
	char *out;

	if (file[0] == '/')
		return strdup(file);
	return asprintf(&out, "%.*s/%s", dir, source, file) < 0 ? NULL : out;
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
	path = config_relative(r, c->file);
	if (!path || policy_intern(r->p, path, strlen(path), &r->p->lists[list].file))
		return no_memory(r->err);
	ret = trust_file(path, &why);
	if (!ret)
		ret = list_file_read(r->p, &r->p->base, path, (uint16_t)list, 0, &why);
	if (!ret)
		return 0;
	if (ret == -EINVAL || ret == -ENOMEM) {
		*r->err = why; /* names the line in the list file */
		return ret;
	}
	return error_at(r->err, r->path, line, "list \"%s\": %s", c->name, why.text);
}

static int read_unpublished(const struct reader *r, const struct config_list *c, struct list *list)
{
	if (!c->unpublished)
		return 0;
	if (policy_intern(r->p, c->unpublished, strlen(c->unpublished), &list->unpublished))
		return no_memory(r->err);
	return 0;
}

/* A list as one file writes it; `c` has what counts of that. */
static int read_list_keys(const struct reader *r, const struct config_list *c, size_t list,
			  int node)
{
	int ret = read_prefixes(r, c, list, node);

	if (!ret)
		ret = read_sources(r, c, list, node);
	if (!ret)
		ret = read_unpublished(r, c, &r->p->lists[list]);
	if (ret)
		return ret;
	return read_list_file(r, c, list, yaml_lines_of_key(r->l, node, "file"));
}

/* A feed is one thing with all its options: who changes it writes it whole. */
static bool writes_feed(const struct config_list *c)
{
	static const struct config_feed none;

	return memcmp(&c->feed, &none, sizeof(none)) != 0;
}

/* What a list has from its profile: the keys that the config does not write. */
static struct config_list inherited(const struct written *w)
{
	struct config_list c = w->base->r->c->lists[w->base->i];

	if (writes(w, "prefixes"))
		c.prefixes_count = 0;
	if (writes(w, "names"))
		c.names_count = 0;
	if (writes(w, "srv"))
		c.srv_count = 0;
	if (writes(w, "allow-private"))
		c.allow_private = w->r->c->lists[w->i].allow_private;
	if (writes(w, "unpublished"))
		c.unpublished = NULL;
	if (writes(w, "file"))
		c.file = NULL;
	return c;
}

/* Appends the list that is written so. */
static int read_list(const struct written *w)
{
	struct config_list own = w->r->c->lists[w->i], base;
	const struct reader *r = w->r;
	size_t i = r->p->n_lists++;
	struct list *list = &r->p->lists[i];
	int ret;

	strcpy(list->name, own.name);
	list->source = r->source;
	list->line = yaml_lines_of(r->l, w->node);
	if (!w->base)
		return read_list_keys(r, &own, i, w->node);
	base = inherited(w);
	if (!own.allow_private)
		own.allow_private = base.allow_private;
	if (writes_feed(&own))
		base.feed = (struct config_feed){ 0 };
	ret = read_list_keys(r, &own, i, w->node);
	return ret ? ret : read_list_keys(w->base->r, &base, i, w->base->node);
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

static const struct config_service *service_of(const struct written *w)
{
	return &w->r->c->services[w->i];
}

/* Appends the service that is written so. */
static int read_service(const struct written *w)
{
	const struct reader *r = w->r;
	struct service *s = &r->p->services[r->p->n_services++];
	const struct written *by = writer_of(w, "ports");
	int ret;

	strcpy(s->name, service_of(w)->name);
	s->source = r->source;
	s->line = yaml_lines_of(r->l, w->node);
	if (!yaml_lines_key(by->r->l, by->node, "ports"))
		return config_yaml_missing("ports", r->path, s->line, r->err);
	ret = read_ports(by->r, service_of(by), s, by->node);
	if (ret)
		return ret;
	by = writer_of(w, "allow");
	ret = read_allow(by->r, service_of(by), s, by->node);
	if (ret)
		return ret;
	by = writer_of(w, "direction");
	ret = read_direction(by->r, service_of(by), s, by->node);
	if (ret)
		return ret;
	by = writer_of(w, "replies");
	return read_replies(by->r, service_of(by), s, by->node);
}

static size_t count_lists(const struct reader *r)
{
	return r->c->lists_count;
}

static const char *list_name(const struct reader *r, size_t i)
{
	return r->c->lists[i].name;
}

static size_t count_services(const struct reader *r)
{
	return r->c->services_count;
}

static const char *service_name(const struct reader *r, size_t i)
{
	return r->c->services[i].name;
}

/* How lists and services, of the config and of profiles, come together: alike. */
struct section {
	const char *key, *kind;
	size_t max;
	size_t (*count)(const struct reader *r);
	const char *(*name)(const struct reader *r, size_t i);
	int (*read)(const struct written *w);
};

static const struct section lists_section = {
	"lists", "list", POLICY_MAX_LISTS, count_lists, list_name, read_list,
};

static const struct section services_section = {
	"services", "service", AXP_MAX_SERVICES, count_services, service_name, read_service,
};

static struct written item(const struct section *s, const struct reader *r, size_t i)
{
	int node = yaml_lines_key(r->l, yaml_lines_root(r->l), s->key);

	return (struct written){ .r = r, .i = i, .node = yaml_lines_item(r->l, node, i) };
}

/* The first one of that name in a file. */
static bool find_in(const struct section *s, const struct reader *r, const char *name,
		    struct written *out)
{
	for (size_t i = 0; i < s->count(r); i++) {
		if (strcmp(s->name(r, i), name))
			continue;
		*out = item(s, r, i);
		return true;
	}
	return false;
}

static bool find_in_profiles(const struct section *s, const struct includes *in, const char *name,
			     struct written *out)
{
	for (size_t i = 0; in && i < in->n; i++)
		if (find_in(s, &in->v[i]->r, name, out))
			return true;
	return false;
}

/* Is the name one, and is it given for the first time? `first` says where it is. */
static int check_item(const struct section *s, const struct written *w, const struct written *first)
{
	const char *name = s->name(w->r, w->i);
	unsigned int line = yaml_lines_of_key(w->r->l, w->node, "name");
	int ret = check_name(w->r, s->kind, name, line);

	if (ret || (first->r == w->r && first->i == w->i))
		return ret;
	return given_twice(w->r, s->kind, name, line, first->r,
			   yaml_lines_of(first->r->l, first->node));
}

/* What the config writes, with the keys that it leaves to a profile. */
static int read_own(const struct section *s, const struct reader *r, size_t i)
{
	struct written w = item(s, r, i), first = w, base;
	int ret;

	find_in(s, r, s->name(r, i), &first);
	ret = check_item(s, &w, &first);
	if (ret)
		return ret;
	if (find_in_profiles(s, r->includes, s->name(r, i), &base))
		w.base = &base;
	return s->read(&w);
}

/* What a profile writes, where the config does not write of it; *n: how many there are already. */
static int read_included(const struct section *s, const struct reader *config,
			 const struct reader *r, size_t i, const size_t *n)
{
	struct written w = item(s, r, i), first = w, over;
	int ret;

	find_in_profiles(s, config->includes, s->name(r, i), &first);
	ret = check_item(s, &w, &first);
	if (ret || find_in(s, config, s->name(r, i), &over))
		return ret;
	if (*n == s->max)
		return error_at(r->err, r->path, yaml_lines_of(r->l, w.node),
				"with this one the config and its profiles have more than %zu %ss: "
				"include fewer profiles",
				s->max, s->kind);
	return s->read(&w);
}

/* The config's come first: drops are counted under the first service that guards a port. */
static int read_section(const struct section *s, const struct reader *r, const size_t *n)
{
	const struct includes *in = r->includes;
	size_t i, j, own = s->count(r);
	int ret = 0;

	if (own > s->max)
		return error_at(r->err, r->path, yaml_lines_of(r->l, item(s, r, s->max).node),
				"%zu %ss are more than %zu: merge some of them", own, s->kind,
				s->max);
	for (i = 0; i < own && !ret; i++)
		ret = read_own(s, r, i);
	for (i = 0; in && i < in->n; i++)
		for (j = 0; j < s->count(&in->v[i]->r) && !ret; j++)
			ret = read_included(s, r, &in->v[i]->r, j, n);
	return ret;
}

static int read_lists(const struct reader *r)
{
	r->p->lists = calloc(POLICY_MAX_LISTS, sizeof(*r->p->lists));
	if (!r->p->lists)
		return no_memory(r->err);
	return read_section(&lists_section, r, &r->p->n_lists);
}

static int read_services(const struct reader *r, int root)
{
	bool included = r->includes && r->includes->n;
	int ret;

	if (!included && !yaml_lines_key(r->l, root, "services"))
		return config_yaml_missing("services", r->path, yaml_lines_of(r->l, root), r->err);
	r->p->services = calloc(AXP_MAX_SERVICES, sizeof(*r->p->services));
	if (!r->p->services)
		return no_memory(r->err);
	ret = read_section(&services_section, r, &r->p->n_services);
	if (ret || r->p->n_services)
		return ret;
	return error_at(r->err, r->path, yaml_lines_of_key(r->l, root, "services"),
			"no service is defined: write at least one, with \"name\" and \"ports\" of "
			"what to guard");
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
	ret = read_lists(r); /* before the services, which name them */
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

/* Takes over what `d` has loaded. */
static int read_document(struct policy *p, struct document *d, struct error *err)
{
	_cleanup_includes_ struct includes in = { 0 };
	int ret;

	p->config = d->r.source;
	p->settings = policy_defaults();
	p->now = (uint32_t)time(NULL);
	ret = includes_open(&in, d, err);
	if (ret)
		return ret;
	d->r.includes = &in;
	return read_all(&d->r);
}

int config_read(struct policy *p, const char *path, struct error *err)
{
	_cleanup_document_ struct document d = { 0 };
	int ret = document_open(&d, p, CONFIG_MAIN, path, err);

	return ret ? ret : read_document(p, &d, err);
}

static int keep_provenance(struct policy *p, const struct config_profile *h, struct provenance *out)
{
	const struct {
		const char *text;
		uint32_t *to;
	} texts[] = {
		{ h->name, &out->name },         { h->title, &out->title },
		{ h->provider, &out->provider }, { h->source, &out->source },
		{ h->date, &out->date },
	};
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts) && !ret; i++)
		ret = policy_intern(p, texts[i].text, strlen(texts[i].text), texts[i].to);
	for (out->n_missing = 0; out->n_missing < h->missing_count && !ret; out->n_missing++)
		ret = policy_intern(p, h->missing[out->n_missing],
				    strlen(h->missing[out->n_missing]),
				    &out->missing[out->n_missing]);
	return ret;
}

int config_read_profile(struct policy *p, const char *path, struct provenance *out,
			struct error *err)
{
	_cleanup_document_ struct document d = { 0 };
	int ret = profile_document_open(&d, p, path, err);

	if (ret)
		return ret;
	if (keep_provenance(p, d.yaml->profile, out))
		return no_memory(err);
	return read_document(p, &d, err);
}
