// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "cleanup.h"
#include "top_keys.h"

static const uint32_t intervals[] = { 1, 2, 5, 10, 30, 60, 300, 600, 3600 };

static uint32_t longer(uint32_t seconds)
{
	for (size_t i = 0; i < ARRAY_SIZE(intervals); i++) {
		if (intervals[i] > seconds)
			return intervals[i];
	}
	return seconds;
}

static uint32_t shorter(uint32_t seconds)
{
	for (size_t i = ARRAY_SIZE(intervals); i; i--) {
		if (intervals[i - 1] < seconds)
			return intervals[i - 1];
	}
	return seconds;
}

static void type(struct top_options *o, int key)
{
	size_t n = strlen(o->filter);

	if (key == TOP_KEY_ENTER || key == TOP_KEY_ESCAPE)
		o->typing = false;
	if (key == TOP_KEY_ESCAPE)
		o->filter[0] = '\0';
	else if (key == TOP_KEY_BACKSPACE && n)
		o->filter[n - 1] = '\0';
	else if (key >= ' ' && key < 0x7f && n < TOP_FILTER_MAX) {
		o->filter[n] = (char)key;
		o->filter[n + 1] = '\0';
	}
}

bool top_key(struct top_options *o, int key)
{
	if (o->typing) {
		type(o, key);
		return true;
	}
	if (o->help) { /* any key ends it, and does no more */
		o->help = false;
		return key != 'q';
	}
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case 'h':
	case '?':
		o->help = true;
		break;
	case 's':
		o->sort = (o->sort + 1) % TOP_SORTS;
		break;
	case 'p':
	case ' ':
		o->paused = !o->paused;
		break;
	case '/':
		o->typing = true;
		o->filter[0] = '\0';
		break;
	case TOP_KEY_ESCAPE:
		o->filter[0] = '\0';
		break;
	case '+':
		o->seconds = longer(o->seconds);
		break;
	case '-':
		o->seconds = shorter(o->seconds);
		break;
	}
	return true;
}
