/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One error, one line: "FILE:LINE: what is wrong: how to mend it". Functions that can fail take a
 * struct error, return a negative errno (or false), and set the text once, where the cause is
 * known.
 */
#ifndef ALLOWXDP_ERROR_H
#define ALLOWXDP_ERROR_H

struct error {
	char text[1024];
};

/* Sets the text and returns -errnum, so that callers can `return error_set(err, EINVAL, ...)`. */
int error_set(struct error *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with "FILE:LINE: " in front; line 0 leaves the line away. */
int error_at(struct error *err, const char *file, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* What was said in passing: warnings do not fail a command, they are printed on stderr. */
void warn_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
