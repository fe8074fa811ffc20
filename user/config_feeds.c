// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys of a list that say where its feed is, and how it is read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "cleanup.h"
#include "config_reader.h"
#include "duration.h"
#include "feed.h"
#include "text.h"
#include "trust.h"

/* One list's feed. */
struct feed_reader {
	const struct reader *r;
	const struct config_feed *c;
	struct news_source *s;
	int node;
};

static int no_memory(const struct feed_reader *f)
{
	return error_set(f->r->err, ENOMEM, "not enough memory for the config");
}

static int bad(const struct feed_reader *f, const char *key, const char *why)
{
	return error_at(f->r->err, f->r->path, yaml_lines_of_key(f->r->l, f->node, key), "%s", why);
}

static int keep(const struct feed_reader *f, int which, const char *text)
{
	if (!text)
		return 0;
	return policy_intern(f->r->p, text, strlen(text), &f->s->texts[which]) ? no_memory(f) : 0;
}

static int read_format(const struct feed_reader *f)
{
	enum feed_format format = FEED_TEXT;
	char shown[TEXT_SHOWN_MAX], why[200];

	if (f->c->format && feed_format_parse(f->c->format, &format)) {
		snprintf(why, sizeof(why), "unknown format \"%s\": write text, csv or json",
			 text_shown(f->c->format, strlen(f->c->format), shown));
		return bad(f, "format", why);
	}
	f->s->numbers[FEED_NUMBER_FORMAT] = format;
	return 0;
}

/* The key that an error of feed_shape_check() speaks of, for its line. */
static const char *key_of(const struct feed_reader *f, const char *text)
{
	if (f->c->column && !strncmp(text, "\"column\"", 8))
		return "column";
	if (f->c->filter && !strncmp(text, "\"filter\"", 8))
		return "filter";
	return f->c->path && !strncmp(text, "\"path\"", 6) ? "path" : "format";
}

static int read_shape(const struct feed_reader *f)
{
	struct feed_shape shape = { .column = f->c->column,
				    .path = f->c->path,
				    .filter = f->c->filter };
	struct error why;
	int ret = read_format(f);

	if (ret)
		return ret;
	shape.format = (enum feed_format)f->s->numbers[FEED_NUMBER_FORMAT];
	if (feed_shape_check(&shape, &why))
		return bad(f, key_of(f, why.text), why.text);
	ret = keep(f, FEED_TEXT_COLUMN, f->c->column);
	if (!ret)
		ret = keep(f, FEED_TEXT_PATH, f->c->path);
	return ret ? ret : keep(f, FEED_TEXT_FILTER, f->c->filter);
}

static int read_seconds(const struct feed_reader *f, const char *key, const char *text, int which,
			uint32_t least, uint32_t most)
{
	char shortest[DURATION_TEXT_MAX], longest[DURATION_TEXT_MAX], line[200];
	struct error why;
	uint32_t seconds;

	if (!text)
		return 0;
	if (duration_parse(text, &seconds, &why))
		return bad(f, key, why.text);
	if (seconds < least || seconds > most) {
		snprintf(line, sizeof(line), "%s: %u s is not between %s and %s: write %s: %s", key,
			 seconds, duration_text(least, shortest), duration_text(most, longest), key,
			 seconds < least ? shortest : longest);
		return bad(f, key, line);
	}
	f->s->numbers[which] = seconds;
	return 0;
}

static int read_times(const struct feed_reader *f)
{
	uint64_t *n = f->s->numbers;
	int ret;

	n[FEED_NUMBER_REFRESH] = FEED_REFRESH;
	n[FEED_NUMBER_TIMEOUT] = FEED_SECONDS;
	ret = read_seconds(f, "refresh", f->c->refresh, FEED_NUMBER_REFRESH, FEED_REFRESH_MIN,
			   DURATION_MAX);
	if (!ret)
		ret = read_seconds(f, "timeout", f->c->timeout, FEED_NUMBER_TIMEOUT, 1,
				   FEED_SECONDS_MAX);
	n[FEED_NUMBER_STALE_AFTER] = 3 * n[FEED_NUMBER_REFRESH];
	if (n[FEED_NUMBER_STALE_AFTER] < FEED_STALE_AFTER)
		n[FEED_NUMBER_STALE_AFTER] = FEED_STALE_AFTER;
	return ret ? ret
		   : read_seconds(f, "stale-after", f->c->stale_after, FEED_NUMBER_STALE_AFTER, 1,
				  DURATION_MAX);
}

