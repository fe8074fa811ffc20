// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "cleanup.h"
#include "feed_parse.h"
#include "text.h"

static const char *const format_names[] = {
	[FEED_TEXT] = "text",
	[FEED_CSV] = "csv",
	[FEED_JSON] = "json",
};

void feed_items_free(struct feed_items *items)
{
	free(items->v);
	*items = (struct feed_items){ 0 };
}

static int by_prefix(const void *a, const void *b)
{
	const struct feed_item *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	if (order)
		return order;
	return x->label < y->label ? -1 : x->label > y->label; /* the first one of the feed */
}

void feed_items_sort(struct feed_items *items)
{
	size_t n = 0;

	if (items->n)
		qsort(items->v, items->n, sizeof(*items->v), by_prefix);
	for (size_t i = 0; i < items->n; i++) {
		if (!n || prefix_compare(&items->v[n - 1].prefix, &items->v[i].prefix))
			items->v[n++] = items->v[i];
	}
	items->n = n;
}

int feed_items_push(struct feed_items *items, const struct feed_item *item, struct error *err)
{
	size_t cap = items->cap ? items->cap * 2 : 256;
	struct feed_item *v;

	if (items->n == FEED_MAX_ENTRIES)
		return error_set(err, EINVAL, "more than %d entries", FEED_MAX_ENTRIES);
	if (items->n == items->cap) {
		v = reallocarray(items->v, cap, sizeof(*v));
		if (!v)
			return error_set(err, ENOMEM, "not enough memory for its entries");
		items->v = v;
		items->cap = cap;
	}
	items->v[items->n++] = *item;
	return 0;
}

int feed_items_add(struct feed_items *items, const char *text, size_t n, struct error *err)
{
	struct feed_item item = { 0 };
	int rc = prefix_parse(text, n, &item.prefix, err);

	return rc ? rc : feed_items_push(items, &item, err);
}

int feed_format_parse(const char *text, enum feed_format *format)
{
	for (size_t i = 0; i < ARRAY_SIZE(format_names); i++) {
		if (strcmp(text, format_names[i]))
			continue;
		*format = (enum feed_format)i;
		return 0;
	}
	return -EINVAL;
}

const char *feed_format_name(enum feed_format format)
{
	return format_names[format];
}

static bool given(const char *text)
{
	return text && *text;
}

int feed_shape_check(const struct feed_shape *s, struct error *err)
{
	if (given(s->column) && s->format != FEED_CSV)
		return error_set(err, EINVAL,
				 "\"column\" is for \"format: csv\" only: add that, or remove it");
	if (given(s->path) && s->format != FEED_JSON)
		return error_set(err, EINVAL,
				 "\"path\" is for \"format: json\" only: add that, or remove it");
	if (given(s->filter) && s->format == FEED_TEXT)
		return error_set(err, EINVAL,
				 "\"filter\" is for \"format: json\" and \"format: csv\" only: add "
				 "one of them, or remove it");
	switch (s->format) {
	case FEED_CSV:
		return feed_csv_check(s, err);
	case FEED_JSON:
		return feed_json_check(s, err);
	default:
		return 0;
	}
}

/* What comes instead of a feed when a portal, a proxy or a moved page answers. */
static bool is_markup(const char *data, size_t n)
{
	size_t i = 0;

	while (i < n && (text_is_blank(data[i]) || data[i] == '\r' || data[i] == '\n'))
		i++;
	return i < n && data[i] == '<';
}

int feed_parse(const struct feed_shape *shape, const char *data, size_t n, struct feed_items *items,
	       struct error *err)
{
	static const char bom[] = { '\xef', '\xbb', '\xbf' };

	if (n >= sizeof(bom) && !memcmp(data, bom, sizeof(bom))) {
		data += sizeof(bom);
		n -= sizeof(bom);
	}
	if (is_markup(data, n))
		return error_set(err, EINVAL, "line 1: a web page (HTML or XML) came, no list");
	if (n && memchr(data, '\0', n))
		return error_set(err, EINVAL,
				 "it holds a zero byte: compressed, or not UTF-8 text");
	switch (shape->format) {
	case FEED_CSV:
		return feed_csv_parse(shape, data, n, items, err);
	case FEED_JSON:
		return feed_json_parse(shape, data, n, items, err);
	default:
		return feed_text_parse(data, n, items, err);
	}
}
