/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The view as a screenful of text, whatever its size. Pure. */
#ifndef ALLOWXDP_TOP_DRAW_H
#define ALLOWXDP_TOP_DRAW_H

#include "grid.h"
#include "top_view.h"

/* Fills the grid, which is blank. -ENOMEM. */
int top_draw(const struct top_view *v, const struct top_model *m, const struct top_options *o,
	     struct grid *g);

#endif
