// SPDX-License-Identifier: GPL-2.0-or-later
/* Feeds. The first line says how: FORMAT|COLUMN|PATH|FILTER. The rest is the feed. */
#include "feed_guard.h"
#include "feed_parse.h"
#include "target.h"

enum { PARTS = 4 };

/* Cuts the line into its parts; NULL: not given. */
static bool split(char *line, char *parts[static PARTS])
{
	for (int i = 0; i < PARTS; i++) {
		parts[i] = line;
		if (!line)
			continue;
		line = strchr(line, '|');
		if (line)
			*line++ = '\0';
	}
	return !line;
}

static void check_items(struct feed_items *items)
{
	struct feed_limits limits = feed_limits_defaults();
	struct error err = { "" };

	for (size_t i = 0; i < items->n; i++) {
		const struct feed_item *item = &items->v[i];

		fuzz_check(item->prefix.len <= prefix_max_len(item->prefix.family));
		fuzz_check(!list_label_check(item->label, item->label_len, &err));
	}
	feed_items_sort(items);
	for (size_t i = 1; i < items->n; i++)
		fuzz_check(prefix_compare(&items->v[i - 1].prefix, &items->v[i].prefix) < 0);
	fuzz_check(feed_uncovered(items, items) == 0);
	fuzz_check(!feed_guard_shrink(items, items, &limits, &err));
	if (feed_guard_content(items, &limits, &err))
		fuzz_one_line(&err);
}

/* The half of it in place of all: that is too little, or the half that is left covers it. */
static void check_shrinks(const struct feed_items *items)
{
	struct feed_items few = { items->v, items->n / 3, items->n };
	struct feed_limits limits = feed_limits_defaults();
	struct error err = { "" };
	int rc = feed_guard_shrink(items, &few, &limits, &err);

	if (rc)
		fuzz_one_line(&err);
	fuzz_check(rc || few.n == items->n || feed_uncovered(items, &few) * 2 <= items->n);
}

void fuzz_feed(const uint8_t *data, size_t n)
{
	struct feed_items items _cleanup_feed_items_ = { 0 };
	_cleanup_free_ char *line = NULL, *body = NULL;
	const char *text = (const char *)data;
	struct feed_shape shape = { 0 };
	struct error err = { "" };
	size_t head = fuzz_first_line(&text, &n);
	char *parts[PARTS];

	line = fuzz_text(data, head);
	if (!split(line, parts) || feed_format_parse(parts[0], &shape.format))
		return;
	shape.column = parts[1];
	shape.path = parts[2];
	shape.filter = parts[3];
	if (feed_shape_check(&shape, &err)) {
		fuzz_one_line(&err);
		return;
	}
	body = malloc(n ? n : 1);
	fuzz_check(body);
	memcpy(body, text, n);
	if (feed_parse(&shape, body, n, &items, &err)) {
		fuzz_one_line(&err);
		return;
	}
	check_items(&items);
	check_shrinks(&items);
}
