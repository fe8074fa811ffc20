// SPDX-License-Identifier: GPL-2.0-or-later
/* The services: their rates, with sparklines where there is room. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "top_canvas.h"
#include "top_text.h"

enum {
	NAME_MIN = 8,
	NAME_MAX_SHOWN = 24,
	SPARK_MIN = 5,
	SPARK_MAX = 60,
};

/* Where the columns of the services begin, and how wide the sparklines are. */
struct columns {
	int name, rates, sparks, spark_width, totals;
};

/* Cut with a mark where it does not fit. */
static void print_name(struct grid *g, int row, int column, int width, enum style style,
		       const char *name)
{
	if ((int)strlen(name) <= width)
		grid_print(g, row, column, style, "%s", name);
	else
		grid_print(g, row, column, style, "%.*s~", width - 1, name);
}

static struct columns columns_of(const struct canvas *c)
{
	struct columns at = { .name = NAME_MIN };
	int sparks;

	for (size_t i = 0; i < c->m->n_services; i++) {
		int length = (int)strlen(c->m->services[i].name);

		if (length > at.name)
			at.name = length;
	}
	if (at.name > NAME_MAX_SHOWN)
		at.name = NAME_MAX_SHOWN;
	at.rates = at.name + 4; /* " out" */
	at.sparks = at.rates + TOP_FATES * RATE_WIDTH + 1;
	sparks = c->g->columns - at.sparks - 2 * TOTAL_WIDTH;
	if (sparks < 2 * (SPARK_MIN + 1)) /* better sparklines than totals */
		sparks = c->g->columns - at.sparks;
	at.spark_width = sparks / 2 - 1;
	if (at.spark_width > SPARK_MAX)
		at.spark_width = SPARK_MAX;
	if (at.spark_width < SPARK_MIN)
		at.spark_width = 0;
	at.totals = at.sparks + (at.spark_width ? 2 * (at.spark_width + 1) : 0);
	if (at.totals + 2 * TOTAL_WIDTH > c->g->columns)
		at.totals = c->g->columns;
	return at;
}

static void print_sorted(const struct canvas *c, int column, int width, const char *name,
			 enum top_sort sort)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%s", c->o->sort == sort ? "*" : "", name);
	if (width)
		print_right(c->g, c->row, column, width, STYLE_BAR, text);
	else
		grid_print(c->g, c->row, column, STYLE_BAR, "%s", text);
}

static void draw_services_heading(struct canvas *c, const struct columns *at)
{
	int rates = at->rates;

	grid_bar(c->g, c->row);
	print_sorted(c, 0, 0, "SERVICE", TOP_BY_NAME);
	grid_print(c->g, c->row, at->name + 1, STYLE_BAR, "DIR");
	print_sorted(c, rates, RATE_WIDTH, "PASS/S", TOP_BY_PASS);
	print_right(c->g, c->row, rates + RATE_WIDTH, RATE_WIDTH, STYLE_BAR, "WOULD/S");
	print_sorted(c, rates + 2 * RATE_WIDTH, RATE_WIDTH, "DROP/S", TOP_BY_DROP);
	if (at->spark_width) {
		grid_print(c->g, c->row, at->sparks, STYLE_BAR, "PASS");
		grid_print(c->g, c->row, at->sparks + at->spark_width + 1, STYLE_BAR, "DROP");
	}
	print_right(c->g, c->row, at->totals, TOTAL_WIDTH, STYLE_BAR, "PASSED");
	print_right(c->g, c->row, at->totals + TOTAL_WIDTH, TOTAL_WIDTH, STYLE_BAR, "DROPPED");
	c->row++;
}

/* The newest value on the right, all on the scale of the greatest that is shown. */
static void draw_spark(const struct canvas *c, int column, int width, const struct top_service *s,
		       enum top_fate fate)
{
	double max = 0;

