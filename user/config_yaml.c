// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libcyaml decides whether a config fits the schema. What it says when it does not fit is a type
 * name and the line of the last value that it could read, which may be far from the mistake. So the
 * mistake is looked for once more, along the same schema, in the document that knows its lines.
 */
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "config_yaml.h"
#include "text.h"

#define TEXT_FIELD(key, flags, type, member) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 0, CYAML_UNLIMITED)
/* For people only: nobody else reads it and finds it empty. */
#define PROSE_FIELD(key, flags, type, member) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 1, CYAML_UNLIMITED)
#define LIST_FIELD(key, flags, type, member, entry) \
	CYAML_FIELD_SEQUENCE(key, flags, type, member, entry, 0, CYAML_UNLIMITED)

/* A key that may be left away, or have nothing, ~ or null behind it. */
#define MAY_BE_EMPTY (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER_NULL_STR)

static const cyaml_schema_value_t text_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_value_t prose_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t service_fields[] = {
	TEXT_FIELD("name", 0, struct config_service, name),
	LIST_FIELD("ports", MAY_BE_EMPTY, struct config_service, ports, &text_schema),
	LIST_FIELD("allow", MAY_BE_EMPTY, struct config_service, allow, &text_schema),
	TEXT_FIELD("direction", CYAML_FLAG_OPTIONAL, struct config_service, direction),
	TEXT_FIELD("replies", CYAML_FLAG_OPTIONAL, struct config_service, replies),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t service_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_service, service_fields),
};

static const cyaml_schema_field_t list_fields[] = {
	TEXT_FIELD("name", 0, struct config_list, name),
	TEXT_FIELD("file", CYAML_FLAG_OPTIONAL, struct config_list, file),
	LIST_FIELD("prefixes", MAY_BE_EMPTY, struct config_list, prefixes, &text_schema),
	LIST_FIELD("names", MAY_BE_EMPTY, struct config_list, names, &text_schema),
	LIST_FIELD("srv", MAY_BE_EMPTY, struct config_list, srv, &text_schema),
	TEXT_FIELD("allow-private", CYAML_FLAG_OPTIONAL, struct config_list, allow_private),
	TEXT_FIELD("url", CYAML_FLAG_OPTIONAL, struct config_list, feed.url),
	LIST_FIELD("command", MAY_BE_EMPTY, struct config_list, feed.command, &text_schema),
	TEXT_FIELD("format", CYAML_FLAG_OPTIONAL, struct config_list, feed.format),
	TEXT_FIELD("column", CYAML_FLAG_OPTIONAL, struct config_list, feed.column),
	TEXT_FIELD("path", CYAML_FLAG_OPTIONAL, struct config_list, feed.path),
	TEXT_FIELD("filter", CYAML_FLAG_OPTIONAL, struct config_list, feed.filter),
	TEXT_FIELD("ca-file", CYAML_FLAG_OPTIONAL, struct config_list, feed.ca_file),
	TEXT_FIELD("refresh", CYAML_FLAG_OPTIONAL, struct config_list, feed.refresh),
	TEXT_FIELD("stale-after", CYAML_FLAG_OPTIONAL, struct config_list, feed.stale_after),
	TEXT_FIELD("timeout", CYAML_FLAG_OPTIONAL, struct config_list, feed.timeout),
	TEXT_FIELD("max-size", CYAML_FLAG_OPTIONAL, struct config_list, feed.max_size),
	TEXT_FIELD("max-shrink", CYAML_FLAG_OPTIONAL, struct config_list, feed.max_shrink),
	TEXT_FIELD("min-prefix4", CYAML_FLAG_OPTIONAL, struct config_list, feed.min_prefix4),
	TEXT_FIELD("min-prefix6", CYAML_FLAG_OPTIONAL, struct config_list, feed.min_prefix6),
	PROSE_FIELD("unpublished", CYAML_FLAG_OPTIONAL, struct config_list, unpublished),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t list_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_list, list_fields),
};

