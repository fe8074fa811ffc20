// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "error.h"
#include "progress.h"
#include "text.h"

/* Names of files and what they say stand in messages: no control character gets to a terminal, and
 * a line stays one. */
static void make_printable(char *text)
{
	text_replace_controls(text, strlen(text));
}

int error_set(struct error *err, int errnum, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	make_printable(err->text);
	return -errnum;
}

int error_at(struct error *err, const char *file, unsigned int line, const char *fmt, ...)
{
	va_list args;
	int n;

	if (line)
		n = snprintf(err->text, sizeof(err->text), "%s:%u: ", file, line);
	else
		n = snprintf(err->text, sizeof(err->text), "%s: ", file);
	if (n >= 0 && (size_t)n < sizeof(err->text)) {
		va_start(args, fmt);
		vsnprintf(err->text + n, sizeof(err->text) - (size_t)n, fmt, args);
		va_end(args);
	}
	make_printable(err->text);
	return -EINVAL;
}

void warn_line(const char *fmt, ...)
{
	char text[4096]; /* may name many things */
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	make_printable(text);
	progress_show(NULL);
	fprintf(stderr, "allowxdp: warning: %s\n", text);
}
