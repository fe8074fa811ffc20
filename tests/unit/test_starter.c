// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The config that init writes: what is told from what listens, what is asked for, and that whatever
 * goes in, what comes out is a config that can be read.
 */
#include <stdlib.h>
#include <string.h>
#include "abi.h"
#include "config.h"
#include "starter.h"
#include "unit.h"

static struct listener at(uint8_t protocol, uint16_t port, const char *program)
{
	struct listener l = { .protocol = protocol, .port = port };

	snprintf(l.program, sizeof(l.program), "%s", program);
	return l;
}

static void test_kinds(void **state)
{
	static const struct {
		uint8_t protocol;
		uint16_t port;
		const char *program;
		enum service_kind kind;
	} cases[] = {
		{ AXP_TCP, 443, "nginx", KIND_HTTPS },
		{ AXP_TCP, 443, "", KIND_HTTPS },
		{ AXP_UDP, 443, "nginx", SERVICE_KINDS },
		{ AXP_TCP, 8443, "", KIND_HTTPS },
		{ AXP_TCP, 9443, "haproxy", KIND_HTTPS },
		{ AXP_TCP, 9443, "other", SERVICE_KINDS },
		{ AXP_TCP, 80, "nginx", KIND_HTTP },
		{ AXP_UDP, 5060, "", KIND_SIP },
		{ AXP_TCP, 5060, "", KIND_SIP },
		{ AXP_TCP, 5061, "", KIND_SIP },
		{ AXP_UDP, 5061, "", SERVICE_KINDS },
		{ AXP_UDP, 5080, "freeswitch", KIND_SIP },
		{ AXP_UDP, 5080, "other", SERVICE_KINDS },
		{ AXP_TCP, 5038, "asterisk", SERVICE_KINDS }, /* the manager's */
		{ AXP_UDP, 12000, "asterisk", KIND_RTP },
		{ AXP_UDP, 12000, "other", SERVICE_KINDS },
		{ AXP_TCP, 12000, "asterisk", SERVICE_KINDS },
		{ AXP_UDP, 3478, "turnserver", KIND_TURN },
		{ AXP_TCP, 5349, "", KIND_TURN },
		{ AXP_TCP, 22, "sshd", SERVICE_KINDS },
		{ AXP_UDP, 53, "unbound", SERVICE_KINDS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct listener l = at(cases[i].protocol, cases[i].port, cases[i].program);

		if (kind_of_listener(&l) != cases[i].kind)
			fail_msg("%u %s: %d", l.port, l.program, (int)kind_of_listener(&l));
	}
}

static void ports_are(enum service_kind kind, struct listener *v, size_t n, const char *wanted)
{
	struct listeners l = { .v = v, .n = n };
	struct ports ports;
	char text[512];

	kind_ports(kind, &l, &ports);
	assert_string_equal(ports_text(&ports, text, sizeof(text)), wanted);
}

static void test_ports(void **state)
{
	struct listener v[] = {
		at(AXP_TCP, 8443, "nginx"),      at(AXP_UDP, 5060, "asterisk"),
		at(AXP_TCP, 5062, "kamailio"),   at(AXP_UDP, 10100, "asterisk"),
		at(AXP_UDP, 30020, "rtpengine"),
	};

	(void)state;
	ports_are(KIND_HTTPS, v, 0, "tcp/443");
	ports_are(KIND_HTTPS, v, 5, "tcp/8443");
	ports_are(KIND_SIP, v, 0, "udp/5060, tcp/5060-5061");
	ports_are(KIND_SIP, v, 5, "udp/5060, tcp/5060-5061, tcp/5062");
	ports_are(KIND_RTP, v, 0, "udp/10000-20000");
	ports_are(KIND_RTP, v, 5, "udp/10000-20000, udp/30000-40000");
	ports_are(KIND_TURN, v, 5, "udp/3478, tcp/3478, tcp/5349");
}

static void test_services_of_profiles(void **state)
{
	struct ports web = { .v = { { 443, 443, AXP_TCP, 0 } }, .n = 1 };
	struct ports sip = { .v = { { 443, 443, AXP_TCP, 0 }, { 5070, 5070, AXP_TCP, 0 } },
			     .n = 2 };
	struct ports media = { .v = { { 10000, 40000, AXP_UDP, 0 } }, .n = 1 };
	struct ports other = { .v = { { 7, 7, AXP_TCP, 0 } }, .n = 1 };

	(void)state;
	assert_int_equal(kind_of_service("freshchat-in", &web), KIND_HTTPS);
	assert_int_equal(kind_of_service("exotel-mumbai-sip", &sip), KIND_SIP);
	assert_int_equal(kind_of_service("exotel-mumbai-rtp", &media), KIND_RTP);
	assert_int_equal(kind_of_service("echo", &other), SERVICE_KINDS);
}

static void test_wishes(void **state)
{
	static const char *const bad[] = { "gopher",   "sip,,sip", "a=",        "a=tcp",
					   "a=tcp/1+", "=tcp/1",   "a b=tcp/1", "a=tcp/1+udp/0" };
	static const struct listeners none;
	struct starter *s = calloc(1, sizeof(*s));
	struct error err;

	(void)state;
	s->listeners = &none;
	assert_int_equal(starter_wish(s, " https , api=tcp/1+udp/2-3,sip=udp/7 ,", &err), 0);
	assert_int_equal(s->n_wishes, 3);
	assert_string_equal(s->wishes[1].name, "api");
	assert_int_equal(s->wishes[1].kind, SERVICE_KINDS);
	assert_int_equal(s->wishes[1].ports.n, 2);
	assert_int_equal(s->wishes[2].kind, KIND_SIP);
	assert_int_equal(s->wishes[2].ports.v[0].low, 7);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s->n_wishes = 0;
		if (!starter_wish(s, bad[i], &err))
			fail_msg("taken: %s", bad[i]);
	}
	free(s);
}