static const cyaml_schema_field_t flows_fields[] = {
	TEXT_FIELD("capacity", CYAML_FLAG_OPTIONAL, struct config_flows, capacity),
	TEXT_FIELD("udp", CYAML_FLAG_OPTIONAL, struct config_flows, udp),
	TEXT_FIELD("tcp", CYAML_FLAG_OPTIONAL, struct config_flows, tcp),
	TEXT_FIELD("tcp-closing", CYAML_FLAG_OPTIONAL, struct config_flows, tcp_closing),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t dns_fields[] = {
	LIST_FIELD("resolvers", MAY_BE_EMPTY, struct config_dns, resolvers, &text_schema),
	TEXT_FIELD("ttl-min", CYAML_FLAG_OPTIONAL, struct config_dns, ttl_min),
	TEXT_FIELD("ttl-max", CYAML_FLAG_OPTIONAL, struct config_dns, ttl_max),
	TEXT_FIELD("grace", CYAML_FLAG_OPTIONAL, struct config_dns, grace),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t top_fields[] = {
	TEXT_FIELD("mode", CYAML_FLAG_OPTIONAL, struct config_yaml, mode),
	TEXT_FIELD("fragments", CYAML_FLAG_OPTIONAL, struct config_yaml, fragments),
	CYAML_FIELD_MAPPING_PTR("flows", CYAML_FLAG_OPTIONAL, struct config_yaml, flows,
				flows_fields),
	CYAML_FIELD_MAPPING_PTR("dns", CYAML_FLAG_OPTIONAL, struct config_yaml, dns, dns_fields),
	LIST_FIELD("interfaces", MAY_BE_EMPTY, struct config_yaml, interfaces, &text_schema),
	LIST_FIELD("include", MAY_BE_EMPTY, struct config_yaml, include, &text_schema),
	LIST_FIELD("services", MAY_BE_EMPTY, struct config_yaml, services, &service_schema),
	LIST_FIELD("lists", MAY_BE_EMPTY, struct config_yaml, lists, &list_schema),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t provenance_fields[] = {
	TEXT_FIELD("name", 0, struct config_profile, name),
	PROSE_FIELD("title", 0, struct config_profile, title),
	PROSE_FIELD("provider", 0, struct config_profile, provider),
	PROSE_FIELD("source", 0, struct config_profile, source),
	TEXT_FIELD("date", 0, struct config_profile, date),
	LIST_FIELD("missing", MAY_BE_EMPTY, struct config_profile, missing, &prose_schema),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t profile_fields[] = {
	CYAML_FIELD_MAPPING_PTR("profile", CYAML_FLAG_DEFAULT, struct config_yaml, profile,
				provenance_fields),
	LIST_FIELD("services", MAY_BE_EMPTY, struct config_yaml, services, &service_schema),
	LIST_FIELD("lists", MAY_BE_EMPTY, struct config_yaml, lists, &list_schema),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t top_schemas[] = {
	[CONFIG_MAIN] = {
		CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_yaml, top_fields),
	},
	[CONFIG_PROFILE] = {
		CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_yaml, profile_fields),
	},
};

static const cyaml_config_t quiet_config = { .mem_fn = cyaml_mem };

/* How each key is written. */
static const struct {
	const char *key, *example;
} examples[] = {
	{ "mode", "mode: enforce" },
	{ "interfaces", "interfaces: [eth0]" },
	{ "services", "services: [{name: https, ports: [tcp/443], allow: [office]}]" },
	{ "lists", "lists: [{name: office, file: lists/office.list}]" },
	{ "name", "name: office" },
	{ "ports", "ports: [tcp/443]" },
	{ "allow", "allow: [office]" },
	{ "direction", "direction: in" },
	{ "replies", "replies: true" },
	{ "fragments", "fragments: pass" },
	{ "flows", "flows: {capacity: 131072, udp: 180s, tcp: 2h}" },
	{ "capacity", "capacity: 131072" },
	{ "udp", "udp: 180s" },
	{ "tcp", "tcp: 2h" },
	{ "tcp-closing", "tcp-closing: 60s" },
	{ "file", "file: lists/office.list" },
	{ "prefixes", "prefixes: [\"203.0.113.0/24\"]" },
	{ "names", "names: [sip.example.com]" },
	{ "srv", "srv: [_sip._udp.example.com]" },
	{ "allow-private", "allow-private: true" },
	{ "url", "url: https://ip-ranges.amazonaws.com/ip-ranges.json" },
	{ "command", "command: [/usr/local/bin/feed, --all]" },
	{ "format", "format: json" },
	{ "column", "column: prefix" },
	{ "path", "path: \"prefixes[].ip_prefix\"" },
	{ "filter", "filter: \"service=EC2, region=ap-south-1\"" },
	{ "ca-file", "ca-file: ca.pem" },
	{ "refresh", "refresh: 1h" },
	{ "stale-after", "stale-after: 1d" },
	{ "timeout", "timeout: 60s" },
	{ "max-size", "max-size: 16MB" },
	{ "max-shrink", "max-shrink: 50%" },
	{ "min-prefix4", "min-prefix4: 8" },
	{ "min-prefix6", "min-prefix6: 19" },
	{ "dns", "dns: {resolvers: [192.0.2.53], ttl-min: 30s, grace: 10m}" },
	{ "resolvers", "resolvers: [192.0.2.53]" },
	{ "ttl-min", "ttl-min: 30s" },
	{ "ttl-max", "ttl-max: 1h" },
	{ "grace", "grace: 10m" },
	{ "unpublished", "unpublished: \"ask the provider's support for the addresses\"" },
	{ "include", "include: [exotel-sip-trunk]" },
	{ "profile", "profile: {name: NAME, title: T, provider: P, source: S, date: 2026-11-21}" },
	{ "title", "title: webhooks" },
	{ "provider", "provider: Exotel" },
	{ "source", "source: the document that it was taken from" },
	{ "date", "date: 2026-11-21" },
	{ "missing", "missing: [\"what the provider does not publish\"]" },
};

static const char *example_of(const char *key)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(examples); i++)
		if (strcmp(examples[i].key, key) == 0)
			return examples[i].example;
	return "services: [{name: https, ports: [tcp/443], allow: [office]}]";
}

int config_yaml_missing(const char *key, const char *path, unsigned int line, struct error *err)
{
	return error_at(err, path, line, "\"%s\" is missing here: add it like %s", key,
			example_of(key));
}

/* What libcyaml said: its first message. */
struct cyaml_said {
	char text[200];
};

static void __attribute__((format(printf, 3, 0)))
log_first(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct cyaml_said *said = ctx;

	if (level != CYAML_LOG_ERROR || said->text[0])
		return;
	vsnprintf(said->text, sizeof(said->text), fmt, args);
	said->text[strcspn(said->text, "\n")] = '\0';
}

/* The search for the mistake: where we are, and where to put what was found. */
struct search {
	struct yaml_lines *l;
	const char *path;
	struct error *err;
};

static int search_value(const struct search *s, const cyaml_schema_value_t *schema, int node,
			const char *key, bool item, unsigned int line);

static bool is_null(const yaml_node_t *node)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	size_t i;

	if (node->type != YAML_SCALAR_NODE)
		return false;
	for (i = 0; i < ARRAY_SIZE(nulls); i++)
		if (strcmp((const char *)node->data.scalar.value, nulls[i]) == 0)
			return true;
	return false;
}

