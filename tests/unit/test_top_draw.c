// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"
#include "top_draw.h"
#include "top_keys.h"
#include "top_refusals.h"
#include "top_text.h"

#define SECOND 1000000000ULL

/* -- figures ----------------------------------------------------------------------------------- */

static void rates_are_short(void **state)
{
	static const struct {
		double rate;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ -1, "0" },
		{ 0.04, "0.0" },
		{ 0.25, "0.2" },
		{ 9999.94, "9999.9" },
		{ 9999.96, "10000" },
		{ 999999.4, "999999" },
		{ 999999.6, "1.00M" },
		{ 1234567, "1.23M" },
		{ 999994000, "999.99M" },
		{ 2.5e9, "2.50G" },
	};
	char text[TOP_NUMBER_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_string_equal(rate_text(cases[i].rate, text), cases[i].text);
		assert_true(strlen(text) <= 7);
	}
}

static void totals_have_all_their_digits(void **state)
{
	char text[TOP_NUMBER_MAX];

	(void)state;
	assert_string_equal(count_text(0, text), "0");
	assert_string_equal(count_text(999999999999ULL, text), "999999999999");
	assert_string_equal(count_text(1234567890123ULL, text), "1.235T");
	assert_string_equal(count_text(UINT64_MAX, text), "18446744.074T");
}

static void sparks_have_eight_heights(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		double value = (double)i + 0.5;

		assert_int_equal(spark(value, 8, true), 0x2581 + i);
		assert_int_equal(spark(value, 8, false), (uint32_t) ".:-=+*#@"[i]);
	}
	assert_int_equal(spark(8, 8, true), 0x2588);
	assert_int_equal(spark(1e-9, 8, true), 0x2581); /* little is more than nothing */
	assert_int_equal(spark(0, 8, true), ' ');
	assert_int_equal(spark(-1, 8, true), ' ');
	assert_int_equal(spark(5, 0, true), ' ');
}

/* -- the grid ------------------------------------------------------------------------------------
 */

static const char *row_text(const struct grid *g, int row, char buf[static 512])
{
	int n = 0;

	for (int column = 0; column < g->columns && column < 511; column++) {
		uint32_t c = grid_cell(g, row, column).character;

		buf[column] = c < 0x80 ? (char)c : '^';
		if (c != ' ')
			n = column + 1;
	}
	buf[n] = '\0';
	return buf;
}

static void what_does_not_fit_is_cut_off(void **state)
{
	struct grid g _cleanup_grid_ = { 0 };
	char text[512];

	(void)state;
	assert_int_equal(grid_reset(&g, 2, 5), 0);
	assert_int_equal(grid_print(&g, 0, 3, STYLE_DROP, "%s", "abcdef"), 9);
	assert_int_equal(grid_print(&g, 1, -2, STYLE_PLAIN, "xyz"), 1);
	grid_print(&g, 2, 0, STYLE_PLAIN, "below");
	grid_print(&g, -1, 0, STYLE_PLAIN, "above");
	assert_string_equal(row_text(&g, 0, text), "   ab");
	assert_string_equal(row_text(&g, 1, text), "z");
	assert_int_equal(grid_cell(&g, 0, 4).style, STYLE_DROP);
	assert_int_equal(grid_cell(&g, 0, 2).style, STYLE_PLAIN);
	assert_int_equal(grid_cell(&g, 7, 7).character, ' ');
	assert_int_equal(grid_reset(&g, 0, -3), 0);
	assert_int_equal(g.rows * g.columns, 1);
}

static void no_escape_sequence_gets_through(void **state)
{
	struct grid g _cleanup_grid_ = { 0 };
	char text[512];

	(void)state;
	assert_int_equal(grid_reset(&g, 1, 20), 0);
	grid_print(&g, 0, 0, STYLE_PLAIN, "a\x1b[31m\xc3\xa4\x7f");
	assert_string_equal(row_text(&g, 0, text), "a?[31m???");
}

/* -- the screen
 * ------------------------------------------------------------------------------------ */

struct stage {
	struct top_view view;
	struct top_model model;
	struct top_options options;
	struct grid grid;
	struct top_refused refused[3];
};

static void count(struct top_snapshot *s, const char *service, const char *direction,
		  const char *verdict, const char *reason, uint64_t packets)
{
	struct counter c = { "eth0", direction, service, "ipv4", verdict, reason, packets, 0 };

	assert_int_equal(top_snapshot_add(&c, s), 0);
}

