// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "duration.h"
#include "top_canvas.h"
#include "top_draw.h"

enum {
	SECTION_MIN = 4, /* rows that a part keeps when there is little room, if it wants them */
};

static const char *const sort_names[] = {
	[TOP_BY_CONFIG] = "config",
	[TOP_BY_DROP] = "drop/s",
	[TOP_BY_PASS] = "pass/s",
	[TOP_BY_NAME] = "name",
};

static void draw_title(struct canvas *c)
{
	const struct top_options *o = c->o;
	char right[80], measured[16] = "";
	int end;

	if (c->m->seconds > 0)
		snprintf(measured, sizeof(measured), " (%.3f)", c->m->seconds);
	snprintf(right, sizeof(right), "%severy %us%s  %s", o->paused ? "PAUSED, " : "", o->seconds,
		 measured, c->v->clock);
	grid_bar(c->g, c->row);
	end = grid_print(c->g, c->row, 0, STYLE_BAR, "allowxdp top: %s", c->v->instance);
	if (c->g->columns - end > (int)strlen(right))
		print_right(c->g, c->row, 0, c->g->columns, STYLE_BAR, right);
	c->row++;
}

static enum style mode_style(const char *mode)
{
	return strcmp(mode, "enforce") ? STYLE_WARN : STYLE_BOLD;
}

static void draw_state(struct canvas *c)
{
	const struct top_view *v = c->v;
	char left[DURATION_TEXT_MAX];
	int column = grid_print(c->g, c->row, 0, STYLE_PLAIN, "mode ");

	column = grid_print(c->g, c->row, column, mode_style(v->mode), "%s", v->mode);
	column = grid_print(c->g, c->row, column, STYLE_PLAIN, ", generation %llu",
			    (unsigned long long)v->generation);
	for (size_t i = 0; i < v->n_interfaces; i++) {
		const struct top_interface *f = &v->interfaces[i];

		column = grid_print(c->g, c->row, column + 3, STYLE_BOLD, "%s", f->name);
		column = grid_print(c->g, c->row, column, STYLE_PLAIN, " %s, egress %s", f->attach,
				    f->egress);
	}
	c->row++;
	if (v->rolled_back)
		grid_print(c->g, c->row++, 0, STYLE_WARN,
			   "the last change was not confirmed in time: rolled back");
	else if (v->pending)
		grid_print(c->g, c->row++, 0, STYLE_WARN,
			   "%s left to confirm: run `allowxdp confirm`, or it is rolled back",
			   duration_text(v->seconds_left, left));
}

/*
 * Rows for three parts that want so many: each leaves SECTION_MIN to those behind it, but takes
 * three quarters of what there is even so.
 */
static void share_rows(int room, const int wanted[3], int given[3])
{
	for (int i = 0; i < 3; i++) {
		int later = 0;

		for (int k = i + 1; k < 3; k++)
			later += wanted[k] < SECTION_MIN ? wanted[k] : SECTION_MIN;
		given[i] = room - later;
		if (given[i] < room * 3 / 4)
			given[i] = room * 3 / 4;
		if (given[i] > wanted[i])
			given[i] = wanted[i];
		if (given[i] < 2) /* a heading alone says nothing */
			given[i] = 0;
		room -= given[i];
	}
}

static int draw_body(struct canvas *c)
{
	_cleanup_chosen_ struct chosen services = { 0 }, reasons = { 0 }, sources = { 0 };
	int wanted[3], given[3];

	if (services_choose(c, &services) || reasons_choose(c, &reasons) ||
	    sources_choose(c, &sources))
		return -ENOMEM;
	wanted[0] = services.n + 2;
	wanted[1] = reasons.n ? reasons.n + 1 : 0;
	wanted[2] = sources.n ? sources.n + 1 : 0;
	share_rows(c->end - c->row, wanted, given);
	services_draw(c, &services, given[0]);
	reasons_draw(c, &reasons, given[1]);
	sources_draw(c, &sources, given[2]);
	return 0;
}

static void draw_footer(struct canvas *c)
{
	const struct top_options *o = c->o;

	grid_bar(c->g, c->end);
	if (o->typing)
		grid_print(c->g, c->end, 0, STYLE_BAR, "filter: %s_", o->filter);
	else if (*o->filter)
		grid_print(c->g, c->end, 0, STYLE_BAR, "filter: %s (Esc: none)  q quit  h help",
			   o->filter);
	else
		grid_print(c->g, c->end, 0, STYLE_BAR,
			   "q quit  h help  s sort: %s  p pause  / filter  +- interval",
			   sort_names[o->sort]);
}

static void draw_help(struct canvas *c)
{
	static const char *const lines[] = {
		"q, Ctrl-C   quit",
		"s           sort the services: as in the config, by drops, by passes, by name",
		"p, space    pause, and go on",
		"/           show only services, reasons and sources that contain a text",
		"Esc         forget that text",
		"+ and -     look less often, more often",
		"h, ?        this help",
		"",
		"PASS/S      packets a second that passed",
		"WOULD/S     that passed, but would have been dropped if the mode were enforce",
		"DROP/S      that were dropped",
		"Service -   packets that belong to none of them",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines) && c->row < c->end; i++)
		grid_print(c->g, c->row++, 0, STYLE_PLAIN, "%s", lines[i]);
}

int top_draw(const struct top_view *v, const struct top_model *m, const struct top_options *o,
	     struct grid *g)
{
	struct canvas c = { .g = g, .v = v, .m = m, .o = o, .end = g->rows - 1 };
	int rc = 0;

	draw_title(&c);
	if (o->help)
		draw_help(&c);
	else if (*v->problem)
		grid_print(g, c.row, 0, STYLE_WARN, "%s", v->problem);
	else
		draw_state(&c);
	if (!o->help && !*v->problem)
		rc = draw_body(&c);
	if (c.end > 0)
		draw_footer(&c);
	return rc;
}
