// SPDX-License-Identifier: GPL-2.0-or-later
/* Feeds of one prefix a line. */
#include <errno.h>
#include <string.h>
#include "feed_parse.h"
#include "listfile.h"
#include "text.h"

static void trim(const char **text, size_t *n)
{
	while (*n && text_is_blank(**text)) {
		(*text)++;
		(*n)--;
	}
	while (*n && (text_is_blank((*text)[*n - 1]) || (*text)[*n - 1] == '\r'))
		(*n)--;
}

static bool is_comment(char c)
{
	return c == '#' || c == ';';
}

static size_t token_len(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && !text_is_blank(text[i]) && !is_comment(text[i]))
		i++;
	return i;
}

/* Comments are free text: one that cannot be a label is none. */
static void label(struct feed_item *item, const char *text, size_t n)
{
	struct error ignored;

	trim(&text, &n);
	if (!n || list_label_check(text, n, &ignored))
		return;
	item->label = text;
	item->label_len = n;
}

static int read_line(const char *line, size_t n, struct feed_items *items, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];
	size_t token;
	int rc;

	trim(&line, &n);
	if (!n || is_comment(*line))
		return 0;
	token = token_len(line, n);
	rc = feed_items_add(items, line, token, err);
	if (rc)
		return rc;
	line += token;
	n -= token;
	trim(&line, &n);
	if (!n)
		return 0;
	if (!is_comment(*line))
		return error_set(err, EINVAL, "\"%s\" after the prefix",
				 text_shown(line, n, shown));
	label(&items->v[items->n - 1], line + 1, n - 1);
	return 0;
}

int feed_text_parse(const char *data, size_t n, struct feed_items *items, struct error *err)
{
	const char *line = data, *end = data + n, *next;
	struct error why;
	unsigned int number = 0;
	int rc;

	for (; line < end; line = next + 1) {
		number++;
		next = memchr(line, '\n', (size_t)(end - line));
		if (!next)
			next = end;
		rc = read_line(line, (size_t)(next - line), items, &why);
		if (rc)
			return error_set(err, -rc, "line %u: %s", number, why.text);
	}
	return 0;
}
