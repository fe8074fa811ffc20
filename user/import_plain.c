// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lists that people keep: one address, prefix or range a line, with comments behind "#", ";", "//"
 * or just blanks; "allow ADDRESS;" of a web server too.
 */
#include <ctype.h>
#include <string.h>
#include "cleanup.h"
#include "import.h"
#include "text.h"

static char *skip_blanks(char *text)
{
	return text + strspn(text, " \t");
}

static bool is_comment(const char *text)
{
	return *text == '#' || *text == ';' || (text[0] == '/' && text[1] == '/');
}

/* "allow 192.0.2.1;", "Require ip 192.0.2.1" */
static char *skip_words(char *text)
{
	static const char *const words[] = { "allow ", "allow\t", "require ip ", "add " };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strncasecmp(text, words[i], strlen(words[i])))
			return skip_blanks(text + strlen(words[i]));
	}
	return text;
}

/* "192.0.2.1 - 192.0.2.9" and "192.0.2.0 255.255.255.0" are joined; returns what follows. */
static char *cut_address(char *text, char out[static 128])
{
	char *end = text + strcspn(text, " \t,;#|");
	char *next = skip_blanks(end), *next_end;
	size_t n = (size_t)(end - text), m;
	char sign = '\0';

	snprintf(out, 128, "%.*s", (int)(n > 120 ? 120 : n), text);
	if (*next == '-' && n) {
		sign = '-';
		next = skip_blanks(next + 1);
	} else if (!strncmp(next, "255.", 4) && !strchr(out, '/')) {
		sign = '/';
	}
	next_end = next + strcspn(next, " \t,;#|");
	m = (size_t)(next_end - next);
	if (!sign || !m || !isxdigit((unsigned char)*next) || n > 60 || m > 60 ||
	    memchr(next, '-', m))
		return end;
	snprintf(out, 128, "%.*s%c%.*s", (int)n, text, sign, (int)m, next);
	return next_end;
}

static char *label_of(char *rest, char **end)
{
	rest = skip_blanks(rest);
	while (*rest && (strchr("#;,|\"", *rest) || (rest[0] == '/' && rest[1] == '/')))
		rest = skip_blanks(rest + 1);
	while (*rest == '/')
		rest++;
	rest = skip_blanks(rest);
	*end = rest + strlen(rest);
	while (*end > rest && strchr(" \t;\",", (*end)[-1]))
		(*end)--;
	return rest;
}

static int read_line(struct import *im, int list, char *line, unsigned int number,
		     struct error *err)
{
	struct import_item item = { .line = number };
	char text[128], *rest, *end, shown[TEXT_SHOWN_MAX];
	struct prefix_range ignored;
	struct error why;
	const char *label;

	line = skip_blanks(line);
	if (!*line || is_comment(line))
		return 0;
	line = skip_words(line);
	if (*line == '!') {
		item.carve = true;
		line = skip_blanks(line + 1);
	}
	line += *line == '"';
	rest = cut_address(line, text);
	text[strcspn(text, "\"")] = '\0';
	label = label_of(rest, &end);
	if (prefix_range_parse(text, strlen(text), &ignored, &why) && import_is_name(text) &&
	    !item.carve)
		return import_push_name(im, list, text, err);
	if (!*text)
		return import_error(im, number, err, "no address here: \"%s\"",
				    text_shown(line, strlen(line), shown));
	item.label = import_label(im, number, label, (size_t)(end - label));
	return import_push_text(im, list, text, &item, err);
}

/* "lists/office-v4.txt" makes a list "office-v4". */
static void name_of(const char *file, char name[static POLICY_NAME_MAX + 1])
{
	const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file, *dot;
	size_t n = strlen(base);

	dot = strrchr(base, '.');
	if (dot && dot != base)
		n = (size_t)(dot - base);
	snprintf(name, POLICY_NAME_MAX + 1, "%.*s",
		 (int)(n > POLICY_NAME_MAX ? POLICY_NAME_MAX : n), base);
}

int import_plain(struct import *im, char *text, struct error *err)
{
	char origin[IMPORT_ORIGIN_MAX], name[POLICY_NAME_MAX + 1], *line;
	unsigned int number = 0;
	int list, rc = 0;

	name_of(im->file, name);
	snprintf(origin, sizeof(origin), "a list");
	list = import_new_list(im, *name && strcmp(im->file, "(stdin)") ? name : "imported", origin,
			       0, err);
	if (list < 0)
		return list;
	import_wanted(im, im->policy.lists[list].name);
	while (!rc && (line = import_next_line(&text)))
		rc = read_line(im, list, line, ++number, err);
	return rc;
}
