// SPDX-License-Identifier: GPL-2.0-or-later
/* RUN/layout, as a version writes it that may know other things than this one, or damaged. */
#include "unit.h"
#include "counters_layout.h"

static void write_layout(const struct scratch *s, const char *shape, int services, int slots)
{
	FILE *f = fopen(scratch_path(s, "layout"), "we");

	assert_non_null(f);
	fprintf(f, "shape %s\ndrop unlisted\npass listed\n", shape);
	for (int i = 0; i < services; i++)
		fprintf(f, "service %d %d s%d\n", i % slots, i ? 0 : 2, i);
	assert_int_equal(fclose(f), 0);
}

static void read_layout(const struct scratch *s, struct policy *p)
{
	struct paths paths = { 0 };

	snprintf(paths.run, sizeof(paths.run), "%s", s->dir);
	assert_int_equal(counters_layout_services(&paths, p), 0);
}

/* A policy has no more services than slots, and no direction but in and out. */
static void more_than_a_policy_holds(void **state)
{
	struct policy p _cleanup_policy_ = { 0 };
	struct scratch *s = *state;

	write_layout(s, "3 100 3", 250, 100);
	read_layout(s, &p);
	assert_int_equal(p.n_services, AXP_MAX_SERVICES);
	assert_string_equal(p.services[0].name, "s1");
	assert_int_equal(p.services[0].slot, 1);
	for (size_t i = 0; i < p.n_services; i++) {
		assert_true(p.services[i].slot < AXP_MAX_SERVICES);
		assert_int_equal(p.services[i].direction, AXP_IN);
	}
}

static void as_many_as_it_holds(void **state)
{
	struct policy p _cleanup_policy_ = { 0 };
	struct scratch *s = *state;

	write_layout(s, "3 64 3", AXP_MAX_SERVICES, AXP_MAX_SERVICES);
	read_layout(s, &p);
	assert_int_equal(p.n_services, AXP_MAX_SERVICES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(more_than_a_policy_holds),
		scratch_test(as_many_as_it_holds),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
