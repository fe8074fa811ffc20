/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A screenful of text, without a terminal: rows of cells. What does not fit is cut off. Pure. */
#ifndef ALLOWXDP_GRID_H
#define ALLOWXDP_GRID_H

#include <stddef.h>
#include <stdint.h>

enum style {
	STYLE_PLAIN,
	STYLE_DIM,
	STYLE_BOLD,
	STYLE_BAR, /* a bar across the screen */
	STYLE_PASS,
	STYLE_DROP,
	STYLE_WARN,
	STYLES
};

struct cell {
	uint32_t character; /* Unicode; one column wide */
	uint32_t style;     /* enum style */
};

struct grid {
	int rows, columns;
	struct cell *cells;
};

#define _cleanup_grid_ __attribute__((cleanup(grid_free)))
void grid_free(struct grid *g);

/* Of that size, at least 1 by 1, and blank. -ENOMEM, and then as it was. */
int grid_reset(struct grid *g, int rows, int columns);

struct cell grid_cell(const struct grid *g, int row, int column);

void grid_put(struct grid *g, int row, int column, uint32_t character, enum style style);

/* ASCII text; any other byte becomes '?'. Returns the column behind it, whether it fits or not. */
int grid_print(struct grid *g, int row, int column, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Makes the row a blank bar. */
void grid_bar(struct grid *g, int row);

#endif
