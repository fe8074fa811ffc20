// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"
#include "proof.h"

static struct service sip = { .name = "sip", .slot = 5 };

static struct synthetic made(const char *remote, enum axp_direction direction,
			     enum axp_protocol protocol)
{
	struct synthetic s = {
		.direction = direction, .protocol = protocol, .sport = 0x1234, .dport = 0x5678
	};
	struct error err;

	assert_int_equal(prefix_parse(remote, strlen(remote), &s.remote, &err), 0);
	return s;
}

static void a_udp_packet_that_comes_in(void **state)
{
	static const uint8_t expected[60] = {
		2,   0,  0,   0,  0,   1, 2, 0, 0,    0,    0,    2,    8, 0, /* Ethernet */
		69,  0,  0,   28, 0,   0, 0, 0, 64,   17,   0,    0,          /* IPv4, 28 bytes */
		198, 51, 100, 66, 192, 0, 2, 1, 0x12, 0x34, 0x56, 0x78, 0, 8, /* UDP, 8 bytes */
	};
	struct synthetic s = made("198.51.100.66", AXP_IN, AXP_UDP);
	uint8_t frame[SYNTHETIC_MAX];

	(void)state;
	assert_int_equal(synthetic_frame(&s, frame), 60);
	assert_memory_equal(frame, expected, 60);
}

static void a_tcp_packet_that_leaves(void **state)
{
	struct synthetic s = made("2001:db8:666::6", AXP_OUT, AXP_TCP);
	uint8_t frame[SYNTHETIC_MAX];

	(void)state;
	assert_int_equal(synthetic_frame(&s, frame), 14 + 40 + 20);
	assert_memory_equal(frame + 12, "\x86\xdd\x60\0\0\0\0\x14\x06\x40", 10);
	assert_memory_equal(frame + 38, s.remote.addr, 16); /* destination */
	assert_memory_equal(frame + 54, "\x12\x34\x56\x78", 4);
	assert_int_equal(frame[54 + 12], 5 << 4);
	assert_int_equal(frame[54 + 13], 2); /* SYN */
}

static void source_and_destination_change_places(void **state)
{
	static const char *const remotes[] = { "198.51.100.66", "2001:db8:666::6" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct synthetic in = made(remotes[i], AXP_IN, AXP_UDP);
		struct synthetic out = made(remotes[i], AXP_OUT, AXP_UDP);
		uint8_t a[SYNTHETIC_MAX], b[SYNTHETIC_MAX];
		size_t size = i ? 16 : 4, at = i ? 22 : 26;

		assert_int_equal(synthetic_frame(&in, a), synthetic_frame(&out, b));
		assert_memory_equal(a + at, b + at + size, size);
		assert_memory_equal(a + at + size, b + at, size);
	}
}

static void assert_expected(const struct explanation *x, enum axp_direction direction,
			    uint32_t mode, struct testimony wanted)
{
	struct testimony t = testimony_expected(x, direction, mode);

	assert_int_equal(t.verdict, wanted.verdict);
	assert_int_equal(t.counted, wanted.counted);
	assert_int_equal(t.reason, wanted.reason);
	assert_int_equal(t.service, wanted.service);
}

static void what_a_mode_makes_of_an_unlisted_packet(void **state)
{
	struct explanation x = { AXP_DROP, AXP_REASON_UNLISTED, &sip, NULL };
	struct testimony drop = { AXP_DROP, true, AXP_REASON_UNLISTED, 5 };
	struct testimony pass = { AXP_PASS, true, AXP_REASON_UNLISTED, 5 };

	(void)state;
	for (int d = AXP_IN; d <= AXP_OUT; d++) {
		assert_expected(&x, d, AXP_MODE_ENFORCE, drop);
		assert_expected(&x, d, AXP_MODE_MONITOR, pass);
	}
	assert_expected(&x, AXP_IN, AXP_MODE_OFF,
			(struct testimony){ AXP_PASS, true, AXP_REASON_OFF, AXP_NO_SERVICE });
	assert_expected(&x, AXP_OUT, AXP_MODE_OFF,
			(struct testimony){ AXP_PASS, false, 0, AXP_NO_SERVICE });
}

static void what_is_not_guarded_is_counted_on_ingress_alone(void **state)
{
	struct explanation x = { AXP_PASS, AXP_REASON_NOT_GUARDED, NULL, NULL };

	(void)state;
	assert_expected(
		&x, AXP_IN, AXP_MODE_ENFORCE,
		(struct testimony){ AXP_PASS, true, AXP_REASON_NOT_GUARDED, AXP_NO_SERVICE });
	assert_expected(&x, AXP_OUT, AXP_MODE_ENFORCE,
			(struct testimony){ AXP_PASS, false, 0, AXP_NO_SERVICE });
}

static void testimonies_differ_in_verdict_reason_or_service(void **state)
{
	const struct testimony a = { AXP_PASS, true, AXP_REASON_LISTED, 5 };
	const struct testimony others[] = {
		{ AXP_DROP, true, AXP_REASON_LISTED, 5 },
		{ AXP_PASS, false, 0, AXP_NO_SERVICE },
		{ AXP_PASS, true, AXP_REASON_REPLY, 5 },
		{ AXP_PASS, true, AXP_REASON_LISTED, 6 },
	};
	const struct testimony unseen = { AXP_PASS, false, AXP_REASON_OFF, 3 };

	(void)state;
	assert_true(testimony_equal(&a, &a));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_false(testimony_equal(&a, &others[i]));
		assert_false(testimony_equal(&others[i], &a));
	}
	/* what was not counted says nothing more */
	assert_true(testimony_equal(&others[1], &unseen));
}

static void dhcp_has_two_ports(void **state)
{
	(void)state;
	assert_int_equal(dhcp_partner(AXP_IPV4, AXP_UDP, 67), 68);
	assert_int_equal(dhcp_partner(AXP_IPV4, AXP_UDP, 68), 67);
	assert_int_equal(dhcp_partner(AXP_IPV6, AXP_UDP, 546), 547);
	assert_int_equal(dhcp_partner(AXP_IPV6, AXP_UDP, 547), 546);
	assert_int_equal(dhcp_partner(AXP_IPV6, AXP_UDP, 67), 0);
	assert_int_equal(dhcp_partner(AXP_IPV4, AXP_UDP, 546), 0);
	assert_int_equal(dhcp_partner(AXP_IPV4, AXP_TCP, 67), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_udp_packet_that_comes_in),
		cmocka_unit_test(a_tcp_packet_that_leaves),
		cmocka_unit_test(source_and_destination_change_places),
		cmocka_unit_test(what_a_mode_makes_of_an_unlisted_packet),
		cmocka_unit_test(what_is_not_guarded_is_counted_on_ingress_alone),
		cmocka_unit_test(testimonies_differ_in_verdict_reason_or_service),
		cmocka_unit_test(dhcp_has_two_ports),
	};

	return cmocka_run_group_tests_name("proof", tests, NULL, NULL);
}
