// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "hostname.h"
#include "import.h"
#include "listfile.h"
#include "text.h"

/* Bytes that a list file does not take become '?'; blanks around go. */
static size_t clean_label(const char *text, size_t n, char out[static POLICY_LABEL_MAX])
{
	size_t used = 0, at;

	while (n && isspace((unsigned char)*text)) {
		text++;
		n--;
	}
	if (n > POLICY_LABEL_MAX)
		n = POLICY_LABEL_MAX;
	memcpy(out, text, n);
	while ((at = text_utf8_valid(out + used, n - used)) < n - used) {
		used += at;
		out[used] = '?';
	}
	text_replace_controls(out, n);
	while (n && out[n - 1] == ' ')
		n--;
	return n;
}

uint32_t import_label(struct import *im, unsigned int line, const char *text, size_t n)
{
	char label[POLICY_LABEL_MAX];
	struct error why;
	uint32_t offset;

	while (n && text_is_blank(*text)) {
		text++;
		n--;
	}
	while (n && text_is_blank(text[n - 1]))
		n--;
	if (list_label_check(text, n, &why)) {
		n = clean_label(text, n, label);
		text = label;
		import_note(im, IMPORT_CHANGED, line, NULL,
			    "labels that a list file cannot hold are cut or cleaned");
	}
	if (policy_intern(&im->policy, text, n, &offset))
		im->no_memory = true;
	return offset;
}

uint32_t import_until(const struct import *im, uint64_t seconds)
{
	if (!seconds)
		return 0;
	return seconds < UINT32_MAX - im->now ? im->now + (uint32_t)seconds : UINT32_MAX;
}

int import_push(struct import *im, int list, struct prefix_range range,
		const struct import_item *item, struct error *err)
{
	struct entry e = {
		.list = (uint16_t)list,
		.flags = item->carve ? ENTRY_CARVE : 0,
		.label = item->label,
		.source = im->source,
		.line = item->line,
		.until = item->until,
	};

	while (prefix_range_next(&range, &e.prefix)) {
		if (entries_push(&im->policy.base, &e))
			return error_set(err, ENOMEM, "not enough memory for the entries");
	}
	return 0;
}

int import_range(struct import *im, const char *text, unsigned int line, struct prefix_range *out,
		 struct error *err)
{
	struct error why;

	if (prefix_range_parse(text, strlen(text), out, &why))
		return import_error(im, line, err, "%s", why.text);
	if (out->host_bits)
		import_note(im, IMPORT_CHANGED, line, text,
			    "host bits were set: the whole network is taken");
	return 0;
}

int import_push_text(struct import *im, int list, const char *text, const struct import_item *item,
		     struct error *err)
{
	struct prefix_range range;
	int rc = import_range(im, text, item->line, &range, err);

	return rc ? rc : import_push(im, list, range, item, err);
}

int import_push_name(struct import *im, int list, const char *name, struct error *err)
{
	struct import_names *names = &im->lists[list].names;
	char normal[HOSTNAME_MAX + 1];
	char **v;

	/* As the config does, to which "a.example" and "A.example." are the same. */
	hostname_normal(name, normal);
	for (size_t i = 0; i < names->n && i < 1024; i++) {
		if (!strcmp(names->v[i], normal))
			return 0;
	}
	v = reallocarray(names->v, names->n + 1, sizeof(*v));
	if (v) {
		names->v = v;
		v[names->n] = strdup(normal);
	}
	if (!v || !v[names->n])
		return error_set(err, ENOMEM, "not enough memory for the names");
	names->n++;
	return 0;
}

bool import_is_name(const char *text)
{
	size_t part = 0, parts = 0, n = strlen(text);
	bool letter = false;
	struct error why;

	if (n > 253 || !isalnum((unsigned char)*text))
		return false;
	for (const char *c = text; *c; c++) {
		if (*c == '.') {
			if (!part || c[-1] == '-' || (c[1] && !isalnum((unsigned char)c[1])))
				return false;
			part = 0;
			parts++;
			letter = false;
			continue;
		}
		if (!isascii(*c) || (!isalnum((unsigned char)*c) && *c != '-') || ++part > 63)
			return false;
		letter |= !!isalpha((unsigned char)*c);
	}
	/* The last part has a letter, or it is an address that somebody mistyped. */
	return ((letter && parts) || (!part && parts > 1)) && !hostname_check(text, false, &why);
}

char *import_next_line(char **text)
{
	char *line = *text, *end;

	if (!*line)
		return NULL;
	end = strchrnul(line, '\n');
	*text = *end ? end + 1 : end;
	*end = '\0';
	if (end > line && end[-1] == '\r')
		end[-1] = '\0';
	return line;
}

char *import_next_word(char **line, bool backslash)
{
	char *word = *line + strspn(*line, " \t"), *end = word;
	bool quoted = false;

	for (; *end && (quoted || !text_is_blank(*end)); end++) {
		if (backslash && *end == '\\' && quoted && end[1])
			end++;
		else if (*end == '"')
			quoted = !quoted;
	}
	*line = *end ? end + 1 : end;
	*end = '\0';
	return word;
}
