// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules of nft that say no more than "these sources may reach these ports". */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include "cleanup.h"
#include "import_nft.h"
#include "text.h"

enum { RULE_PORTS_MAX = 256 };

struct rule {
	struct nft *n;
	struct json_object *json;
	struct json_object *sources; /* what the source is compared with */
	uint8_t family;
	struct port_range ports[RULE_PORTS_MAX];
	size_t n_ports;
	bool accept, drop;
	bool answers;    /* says nothing of new flows */
	const char *odd; /* why it cannot be taken */
};

static int port_number(struct json_object *o)
{
	int64_t port;

	if (!json_object_is_type(o, json_type_int))
		return -1;
	port = json_object_get_int64(o);
	return port >= 1 && port <= UINT16_MAX ? (int)port : -1;
}

static void add_port(struct rule *r, uint8_t protocol, struct json_object *value)
{
	struct json_object *range = nft_get(value, "range");
	int low = port_number(value), high = low;

	if (json_object_is_type(range, json_type_array) && json_object_array_length(range) == 2) {
		low = port_number(json_object_array_get_idx(range, 0));
		high = port_number(json_object_array_get_idx(range, 1));
	}
	if (low < 0 || high < low || r->n_ports == RULE_PORTS_MAX) {
		r->odd = "ports that are no numbers, or too many";
		return;
	}
	r->ports[r->n_ports++] = (struct port_range){ .low = (uint16_t)low,
						      .high = (uint16_t)high,
						      .protocol = protocol };
}

static void match_ports(struct rule *r, uint8_t protocol, struct json_object *right)
{
	struct json_object *set = nft_get(right, "set");

	if (r->n_ports)
		r->odd = "ports compared twice";
	if (!json_object_is_type(set, json_type_array)) {
		add_port(r, protocol, right);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(set) && !r->odd; i++)
		add_port(r, protocol, json_object_array_get_idx(set, i));
}

/* ct state: "new" is as if it were not there; answers pass by themselves. */
static bool match_state(struct rule *r, struct json_object *left, struct json_object *right)
{
	const char *text = json_object_to_json_string(right);

	if (strcmp(nft_text(nft_get(left, "ct"), "key"), "state"))
		return false;
	if (strstr(text, "\"new\""))
		return true;
	r->answers = strstr(text, "\"established\"") || strstr(text, "\"related\"");
	return r->answers;
}

static void match(struct rule *r, struct json_object *m)
{
	struct json_object *left = nft_get(m, "left"), *right = nft_get(m, "right");
	struct json_object *payload = nft_get(left, "payload");
	const char *protocol = nft_text(payload, "protocol"), *field = nft_text(payload, "field");
	const char *op = nft_text(m, "op");

	if (match_state(r, left, right))
		return;
	if (strcmp(op, "==") && strcmp(op, "in")) {
		r->odd = "a comparison other than ==";
	} else if (!strcmp(field, "saddr") && !r->sources) {
		r->sources = right;
		r->family = !strcmp(protocol, "ip6") ? AXP_IPV6 : AXP_IPV4;
	} else if (!strcmp(field, "dport") && !strcmp(protocol, "udp")) {
		match_ports(r, AXP_UDP, right);
	} else if (!strcmp(field, "dport") && !strcmp(protocol, "tcp")) {
		match_ports(r, AXP_TCP, right);
	} else {
		r->odd = "conditions other than source and port";
	}
}

static void read_statements(struct rule *r, struct json_object *expr)
{
	for (size_t i = 0; i < json_object_array_length(expr) && !r->odd; i++) {
		struct json_object *o = json_object_array_get_idx(expr, i);

		if (!json_object_is_type(o, json_type_object))
			r->odd = "statements that are unknown here";
		else if (nft_get(o, "match"))
			match(r, nft_get(o, "match"));
		else if (json_object_object_get_ex(o, "accept", NULL))
			r->accept = true;
		else if (json_object_object_get_ex(o, "drop", NULL))
			r->drop = true;
		else if (!json_object_object_get_ex(o, "counter", NULL) &&
			 !json_object_object_get_ex(o, "log", NULL))
			r->odd = "statements other than accept and counter";
	}
}

static int push(struct rule *r, struct import_rule *rule, struct json_object *source)
{
	struct json_object *elem = nft_get(source, "elem");
	struct prefix_range range;
	int rc;

	if (elem)
		source = nft_get(elem, "val");
	if (nft_range(r->n, "in a rule", source, &range)) {
		import_note(r->n->im, IMPORT_LOST, 0, nft_text(r->json, "chain"),
			    "rules of nft with sources that are no addresses");
		return 0;
	}
	rc = 0;
	while (!rc && prefix_range_next(&range, &rule->prefix))
		rc = import_rule_push(&r->n->rules, rule, r->n->err);
	return rc;
}

static int take_ports(struct rule *r, const struct port_range *ports, uint32_t label)
{
	struct import_rule rule = {
		.set = -1, .prefix.family = r->family, .ports = *ports, .item.label = label
	};
	struct json_object *set = nft_get(r->sources, "set");
	const char *name;
	int rc = 0;

	if (json_object_is_type(r->sources, json_type_string)) {
		name = json_object_get_string(r->sources);
		if (*name != '@')
			return push(r, &rule, r->sources);
		rule.set = nft_find_set(r->n, r->json, name + 1);
		return rule.set < 0 ? 0 : import_rule_push(&r->n->rules, &rule, r->n->err);
	}
	if (!json_object_is_type(set, json_type_array))
		return push(r, &rule, r->sources);
	for (size_t i = 0; !rc && i < json_object_array_length(set); i++)
		rc = push(r, &rule, json_object_array_get_idx(set, i));
	return rc;
}

int nft_rule(struct nft *n, struct json_object *json)
{
	struct rule r = { .n = n, .json = json };
	struct json_object *expr = nft_get(json, "expr");
	const char *chain = nft_text(json, "chain"), *comment = nft_text(json, "comment");
	uint32_t label;
	int rc = 0;

	if (!json_object_is_type(expr, json_type_array))
		return 0;
	read_statements(&r, expr);
	if (r.answers)
		return 0;
	if (!r.odd && r.drop && r.sources)
		r.odd = "a drop of some sources (lists here say who passes)";
	if (!r.odd && (!r.accept || !r.sources))
		return 0; /* says nothing of sources */
	if (!r.odd && !r.n_ports)
		r.odd = "sources and no port (allow their sets where they belong)";
	if (r.odd) {
		import_note(n->im, IMPORT_LOST, 0, chain, "rules of nft with %s", r.odd);
		return 0;
	}
	label = import_label(n->im, 0, comment, strlen(comment));
	for (size_t i = 0; !rc && i < r.n_ports; i++)
		rc = take_ports(&r, &r.ports[i], label);
	return rc;
}
