// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "text.h"
#include "yaml_lines.h"

/* Of a mapping with more keys than this, some are unknown, which libcyaml finds: no need to compare
 * all. */
enum { KEYS_COMPARED = 64 };

static void cleanup_token(yaml_token_t *token)
{
	yaml_token_delete(token);
}

static unsigned int line_of(yaml_mark_t mark)
{
	return (unsigned int)mark.line + 1;
}

static unsigned int line_at_offset(const char *data, size_t n, size_t offset)
{
	unsigned int line = 1;
	size_t i;

	for (i = 0; i < n && i < offset; i++)
		line += data[i] == '\n';
	return line;
}

static const char *how_to_mend(const yaml_parser_t *parser)
{
	const char *problem = parser->problem;

	if (parser->context && strstr(parser->context, "a tag"))
		return "put quotes around an entry that begins with \"!\"";
	if (strstr(problem, "cannot start any token"))
		return "indent with spaces, not tabs, and quote text that begins with a sign";
	if (strstr(problem, "alias"))
		return "define its anchor above, and quote text that begins with \"*\"";
	if (parser->context && strstr(parser->context, "a flow"))
		return "close the bracket, and quote text that holds \"#\"";
	if (strstr(problem, "mapping values are not allowed"))
		return "check the indentation, and quote text that holds \": \"";
	return "check brackets, quotes and indentation";
}

static int syntax_error(const yaml_parser_t *parser, const char *path, const char *data, size_t n,
			struct error *err)
{
	char began[64] = "";
	unsigned int line = line_of(parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		return error_set(err, ENOMEM, "%s: not enough memory to read it", path);
	if (parser->error == YAML_READER_ERROR)
		return error_at(err, path, line_at_offset(data, n, parser->problem_offset),
				"not plain UTF-8 text (%s): save the file as UTF-8",
				parser->problem);
	if (parser->context && parser->context_mark.line != parser->problem_mark.line)
		snprintf(began, sizeof(began), " that begins in line %u",
			 line_of(parser->context_mark));
	return error_at(err, path, line, "YAML syntax: %s%s%s%s: %s", parser->problem,
			parser->context ? " " : "", parser->context ? parser->context : "", began,
			how_to_mend(parser));
}

static int refuse_tag(const yaml_token_t *token, const char *path, struct error *err)
{
	char text[256], shown[TEXT_SHOWN_MAX];

	snprintf(text, sizeof(text), "%s%s", (const char *)token->data.tag.handle,
		 (const char *)token->data.tag.suffix);
	text_shown(text, strlen(text), shown);
	if (strcmp(shown, "!") == 0)
		return error_at(err, path, line_of(token->start_mark),
				"YAML takes an unquoted \"!\" for a tag: quote the entry, like "
				"\"!203.0.113.0/24\"");
	return error_at(err, path, line_of(token->start_mark),
			"YAML takes the unquoted %s for a tag: quote it: \"%s\"", shown, shown);
}

/* Tags are looked for among the tokens: the document has lost the "!" of `! 10.0.0.0/8`. */
static int check_tokens(const char *path, const char *data, size_t n, struct error *err)
{
	_cleanup_(yaml_parser_delete) yaml_parser_t parser = { 0 };
	bool end = false;
	int ret = 0;

	if (!yaml_parser_initialize(&parser))
		return error_set(err, ENOMEM, "%s: not enough memory to read it", path);
	yaml_parser_set_input_string(&parser, (const unsigned char *)data, n);
	while (!end && !ret) {
		_cleanup_(cleanup_token) yaml_token_t token = { 0 };

		if (!yaml_parser_scan(&parser, &token))
			return syntax_error(&parser, path, data, n, err);
		if (token.type == YAML_TAG_TOKEN)
			ret = refuse_tag(&token, path, err);
		end = token.type == YAML_STREAM_END_TOKEN;
	}
	return ret;
}

/* Nothing at all, or a lone "---", which is a null. */
static bool is_empty(const yaml_node_t *root)
{
	return !root || (root->type == YAML_SCALAR_NODE && !root->data.scalar.length);
}

static int load_document(struct yaml_lines *l, const char *path, const char *data, size_t n,
			 struct error *err)
{
	_cleanup_(yaml_parser_delete) yaml_parser_t parser = { 0 };
	_cleanup_yaml_lines_ struct yaml_lines second = { 0 };
	yaml_node_t *root;

