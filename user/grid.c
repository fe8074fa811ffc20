// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "grid.h"

enum { PRINT_MAX = 512 };

void grid_free(struct grid *g)
{
	free(g->cells);
	memset(g, 0, sizeof(*g));
}

int grid_reset(struct grid *g, int rows, int columns)
{
	struct cell *cells;

	rows = rows < 1 ? 1 : rows;
	columns = columns < 1 ? 1 : columns;
	cells = calloc((size_t)rows * (size_t)columns, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	for (size_t i = 0; i < (size_t)rows * (size_t)columns; i++)
		cells[i].character = ' ';
	free(g->cells);
	g->rows = rows;
	g->columns = columns;
	g->cells = cells;
	return 0;
}

static struct cell *cell_at(const struct grid *g, int row, int column)
{
	if (row < 0 || row >= g->rows || column < 0 || column >= g->columns)
		return NULL;
	return &g->cells[(size_t)row * (size_t)g->columns + (size_t)column];
}

struct cell grid_cell(const struct grid *g, int row, int column)
{
	const struct cell *c = cell_at(g, row, column);

	return c ? *c : (struct cell){ .character = ' ' };
}

void grid_put(struct grid *g, int row, int column, uint32_t character, enum style style)
{
	struct cell *c = cell_at(g, row, column);

	if (c)
		*c = (struct cell){ character, style };
}

int grid_print(struct grid *g, int row, int column, enum style style, const char *fmt, ...)
{
	char text[PRINT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (const char *c = text; *c; c++)
		grid_put(g, row, column++, *c >= ' ' && *c < 0x7f ? (uint32_t)*c : '?', style);
	return column;
}

void grid_bar(struct grid *g, int row)
{
	for (int column = 0; column < g->columns; column++)
		grid_put(g, row, column, ' ', STYLE_BAR);
}
