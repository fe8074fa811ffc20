// SPDX-License-Identifier: GPL-2.0-or-later
/* Feeds in JSON: json-c reads the document, paths say what in it is a prefix. */
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "feed_filter.h"
#include "feed_parse.h"
#include "feed_path.h"
#include "text.h"

enum { DEPTH = 64, PLACE_MAX = 256 };

/* How far down the path we are, for the filter and for messages. */
struct level {
	struct json_object *value;
	const char *key; /* by which the next one was reached; NULL: by index */
	size_t index;
};

struct walk {
	const struct feed_path *path;
	struct feed_filter *filter;
	struct level levels[FEED_STEPS + 1];
	size_t found; /* of whatever the filter may say of it */
	struct feed_items *items;
	struct error *err;
};

int feed_json_check(const struct feed_shape *shape, struct error *err)
{
	_cleanup_free_ struct feed_paths *paths = calloc(1, sizeof(*paths));
	struct feed_filter ignored;
	int rc;

	if (!paths)
		return error_set(err, ENOMEM, "not enough memory");
	rc = feed_paths_parse(shape->path, paths, err);
	return rc ? rc : feed_filter_parse(shape->filter, &ignored, err);
}

static unsigned int line_of(const char *data, size_t at)
{
	unsigned int line = 1;

	for (size_t i = 0; i < at; i++)
		line += data[i] == '\n';
	return line;
}

static void put_tokener(struct json_tokener **t)
{
	if (*t)
		json_tokener_free(*t);
}

static void put_object(struct json_object **o)
{
	json_object_put(*o);
}

static int read_document(const char *data, size_t n, struct json_object **out, struct error *err)
{
	__attribute__((cleanup(put_tokener))) struct json_tokener *t = json_tokener_new_ex(DEPTH);
	enum json_tokener_error why;

	if (!t)
		return error_set(err, ENOMEM, "not enough memory to read it");
	if (n > INT_MAX)
		return error_set(err, EINVAL, "it is larger than %d bytes", INT_MAX);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	*out = json_tokener_parse_ex(t, data, (int)n);
	why = json_tokener_get_error(t);
	if (why == json_tokener_success && *out)
		return 0;
	json_object_put(*out);
	*out = NULL;
	if (why == json_tokener_continue)
		return error_set(err, EINVAL, "line %u: the JSON ends too soon: cut off?",
				 line_of(data, n));
	return error_set(err, EINVAL, "line %u: no JSON (%s)",
			 line_of(data, json_tokener_get_parse_end(t)),
			 why == json_tokener_success ? "null" : json_tokener_error_desc(why));
}

/* "prefixes[17].ip_prefix", cut where it is too long, printable. */
static const char *place(const struct walk *w, size_t depth, char buf[static PLACE_MAX])
{
	char shown[TEXT_SHOWN_MAX];
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < depth && n < PLACE_MAX; i++) {
		const struct level *l = &w->levels[i];

		if (l->key)
			n += (size_t)snprintf(buf + n, PLACE_MAX - n, "%s%s", i ? "." : "",
					      text_shown(l->key, strlen(l->key), shown));
		else
			n += (size_t)snprintf(buf + n, PLACE_MAX - n, "[%zu]", l->index);
	}
	return depth ? buf : "the document";
}

static int wrong_kind(const struct walk *w, size_t depth, const char *wanted)
{
	char buf[PLACE_MAX], shown[TEXT_SHOWN_MAX];

	return error_set(w->err, EINVAL, "%s: %s where the path \"%s\" wants %s",
			 place(w, depth, buf),
			 json_type_to_name(json_object_get_type(w->levels[depth].value)),
			 text_shown(w->path->text, w->path->text_len, shown), wanted);
}

/* A text or number is one of the values, an array if any of its items is. */
static bool names(const struct feed_condition *c, struct json_object *value)
{
	const char *text;

	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			struct json_object *item = json_object_array_get_idx(value, i);

			text = json_object_get_string(item);
			if (text && feed_condition_names(c, text, strlen(text)))
				return true;
		}
		return false;
	}
	text = json_object_get_string(value);
	return text && feed_condition_names(c, text, strlen(text));
}