	if (!yaml_parser_initialize(&parser))
		return error_set(err, ENOMEM, "%s: not enough memory to read it", path);
	yaml_parser_set_input_string(&parser, (const unsigned char *)data, n);
	if (!yaml_parser_load(&parser, &l->doc))
		return syntax_error(&parser, path, data, n, err);
	l->loaded = true;
	if (is_empty(yaml_document_get_root_node(&l->doc)))
		return error_at(err, path, 0,
				"is empty: write \"services:\", and below it \"- name:\" and "
				"\"ports:\" of what to guard");
	if (!yaml_parser_load(&parser, &second.doc))
		return syntax_error(&parser, path, data, n, err);
	second.loaded = true;
	root = yaml_document_get_root_node(&second.doc);
	if (root)
		return error_at(err, path, line_of(root->start_mark),
				"a second YAML document begins here: remove the \"---\" before it");
	return 0;
}

static int check_scalar(const yaml_node_t *node, const char *path, struct error *err)
{
	const char *text = (const char *)node->data.scalar.value;
	size_t n = node->data.scalar.length, at = text_find_control(text, n);
	char shown[TEXT_SHOWN_MAX];

	if (at == n)
		return 0;
	return error_at(err, path, line_of(node->start_mark),
			"\"%s\" holds a control character (byte 0x%02x): remove it",
			text_shown(text, n, shown), (unsigned char)text[at]);
}

static bool same_scalar(const yaml_node_t *a, const yaml_node_t *b)
{
	return a->data.scalar.length == b->data.scalar.length &&
	       memcmp(a->data.scalar.value, b->data.scalar.value, a->data.scalar.length) == 0;
}

static int check_key(struct yaml_lines *l, const yaml_node_t *node, const yaml_node_pair_t *pair,
		     const char *path, struct error *err)
{
	const yaml_node_t *key = yaml_document_get_node(&l->doc, pair->key), *other;
	const yaml_node_pair_t *p;
	char shown[TEXT_SHOWN_MAX];

	if (key->type != YAML_SCALAR_NODE)
		return error_at(err, path, line_of(key->start_mark),
				"a key must be a word, not a list or mapping: quote text that "
				"begins with \"[\" or \"{\"");
	for (p = node->data.mapping.pairs.start; p < pair; p++) {
		other = yaml_document_get_node(&l->doc, p->key);
		if (same_scalar(key, other))
			return error_at(err, path, line_of(key->start_mark),
					"key \"%s\" is given twice (first in line %u): remove one",
					text_shown((const char *)key->data.scalar.value,
						   key->data.scalar.length, shown),
					line_of(other->start_mark));
	}
	return 0;
}

static int check_mapping(struct yaml_lines *l, const yaml_node_t *node, const char *path,
			 struct error *err)
{
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	int ret = 0;

	for (; pair < node->data.mapping.pairs.top && !ret; pair++) {
		if (pair - node->data.mapping.pairs.start == KEYS_COMPARED)
			break;
		ret = check_key(l, node, pair, path, err);
	}
	return ret;
}

/* The nodes one after the other, not by descent: aliases can make the tree a cycle. */
static int check_nodes(struct yaml_lines *l, const char *path, struct error *err)
{
	yaml_node_t *node;
	int ret = 0;

	for (node = l->doc.nodes.start; node < l->doc.nodes.top && !ret; node++) {
		if (node->type == YAML_SCALAR_NODE)
			ret = check_scalar(node, path, err);
		else if (node->type == YAML_MAPPING_NODE)
			ret = check_mapping(l, node, path, err);
	}
	return ret;
}

int yaml_lines_open(struct yaml_lines *l, const char *path, const char *data, size_t n,
		    struct error *err)
{
	int ret;

	ret = check_tokens(path, data, n, err);
	if (ret)
		return ret;
	ret = load_document(l, path, data, n, err);
	if (ret)
		return ret;
	return check_nodes(l, path, err);
}

void yaml_lines_close(struct yaml_lines *l)
{
	if (l->loaded)
		yaml_document_delete(&l->doc);
	l->loaded = false;
}

int yaml_lines_root(struct yaml_lines *l)
{
	return yaml_document_get_root_node(&l->doc) ? 1 : 0;
}

static const yaml_node_pair_t *find_pair(struct yaml_lines *l, int node, const char *key)
{
	const yaml_node_t *mapping = yaml_document_get_node(&l->doc, node), *k;
	const yaml_node_pair_t *pair;

	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top;
	     pair++) {
		k = yaml_document_get_node(&l->doc, pair->key);
		if (k->type == YAML_SCALAR_NODE &&
		    strcmp((const char *)k->data.scalar.value, key) == 0)
			return pair;
	}
	return NULL;
}

int yaml_lines_key(struct yaml_lines *l, int node, const char *key)
{
	const yaml_node_pair_t *pair = find_pair(l, node, key);

	return pair ? pair->value : 0;
}

int yaml_lines_item(struct yaml_lines *l, int node, size_t i)
{
	const yaml_node_t *n = yaml_document_get_node(&l->doc, node);

	if (!n || n->type != YAML_SEQUENCE_NODE ||
	    i >= (size_t)(n->data.sequence.items.top - n->data.sequence.items.start))
		return 0;
	return n->data.sequence.items.start[i];
}

unsigned int yaml_lines_of(struct yaml_lines *l, int node)
{
	const yaml_node_t *n = yaml_document_get_node(&l->doc, node);

	return n ? line_of(n->start_mark) : 0;
}

unsigned int yaml_lines_of_key(struct yaml_lines *l, int node, const char *key)
{
	const yaml_node_pair_t *pair = find_pair(l, node, key);

	return yaml_lines_of(l, pair ? pair->key : node);
}
