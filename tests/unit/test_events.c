// SPDX-License-Identifier: GPL-2.0-or-later
/* Records put in order, and in words. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "event_queue.h"
#include "event_text.h"
#include "unit.h"

static struct {
	uint64_t v[10000];
	size_t n, stop_after;
} popped;

static int take(const struct axp_event *e, const uint8_t *frame, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < e->captured; i++)
		assert_int_equal(frame[i], (uint8_t)(e->time + i));
	popped.v[popped.n++] = e->time;
	return popped.stop_after && popped.n == popped.stop_after ? -EPIPE : 0;
}

static void push(struct event_queue *q, uint64_t time, uint32_t captured)
{
	struct axp_event e = { .time = time, .captured = captured };
	uint8_t frame[300];

	for (uint32_t i = 0; i < captured; i++)
		frame[i] = (uint8_t)(time + i);
	assert_int_equal(event_queue_push(q, &e, frame), 0);
}

static int begin(void **state)
{
	(void)state;
	popped.n = 0;
	popped.stop_after = 0;
	return 0;
}

static void test_order(void **state)
{
	const uint64_t wanted[] = { 10, 20, 25, 30, 40 };
	struct event_queue q _cleanup_event_queue_ = { 0 };

	(void)state;
	push(&q, 30, 1);
	push(&q, 10, 0);
	push(&q, 20, 7);
	push(&q, 40, 3);
	assert_int_equal(event_queue_pop(&q, 30, take, NULL), 0);
	assert_int_equal(popped.n, 2);
	push(&q, 25, 64);
	assert_int_equal(event_queue_pop(&q, 41, take, NULL), 0);
	assert_int_equal(popped.n, 5);
	assert_memory_equal(popped.v, wanted, sizeof(wanted));
	assert_int_equal(event_queue_pop(&q, UINT64_MAX, take, NULL), 0);
	assert_int_equal(popped.n, 5);
}

static void test_many(void **state)
{
	struct event_queue q _cleanup_event_queue_ = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		push(&q, i * 7919 % 10007, i % 300);
	assert_int_equal(event_queue_pop(&q, 5000, take, NULL), 0);
	assert_int_equal(event_queue_pop(&q, UINT64_MAX, take, NULL), 0);
	assert_int_equal(popped.n, 10000);
	for (size_t i = 1; i < popped.n; i++)
		assert_true(popped.v[i - 1] < popped.v[i]);
}

static void test_stop(void **state)
{
	struct event_queue q _cleanup_event_queue_ = { 0 };

	(void)state;
	popped.stop_after = 2;
	for (uint64_t i = 1; i < 9; i++)
		push(&q, i, 0);
	assert_int_equal(event_queue_pop(&q, UINT64_MAX, take, NULL), -EPIPE);
	assert_int_equal(popped.n, 2);
}

static const uint8_t tagged[] = { 0, 0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
				  0, 0x88, 0xa8, 0x20, 0xc8, 0x81, 0x00, 0x00, 0x64, 0x08, 0x00 };

static void test_vlans(void **state)
{
	struct axp_event e = { .captured = sizeof(tagged) };
	uint16_t vlans[EVENT_VLANS_MAX];

	(void)state;
	assert_int_equal(event_vlans(&e, tagged, vlans), 2);
	assert_int_equal(vlans[0], 200);
	assert_int_equal(vlans[1], 100);
	e.vlan_proto = 0x0081;
	e.vlan_tci = 0xe007;
	assert_int_equal(event_vlans(&e, tagged, vlans), 3);
	assert_int_equal(vlans[0], 7);
	assert_int_equal(vlans[1], 200);
	for (e.captured = 0; e.captured < 16; e.captured++)
		assert_int_equal(event_vlans(&e, tagged, vlans), 1);
	e.vlan_proto = 0;
	for (e.captured = 16; e.captured < 20; e.captured++)
		assert_int_equal(event_vlans(&e, tagged, vlans), 1);
}

static struct axp_event syn_ack(void)
{
	return (struct axp_event){
		.generation = 7,
		.src = { 0x00000120, 0, 0, 0x01000000 },
		.dst = { 0x00000120, 0, 0, 0x02000000 },
		.length = 74,
		.sport = 40000,
		.dport = 443,
		.family = AXP_IPV6,
		.protocol = AXP_TCP,
		.tcp_flags = 0x12,
		.reason = AXP_REASON_UNLISTED,
		.verdict = AXP_PASS,
		.mode = AXP_MODE_MONITOR,
	};
}

static void test_line(void **state)
{
	struct axp_event e = syn_ack();
	struct seen_packet p = { &e, tagged, 1700000000123456789, "https" };
	char line[EVENT_LINE_MAX], words[EVENT_WORDS_MAX];

	(void)state;
	e.captured = sizeof(tagged);
	event_line(&p, "eth0", line);
	assert_non_null(strstr(line, ".123456 would-drop unlisted       https          eth0 "));
	assert_non_null(strstr(line, " tcp   [2001::1]:40000          [2001::2]:443 "));
	assert_non_null(strstr(line, " 74 SA     vlan 200,100"));
	assert_string_equal(event_words(&p, words), "would-drop: unlisted (service https)");
	e.verdict = AXP_DROP;
	assert_string_equal(event_words(&p, words), "drop: unlisted (service https)");
	e.service = AXP_NO_SERVICE;
	e.reason = AXP_REASON_NOT_IP;
	e.verdict = AXP_PASS;
	assert_string_equal(event_words(&p, words), "pass: not-ip");
}

static void check_json(const struct seen_packet *p, const char *wanted)
{
	struct json_object *o = event_json(p, "eth0");

	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), wanted);
	json_object_put(o);
}

static void test_json(void **state)
{
	struct axp_event e = syn_ack();
	struct seen_packet p = { &e, tagged, 1700000000023456789, "https" };

	(void)state;
	e.captured = sizeof(tagged);
	check_json(&p, "{\"event\":\"packet\",\"time\":\"2023-11-14T22:13:20.023456789Z\","
		       "\"interface\":\"eth0\",\"direction\":\"in\",\"service\":\"https\","
		       "\"family\":\"ipv6\",\"verdict\":\"pass\",\"reason\":\"unlisted\","
		       "\"mode\":\"monitor\",\"generation\":7,\"protocol\":\"tcp\","
		       "\"source\":\"2001::1\",\"source_port\":40000,"
		       "\"destination\":\"2001::2\",\"destination_port\":443,"
		       "\"vlan\":[200,100],\"length\":74,\"tcp_flags\":\"SA\"}");
	e = (struct axp_event){ .reason = AXP_REASON_VLAN_DEPTH,
				.verdict = AXP_DROP,
				.protocol = AXP_NO_PROTOCOL,
				.mode = AXP_MODE_ENFORCE,
				.service = AXP_NO_SERVICE,
				.length = 60 };
	p.service = "-";
	check_json(&p, "{\"event\":\"packet\",\"time\":\"2023-11-14T22:13:20.023456789Z\","
		       "\"interface\":\"eth0\",\"direction\":\"in\",\"service\":\"-\","
		       "\"family\":\"-\",\"verdict\":\"drop\",\"reason\":\"vlan-depth\","
		       "\"mode\":\"enforce\",\"generation\":0,\"protocol\":null,"
		       "\"source\":null,\"source_port\":null,"
		       "\"destination\":null,\"destination_port\":null,"
		       "\"vlan\":[],\"length\":60,\"tcp_flags\":null}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_order, begin),
		cmocka_unit_test_setup(test_many, begin),
		cmocka_unit_test_setup(test_stop, begin),
		cmocka_unit_test(test_vlans),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
