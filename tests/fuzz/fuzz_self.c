// SPDX-License-Identifier: GPL-2.0-or-later
/* Is wrong in the ways that the others must not be: what would find nothing here finds nothing. */
#include "target.h"

void fuzz_self(const uint8_t *data, size_t n)
{
	_cleanup_free_ char *text = fuzz_text(data, n);
	struct error err = { "two\nlines" };
	static void *volatile lost;
	volatile int number = 0x7fffffff;

	if (!strcmp(text, "read"))
		fuzz_check(text[n + 1 + (size_t)!number]);
	if (!strcmp(text, "overflow"))
		number += (int)n;
	if (!strcmp(text, "line"))
		fuzz_one_line(&err);
	if (!strcmp(text, "leak")) {
		lost = malloc(100);
		lost = NULL;
		(void)lost;
	}
	if (!strcmp(text, "holds"))
		fuzz_check(!*text);
}