static int wrong_type(const struct search *s, const char *what, const char *key, bool item,
		      unsigned int line)
{
	if (!key)
		return error_at(s->err, s->path, line,
				"the file must consist of keys and values: write it like %s",
				example_of(""));
	return error_at(s->err, s->path, line, "%s\"%s\" must be %s: write it like %s",
			item ? "an item of " : "", key, what, example_of(key));
}

static int no_text(const struct search *s, const char *key, bool item, unsigned int line)
{
	return error_at(s->err, s->path, line, "%s\"%s\" is empty: write it like %s",
			item ? "an item of " : "", key, example_of(key));
}

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key)
{
	for (; fields->key; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}

static int unknown_key(const struct search *s, const cyaml_schema_field_t *fields,
		       const yaml_node_t *key)
{
	char shown[TEXT_SHOWN_MAX], known[512] = "";
	size_t n = 0;

	for (; fields->key; fields++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "",
				      fields->key);
	text_shown((const char *)key->data.scalar.value, key->data.scalar.length, shown);
	return error_at(s->err, s->path, (unsigned int)key->start_mark.line + 1,
			"unknown key \"%s\": the keys here are %s", shown, known);
}

static int search_pair(const struct search *s, const cyaml_schema_field_t *fields,
		       const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = yaml_document_get_node(&s->l->doc, pair->key);
	const cyaml_schema_field_t *field = find_field(fields, (char *)key->data.scalar.value);

	if (!field)
		return unknown_key(s, fields, key);
	return search_value(s, &field->value, pair->value, field->key, false,
			    (unsigned int)key->start_mark.line + 1);
}

static int search_mapping(const struct search *s, const cyaml_schema_field_t *fields, int node)
{
	const yaml_node_t *n = yaml_document_get_node(&s->l->doc, node);
	const yaml_node_pair_t *pair = n->data.mapping.pairs.start;
	int ret = 0;

	for (; pair < n->data.mapping.pairs.top && !ret; pair++)
		ret = search_pair(s, fields, pair);
	for (; fields->key && !ret; fields++)
		if (!(fields->value.flags & CYAML_FLAG_OPTIONAL) &&
		    !yaml_lines_key(s->l, node, fields->key))
			ret = config_yaml_missing(fields->key, s->path, yaml_lines_of(s->l, node),
						  s->err);
	return ret;
}

static int search_sequence(const struct search *s, const cyaml_schema_value_t *entry, int node,
			   const char *key)
{
	int item, ret = 0;
	size_t i;

	for (i = 0; !ret && (item = yaml_lines_item(s->l, node, i)); i++)
		ret = search_value(s, entry, item, key, true, yaml_lines_of(s->l, item));
	return ret;
}

/* Descends along the schema, which is four deep: a document that is a cycle cannot make it endless.
 */
static int search_value(const struct search *s, const cyaml_schema_value_t *schema, int node,
			const char *key, bool item, unsigned int line)
{
	const yaml_node_t *n = yaml_document_get_node(&s->l->doc, node);

	switch (schema->type) {
	case CYAML_MAPPING:
		if (n->type != YAML_MAPPING_NODE)
			return wrong_type(s, "keys and values", key, item, line);
		return search_mapping(s, schema->mapping.fields, node);
	case CYAML_SEQUENCE:
		if (is_null(n))
			return 0;
		if (n->type != YAML_SEQUENCE_NODE)
			return wrong_type(s, "a list", key, item, line);
		return search_sequence(s, schema->sequence.entry, node, key);
	default:
		if (n->type != YAML_SCALAR_NODE)
			return wrong_type(s, "plain text, in quotes if it ends with \":\"", key,
					  item, line);
		if (n->data.scalar.length < schema->string.min)
			return no_text(s, key, item, line);
		return 0;
	}
}

static int explain(struct yaml_lines *l, enum config_kind kind, const char *path, cyaml_err_t why,
		   const struct cyaml_said *said, struct error *err)
{
	struct search s = { .l = l, .path = path, .err = err };
	int root = yaml_lines_root(l), ret;

	if (why == CYAML_ERR_OOM)
		return error_set(err, ENOMEM, "%s: not enough memory to read it", path);
	ret = search_value(&s, &top_schemas[kind], root, NULL, false, yaml_lines_of(l, root));
	if (ret)
		return ret;
	return error_at(err, path, 0, "cannot be loaded (%s; %s): compare it with the example",
			cyaml_strerror(why), said->text);
}

int config_yaml_load(struct config_yaml **out, enum config_kind kind, struct yaml_lines *l,
		     const char *path, const char *data, size_t n, struct error *err)
{
	struct cyaml_said said = { 0 };
	cyaml_config_t config = quiet_config;
	cyaml_err_t why;

	config.log_fn = log_first;
	config.log_ctx = &said;
	config.log_level = CYAML_LOG_ERROR;
	*out = NULL;
	why = cyaml_load_data((const uint8_t *)data, n, &config, &top_schemas[kind],
			      (cyaml_data_t **)out, NULL);
	if (why != CYAML_OK || !*out)
		return explain(l, kind, path, why, &said, err);
	return 0;
}

void config_yaml_free(struct config_yaml **c)
{
	if (*c)
		cyaml_free(&quiet_config,
			   &top_schemas[(*c)->profile ? CONFIG_PROFILE : CONFIG_MAIN], *c, 0);
	*c = NULL;
}
