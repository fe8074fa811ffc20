// SPDX-License-Identifier: GPL-2.0-or-later
/* What stands in one place of a config or command line. What is printed of it is read again. */
#include "config.h"
#include "duration.h"
#include "endpoint.h"
#include "hostname.h"
#include "prefix_range.h"
#include "target.h"

static void prefix(const char *text)
{
	struct prefix p, same;
	struct error err = { "" };
	char buf[PREFIX_TEXT_MAX];

	if (prefix_parse(text, strlen(text), &p, &err)) {
		fuzz_one_line(&err);
		return;
	}
	prefix_text(&p, buf);
	fuzz_check(!prefix_parse(buf, strlen(buf), &same, &err) && !prefix_compare(&p, &same));
	fuzz_check(!memcmp(p.addr, same.addr, sizeof(p.addr)));
}

static void ports(const char *text)
{
	struct port_range r, same;
	struct error err = { "" };
	char buf[24];

	if (port_range_parse(text, &r, &err)) {
		fuzz_one_line(&err);
		return;
	}
	port_range_text(&r, buf);
	fuzz_check(!port_range_parse(buf, &same, &err));
	fuzz_check(same.low == r.low && same.high == r.high && same.protocol == r.protocol);
}

static void duration(const char *text)
{
	char buf[DURATION_TEXT_MAX];
	struct error err = { "" };
	uint32_t seconds;

	if (duration_parse(text, &seconds, &err))
		fuzz_one_line(&err);
	else
		duration_text(seconds, buf);
}

static void endpoint(const char *text)
{
	char buf[ENDPOINT_TEXT_MAX], twice[ENDPOINT_TEXT_MAX];
	struct endpoint e, same;

	if (endpoint_parse(text, &e))
		return;
	endpoint_text(&e, buf);
	fuzz_check(!endpoint_parse(buf, &same));
	fuzz_check(!strcmp(buf, endpoint_text(&same, twice)));
}

static void hostname(const char *text)
{
	char normal[HOSTNAME_MAX + 1], twice[HOSTNAME_MAX + 1];
	struct error err = { "" };

	if (hostname_check(text, false, &err)) {
		fuzz_one_line(&err);
		return;
	}
	hostname_normal(text, normal);
	fuzz_check(!hostname_check(normal, false, &err));
	hostname_normal(normal, twice);
	fuzz_check(!strcmp(normal, twice));
}

void fuzz_words(const uint8_t *data, size_t n)
{
	_cleanup_free_ char *text = fuzz_text(data, n);

	prefix(text);
	ports(text);
	duration(text);
	endpoint(text);
	hostname(text);
}
