// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Feeds of comma-separated values (RFC 4180), also with ";" or tabs: whichever comes first in
 * the first line. Lines that begin with "#" are comments, as in geofeeds (RFC 8805).
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "feed_filter.h"
#include "feed_parse.h"
#include "text.h"

enum { COLUMNS = 256, CELL_COMPARED = 256 };

/* As it stands there; of a quoted one, what is between the quotes, with doubled ones in it. */
struct cell {
	const char *text;
	size_t n;
	bool quoted;
};

struct row {
	struct cell cells[COLUMNS];
	size_t n;
	unsigned int line;
	bool comment;
};

struct scan {
	const char *at, *end;
	unsigned int line; /* of what is at `at` */
	char separator;
};

struct csv {
	struct scan scan;
	struct row row;
	struct feed_filter filter;
	const char *column_name;
	size_t column;                          /* from 0 */
	size_t filter_columns[FEED_CONDITIONS]; /* from 0 */
	bool header;                            /* the first line names the columns, for sure */
};

/* A number from 1 to COLUMNS, else 0. */
static size_t column_number(const char *text, size_t n)
{
	size_t value = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)text[i]) || value > COLUMNS)
			return 0;
		value = value * 10 + (size_t)(text[i] - '0');
	}
	return value <= COLUMNS ? value : 0;
}

static bool all_digits(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

int feed_csv_check(const struct feed_shape *shape, struct error *err)
{
	const char *column = shape->column ? shape->column : "";
	struct feed_filter ignored;
	char shown[TEXT_SHOWN_MAX];

	if (all_digits(column) && !column_number(column, strlen(column)))
		return error_set(err, EINVAL,
				 "\"column\" %s is not between 1 and %d: write the number of the "
				 "column that holds the prefix",
				 text_shown(column, strlen(column), shown), COLUMNS);
	return feed_filter_parse(shape->filter, &ignored, err);
}

static char find_separator(const char *data, size_t n)
{
	bool comment = n && *data == '#', begins = false;

	for (size_t i = 0; i < n; i++, begins = data[i - 1] == '\n') {
		if (begins && !comment)
			break;
		if (begins)
			comment = data[i] == '#';
		if (!comment && (data[i] == ',' || data[i] == ';' || data[i] == '\t'))
			return data[i];
	}
	return ',';
}

static bool ends_cell(const struct scan *s)
{
	return s->at == s->end || *s->at == s->separator || *s->at == '\n' ||
	       (*s->at == '\r' && (s->at + 1 == s->end || s->at[1] == '\n'));
}

static int quoted_cell(struct scan *s, struct cell *c, struct error *err)
{
	unsigned int begun = s->line;

	s->at++;
	*c = (struct cell){ .text = s->at, .quoted = true };
	for (;; s->at++) {
		if (s->at == s->end)
			return error_set(err, EINVAL,
					 "line %u: a quoted value has no end: cut off?", begun);
		s->line += *s->at == '\n';
		if (*s->at != '"')
			continue;
		if (s->at + 1 == s->end || s->at[1] != '"')
			break;
		s->at++;
	}
	c->n = (size_t)(s->at - c->text);
	s->at++;
	if (!ends_cell(s))
		return error_set(err, EINVAL, "line %u: text after a quoted value", s->line);
	return 0;
}

static void plain_cell(struct scan *s, struct cell *c)
{
	*c = (struct cell){ .text = s->at };
	while (!ends_cell(s))
		s->at++;
	c->n = (size_t)(s->at - c->text);
	while (c->n && text_is_blank(c->text[c->n - 1]))
		c->n--;
}

static void skip_line(struct scan *s)
{
	const char *next = memchr(s->at, '\n', (size_t)(s->end - s->at));

	s->at = next ? next + 1 : s->end;
	s->line++;
}

static int read_row(struct scan *s, struct row *r, struct error *err)
{
	int rc = 0;

	r->n = 0;
	r->line = s->line;
	r->comment = *s->at == '#';
	if (r->comment) {
		skip_line(s);
		return 0;
	}
	for (;; s->at++) {
		if (r->n == COLUMNS)
			return error_set(err, EINVAL, "line %u: more than %d columns", s->line,
					 COLUMNS);
		while (s->at < s->end && text_is_blank(*s->at) && *s->at != s->separator)
			s->at++;
		if (s->at < s->end && *s->at == '"')
			rc = quoted_cell(s, &r->cells[r->n], err);
		else
			plain_cell(s, &r->cells[r->n]);
		if (rc)
			return rc;
		r->n++;
		if (s->at == s->end || *s->at != s->separator)
			break;
	}
	skip_line(s);
	return 0;
}

/* Its value, doubled quotes taken as one; cut where it is too long for any comparison. */
static size_t cell_value(const struct cell *c, char buf[static CELL_COMPARED])
{
	size_t n = 0;

	for (size_t i = 0; i < c->n && n < CELL_COMPARED; i++) {
		buf[n++] = c->text[i];
		if (c->quoted && c->text[i] == '"')
			i++;
	}
	return n;
}

static bool find_column(const struct row *header, const char *name, size_t len, size_t *column)
{
	char value[CELL_COMPARED];

	for (size_t i = 0; i < header->n; i++) {
		size_t n = cell_value(&header->cells[i], value);

		if (n != len || memcmp(value, name, n))
			continue;
		*column = i;
		return true;
	}
	return false;
}

static int no_column(const struct row *header, const char *name, size_t n, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];

	return error_set(err, EINVAL, "line %u: no column is called \"%s\"", header->line,
			 text_shown(name, n, shown));
}

