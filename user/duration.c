// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "duration.h"
#include "text.h"

static const struct {
	char name;
	uint32_t seconds;
} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

static uint32_t unit_seconds(char name)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (units[i].name == name)
			return units[i].seconds;
	}
	return 0;
}

static int refuse(const char *text, const char *why, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];

	return error_set(err, EINVAL,
			 "'%s' is no duration (%s): write it like 90s, 2m, 1h30m or 7d",
			 text_shown(text, strlen(text), shown), why);
}

int duration_parse(const char *text, uint32_t *seconds, struct error *err)
{
	uint64_t total = 0;
	const char *c = text;

	while (isdigit((unsigned char)*c)) {
		uint64_t n = 0;

		for (; isdigit((unsigned char)*c); c++) {
			n = n * 10 + (uint64_t)(*c - '0');
			if (n > DURATION_MAX)
				return refuse(text, "longer than ten years", err);
		}
		if (!unit_seconds(*c))
			return refuse(text, *c ? "unknown unit" : "a number without a unit", err);
		total += n * unit_seconds(*c++);
		if (total > DURATION_MAX)
			return refuse(text, "longer than ten years", err);
	}
	if (*c || c == text)
		return refuse(text, "a number and a unit are wanted", err);
	if (!total)
		return refuse(text, "it is zero", err);
	*seconds = (uint32_t)total;
	return 0;
}

const char *duration_text(uint64_t seconds, char buf[static DURATION_TEXT_MAX])
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		uint64_t count = seconds / units[i].seconds;

		seconds %= units[i].seconds;
		if (count)
			n += (size_t)snprintf(buf + n, DURATION_TEXT_MAX - n, "%llu%c",
					      (unsigned long long)count, units[i].name);
	}
	if (!n)
		strcpy(buf, "0s");
	return buf;
}
