// SPDX-License-Identifier: GPL-2.0-or-later
/* Why packets passed or not, and whose were dropped. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "top_canvas.h"
#include "top_text.h"

enum {
	VERDICT_COLUMN = 21,
	REASON_RATE_COLUMN = 31,
	ADDRESS_MIN = 16,
};

static int compare_reasons(const void *a, const void *b)
{
	const struct top_reason *x = *(const struct top_reason *const *)a;
	const struct top_reason *y = *(const struct top_reason *const *)b;
	int order = compare_rates(x->flow.packets, y->flow.packets);

	if (!order)
		order = compare_rates(x->flow.total, y->flow.total);
	return order ? order : (x > y) - (x < y);
}

int reasons_choose(const struct canvas *c, struct chosen *out)
{
	out->n = 0;
	out->v = calloc(c->m->n_reasons + 1, sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	for (size_t i = 0; i < c->m->n_reasons; i++) {
		const struct top_reason *r = &c->m->reasons[i];

		if (r->flow.total && (text_contains(r->name, c->o->filter) ||
				      text_contains(fate_name(r->fate), c->o->filter)))
			out->v[out->n++] = r;
	}
	qsort(out->v, (size_t)out->n, sizeof(*out->v), compare_reasons);
	return 0;
}

static void draw_reason(struct canvas *c, const struct top_reason *r)
{
	grid_print(c->g, c->row, 0, STYLE_PLAIN, "%-20s", r->name);
	grid_print(c->g, c->row, VERDICT_COLUMN, fate_style(r->fate), "%s", fate_name(r->fate));
	print_rate(c, REASON_RATE_COLUMN, fate_style(r->fate), &r->flow);
	print_total(c, REASON_RATE_COLUMN + RATE_WIDTH, r->flow.total);
	c->row++;
}

void reasons_draw(struct canvas *c, const struct chosen *chosen, int rows)
{
	int column = REASON_RATE_COLUMN;

	if (rows < 2)
		return;
	grid_bar(c->g, c->row);
	grid_print(c->g, c->row, 0, STYLE_BAR, "REASON");
	grid_print(c->g, c->row, VERDICT_COLUMN, STYLE_BAR, "VERDICT");
	print_right(c->g, c->row, column, RATE_WIDTH, STYLE_BAR, "PKTS/S");
	print_right(c->g, c->row, column + RATE_WIDTH, TOTAL_WIDTH, STYLE_BAR, "PACKETS");
	c->row++;
	for (int i = 0; i < chosen->n && i < rows - 1; i++)
		draw_reason(c, chosen->v[i]);
}

static bool source_chosen(const struct top_refused *s, const char *filter)
{
	return text_contains(s->address, filter) || text_contains(s->ports, filter) ||
	       text_contains(s->service, filter);
}

int sources_choose(const struct canvas *c, struct chosen *out)
{
	out->n = 0;
	out->v = calloc(c->v->n_refused + 1, sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	for (size_t i = 0; i < c->v->n_refused; i++) {
		if (source_chosen(&c->v->refused[i], c->o->filter))
			out->v[out->n++] = &c->v->refused[i];
	}
	return 0;
}

static void draw_source(struct canvas *c, const struct top_refused *s, int width)
{
	char text[TOP_NUMBER_MAX], total[TOP_NUMBER_MAX + 1];
	int column = width;

	grid_print(c->g, c->row, 0, fate_style(s->fate), "%s", s->address);
	print_rate(c, column, fate_style(s->fate), &s->flow);
	column += RATE_WIDTH;
	snprintf(total, sizeof(total), "%s%s", s->error ? "~" : "",
		 count_text(s->flow.total, text));
	print_right(c->g, c->row, column, TOTAL_WIDTH, STYLE_PLAIN, total);
	column += TOTAL_WIDTH + 2;
	column = grid_print(c->g, c->row, column, STYLE_BOLD, "%-12.12s ", s->service);
	grid_print(c->g, c->row, column, STYLE_PLAIN, "%s%s", s->ports,
		   strcmp(s->direction, "out") ? "" : " (to it)");
	c->row++;
}

static int address_width(const struct chosen *chosen)
{
	int width = ADDRESS_MIN;

	for (int i = 0; i < chosen->n; i++) {
		const struct top_refused *s = chosen->v[i];

		if ((int)strlen(s->address) + 1 > width)
			width = (int)strlen(s->address) + 1;
	}
	return width;
}

void sources_draw(struct canvas *c, const struct chosen *chosen, int rows)
{
	int width = address_width(chosen), column = width;

	if (rows < 2)
		return;
	grid_bar(c->g, c->row);
	grid_print(c->g, c->row, 0, STYLE_BAR, "DROPPED SOURCE");
	print_right(c->g, c->row, column, RATE_WIDTH, STYLE_BAR, "DROPS/S");
	column += RATE_WIDTH;
	print_right(c->g, c->row, column, TOTAL_WIDTH, STYLE_BAR, "PACKETS");
	grid_print(c->g, c->row, column + TOTAL_WIDTH + 2, STYLE_BAR, "%-12s PORTS", "SERVICE");
	c->row++;
	for (int i = 0; i < chosen->n && i < rows - 1; i++)
		draw_source(c, chosen->v[i], width);
}
