/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the screen that `top` draws, and what they share. */
#ifndef ALLOWXDP_TOP_CANVAS_H
#define ALLOWXDP_TOP_CANVAS_H

#include "grid.h"
#include "top_view.h"

enum {
	RATE_WIDTH = 9,   /* columns, with the space before it */
	TOTAL_WIDTH = 13, /* likewise */
};

/* A screen that is being filled from the top. */
struct canvas {
	struct grid *g;
	const struct top_view *v;
	const struct top_model *m;
	const struct top_options *o;
	int row;
	int end; /* first row of the footer */
};

/* A part's rows that pass the filter, in their order. */
struct chosen {
	const void **v;
	int n;
};

#define _cleanup_chosen_ __attribute__((cleanup(chosen_free)))
void chosen_free(struct chosen *c);

enum style fate_style(enum top_fate fate);
const char *fate_name(enum top_fate fate);

/* So that it ends where the column of that width does. */
void print_right(struct grid *g, int row, int column, int width, enum style style,
		 const char *text);
void print_rate(const struct canvas *c, int column, enum style style, const struct top_flow *f);
void print_total(const struct canvas *c, int column, uint64_t total);

/* Larger numbers first. */
int compare_rates(uint64_t a, uint64_t b);

/* Each part: which rows it has (-ENOMEM), and how they are drawn with a heading in `rows` rows. */
int services_choose(const struct canvas *c, struct chosen *out);
void services_draw(struct canvas *c, const struct chosen *chosen, int rows);
int reasons_choose(const struct canvas *c, struct chosen *out);
void reasons_draw(struct canvas *c, const struct chosen *chosen, int rows);
int sources_choose(const struct canvas *c, struct chosen *out);
void sources_draw(struct canvas *c, const struct chosen *chosen, int rows);

#endif
