/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that came from outside: is it UTF-8, and how may a piece of it stand in a message. Pure. */
#ifndef ALLOWXDP_TEXT_H
#define ALLOWXDP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { TEXT_SHOWN_MAX = 64 };

/*
 * A copy that is safe to print: at most 60 bytes ("..." where it was cut), all of them printable
 * ASCII,
 * '?' for any other byte, so that no input can send escape sequences to a terminal. Returns buf.
 */
const char *text_shown(const char *text, size_t n, char buf[static TEXT_SHOWN_MAX]);

/* Offset of the first byte that is not well-formed UTF-8 (RFC 3629), or n. */
size_t text_utf8_valid(const char *text, size_t n);

/* Offset of the first control character but tab (C0, DEL, and C1 in its UTF-8 form), or n. */
size_t text_find_control(const char *text, size_t n);

/* A '?' for each byte of a control character, and a space for a tab: text stays as long, and UTF-8.
 */
void text_replace_controls(char *text, size_t n);

/* Space or tab. */
static inline bool text_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

#endif
