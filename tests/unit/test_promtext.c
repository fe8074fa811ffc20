// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include "inventory.h"
#include "promtext.h"
#include "unit.h"

static void test_text(void **state)
{
	static const struct prom_label labels[] = { { "plain", "value" },
						    { "odd", "back\\slash \"quote\" line\nend" },
						    { "empty", "" } };
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	prom_number(f, "a_total", "counter", "Help.", UINT64_MAX);
	prom_head(f, "b", "gauge", "More.");
	prom_sample(f, "b", labels, ARRAY_SIZE(labels), 0);
	prom_sample(f, "b", labels, 1, 1);
	fclose(f);
	assert_string_equal(text,
			    "# HELP a_total Help.\n"
			    "# TYPE a_total counter\n"
			    "a_total 18446744073709551615\n"
			    "# HELP b More.\n"
			    "# TYPE b gauge\n"
			    "b{plain=\"value\",odd=\"back\\\\slash \\\"quote\\\" line\\nend\","
			    "empty=\"\"} 0\n"
			    "b{plain=\"value\"} 1\n");
	free(text);
}

static struct entry entry(const char *prefix, uint16_t list)
{
	struct entry e = { .list = list };
	struct error err;

	assert_int_equal(prefix_parse(prefix, strlen(prefix), &e.prefix, &err), 0);
	return e;
}

/* A prefix counts once, however many lists and whichever of both sets hold it. */
static void test_inventory(void **state)
{
	struct entry base[] = { entry("192.0.2.0/24", 0), entry("192.0.2.0/24", 1),
				entry("192.0.2.7/32", 0), entry("2001:db8::/32", 1) };
	struct entry added[] = { entry("192.0.2.0/24", 2), entry("192.0.2.8/32", 0),
				 entry("192.0.2.8/32", 1), entry("2001:db8::/33", 0) };
	struct policy p = { .base = { base, ARRAY_SIZE(base), 0 },
			    .added = { added, ARRAY_SIZE(added), 0 },
			    .n_lists = 3 };
	static struct inventory out;

	(void)state;
	inventory_take(&p, &out);
	assert_int_equal(out.prefixes[AXP_IPV4], 3);
	assert_int_equal(out.prefixes[AXP_IPV6], 2);
	assert_int_equal(out.entries[0][AXP_IPV4], 3);
	assert_int_equal(out.entries[1][AXP_IPV4], 2);
	assert_int_equal(out.entries[2][AXP_IPV4], 1);
	assert_int_equal(out.entries[0][AXP_IPV6], 1);
	assert_int_equal(out.entries[1][AXP_IPV6], 1);
	assert_int_equal(out.entries[2][AXP_IPV6], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_inventory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