/* Digits with one of the endings behind them, or with none. */
static bool number_of(const char *text, const char *const endings[], const uint64_t factors[],
		      uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno || *out > UINT32_MAX)
		return false;
	for (size_t i = 0; endings[i]; i++) {
		if (strcmp(end, endings[i]))
			continue;
		*out *= factors[i];
		return true;
	}
	return false;
}

static int read_number(const struct feed_reader *f, const char *key, const char *text, int which,
		       uint64_t most)
{
	static const char *const plain[] = { "", NULL }, *const percent[] = { "%", "", NULL };
	static const uint64_t ones[] = { 1, 1 };
	char shown[TEXT_SHOWN_MAX], why[200];
	bool is_percent = which == FEED_NUMBER_MAX_SHRINK;
	uint64_t n;

	if (!text)
		return 0;
	if (!number_of(text, is_percent ? percent : plain, ones, &n) || n > most) {
		snprintf(why, sizeof(why),
			 "%s: \"%s\" is not a number from 0 to %llu: write one, like %s: %s", key,
			 text_shown(text, strlen(text), shown), (unsigned long long)most, key,
			 is_percent   ? "50%"
			 : most == 32 ? "8"
				      : "19");
		return bad(f, key, why);
	}
	f->s->numbers[which] = n;
	return 0;
}

static int read_size(const struct feed_reader *f)
{
	static const char *const endings[] = { "kB", "KB", "k", "MB", "M", "", NULL };
	static const uint64_t factors[] = { 1 << 10, 1 << 10, 1 << 10, 1 << 20, 1 << 20, 1 };
	const char *text = f->c->max_size;
	char shown[TEXT_SHOWN_MAX], why[200];
	uint64_t n;

	f->s->numbers[FEED_NUMBER_MAX_SIZE] = FEED_SIZE;
	if (!text)
		return 0;
	if (!number_of(text, endings, factors, &n) || n < 1024 || n > FEED_SIZE_MAX) {
		snprintf(why, sizeof(why),
			 "max-size: \"%s\" is no size from 1kB to %dMB: write it like max-size: "
			 "16MB",
			 text_shown(text, strlen(text), shown), FEED_SIZE_MAX >> 20);
		return bad(f, "max-size", why);
	}
	f->s->numbers[FEED_NUMBER_MAX_SIZE] = n;
	return 0;
}

static int read_limits(const struct feed_reader *f)
{
	uint64_t *n = f->s->numbers;
	int ret = read_size(f);

	n[FEED_NUMBER_MAX_SHRINK] = FEED_MAX_SHRINK;
	n[FEED_NUMBER_MIN_PREFIX4] = FEED_SHORTEST_IPV4;
	n[FEED_NUMBER_MIN_PREFIX6] = FEED_SHORTEST_IPV6;
	if (!ret)
		ret = read_number(f, "max-shrink", f->c->max_shrink, FEED_NUMBER_MAX_SHRINK, 100);
	if (!ret)
		ret = read_number(f, "min-prefix4", f->c->min_prefix4, FEED_NUMBER_MIN_PREFIX4, 32);
	return ret ? ret
		   : read_number(f, "min-prefix6", f->c->min_prefix6, FEED_NUMBER_MIN_PREFIX6, 128);
}