	for (int i = 0; i < width; i++) {
		double value = top_history(s, fate, (size_t)i);

		max = value > max ? value : max;
	}
	for (int i = 0; i < width; i++)
		grid_put(c->g, c->row, column + width - 1 - i,
			 spark(top_history(s, fate, (size_t)i), max, c->o->utf8), fate_style(fate));
}

/* In monitor mode what would be dropped is what one wants to see. */
static enum top_fate refused(const struct top_service *s)
{
	for (size_t i = 0; i < s->n_history && i < SPARK_MAX; i++) {
		if (top_history(s, TOP_DROP, i) > 0)
			return TOP_DROP;
	}
	return TOP_WOULD_DROP;
}

static void draw_service(struct canvas *c, const struct columns *at, const struct top_service *s)
{
	print_name(c->g, c->row, 0, at->name, STYLE_BOLD, s->name);
	grid_print(c->g, c->row, at->name + 1, STYLE_PLAIN, "%s", s->direction);
	for (int fate = 0; fate < TOP_FATES; fate++)
		print_rate(c, at->rates + fate * RATE_WIDTH, fate_style(fate), &s->fates[fate]);
	if (at->spark_width) {
		draw_spark(c, at->sparks, at->spark_width, s, TOP_PASS);
		draw_spark(c, at->sparks + at->spark_width + 1, at->spark_width, s, refused(s));
	}
	print_total(c, at->totals, s->fates[TOP_PASS].total + s->fates[TOP_WOULD_DROP].total);
	print_total(c, at->totals + TOTAL_WIDTH, s->fates[TOP_DROP].total);
	c->row++;
}

static void draw_sum(struct canvas *c, const struct columns *at)
{
	const struct top_flow *sum = c->m->sum;

	grid_print(c->g, c->row, 0, STYLE_DIM, "all");
	for (int fate = 0; fate < TOP_FATES; fate++)
		print_rate(c, at->rates + fate * RATE_WIDTH, fate_style(fate), &sum[fate]);
	print_total(c, at->totals, sum[TOP_PASS].total + sum[TOP_WOULD_DROP].total);
	print_total(c, at->totals + TOTAL_WIDTH, sum[TOP_DROP].total);
	c->row++;
}

static int compare_services(const void *a, const void *b, void *options)
{
	const struct top_service *x = *(const struct top_service *const *)a;
	const struct top_service *y = *(const struct top_service *const *)b;
	const struct top_options *o = options;
	int order = 0;

	if (o->sort == TOP_BY_NAME)
		order = strcmp(x->name, y->name);
	if (o->sort == TOP_BY_PASS)
		order = compare_rates(x->fates[TOP_PASS].packets, y->fates[TOP_PASS].packets);
	if (o->sort == TOP_BY_DROP)
		order = compare_rates(x->fates[TOP_DROP].packets + x->fates[TOP_WOULD_DROP].packets,
				      y->fates[TOP_DROP].packets +
					      y->fates[TOP_WOULD_DROP].packets);
	return order ? order : (x > y) - (x < y); /* else as in the config */
}

int services_choose(const struct canvas *c, struct chosen *out)
{
	out->n = 0;
	out->v = calloc(c->m->n_services + 1, sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	for (size_t i = 0; i < c->m->n_services; i++) {
		if (text_contains(c->m->services[i].name, c->o->filter))
			out->v[out->n++] = &c->m->services[i];
	}
	qsort_r(out->v, (size_t)out->n, sizeof(*out->v), compare_services, (void *)c->o);
	return 0;
}

void services_draw(struct canvas *c, const struct chosen *chosen, int rows)
{
	struct columns at = columns_of(c);

	if (rows < 2)
		return;
	draw_services_heading(c, &at);
	rows--;
	for (int i = 0; i < chosen->n && rows > 0; i++, rows--)
		draw_service(c, &at, chosen->v[i]);
	if (rows > 0)
		draw_sum(c, &at);
}