static void look(struct top_model *m, uint64_t at, uint64_t n)
{
	struct top_snapshot s = { .at = at * SECOND };

	count(&s, "https", "in", "pass", "listed", 10 * n);
	count(&s, "https", "in", "drop", "unlisted", 20 * n);
	count(&s, "a-service-with-quite-a-long-name", "out", "drop", "unlisted", 500 * n);
	count(&s, "sip", "in", "pass", "unlisted", 30 * n);
	count(&s, "-", "in", "pass", "not-ip", n);
	assert_int_equal(top_model_update(m, &s), 0);
}

static int set_stage(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	strcpy(s->view.instance, "default");
	strcpy(s->view.clock, "12:34:56");
	s->view.mode = "enforce";
	s->view.generation = 7;
	s->view.interfaces[s->view.n_interfaces++] =
		(struct top_interface){ "eth0", "native", "tcx" };
	s->options.seconds = 2;
	look(&s->model, 1, 1);
	look(&s->model, 3, 5);
	s->refused[0] = (struct top_refused){ "198.51.100.66", "udp/5060 5061", "sip", "in",
					      TOP_WOULD_DROP,  { 80, 1000 },    0 };
	s->refused[1] = (struct top_refused){ "2001:db8:666::6", "tcp/443",    "https", "in",
					      TOP_DROP,          { 0, 12345 }, 40 };
	s->refused[2] = (struct top_refused){ "203.0.113.9", "tcp/8000", "mail", "out",
					      TOP_DROP,      { 0, 3 },   0 };
	s->view.refused = s->refused;
	s->view.n_refused = 3;
	*state = s;
	return 0;
}

static int strike_stage(void **state)
{
	struct stage *s = *state;

	top_model_free(&s->model);
	grid_free(&s->grid);
	free(s);
	return 0;
}

static void draw(struct stage *s, int rows, int columns)
{
	assert_int_equal(grid_reset(&s->grid, rows, columns), 0);
	assert_int_equal(top_draw(&s->view, &s->model, &s->options, &s->grid), 0);
}

