// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"
#include "duration.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

static void assert_seconds(const char *text, uint32_t want)
{
	struct error err = { "" };
	uint32_t seconds = 0;

	if (duration_parse(text, &seconds, &err))
		fail_msg("\"%s\": %s", text, err.text);
	assert_int_equal(seconds, want);
}

static void assert_refused(const char *text, const char *why)
{
	struct error err = { "" };
	uint32_t seconds = 12345;
	char want[200];

	assert_int_equal(duration_parse(text, &seconds, &err), -EINVAL);
	snprintf(want, sizeof(want), "'%s' is no duration (%s): write it like 90s, 2m, 1h30m or 7d",
		 text, why);
	assert_string_equal(err.text, want);
	assert_int_equal(seconds, 12345); /* left alone */
}

static void one_unit(void **state)
{
	(void)state;
	assert_seconds("1s", 1);
	assert_seconds("90s", 90);
	assert_seconds("2m", 2 * MINUTE);
	assert_seconds("2h", 2 * HOUR);
	assert_seconds("7d", 7 * DAY);
	assert_seconds("007s", 7);
	assert_seconds("86400s", DAY);
}

static void several_units(void **state)
{
	(void)state;
	assert_seconds("1h30m", HOUR + 30 * MINUTE);
	assert_seconds("1d2h3m4s", DAY + 2 * HOUR + 3 * MINUTE + 4);
	assert_seconds("0h5m", 5 * MINUTE);
	assert_seconds("90m30s", 90 * MINUTE + 30);
	/* in any order, also twice: a sum is a sum */
	assert_seconds("30s1m", 90);
	assert_seconds("1m1m", 2 * MINUTE);
}

static void ten_years_are_the_longest(void **state)
{
	(void)state;
	assert_seconds("3650d", DURATION_MAX);
	assert_seconds("315360000s", DURATION_MAX);
	assert_refused("3651d", "longer than ten years");
	assert_refused("3650d1s", "longer than ten years");
	assert_refused("315360001s", "longer than ten years");
	assert_refused("4294967296s", "longer than ten years");
	assert_refused("18446744073709551617s", "longer than ten years");
	assert_refused("99999999999999999999999999999d", "longer than ten years");
	assert_refused("300000000m", "longer than ten years");
}

static void a_number_needs_a_unit(void **state)
{
	(void)state;
	assert_refused("180", "a number without a unit");
	assert_refused("1h30", "a number without a unit");
	assert_refused("0", "a number without a unit");
	assert_refused("5w", "unknown unit");
	assert_refused("5 m", "unknown unit");
	assert_refused("5M", "unknown unit");
	assert_refused("5ms", "a number and a unit are wanted"); /* five minutes, then an s */
	assert_refused("1.5h", "unknown unit");
	assert_refused("1,5h", "unknown unit");
}

static void refuses_what_is_none(void **state)
{
	static const char why[] = "a number and a unit are wanted";

	(void)state;
	assert_refused("", why);
	assert_refused("m", why);
	assert_refused("forever", why);
	assert_refused("-5m", why);
	assert_refused("+5m", why);
	assert_refused(" 5m", why);
	assert_refused("5m ", why);
	assert_refused("1h-5m", why);
	assert_refused("1h#", why);
}

static void zero_is_none(void **state)
{
	(void)state;
	assert_refused("0s", "it is zero");
	assert_refused("0d0h0m0s", "it is zero");
}

static void assert_text(uint64_t seconds, const char *want)
{
	char buf[DURATION_TEXT_MAX];

	assert_string_equal(duration_text(seconds, buf), want);
}

static void written_as_people_do(void **state)
{
	(void)state;
	assert_text(0, "0s");
	assert_text(1, "1s");
	assert_text(59, "59s");
	assert_text(60, "1m");
	assert_text(5400, "1h30m");
	assert_text(86400, "1d");
	assert_text(90061, "1d1h1m1s");
	assert_text(86401, "1d1s");
	assert_text(DURATION_MAX, "3650d");
	assert_text(UINT64_MAX, "213503982334601d7h15s");
}

static void text_is_read_back(void **state)
{
	uint64_t seed = 20261121;
	char buf[DURATION_TEXT_MAX];

	(void)state;
	for (uint32_t i = 1; i < 5000; i++)
		assert_seconds(duration_text(i, buf), i);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t seconds = (uint32_t)(1 + unit_random(&seed) % DURATION_MAX);

		assert_seconds(duration_text(seconds, buf), seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_unit),
		cmocka_unit_test(several_units),
		cmocka_unit_test(ten_years_are_the_longest),
		cmocka_unit_test(a_number_needs_a_unit),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(zero_is_none),
		cmocka_unit_test(written_as_people_do),
		cmocka_unit_test(text_is_read_back),
	};

	return cmocka_run_group_tests_name("duration", tests, NULL, NULL);
}
