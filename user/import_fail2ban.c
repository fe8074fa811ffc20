// SPDX-License-Identifier: GPL-2.0-or-later
/* `ignoreip` of fail2ban's jail.local: who is never banned, in [DEFAULT] and in single jails. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "import.h"
#include "text.h"

enum { SECTION_MAX = 48 };

struct jails {
	struct import *im;
	struct error *err;
	unsigned int line;
	char section[SECTION_MAX];
	int list;      /* of this section; -1: none yet */
	bool ignoring; /* within the value of ignoreip */
};

static int list_of(struct jails *j)
{
	char name[SECTION_MAX + 16], origin[IMPORT_ORIGIN_MAX], shown[TEXT_SHOWN_MAX];
	bool all = !strcmp(j->section, "DEFAULT") || !*j->section;

	if (j->list >= 0)
		return j->list;
	snprintf(name, sizeof(name), "ignoreip%s%s", all ? "" : "-", all ? "" : j->section);
	snprintf(origin, sizeof(origin), "fail2ban's ignoreip of %s",
		 all ? "all jails" : text_shown(j->section, strlen(j->section), shown));
	j->list = import_new_list(j->im, name, origin, j->line, j->err);
	if (j->list >= 0)
		import_wanted(j->im, j->im->policy.lists[j->list].name);
	return j->list;
}

static bool is_loopback(const struct prefix_range *r)
{
	return r->family == AXP_IPV4 ? r->low >> 24 == 127 && r->high >> 24 == 127
				     : r->low == 1 && r->high == 1;
}

static int read_host(struct jails *j, const char *word)
{
	struct import_item item = { .line = j->line };
	struct prefix_range range;
	struct error why;
	int list;

	if (strchr(word, '%') || !strncmp(word, "file:", 5)) {
		import_note(j->im, IMPORT_LOST, j->line, word,
			    "what stands for other text (%%(name)s, file:)");
		return 0;
	}
	if (!strcmp(word, "localhost"))
		word = "127.0.0.1";
	if (prefix_range_parse(word, strlen(word), &range, &why)) {
		if (!import_is_name(word))
			return import_error(j->im, j->line, j->err, "%s", why.text);
		list = list_of(j);
		return list < 0 ? list : import_push_name(j->im, list, word, j->err);
	}
	if (is_loopback(&range)) {
		import_note(j->im, IMPORT_LOST, j->line, word,
			    "loopback addresses, which never come in from outside");
		return 0;
	}
	list = list_of(j);
	return list < 0 ? list : import_push_text(j->im, list, word, &item, j->err);
}

static int read_value(struct jails *j, char *value)
{
	char *save = NULL, *word;
	int rc = 0;

	for (char *c = value; *c; c++) {
		/* A comment ends it: "#" or ";" behind a blank. */
		if ((*c == '#' || *c == ';') && (c == value || text_is_blank(c[-1]))) {
			*c = '\0';
			break;
		}
	}
	for (word = strtok_r(value, " \t,", &save); word && !rc;
	     word = strtok_r(NULL, " \t,", &save))
		rc = read_host(j, word);
	return rc;
}

static int begin_section(struct jails *j, char *line)
{
	char *end = strchr(line, ']');

	if (!end || end - line - 1 >= SECTION_MAX)
		return import_error(j->im, j->line, j->err,
				    "a section without its ]: is this jail.local?");
	*end = '\0';
	strcpy(j->section, line + 1);
	j->list = -1;
	j->ignoring = false;
	return 0;
}

static int read_line(struct jails *j, char *line)
{
	char *value;
	size_t n;

	if (!*line || *line == '#' || *line == ';')
		return 0;
	if (text_is_blank(*line))
		return j->ignoring ? read_value(j, line) : 0;
	if (*line == '[')
		return begin_section(j, line);
	n = strcspn(line, "=:");
	if (!line[n])
		return import_error(j->im, j->line, j->err,
				    "neither a [section] nor NAME = VALUE: is this jail.local?");
	value = line + n + 1;
	while (n && text_is_blank(line[n - 1]))
		n--;
	line[n] = '\0';
	j->ignoring = !strcmp(line, "ignoreip");
	if (!strcmp(line, "ignorecommand") && *value)
		import_note(j->im, IMPORT_LOST, j->line, NULL, "ignorecommand");
	if (j->ignoring && j->list >= 0)
		import_note(j->im, IMPORT_CHANGED, j->line, j->section,
			    "ignoreip is there twice: both are taken (fail2ban: the last)");
	return j->ignoring ? read_value(j, value) : 0;
}

int import_fail2ban(struct import *im, char *text, struct error *err)
{
	struct jails j = { .im = im, .err = err, .list = -1 };
	char *line;
	int rc = 0;

	while (!rc && (line = import_next_line(&text))) {
		j.line++;
		rc = read_line(&j, line);
	}
	return rc;
}