/* What the nearest object around the prefix that has such a key says. */
static bool condition_met(const struct walk *w, struct feed_condition *c, size_t depth)
{
	char key[FEED_KEY_MAX];
	struct json_object *value;

	if (c->key_len >= sizeof(key))
		return false;
	memcpy(key, c->key, c->key_len);
	key[c->key_len] = '\0';
	for (size_t i = depth; i-- > 0;) {
		if (!json_object_is_type(w->levels[i].value, json_type_object) ||
		    !json_object_object_get_ex(w->levels[i].value, key, &value))
			continue;
		c->seen = true;
		return names(c, value) != c->negated;
	}
	return false;
}

static int take(struct walk *w, size_t depth)
{
	struct json_object *value = w->levels[depth].value;
	char buf[PLACE_MAX];
	bool wanted = true;
	struct error why;
	int rc;

	if (!json_object_is_type(value, json_type_string))
		return wrong_kind(w, depth, "a text that is a prefix");
	w->found++;
	for (size_t i = 0; i < w->filter->n; i++)
		wanted &= condition_met(w, &w->filter->v[i], depth);
	if (!wanted)
		return 0;
	rc = feed_items_add(w->items, json_object_get_string(value),
			    (size_t)json_object_get_string_len(value), &why);
	return rc ? error_set(w->err, -rc, "%s: %s", place(w, depth, buf), why.text) : 0;
}

static int descend(struct walk *w, size_t depth);

static int into(struct walk *w, size_t depth, const char *key, size_t index,
		struct json_object *value)
{
	w->levels[depth].key = key;
	w->levels[depth].index = index;
	w->levels[depth + 1].value = value;
	return descend(w, depth + 1);
}

static int each_key(struct walk *w, size_t depth)
{
	int rc = 0;

	json_object_object_foreach(w->levels[depth].value, key, value)
	{
		rc = into(w, depth, key, 0, value);
		if (rc)
			break;
	}
	return rc;
}

static int each_item(struct walk *w, size_t depth)
{
	struct json_object *array = w->levels[depth].value;
	size_t n = json_object_array_length(array);
	int rc = 0;

	w->found += !n; /* an empty array is there all the same: of the other family, perhaps */
	for (size_t i = 0; !rc && i < n; i++)
		rc = into(w, depth, NULL, i, json_object_array_get_idx(array, i));
	return rc;
}

/* As deep as the path has steps. An object without the key is passed by: some have only IPv4. */
static int descend(struct walk *w, size_t depth)
{
	struct json_object *here = w->levels[depth].value, *value;
	const struct feed_step *step = &w->path->steps[depth];

	if (depth == w->path->n)
		return take(w, depth);
	if (step->kind == STEP_EACH_ITEM) {
		if (!json_object_is_type(here, json_type_array))
			return wrong_kind(w, depth, "an array");
		return each_item(w, depth);
	}
	if (!json_object_is_type(here, json_type_object))
		return wrong_kind(w, depth, "an object");
	if (step->kind == STEP_EACH_KEY)
		return each_key(w, depth);
	if (!json_object_object_get_ex(here, step->key, &value))
		return 0;
	return into(w, depth, step->key, 0, value);
}

static int walk_path(struct json_object *document, const struct feed_path *path,
		     struct feed_filter *filter, struct feed_items *items, struct error *err)
{
	struct walk w = { .path = path, .filter = filter, .items = items, .err = err };
	char shown[TEXT_SHOWN_MAX];
	int rc;

	w.levels[0].value = document;
	rc = descend(&w, 0);
	if (rc || w.found)
		return rc;
	return error_set(err, EINVAL, "nothing is there at the path \"%s\"",
			 text_shown(path->text, path->text_len, shown));
}

int feed_json_parse(const struct feed_shape *shape, const char *data, size_t n,
		    struct feed_items *items, struct error *err)
{
	__attribute__((cleanup(put_object))) struct json_object *document = NULL;
	_cleanup_free_ struct feed_paths *paths = calloc(1, sizeof(*paths));
	struct feed_filter filter;
	int rc;

	if (!paths)
		return error_set(err, ENOMEM, "not enough memory to read it");
	rc = feed_paths_parse(shape->path, paths, err);
	if (!rc)
		rc = feed_filter_parse(shape->filter, &filter, err);
	if (!rc)
		rc = read_document(data, n, &document, err);
	for (size_t i = 0; !rc && i < paths->n; i++)
		rc = walk_path(document, &paths->v[i], &filter, items, err);
	return rc ? rc : feed_filter_check_seen(&filter, err);
}
