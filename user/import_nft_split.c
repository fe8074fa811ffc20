// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Elements of long sets are taken out of the text before json-c reads it whole, and then given to
 * it one by one: as objects a million of them would take 2 GB.
 */
#include <ctype.h>
#include <json-c/json.h>
#include <string.h>
#include "cleanup.h"
#include "import_nft.h"

enum { WORTH = 64 /* bytes: shorter ones stay where they are */ };

static char *skip_blanks(char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

/* Behind `"elem": [`; NULL: there is no more. In a string such a quote has a backslash before it.
 */
static char *find_elements(char *text, const char *start)
{
	static const char key[] = "\"elem\"";
	char *at = text;

	while ((at = strstr(at, key))) {
		char *next = skip_blanks(at + sizeof(key) - 1);
		bool quoted = at > start && at[-1] == '\\';

		at = next;
		if (quoted || *next != ':')
			continue;
		next = skip_blanks(next + 1);
		if (*next == '[')
			return next + 1;
	}
	return NULL;
}

/* The bracket that ends an array; NULL: there is none. Counts the values. */
static char *find_end(char *at, size_t *values)
{
	unsigned int depth = 0;
	bool string = false;

	*values = 1;
	for (; *at; at++) {
		if (string) {
			if (*at == '\\' && at[1])
				at++;
			else if (*at == '"')
				string = false;
		} else if (*at == '"') {
			string = true;
		} else if (*at == '[' || *at == '{') {
			depth++;
		} else if (*at == ']' || *at == '}') {
			if (!depth)
				return *at == ']' ? at : NULL;
			depth--;
		} else if (*at == ',' && !depth) {
			++*values;
		}
	}
	return NULL;
}

int nft_split(struct nft *n, char *text)
{
	const char *start = text;
	char *at, *end;
	size_t values;

	while ((at = find_elements(text, start))) {
		struct nft_part *v;
		char number[32];
		int len;

		end = find_end(at, &values);
		if (!end)
			return 0; /* json-c says what is wrong */
		text = end;
		if (end - at < WORTH)
			continue;
		v = reallocarray(n->parts, n->n_parts + 1, sizeof(*v));
		if (!v)
			return error_set(n->err, ENOMEM, "not enough memory for the sets");
		n->parts = v;
		v[n->n_parts].text = strndup(at, (size_t)(end - at));
		v[n->n_parts].values = values;
		if (!v[n->n_parts].text)
			return error_set(n->err, ENOMEM, "not enough memory for the sets");
		/* In its place: an array that holds the number of the part. */
		memset(at, ' ', (size_t)(end - at));
		len = snprintf(number, sizeof(number), "%zu", n->n_parts);
		memcpy(at, number, (size_t)len);
		n->n_parts++;
	}
	return 0;
}

const struct nft_part *nft_part(const struct nft *n, struct json_object *elements)
{
	struct json_object *only;
	int64_t number;

	if (!json_object_is_type(elements, json_type_array) ||
	    json_object_array_length(elements) != 1)
		return NULL;
	only = json_object_array_get_idx(elements, 0);
	if (!json_object_is_type(only, json_type_int))
		return NULL;
	number = json_object_get_int64(only);
	return number >= 0 && (uint64_t)number < n->n_parts ? &n->parts[number] : NULL;
}

static void free_tokener(struct json_tokener **t)
{
	if (*t)
		json_tokener_free(*t);
}

int nft_each(struct nft *n, const struct nft_part *part, const char *set,
	     int (*fn)(struct nft *n, int list, const char *set, struct json_object *value),
	     int list)
{
	struct json_tokener *t _cleanup_(free_tokener) = json_tokener_new();
	const char *at = part->text, *end = at + strlen(at);
	int rc = 0;

	if (!t)
		return error_set(n->err, ENOMEM, "not enough memory for the sets");
	while (!rc && at < end) {
		size_t left = (size_t)(end - at);
		struct json_object *value;

		/* With the comma or the NUL behind it: a number would not end else. */
		json_tokener_reset(t);
		value = json_tokener_parse_ex(t, at, left < 65536 ? (int)left + 1 : 65536);
		if (json_tokener_get_error(t) != json_tokener_success) {
			json_object_put(value);
			return import_error(n->im, 0, n->err,
					    "set %.63s: not JSON (%s): give what `nft -j list "
					    "ruleset` prints",
					    set,
					    json_tokener_error_desc(json_tokener_get_error(t)));
		}
		at += json_tokener_get_parse_end(t);
		rc = fn(n, list, set, value);
		json_object_put(value);
		while (isspace((unsigned char)*at))
			at++;
		if (!rc && at < end && *at++ != ',')
			return import_error(n->im, 0, n->err,
					    "set %.63s: no comma between its elements: give what "
					    "`nft -j list ruleset` prints",
					    set);
	}
	return rc;
}