static void test_found(void **state)
{
	struct listener v[] = { at(AXP_TCP, 80, "nginx"), at(AXP_UDP, 5060, ""),
				at(AXP_TCP, 22, "") };
	struct listeners l = { .v = v, .n = 3 };
	struct starter *s = calloc(1, sizeof(*s));

	(void)state;
	s->listeners = &l;
	starter_wish_found(s);
	assert_int_equal(s->n_wishes, 2); /* media need a signalling; plain HTTP is not usual */
	assert_string_equal(s->wishes[0].name, "sip");
	assert_string_equal(s->wishes[1].name, "rtp");
	free(s);
}

/* Reads what is written. */
static void check(const struct scratch *scratch, const struct starter *s, struct policy *p)
{
	struct error err = { "" };
	FILE *f = fopen(scratch_path(scratch, "a.yaml"), "w");

	assert_non_null(f);
	starter_write(f, s);
	assert_int_equal(fclose(f), 0);
	if (config_read(p, scratch_path(scratch, "a.yaml"), &err))
		fail_msg("%s", err.text);
	assert_int_equal(p->settings.mode, AXP_MODE_MONITOR);
	assert_int_equal(p->n_services, s->n_services);
}

static void test_lists_of_one_name_come_once(void **state)
{
	static const struct listeners none;
	struct starter *s = calloc(1, sizeof(*s));
	_cleanup_policy_ struct policy p = { 0 };
	struct error err;

	s->listeners = &none;
	s->date = "today";
	/* both would begin with web-clients */
	assert_int_equal(starter_wish(s, "http,web=tcp/81", &err), 0);
	assert_int_equal(starter_make(s, &err), 0);
	assert_int_equal(s->n_lists, 1);
	check(*state, s, &p);
	assert_int_equal(p.n_lists, 2);
	free(s);
}

/* Programs may call themselves anything; labels may hold any quotes. */
static void test_whatever_goes_in(void **state)
{
	static char *office[] = { "192.0.2.0/24 # it's \"ours\": {a, [b]} # & * ! | > % @ `",
				  "2001:db8::1 until=2030-01-01T00:00:00Z # ünïcode",
				  "!192.0.2.7" };
	static const char *const names[] = {
		"a: b", "#", "'\"", "- x", "{[", "%YAML", "\\n", "? :"
	};
	uint64_t seed = 7;

	for (int round = 0; round < 300; round++) {
		struct listener v[120];
		struct listeners l = { .v = v, .n = unit_random(&seed) % ARRAY_SIZE(v) };
		struct starter *s = calloc(1, sizeof(*s));
		_cleanup_policy_ struct policy p = { 0 };
		struct error err;

		for (size_t i = 0; i < l.n; i++)
			v[i] = at(unit_random(&seed) % 2,
				  (uint16_t)(1 + unit_random(&seed) % 65535),
				  names[unit_random(&seed) % ARRAY_SIZE(names)]);
		s->listeners = &l;
		s->date = "2026-11-21";
		s->office = office;
		s->n_office = unit_random(&seed) % (ARRAY_SIZE(office) + 1);
		strcpy(s->interfaces[0], "eth0");
		s->n_interfaces = 1;
		starter_wish_found(s);
		assert_int_equal(starter_wish(s, "x=tcp/1", &err), 0);
		assert_int_equal(starter_make(s, &err), 0);
		check(*state, s, &p);
		assert_int_equal(p.base.n, s->n_office);
		if (s->n_office)
			assert_string_equal(policy_string(&p, p.base.v[0].label),
					    "it's \"ours\": {a, [b]} # & * ! | > % @ `");
		free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_services_of_profiles),
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_found),
		scratch_test(test_lists_of_one_name_come_once),
		scratch_test(test_whatever_goes_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
