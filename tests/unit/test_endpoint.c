// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the exporter listens, and which service guards that. */
#include <errno.h>
#include "announce.h"
#include "unit.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text, *shown;
		bool loopback;
		uint16_t port;
	} good[] = {
		{ "127.0.0.1:19790", "127.0.0.1:19790", true, 19790 },
		{ "127.255.1.2:1", "127.255.1.2:1", true, 1 },
		{ "0.0.0.0:65535", "0.0.0.0:65535", false, 65535 },
		{ "192.0.2.10:080", "192.0.2.10:80", false, 80 },
		{ "128.0.0.1:0", "128.0.0.1:0", false, 0 },
		{ "[::1]:19790", "[::1]:19790", true, 19790 },
		{ "[::]:19790", "[::]:19790", false, 19790 },
		{ "[2001:DB8:0::1]:9", "[2001:db8::1]:9", false, 9 },
		{ "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", false, 65535 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char text[ENDPOINT_TEXT_MAX];
		struct endpoint e;

		assert_int_equal(endpoint_parse(good[i].text, &e), 0);
		assert_string_equal(endpoint_text(&e, text), good[i].shown);
		assert_int_equal(endpoint_is_loopback(&e), good[i].loopback);
		assert_int_equal(endpoint_port(&e), good[i].port);
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		"19790",
		":19790",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:x",
		"127.0.0.1:1x",
		"127.0.0.1:-1",
		"127.0.0.1:+1",
		"127.0.0.1:65536",
		"127.0.0.1:999999",
		"127.0.0.1: 1",
		"127.1:1",
		"1.2.3.4.5:1",
		"256.0.0.1:1",
		"localhost:1",
		"::1:19790",
		"[::1]",
		"[::1]19790",
		"[]:1",
		"[:1",
		"[::1:1",
		"::1]:1",
		"[127.0.0.1]:1",
		"[::1%lo]:1",
		"[[::1]]:1",
		" 127.0.0.1:1",
		"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255.255.255.255.255]:1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct endpoint e;

		if (endpoint_parse(bad[i], &e) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	}
}

static void test_guarded(void **state)
{
	struct service services[] = {
		{ .name = "udp", .n_ports = 1, .ports = { { 1, 65535, AXP_UDP, 0 } } },
		{ .name = "out",
		  .n_ports = 1,
		  .ports = { { 1, 65535, AXP_TCP, 0 } },
		  .direction = AXP_OUT },
		{ .name = "in",
		  .n_ports = 2,
		  .ports = { { 80, 80, AXP_TCP, 0 }, { 100, 200, AXP_TCP, 0 } } },
	};
	struct policy p = { .services = services, .n_services = ARRAY_SIZE(services) };
	static const struct {
		const char *text;
		bool guarded;
	} cases[] = {
		{ "0.0.0.0:80", true },     { "0.0.0.0:99", false }, { "0.0.0.0:100", true },
		{ "[::]:200", true },       { "[::]:201", false },   { "192.0.2.1:150", true },
		{ "127.0.0.1:150", false }, { "[::1]:150", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct service *s;
		struct endpoint e;

		assert_int_equal(endpoint_parse(cases[i].text, &e), 0);
		s = endpoint_guarded(&e, &p);
		if (!!s != cases[i].guarded)
			fail_msg("%s", cases[i].text);
		if (s)
			assert_string_equal(s->name, "in");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_guarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