static int read_header(struct csv *c, struct error *err)
{
	const char *name = c->column_name;

	if (name && !find_column(&c->row, name, strlen(name), &c->column))
		return no_column(&c->row, name, strlen(name), err);
	for (size_t i = 0; i < c->filter.n; i++) {
		const struct feed_condition *f = &c->filter.v[i];

		if (!column_number(f->key, f->key_len) &&
		    !find_column(&c->row, f->key, f->key_len, &c->filter_columns[i]))
			return no_column(&c->row, f->key, f->key_len, err);
	}
	return 0;
}

static int too_few(const struct row *r, size_t column, struct error *err)
{
	return error_set(err, EINVAL, "line %u: it has %zu columns, and no column %zu", r->line,
			 r->n, column + 1);
}

static int row_wanted(const struct csv *c, bool *wanted, struct error *err)
{
	char value[CELL_COMPARED];

	*wanted = true;
	for (size_t i = 0; i < c->filter.n; i++) {
		size_t column = c->filter_columns[i], n;

		if (column >= c->row.n)
			return too_few(&c->row, column, err);
		n = cell_value(&c->row.cells[column], value);
		if (feed_condition_names(&c->filter.v[i], value, n) == c->filter.v[i].negated)
			*wanted = false;
	}
	return 0;
}

static int take_row(struct csv *c, bool first, struct feed_items *items, struct error *err)
{
	const struct cell *cell;
	struct prefix ignored;
	struct error why;
	bool wanted;
	int rc;

	if (c->column >= c->row.n)
		return too_few(&c->row, c->column, err);
	cell = &c->row.cells[c->column];
	if (first && prefix_parse(cell->text, cell->n, &ignored, &why))
		return 0; /* names of the columns */
	rc = row_wanted(c, &wanted, err);
	if (rc || !wanted)
		return rc;
	rc = feed_items_add(items, cell->text, cell->n, &why);
	return rc ? error_set(err, -rc, "line %u: %s", c->row.line, why.text) : 0;
}

static bool blank(const struct row *r)
{
	return r->comment || (r->n == 1 && !r->cells[0].n && !r->cells[0].quoted);
}

static int read_rows(struct csv *c, struct feed_items *items, struct error *err)
{
	bool first = true;
	int rc = 0;

	while (!rc && c->scan.at < c->scan.end) {
		rc = read_row(&c->scan, &c->row, err);
		if (rc || blank(&c->row))
			continue;
		rc = first && c->header ? read_header(c, err) : take_row(c, first, items, err);
		first = false;
	}
	return rc;
}

static int set_up(struct csv *c, const struct feed_shape *shape, struct error *err)
{
	int rc = feed_filter_parse(shape->filter, &c->filter, err);
	const char *column = shape->column;

	if (rc)
		return rc;
	if (column && *column && !column_number(column, strlen(column)))
		c->column_name = column;
	else if (column && *column)
		c->column = column_number(column, strlen(column)) - 1;
	c->header = c->column_name != NULL;
	for (size_t i = 0; i < c->filter.n; i++) {
		size_t number = column_number(c->filter.v[i].key, c->filter.v[i].key_len);

		c->filter_columns[i] = number - 1;
		c->header |= !number;
	}
	return 0;
}

int feed_csv_parse(const struct feed_shape *shape, const char *data, size_t n,
		   struct feed_items *items, struct error *err)
{
	_cleanup_free_ struct csv *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return error_set(err, ENOMEM, "not enough memory to read it");
	c->scan = (struct scan){ data, data + n, 1, find_separator(data, n) };
	rc = set_up(c, shape, err);
	return rc ? rc : read_rows(c, items, err);
}