static void assert_screen(const struct stage *s, const char *const *lines, size_t n)
{
	char text[512];

	assert_int_equal(s->grid.rows, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(row_text(&s->grid, (int)i, text), lines[i]);
}

static bool on_screen(const struct stage *s, const char *part)
{
	char text[512];

	for (int row = 0; row < s->grid.rows; row++) {
		if (strstr(row_text(&s->grid, row, text), part))
			return true;
	}
	return false;
}

static void a_usual_screen(void **state)
{
	static const char *const lines[] = {
		"allowxdp top: default                                   every 2s (2.000)  "
		"12:34:56",
		"mode enforce, generation 7   eth0 native, egress tcx",
		"SERVICE                  DIR   PASS/S  WOULD/S   DROP/S PASS         DROP",
		"https                    in      20.0        0     40.0            @            @",
		"a-service-with-quite-a-~ out        0        0   1000.0                         @",
		"sip                      in         0     60.0        0                         @",
		"-                        in       2.0        0        0            @",
		"all                              22.0     60.0   1040.0",
		"REASON               VERDICT      PKTS/S      PACKETS",
		"unlisted             drop         1040.0         2600",
		"unlisted             would drop     60.0          150",
		"listed               pass           20.0           50",
		"not-ip               pass            2.0            5",
		"DROPPED SOURCE    DROPS/S      PACKETS  SERVICE      PORTS",
		"198.51.100.66        40.0         1000  sip          udp/5060 5061",
		"2001:db8:666::6         0       ~12345  https        tcp/443",
		"203.0.113.9             0            3  mail         tcp/8000 (to it)",
		"",
		"q quit  h help  s sort: config  p pause  / filter  +- interval",
	};
	struct stage *s = *state;

	draw(s, 19, 82);
	assert_screen(s, lines, ARRAY_SIZE(lines));
	assert_int_equal(grid_cell(&s->grid, 3, 54).style, STYLE_DROP);
	assert_int_equal(grid_cell(&s->grid, 3, 36).style, STYLE_PASS);
	assert_int_equal(grid_cell(&s->grid, 5, 45).style, STYLE_WARN);
	s->options.utf8 = true;
	draw(s, 19, 82);
	assert_int_equal(grid_cell(&s->grid, 3, 67).character, 0x2588);
}

static void a_wide_screen_has_totals(void **state)
{
	struct stage *s = *state;
	char text[512];

	draw(s, 19, 160);
	row_text(&s->grid, 3, text);
	assert_string_equal(text + 134, "           50          100");
	row_text(&s->grid, 5, text); /* what would have been dropped has passed */
	assert_string_equal(text + 134, "          150            0");
}

static void any_size_will_do(void **state)
{
	struct stage *s = *state;
	char text[512];

	for (int help = 0; help < 2; help++) {
		s->options.help = help;
		for (int rows = 1; rows < 40; rows++) {
			for (int columns = 1; columns < 200; columns += 7)
				draw(s, rows, columns);
			row_text(&s->grid, rows - 1, text);
			if (rows > 1)
				assert_int_equal(strncmp(text, "q quit", 6), 0);
		}
	}
}

static void where_there_is_little_room(void **state)
{
	struct stage *s = *state;
	int before = 0;

	draw(s, 18, 100); /* all that there is */
	assert_true(on_screen(s, "all ") && on_screen(s, "not-ip") && on_screen(s, "203.0.113.9"));
	draw(s, 17, 100);
	assert_true(on_screen(s, "all ") && on_screen(s, "not-ip") && !on_screen(s, "203.0.113.9"));
	draw(s, 14, 100);
	assert_true(on_screen(s, "all ") && on_screen(s, "listed ") && on_screen(s, "SOURCE"));
	draw(s, 11, 100);
	assert_true(on_screen(s, "all ") && on_screen(s, "REASON") != on_screen(s, "SOURCE"));
	draw(s, 6, 100);
	assert_true(on_screen(s, "https") && !on_screen(s, "REASON"));
	/* a larger screen never shows less of the services */
	for (int rows = 1; rows < 30; rows++) {
		int shown;

		draw(s, rows, 100);
		shown = on_screen(s, "https  ") + on_screen(s, "a-service") +
			on_screen(s, " 60.0 ") + on_screen(s, "-    ") + on_screen(s, "all  ");
		assert_true(shown >= before);
		before = shown;
	}
	assert_int_equal(before, 5);
}

static void first_rows(const struct stage *s, int n, char names[][32])
{
	char text[512];

	for (int i = 0; i < n; i++) {
		row_text(&s->grid, 3 + i, text);
		sscanf(text, "%31s", names[i]);
	}
}

static void assert_order(struct stage *s, enum top_sort sort, const char *a, const char *b,
			 const char *c, const char *d)
{
	const char *const wanted[] = { a, b, c, d };
	char names[4][32];

	s->options.sort = sort;
	draw(s, 19, 100);
	first_rows(s, 4, names);
	for (int i = 0; i < 4; i++)
		assert_string_equal(names[i], wanted[i]);
}

static void services_in_four_orders(void **state)
{
	const char *long_name = "a-service-with-quite-a-~";
	struct stage *s = *state;

	assert_order(s, TOP_BY_CONFIG, "https", long_name, "sip", "-");
	assert_order(s, TOP_BY_DROP, long_name, "sip", "https", "-");
	assert_order(s, TOP_BY_PASS, "https", "-", long_name, "sip");
	assert_order(s, TOP_BY_NAME, "-", long_name, "https", "sip");
}

static void a_filter(void **state)
{
	struct stage *s = *state;

	strcpy(s->options.filter, "SIP");
	draw(s, 19, 100);
	assert_true(on_screen(s, "sip") && on_screen(s, "198.51.100.66") && on_screen(s, "all"));
	assert_false(on_screen(s, "https") || on_screen(s, "203.0.113") || on_screen(s, "not-ip"));
	assert_true(on_screen(s, "filter: SIP (Esc: none)"));
	strcpy(s->options.filter, "nothing like it");
	draw(s, 19, 100);
	assert_false(on_screen(s, "https") || on_screen(s, "REASON") || on_screen(s, "SOURCE"));
}

static void states_that_matter(void **state)
{
	struct stage *s = *state;

	s->view.pending = true;
	s->view.seconds_left = 72;
	draw(s, 19, 100);
	assert_true(on_screen(s, "1m12s left to confirm"));
	s->view.rolled_back = true;
	draw(s, 19, 100);
	assert_true(on_screen(s, "rolled back") && !on_screen(s, "1m12s"));
	s->options.paused = true;
	draw(s, 19, 100);
	assert_true(on_screen(s, "PAUSED, every 2s"));
	strcpy(s->view.problem, "instance default is not loaded");
	draw(s, 19, 100);
	assert_true(on_screen(s, "not loaded") && !on_screen(s, "https"));
}

static void no_rates_yet(void **state)
{
	struct top_model first = { 0 };
	struct stage *s = *state;
	char text[512];

	look(&first, 1, 4);
	top_model_free(&s->model);
	s->model = first;
	draw(s, 19, 80);
	row_text(&s->grid, 3, text);
	assert_string_equal(text, "https                    in         -        -        -");
}

/* -- keys
 * -------------------------------------------------------------------------------------------- */

static void press(struct top_options *o, const char *keys)
{
	for (; *keys; keys++)
		assert_true(top_key(o, *keys));
}

static void keys(void **state)
{
	struct top_options o = { .seconds = 1 };

	(void)state;
	press(&o, "ss");
	assert_int_equal(o.sort, TOP_BY_PASS);
	press(&o, "ss");
	assert_int_equal(o.sort, TOP_BY_CONFIG);
	press(&o, "p");
	assert_true(o.paused);
	press(&o, " ");
	assert_false(o.paused);
	press(&o, "-");
	assert_int_equal(o.seconds, 1);
	press(&o, "+++");
	assert_int_equal(o.seconds, 10);
	press(&o, "-");
	assert_int_equal(o.seconds, 5);
	o.seconds = 3600;
	press(&o, "+");
	assert_int_equal(o.seconds, 3600);
	o.seconds = 7;
	press(&o, "-");
	assert_int_equal(o.seconds, 5);
	press(&o, "x\1"); /* mean nothing */
	assert_true(top_key(&o, 0));
	assert_false(top_key(&o, 'q'));
	assert_false(top_key(&o, 'Q'));
}

static void help_ends_with_any_key(void **state)
{
	struct top_options o = { .seconds = 1 };

	(void)state;
	press(&o, "h");
	assert_true(o.help);
	press(&o, "s");
	assert_false(o.help);
	assert_int_equal(o.sort, TOP_BY_CONFIG);
	press(&o, "?");
	assert_false(top_key(&o, 'q'));
}

static void a_filter_is_typed(void **state)
{
	struct top_options o = { .seconds = 1 };

	(void)state;
	press(&o, "/qs p");
	assert_true(o.typing);
	assert_string_equal(o.filter, "qs p");
	press(&o, "\x7f\x7f\n");
	assert_false(o.typing);
	assert_string_equal(o.filter, "qs");
	press(&o, "/\x7f\x7f\x7f");
	assert_string_equal(o.filter, "");
	for (int i = 0; i < 100; i++)
		assert_true(top_key(&o, 'x'));
	assert_int_equal(strlen(o.filter), TOP_FILTER_MAX);
	press(&o, "\x1b");
	assert_false(o.typing);
	assert_string_equal(o.filter, "");
	press(&o, "/abc\n\x1b");
	assert_string_equal(o.filter, "");
}

/* -- who is refused
 * -------------------------------------------------------------------------------------- */

static struct service services[] = { { .name = "sip", .slot = 9 }, { .name = "rtp", .slot = 2 } };
static const struct policy policy = { .services = services, .n_services = 2 };

static struct top_source source(const char *address, uint32_t slot, uint64_t packets)
{
	struct top_source s = {
		.service = slot,
		.protocol = AXP_UDP,
		.packets = packets,
		.dropped = packets,
		.reasons = 1 << AXP_REASON_UNLISTED,
		.port_count = 1,
		.n_ports = 1,
		.ports = { { 5060, packets } },
	};
	struct error err;

	assert_int_equal(prefix_parse(address, strlen(address), &s.address, &err), 0);
	return s;
}

static void refuse(struct top_refusals *r, struct top_view *v, uint64_t at,
		   const struct top_source *sources, size_t n)
{
	struct top_source *copy = malloc((n + 1) * sizeof(*copy));

	assert_non_null(copy);
	if (n)
		memcpy(copy, sources, n * sizeof(*copy));
	assert_int_equal(top_refusals_update(r, copy, n, at, &policy, v), 0);
}

static void assert_refused(const struct top_view *v, size_t i, const char *address,
			   const char *service, uint64_t packets, uint64_t total)
{
	assert_true(i < v->n_refused);
	assert_string_equal(v->refused[i].address, address);
	assert_string_equal(v->refused[i].service, service);
	assert_int_equal(v->refused[i].flow.packets, packets);
	assert_int_equal(v->refused[i].flow.total, total);
}

static void sources_by_what_came_of_them(void **state)
{
	struct top_refusals r = { 0 };
	struct top_view v = { 0 };
	const struct top_source first[] = {
		source("198.51.100.1", 9, 1000),
		source("198.51.100.1", 2, 50),
		source("2001:db8::1", 9, 70),
		source("198.51.100.2", 9, 900),
	};
	const struct top_source second[] = {
		source("198.51.100.9", 9, 8),  /* new */
		source("2001:db8::1", 9, 80),  /* ten more */
		source("198.51.100.1", 2, 53), /* three more */
		source("198.51.100.2", 9, 6),  /* had lost its place */
		source("198.51.100.1", 9, 1000), source("198.51.100.1", AXP_NO_SERVICE, 0),
	};

	(void)state;
	refuse(&r, &v, SECOND, first, ARRAY_SIZE(first));
	assert_int_equal(v.n_refused, 4);
	assert_refused(&v, 0, "198.51.100.1", "sip", 0, 1000);
	assert_refused(&v, 1, "198.51.100.2", "sip", 0, 900);
	refuse(&r, &v, 2 * SECOND, second, ARRAY_SIZE(second));
	assert_refused(&v, 0, "2001:db8::1", "sip", 10, 80);
	assert_refused(&v, 1, "198.51.100.9", "sip", 8, 8);
	assert_refused(&v, 2, "198.51.100.2", "sip", 6, 6);
	assert_refused(&v, 3, "198.51.100.1", "rtp", 3, 53);
	assert_refused(&v, 4, "198.51.100.1", "sip", 0, 1000);
	assert_refused(&v, 5, "198.51.100.1", "-", 0, 0);
	refuse(&r, &v, 3 * SECOND, NULL, 0);
	assert_int_equal(v.n_refused, 0);
	top_refusals_free(&r);
	top_view_free(&v);
}

static void no_more_than_are_shown(void **state)
{
	struct top_source many[TOP_REFUSED_MAX + 50];
	struct top_refusals r = { 0 };
	struct top_view v = { 0 };

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = source("10.0.0.0", 9, i);
		many[i].address.addr[2] = (uint8_t)(i >> 8);
		many[i].address.addr[3] = (uint8_t)i;
	}
	refuse(&r, &v, SECOND, many, ARRAY_SIZE(many));
	assert_int_equal(v.n_refused, TOP_REFUSED_MAX);
	assert_refused(&v, 0, "10.0.0.249", "sip", 0, 249);
	assert_int_equal(r.n, ARRAY_SIZE(many));
	top_refusals_free(&r);
	top_view_free(&v);
}

