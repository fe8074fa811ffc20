// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cleanup.h"
#include "hits_state.h"
#include "readfile.h"
#include "writefile.h"

/*
 * Lines of words. The first says what it is, the last how many lines there are: a file that was cut
 * is noticed.
 */
#define FIRST_LINE "allowxdp hits 1"

enum { FILE_MAX = 128 << 20, WORDS_MAX = 2 + HITS_MERGED_MAX };

static const char *hits_path(const struct paths *paths, char buf[static PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s/hits", paths->state);
	return buf;
}

struct line {
	char *words[WORDS_MAX];
	size_t n;
};

static bool split(char *text, struct line *l)
{
	char *rest = NULL;

	l->n = 0;
	for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
		if (l->n == WORDS_MAX)
			return false;
		l->words[l->n++] = w;
	}
	return l->n > 0;
}

static bool number(const char *word, uint64_t max, uint64_t *out)
{
	char *end;

	if (*word < '0' || *word > '9')
		return false;
	errno = 0;
	*out = strtoull(word, &end, 10);
	return !errno && !*end && *out <= max;
}

static bool seconds(const char *word, uint32_t *out)
{
	uint64_t n;

	if (!number(word, UINT32_MAX, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool name(struct hits *h, const char *word, uint16_t *out)
{
	int i = policy_name_ok(word) ? hits_name(h, word) : -1;

	*out = (uint16_t)i;
	return i >= 0;
}

static bool prefix(const char *word, struct prefix *out)
{
	struct error ignored;

	return !prefix_parse(word, strlen(word), out, &ignored);
}

static bool take_merged(struct hits *h, const struct line *l)
{
	if (l->n < 2 || h->n_merged || strlen(l->words[1]) > HITS_BOOT_MAX)
		return false;
	strcpy(h->boot, l->words[1]);
	for (size_t i = 2; i < l->n; i++) {
		if (!seconds(l->words[i], &h->merged[h->n_merged++]))
			return false;
	}
	return true;
}

static bool take_hit(struct hits *h, char *const *w)
{
	struct hit hit = { 0 };

	return name(h, w[1], &hit.service) && name(h, w[2], &hit.list) &&
	       prefix(w[3], &hit.prefix) && number(w[4], UINT64_MAX, &hit.packets) &&
	       seconds(w[5], &hit.first) && seconds(w[6], &hit.last) && !hits_push(h, &hit);
}

static bool take_entry(struct hits *h, char *const *w)
{
	struct known known = { 0 };

	return name(h, w[1], &known.list) && prefix(w[2], &known.prefix) &&
	       seconds(w[3], &known.since) && !hits_push_known(h, &known);
}

static bool take_list(struct hits *h, char *const *w)
{
	struct known_list list = { 0 };

	return name(h, w[1], &list.list) && number(w[2], UINT64_MAX, &list.hash) &&
	       seconds(w[3], &list.since) && !hits_push_list(h, &list);
}

static bool take_line(struct hits *h, const struct line *l)
{
	char *const *w = l->words;

	if (!strcmp(w[0], "hit") && l->n == 7)
		return take_hit(h, w);
	if (!strcmp(w[0], "entry") && l->n == 4)
		return take_entry(h, w);
	if (!strcmp(w[0], "list") && l->n == 4)
		return take_list(h, w);
	if (!strcmp(w[0], "merged"))
		return take_merged(h, l);
	if (l->n != 2)
		return false;
	if (!strcmp(w[0], "since"))
		return seconds(w[1], &h->since);
	if (!strcmp(w[0], "until"))
		return seconds(w[1], &h->until);
	if (!strcmp(w[0], "left-out"))
		return number(w[1], UINT64_MAX, &h->left_out);
	if (!strcmp(w[0], "unmatched"))
		return number(w[1], UINT64_MAX, &h->unmatched);
	return !strcmp(w[0], "dropped") && number(w[1], UINT64_MAX, &h->dropped);
}

/* `only`: " LIST PREFIX ", the entry that is asked for; NULL: all are. */
static bool is_wanted(const char *line, const char *only)
{
	bool of_entry = !strncmp(line, "hit ", 4) || !strncmp(line, "entry ", 6);

	return !only || !of_entry || strstr(line, only);
}

/* 0, or the number of the line that is damaged. */
static unsigned int parse(struct hits *h, char *text, const char *only)
{
	unsigned int n = 1;
	char *end = strchr(text, '\n');

	if (!end || strncmp(text, FIRST_LINE "\n", strlen(FIRST_LINE "\n")))
		return n;
	while (*(text = end + 1)) {
		struct line l;

		n++;
		end = strchr(text, '\n');
		if (!end)
			return n;
		*end = '\0';
		if (!is_wanted(text, only))
			continue;
		if (!split(text, &l))
			return n;
		if (!strcmp(l.words[0], "lines")) {
			uint64_t lines;

			return l.n == 2 && number(l.words[1], UINT32_MAX, &lines) && lines == n &&
					       !end[1] && h->since
				       ? 0
				       : n;
		}
		if (!take_line(h, &l))
			return n;
	}
	return n + 1;
}

static int read_file(const struct paths *paths, const char *only, struct hits *h, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	unsigned int line;
	size_t n;
	int rc = file_read_all(hits_path(paths, path), FILE_MAX, &text, &n, err);

	*h = (struct hits){ 0 };
	if (rc)
		return rc;
	line = strlen(text) == n ? parse(h, text, only) : 1;
	if (line) {
		hits_free(h);
		return error_at(err, path, line, "is damaged: remove the file, or put it right");
	}
	hits_sort(h);
	hits_sort_known(h);
	return 0;
}

int hits_read(const struct paths *paths, struct hits *h, struct error *err)
{
	return read_file(paths, NULL, h, err);
}

int hits_read_entry(const struct paths *paths, const char *list, const struct prefix *prefix,
		    struct hits *h, struct error *err)
{
	char text[PREFIX_TEXT_MAX], only[POLICY_NAME_MAX + PREFIX_TEXT_MAX + 4];

	snprintf(only, sizeof(only), " %s %s ", list, prefix_text(prefix, text));
	return read_file(paths, only, h, err);
}

static unsigned int write_lines(FILE *f, const struct hits *h)
{
	char text[PREFIX_TEXT_MAX];

	fprintf(f, FIRST_LINE "\nsince %u\nuntil %u\n", h->since, h->until);
	fprintf(f, "left-out %" PRIu64 "\nunmatched %" PRIu64 "\ndropped %" PRIu64 "\n",
		h->left_out, h->unmatched, h->dropped);
	fprintf(f, "merged %s", h->boot);
	for (size_t i = 0; i < h->n_merged; i++)
		fprintf(f, " %u", h->merged[i]);
	fputc('\n', f);
	for (size_t i = 0; i < h->n_lists; i++)
		fprintf(f, "list %s %" PRIu64 " %u\n", h->names[h->lists[i].list], h->lists[i].hash,
			h->lists[i].since);
	for (size_t i = 0; i < h->n_known; i++)
		fprintf(f, "entry %s %s %u\n", h->names[h->known[i].list],
			prefix_text(&h->known[i].prefix, text), h->known[i].since);
	for (size_t i = 0; i < h->n; i++)
		fprintf(f, "hit %s %s %s %" PRIu64 " %u %u\n", h->names[h->v[i].service],
			h->names[h->v[i].list], prefix_text(&h->v[i].prefix, text), h->v[i].packets,
			h->v[i].first, h->v[i].last);
	return (unsigned int)(7 + h->n_lists + h->n_known + h->n);
}

int hits_write(const struct paths *paths, const struct hits *h, struct error *err)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	char path[PATH_MAX];
	int rc = make_directory(paths->state, err);

	if (!rc)
		rc = new_file_open(&file, hits_path(paths, path), err);
	if (rc)
		return rc;
	fprintf(file.f, "lines %u\n", write_lines(file.f, h) + 1);
	return new_file_commit(&file, err);
}

void hits_set_aside(const struct paths *paths, const struct error *why)
{
	char path[PATH_MAX], aside[PATH_MAX + 16];

	hits_path(paths, path);
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	if (rename(path, aside))
		warn_line("%s", why->text);
	else
		warn_line("%s: it is %s now, and hits are counted anew", why->text, aside);
}