static int read_ca_file(const struct feed_reader *f)
{
	_cleanup_free_ char *path = NULL;
	struct error refused;

	if (!f->c->ca_file)
		return 0;
	if (f->s->kind != SOURCE_URL || strncasecmp(f->c->url, "https:", 6))
		return bad(f, "ca-file", "\"ca-file\" is for an https \"url\" only: remove it");
	path = config_relative(f->r, f->c->ca_file);
	if (!path)
		return no_memory(f);
	if (access(path, R_OK)) {
		char why[300];

		snprintf(why, sizeof(why), "ca-file %.200s cannot be read: correct the path", path);
		return bad(f, "ca-file", why);
	}
	if (trust_file(path, &refused))
		return bad(f, "ca-file", refused.text);
	return keep(f, FEED_TEXT_CA_FILE, path);
}

/* Its parts with `between` between them. */
static char *join(const struct config_feed *c, char between)
{
	size_t n = 1;
	char *text;

	for (unsigned int i = 0; i < c->command_count; i++)
		n += strlen(c->command[i]) + 1;
	text = calloc(1, n);
	for (unsigned int i = 0; text && i < c->command_count; i++) {
		char *end = text + strlen(text);

		if (i)
			*end++ = between;
		strcpy(end, c->command[i]);
	}
	return text;
}

static int read_command(const struct feed_reader *f)
{
	_cleanup_free_ char *tabs = join(f->c, '\t'), *blanks = join(f->c, ' ');
	struct error why;
	int ret;

	if (!tabs || !blanks)
		return no_memory(f);
	for (unsigned int i = 0; i < f->c->command_count; i++) {
		if (strchr(f->c->command[i], '\t'))
			return bad(f, "command", "\"command\" holds a tab: put it into a script");
	}
	if (feed_command_check(tabs, &why) || trust_file(f->c->command[0], &why))
		return bad(f, "command", why.text);
	ret = keep(f, FEED_TEXT_COMMAND, tabs);
	return ret ? ret : add_source(f->r, f->s, blanks);
}

static int read_url(const struct feed_reader *f)
{
	struct error why;

	if (feed_url_check(f->c->url, &why))
		return bad(f, "url", why.text);
	return add_source(f->r, f->s, f->c->url);
}

/* Without a feed, none of its options either. */
static int check_no_options(const struct feed_reader *f)
{
	const struct config_feed *c = f->c;
	const struct {
		const char *key, *text;
	} options[] = {
		{ "format", c->format },
		{ "column", c->column },
		{ "path", c->path },
		{ "filter", c->filter },
		{ "ca-file", c->ca_file },
		{ "refresh", c->refresh },
		{ "stale-after", c->stale_after },
		{ "timeout", c->timeout },
		{ "max-size", c->max_size },
		{ "max-shrink", c->max_shrink },
		{ "min-prefix4", c->min_prefix4 },
		{ "min-prefix6", c->min_prefix6 },
	};
	char why[200];

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!options[i].text)
			continue;
		snprintf(why, sizeof(why),
			 "\"%s\" is an option of a feed, which this list has not: add \"url\" or "
			 "\"command\", or remove it",
			 options[i].key);
		return bad(f, options[i].key, why);
	}
	return 0;
}

int read_feed(const struct reader *r, const struct config_list *c, struct news_source *s, int node)
{
	const struct feed_reader f = { r, &c->feed, s, node };
	const char *key = c->feed.url ? "url" : "command";
	int ret;

	if (!c->feed.url && !c->feed.command_count)
		return check_no_options(&f);
	if (c->feed.url && c->feed.command_count)
		return bad(&f, "command",
			   "a list has either \"url\" or \"command\": make a second list of one");
	s->kind = c->feed.url ? SOURCE_URL : SOURCE_COMMAND;
	s->line = yaml_lines_of_key(r->l, node, key);
	ret = read_shape(&f);
	if (!ret)
		ret = read_times(&f);
	if (!ret)
		ret = read_limits(&f);
	if (!ret)
		ret = read_ca_file(&f);
	if (ret)
		return ret;
	return c->feed.url ? read_url(&f) : read_command(&f);
}
