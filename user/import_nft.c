// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What `nft -j list ruleset` prints: sets of addresses, and rules that let them in to ports.
 */
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>
#include "cleanup.h"
#include "import_nft.h"
#include "text.h"

const char *nft_text(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v) ||
	    !json_object_is_type(v, json_type_string))
		return "";
	return json_object_get_string(v);
}

struct json_object *nft_get(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (!json_object_is_type(o, json_type_object))
		return NULL;
	json_object_object_get_ex(o, key, &v);
	return v;
}

static bool is_addresses(struct json_object *set)
{
	struct json_object *type = nft_get(set, "type"), *payload;
	const char *text, *field;

	if (json_object_is_type(type, json_type_string)) {
		text = json_object_get_string(type);
		return !strcmp(text, "ipv4_addr") || !strcmp(text, "ipv6_addr");
	}
	/* Newer versions: {"typeof": {"payload": {"protocol": "ip", "field": "saddr"}}} */
	payload = nft_get(nft_get(type, "typeof"), "payload");
	field = nft_text(payload, "field");
	return !strcmp(field, "saddr") || !strcmp(field, "daddr");
}

/* "{ ipv4_addr . inet_service }" of an array */
static const char *type_text(struct json_object *set, char *buf, size_t n)
{
	struct json_object *type = nft_get(set, "type");
	size_t used = 0;

	*buf = '\0';
	if (!json_object_is_type(type, json_type_array)) {
		snprintf(buf, n, "%.40s", nft_text(set, "type"));
		return *buf ? buf : "(other)";
	}
	for (size_t i = 0; i < json_object_array_length(type) && used < n; i++) {
		struct json_object *part = json_object_array_get_idx(type, i);

		used += (size_t)snprintf(buf + used, n - used, "%s%.20s", i ? " . " : "",
					 json_object_is_type(part, json_type_string)
						 ? json_object_get_string(part)
						 : "?");
	}
	return buf;
}

static int bad_element(struct nft *n, const char *set, struct json_object *value, const char *why)
{
	char shown_set[TEXT_SHOWN_MAX], shown[TEXT_SHOWN_MAX];
	const char *text = json_object_to_json_string(value);

	return import_error(n->im, 0, n->err, "set %s, element %s: %s",
			    text_shown(set, strlen(set), shown_set),
			    text_shown(text ? text : "", text ? strlen(text) : 0, shown), why);
}

int nft_range(struct nft *n, const char *set, struct json_object *value, struct prefix_range *out)
{
	struct json_object *prefix = nft_get(value, "prefix"), *range = nft_get(value, "range");
	char text[160] = "";
	struct error why;

	if (json_object_is_type(value, json_type_string)) {
		snprintf(text, sizeof(text), "%s", json_object_get_string(value));
	} else if (prefix) {
		struct json_object *len = nft_get(prefix, "len");

		snprintf(text, sizeof(text), "%.60s/%.10s", nft_text(prefix, "addr"),
			 json_object_is_type(len, json_type_int) ? json_object_get_string(len)
								 : "?");
	} else if (json_object_is_type(range, json_type_array) &&
		   json_object_array_length(range) == 2) {
		struct json_object *low = json_object_array_get_idx(range, 0);
		struct json_object *high = json_object_array_get_idx(range, 1);

		if (json_object_is_type(low, json_type_string) &&
		    json_object_is_type(high, json_type_string))
			snprintf(text, sizeof(text), "%.60s-%.60s", json_object_get_string(low),
				 json_object_get_string(high));
	}
	if (!*text)
		return bad_element(n, set, value, "neither an address nor a prefix nor a range");
	if (prefix_range_parse(text, strlen(text), out, &why))
		return bad_element(n, set, value, why.text);
	return 0;
}

static uint64_t seconds_left(struct json_object *elem)
{
	struct json_object *v = nft_get(elem, "expires");

	if (!json_object_is_type(v, json_type_int))
		v = nft_get(elem, "timeout");
	if (!json_object_is_type(v, json_type_int))
		return 0;
	return json_object_get_int64(v) > 0 ? (uint64_t)json_object_get_int64(v) : 1;
}

static int push_element(struct nft *n, int list, const char *set, struct json_object *value)
{
	struct json_object *elem = nft_get(value, "elem");
	struct import_item item = { 0 };
	struct prefix_range range;
	const char *comment;
	int rc;

	if (elem) {
		comment = nft_text(elem, "comment");
		item.label = import_label(n->im, 0, comment, strlen(comment));
		item.until = import_until(n->im, seconds_left(elem));
		value = nft_get(elem, "val");
	}
	rc = nft_range(n, set, value, &range);
	return rc ? rc : import_push(n->im, list, range, &item, n->err);
}

static int read_elements(struct nft *n, int list, const char *set, struct json_object *elements)
{
	const struct nft_part *part = nft_part(n, elements);
	int rc = 0;

	if (!elements)
		return 0;
	if (part)
		return nft_each(n, part, set, push_element, list);
	if (!json_object_is_type(elements, json_type_array))
		return push_element(n, list, set, elements);
	for (size_t i = 0; !rc && i < json_object_array_length(elements); i++)
		rc = push_element(n, list, set, json_object_array_get_idx(elements, i));
	return rc;
}

