/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures in few columns, and sparklines. Pure. */
#ifndef ALLOWXDP_TOP_TEXT_H
#define ALLOWXDP_TOP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOP_NUMBER_MAX 16

/* Packets a second: 0, 12.3, 45678, 1.23M; at most 7 characters. Returns buf. */
const char *rate_text(double rate, char buf[static TOP_NUMBER_MAX]);

/* All digits where 12 characters are enough, else 1.234T. Returns buf. */
const char *count_text(uint64_t count, char buf[static TOP_NUMBER_MAX]);

/* The mark of a value on a scale up to `max`: blank for nothing, else one of eight heights. */
uint32_t spark(double value, double max, bool utf8);

/* Does `text` contain `part`, whatever their case? Everything contains "". */
bool text_contains(const char *text, const char *part);

#endif
