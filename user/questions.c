// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cleanup.h"
#include "questions.h"
#include "text.h"

bool questions_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool ask(const char *question, const char *otherwise, char *answer, size_t n)
{
	_cleanup_free_ char *line = NULL;
	const char *start;
	size_t room = 0, len;

	fprintf(stderr, "%s [%s]: ", question, *otherwise ? otherwise : "none");
	if (getline(&line, &room, stdin) < 0) {
		fputc('\n', stderr);
		return false;
	}
	start = line + strspn(line, " \t");
	len = strcspn(start, "\n");
	while (len && (text_is_blank(start[len - 1]) || start[len - 1] == '\r'))
		len--;
	if (len)
		snprintf(answer, n, "%.*s", (int)len, start);
	else
		snprintf(answer, n, "%s", otherwise);
	return true;
}