static size_t count_elements(const struct nft *n, struct json_object *set)
{
	struct json_object *elements = nft_get(set, "elem");
	const struct nft_part *part = nft_part(n, elements);

	if (part)
		return part->values;
	return json_object_is_type(elements, json_type_array) ? json_object_array_length(elements)
							      : elements != NULL;
}

static int read_set(struct nft *n, struct json_object *set)
{
	const char *name = nft_text(set, "name"), *table = nft_text(set, "table");
	const char *family = nft_text(set, "family");
	char origin[IMPORT_ORIGIN_MAX], shown[3][TEXT_SHOWN_MAX], type[80];
	int list;

	if (!*name)
		return import_error(n->im, 0, n->err, "a set without a name: is this nft -j?");
	if (!import_wanted(n->im, name))
		return 0;
	text_shown(name, strlen(name), shown[0]);
	if (!is_addresses(set)) {
		type_text(set, type, sizeof(type));
		text_shown(type, strlen(type), shown[1]);
		import_note_more(n->im, IMPORT_LOST, 0, count_elements(n, set), shown[0],
				 "elements of sets of type %s", shown[1]);
		return 0;
	}
	snprintf(origin, sizeof(origin), "nft set %s %s %s",
		 text_shown(family, strlen(family), shown[1]),
		 text_shown(table, strlen(table), shown[2]), shown[0]);
	list = import_new_list(n->im, name, origin, 0, n->err);
	if (list < 0)
		return list;
	n->sets[list] = set;
	return read_elements(n, list, name, nft_get(set, "elem"));
}

int nft_find_set(const struct nft *n, struct json_object *rule, const char *name)
{
	for (size_t i = 0; i < n->im->policy.n_lists; i++) {
		struct json_object *set = n->sets[i];

		if (set && !strcmp(nft_text(set, "name"), name) &&
		    !strcmp(nft_text(set, "table"), nft_text(rule, "table")) &&
		    !strcmp(nft_text(set, "family"), nft_text(rule, "family")))
			return (int)i;
	}
	return -1;
}

static int read_others(struct nft *n, struct json_object *item)
{
	struct json_object *o = nft_get(item, "map");
	char shown[TEXT_SHOWN_MAX];
	const char *name;

	if (o) {
		name = nft_text(o, "name");
		import_note_more(n->im, IMPORT_LOST, 0, count_elements(n, o),
				 text_shown(name, strlen(name), shown), "elements of maps");
	}
	o = nft_get(item, "rule");
	return o ? nft_rule(n, o) : 0;
}

static int read_all(struct nft *n, struct json_object *all)
{
	const struct import_port_groups how = { .name = "",
						.origin = "rules of nft",
						.first_match = true };
	size_t count = json_object_array_length(all);
	int rc = 0;

	for (size_t i = 0; !rc && i < count; i++) {
		struct json_object *set = nft_get(json_object_array_get_idx(all, i), "set");

		if (set)
			rc = read_set(n, set);
	}
	for (size_t i = 0; !rc && i < count && !n->im->only; i++)
		rc = read_others(n, json_object_array_get_idx(all, i));
	return rc ? rc : import_port_groups(n->im, &n->rules, &how, n->err);
}

static unsigned int line_of(const char *text, size_t offset)
{
	unsigned int line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static struct json_object *parse(struct nft *n, const char *text, size_t size)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *root = NULL;
	enum json_tokener_error why;

	if (!t || size > INT_MAX) {
		error_set(n->err, ENOMEM, "%s: not enough memory to read it", n->im->file);
		json_tokener_free(t);
		return NULL;
	}
	root = json_tokener_parse_ex(t, text, (int)size);
	why = json_tokener_get_error(t);
	if (why == json_tokener_continue)
		import_error(n->im, line_of(text, size), n->err,
			     "the JSON ends too early: give all that `nft -j list ruleset` prints");
	else if (why != json_tokener_success)
		import_error(n->im, line_of(text, json_tokener_get_parse_end(t)), n->err,
			     "not JSON (%s): give what `nft -j list ruleset` prints",
			     json_tokener_error_desc(why));
	json_tokener_free(t);
	return root;
}

static void put(struct json_object **o)
{
	json_object_put(*o);
}

int import_nft(struct import *im, char *text, size_t size, struct error *err)
{
	struct nft n _cleanup_(nft_free) = { .im = im, .err = err };
	struct json_object *root _cleanup_(put) = NULL, *all;

	if (nft_split(&n, text))
		return -ENOMEM;
	root = parse(&n, text, size);
	if (!root)
		return -EINVAL;
	all = nft_get(root, "nftables");
	if (!json_object_is_type(all, json_type_array))
		return import_error(im, 1, err,
				    "JSON, but not of nft: give what `nft -j list ruleset` prints");
	return read_all(&n, all);
}
