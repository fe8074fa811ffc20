// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The model asks what a prefix's text says for every packet and node: here it is read once. (The
 * Makefile gives the function that reads it, in tests/bpf/rules.c, another name.)
 */
#include <string.h>
#include "rules.h"

struct prefix_bits prefix_bits_read(const char *text);

struct prefix_bits prefix_bits(const char *text)
{
	enum { PLACES = 1024, TEXT = 64 };
	static struct {
		char text[TEXT];
		struct prefix_bits bits;
	} known[PLACES], *place;
	__u32 hash = 0;
	size_t n = 0;

	for (; text[n]; n++)
		hash = hash * 31 + (__u8)text[n];
	place = &known[hash % PLACES];
	if (n >= TEXT)
		return prefix_bits_read(text);
	if (strcmp(place->text, text)) {
		memcpy(place->text, text, n + 1);
		place->bits = prefix_bits_read(text);
	}
	return place->bits;
}
