// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages are one line of text that a terminal only shows, whatever names of files stand in them.
 */
#include <errno.h>
#include "error.h"
#include "unit.h"

static void control_characters_are_replaced(void **state)
{
	char longest[2 * sizeof(struct error)];
	struct error err;

	(void)state;
	assert_int_equal(error_set(&err, ENOENT, "no %s: mend it", "a\nb\tc\x1b[31m\x7f\xc2\x9b"),
			 -ENOENT);
	assert_string_equal(err.text, "no a?b c?[31m???: mend it");
	assert_int_equal(error_at(&err, "a\r\n", 7, "it is \b%d", 8), -EINVAL);
	assert_string_equal(err.text, "a??:7: it is ?8");
	memset(longest, '\n', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	error_at(&err, longest, 7, "cut off");
	assert_null(strchr(err.text, '\n'));
}

static void other_text_stays(void **state)
{
	struct error err;

	(void)state;
	error_set(&err, EINVAL, "%s", "Z\xc3\xbcrich \xe2\x80\x94 42 %");
	assert_string_equal(err.text, "Z\xc3\xbcrich \xe2\x80\x94 42 %");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_characters_are_replaced),
		cmocka_unit_test(other_text_stays),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
