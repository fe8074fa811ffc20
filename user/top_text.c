// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include "top_text.h"

enum { SPARKS = 8 };

const char *rate_text(double rate, char buf[static TOP_NUMBER_MAX])
{
	if (!(rate > 0))
		snprintf(buf, TOP_NUMBER_MAX, "0");
	else if (rate < 9999.95)
		snprintf(buf, TOP_NUMBER_MAX, "%.1f", rate);
	else if (rate < 999999.5)
		snprintf(buf, TOP_NUMBER_MAX, "%.0f", rate);
	else if (rate < 999.995e6)
		snprintf(buf, TOP_NUMBER_MAX, "%.2fM", rate / 1e6);
	else
		snprintf(buf, TOP_NUMBER_MAX, "%.2fG", rate / 1e9);
	return buf;
}

const char *count_text(uint64_t count, char buf[static TOP_NUMBER_MAX])
{
	if (count < 1000000000000ULL)
		snprintf(buf, TOP_NUMBER_MAX, "%llu", (unsigned long long)count);
	else
		snprintf(buf, TOP_NUMBER_MAX, "%.3fT", (double)count / 1e12);
	return buf;
}

uint32_t spark(double value, double max, bool utf8)
{
	static const char ascii[] = ".:-=+*#@";
	int height;

	if (!(value > 0) || !(max > 0))
		return ' ';
	height = (int)(value / max * SPARKS);
	if (height > SPARKS - 1)
		height = SPARKS - 1;
	return utf8 ? 0x2581 + (uint32_t)height : (uint32_t)ascii[height];
}

bool text_contains(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}
