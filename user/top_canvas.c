// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include "top_canvas.h"
#include "top_text.h"

void chosen_free(struct chosen *c)
{
	free(c->v);
	c->v = NULL;
}

enum style fate_style(enum top_fate fate)
{
	static const enum style styles[] = {
		[TOP_PASS] = STYLE_PASS,
		[TOP_WOULD_DROP] = STYLE_WARN,
		[TOP_DROP] = STYLE_DROP,
	};

	return styles[fate];
}

const char *fate_name(enum top_fate fate)
{
	static const char *const names[] = {
		[TOP_PASS] = "pass",
		[TOP_WOULD_DROP] = "would drop",
		[TOP_DROP] = "drop",
	};

	return names[fate];
}

void print_right(struct grid *g, int row, int column, int width, enum style style, const char *text)
{
	grid_print(g, row, column + width - (int)strlen(text), style, "%s", text);
}

void print_rate(const struct canvas *c, int column, enum style style, const struct top_flow *f)
{
	double rate = top_per_second(c->m, f);
	char text[TOP_NUMBER_MAX];

	if (!(c->m->seconds > 0))
		print_right(c->g, c->row, column, RATE_WIDTH, STYLE_DIM, "-");
	else
		print_right(c->g, c->row, column, RATE_WIDTH, rate > 0 ? style : STYLE_DIM,
			    rate_text(rate, text));
}

void print_total(const struct canvas *c, int column, uint64_t total)
{
	char text[TOP_NUMBER_MAX];

	print_right(c->g, c->row, column, TOTAL_WIDTH, total ? STYLE_PLAIN : STYLE_DIM,
		    count_text(total, text));
}

int compare_rates(uint64_t a, uint64_t b)
{
	return a < b ? 1 : -(a > b);
}