static void what_a_source_sent_to(void **state)
{
	struct top_refusals r = { 0 };
	struct top_view v = { 0 };
	struct top_source s[4];

	(void)state;
	s[0] = source("10.0.0.1", 9, 400);
	s[0].n_ports = s[0].port_count = 2;
	s[0].ports[1].port = 5061;
	s[1] = source("10.0.0.2", 9, 300);
	s[1].protocol = AXP_TCP;
	s[1].port_count = 31;
	s[2] = source("10.0.0.3", 9, 200);
	s[2].port_count = 266;
	s[2].many_ports = true;
	s[2].dropped = 0;
	s[3] = source("10.0.0.4", 9, 100);
	s[3].n_ports = 0;
	s[3].protocol = AXP_NO_PROTOCOL;
	s[3].reasons = 1 << AXP_REASON_TINY_FRAGMENT;
	s[3].address = (struct prefix){ .family = AXP_FAMILY_NONE };
	s[3].error = 20;
	s[3].missed = 3;
	refuse(&r, &v, SECOND, s, 4);
	assert_string_equal(v.refused[0].ports, "udp/5060 5061");
	assert_string_equal(v.refused[1].ports, "tcp/5060 +30");
	assert_string_equal(v.refused[2].ports, "udp/5060 +265 or more");
	assert_string_equal(v.refused[3].ports, "tiny-fragment");
	assert_string_equal(v.refused[3].address, "?");
	assert_int_equal(v.refused[3].error, 23);
	assert_int_equal(v.refused[1].fate, TOP_DROP);
	assert_int_equal(v.refused[2].fate, TOP_WOULD_DROP);
	top_refusals_free(&r);
	top_view_free(&v);
}

#define staged(f) cmocka_unit_test_setup_teardown(f, set_stage, strike_stage)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_short),
		cmocka_unit_test(totals_have_all_their_digits),
		cmocka_unit_test(sparks_have_eight_heights),
		cmocka_unit_test(what_does_not_fit_is_cut_off),
		cmocka_unit_test(no_escape_sequence_gets_through),
		staged(a_usual_screen),
		staged(a_wide_screen_has_totals),
		staged(any_size_will_do),
		staged(where_there_is_little_room),
		staged(services_in_four_orders),
		staged(a_filter),
		staged(states_that_matter),
		staged(no_rates_yet),
		cmocka_unit_test(keys),
		cmocka_unit_test(help_ends_with_any_key),
		cmocka_unit_test(a_filter_is_typed),
		cmocka_unit_test(sources_by_what_came_of_them),
		cmocka_unit_test(no_more_than_are_shown),
		cmocka_unit_test(what_a_source_sent_to),
	};

	return cmocka_run_group_tests_name("top_draw", tests, NULL, NULL);
}
