// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdint.h>
#include <string.h>
#include "text.h"

enum { SHOWN_BYTES = 60 };

const char *text_shown(const char *text, size_t n, char buf[static TEXT_SHOWN_MAX])
{
	size_t shown = n > SHOWN_BYTES ? SHOWN_BYTES - 3 : n;
	size_t i;

	for (i = 0; i < shown; i++)
		buf[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	strcpy(buf + shown, n > shown ? "..." : "");
	return buf;
}

/* Length of the character at s (n > 0 bytes left), or 0 when it is not well-formed. */
static size_t utf8_char(const uint8_t *s, size_t n)
{
	/* the second byte's range is what keeps out overlong forms, surrogates and > U+10FFFF */
	uint8_t low = 0x80, high = 0xbf;
	size_t len, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return len;
}

size_t text_utf8_valid(const char *text, size_t n)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t i = 0, len;

	while (i < n) {
		len = utf8_char(s + i, n - i);
		if (!len)
			break;
		i += len;
	}
	return i;
}

/* Is one of the 8 bytes below 0x20, DEL, or the lead byte of a C1 character? May say yes too often.
 */
static bool suspicious(uint64_t word)
{
	const uint64_t ones = ~0ULL / 0xff, high = ones * 0x80;
	uint64_t del = word ^ ones * 0x7f, c1 = word ^ ones * 0xc2;

	return (((word - ones * 0x20) & ~word) | ((del - ones) & ~del) | ((c1 - ones) & ~c1)) &
	       high;
}

static bool is_control(const uint8_t *s, size_t n)
{
	return (s[0] < 0x20 && s[0] != '\t') || s[0] == 0x7f ||
	       (s[0] == 0xc2 && n > 1 && s[1] >= 0x80 && s[1] < 0xa0);
}

size_t text_find_control(const char *text, size_t n)
{
	const uint8_t *s = (const uint8_t *)text;
	uint64_t word;
	size_t i, end;

	for (i = 0; i < n; i = end) {
		end = n - i > sizeof(word) ? i + sizeof(word) : n;
		if (end - i == sizeof(word)) {
			memcpy(&word, s + i, sizeof(word));
			if (!suspicious(word))
				continue;
		}
		for (; i < end; i++)
			if (is_control(s + i, n - i))
				return i;
	}
	return n;
}

void text_replace_controls(char *text, size_t n)
{
	for (size_t i = 0; (i += text_find_control(text + i, n - i)) < n;) {
		if ((uint8_t)text[i] == 0xc2) /* of a C1 character, which has two bytes */
			text[i + 1] = '?';
		text[i] = '?';
	}
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\t')
			text[i] = ' ';
	}
}
