// SPDX-License-Identifier: GPL-2.0-or-later
/* The map of flows itself: who writes to it and when, its ports, its counts, its room. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include "cases.h"
#include "generate.h"

enum { SYN = 0x02, RST = 0x04, PORT = 40000, SMALL = 1024 };

static const struct rules rules = {
	.guards = GUARDS({ AXP_UDP, 10000, 60000, BIT(RTP), RTP },
			 { AXP_TCP, 10000, 60000, BIT(RTP), RTP },
			 { AXP_UDP, 5060, 5060, BIT(SIP), SIP }),
	.nodes = NODES({ "192.0.2.0/24", BIT(RTP) }),
	.limits = { .udp = 15, .tcp = 35, .tcp_closing = 9 },
};

static const struct rules nobody = {
	.guards = GUARDS({ AXP_UDP, 10000, 60000, BIT(RTP), RTP },
			 { AXP_TCP, 10000, 60000, BIT(RTP), RTP }),
	.nodes = NODES({ .prefix = NULL }),
	.limits = { .udp = 15, .tcp = 35, .tcp_closing = 9 },
};

#define PEER "198.51.100.53"

static struct axp_flow_key key_of(const char *remote, __u16 local_port, __u16 remote_port,
				  enum axp_protocol protocol)
{
	struct axp_flow_key key;

	memset(&key, 0, sizeof(key));
	inet_pton(AF_INET, "203.0.113.1", key.local);
	inet_pton(AF_INET, remote, key.remote);
	key.local_port = local_port;
	key.remote_port = remote_port;
	key.protocol = protocol;
	key.family = AXP_IPV4;
	return key;
}

static void send_out(struct fixture *f, const char *remote, struct layer transport)
{
	struct layer layers[] = { ETH(), IPV4("203.0.113.1", remote), transport, { LAYER_END } };
	static struct packet p;

	packet_build(&p, layers);
	assert_int_equal(fixture_run_out(f, &p), EGRESS_NEXT);
}

static int come_in(struct fixture *f, const char *remote, struct layer transport)
{
	struct layer layers[] = { ETH(), IPV4(remote), transport, { LAYER_END } };
	static struct packet p;

	packet_build(&p, layers);
	return fixture_run(f, &p, WHOLE_FRAME);
}

#define QUERY  ((struct layer)UDP(PORT, 53))
#define ANSWER ((struct layer)UDP(53, PORT))

static struct axp_flow flow_of(const char *remote)
{
	struct axp_flow_key key = key_of(remote, PORT, 53, AXP_UDP);
	struct axp_flow flow;

	assert_true(fixture_flow(&fixture, &key, &flow));
	return flow;
}

static void begin(void)
{
	check_begins(&rules, AXP_MODE_ENFORCE);
}

/* `seen` as it is after a packet that leaves when it was so long ago. */
static __u64 seen_after(__u64 age)
{
	struct axp_flow_key key = key_of(PEER, PORT, 53, AXP_UDP);
	struct axp_flow flow = { .seen = fixture_now() - age };
	__u64 seen = flow.seen;

	fixture_set_flow(&fixture, &key, &flow);
	send_out(&fixture, PEER, QUERY);
	flow = flow_of(PEER);
	return flow.seen - seen;
}

static void test_refreshed_once_a_second(void **state)
{
	(void)state;
	fixture_up_for(20 * SECOND);
	begin();
	assert_int_equal(seen_after(0), 0);
	assert_int_equal(seen_after(SECOND / 2), 0);
	assert_in_range(seen_after(SECOND), SECOND, 2 * SECOND);
	assert_in_range(seen_after(5 * SECOND), 5 * SECOND, 6 * SECOND);
	assert_in_range(seen_after(14 * SECOND), 14 * SECOND, 15 * SECOND);
	/* over, and begun anew */
	assert_in_range(seen_after(16 * SECOND), 16 * SECOND, 17 * SECOND);
}

static void test_seen_is_the_clock(void **state)
{
	__u64 before;

	(void)state;
	begin();
	before = fixture_now();
	send_out(&fixture, PEER, QUERY);
	assert_in_range(flow_of(PEER).seen, before, fixture_now());
	assert_int_equal(flow_of(PEER).origin, AXP_FLOW_OPENED);
	assert_int_equal(flow_of(PEER).closing, 0);
}

/* Another CPU's clock may be a tick ahead; that is no reason to end a flow. */
static void test_seen_in_the_future(void **state)
{
	struct axp_flow_key key = key_of(PEER, PORT, 53, AXP_UDP);
	struct axp_flow flow = { .seen = fixture_now() + SECOND };

	(void)state;
	begin();
	send_out(&fixture, PEER, QUERY);
	fixture_set_flow(&fixture, &key, &flow);
	assert_int_equal(come_in(&fixture, PEER, ANSWER), XDP_PASS);
	send_out(&fixture, PEER, QUERY);
	assert_int_equal(flow_of(PEER).seen, flow.seen);
}

static int compare_flows(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct axp_flow_key) + sizeof(struct axp_flow));
}

/* Keys and values together, in order. */
static void *sorted_flows(size_t *n)
{
	size_t key_size = sizeof(struct axp_flow_key), size = key_size + sizeof(struct axp_flow);
	__u8 *keys = fixture_dump(&fixture, FLOWS, false, n), *out = calloc(*n + 1, size);
	__u8 *values = fixture_dump(&fixture, FLOWS, true, n);

	assert_non_null(out);
	for (size_t i = 0; i < *n; i++) {
		memcpy(out + i * size, keys + i * key_size, key_size);
		memcpy(out + i * size + key_size, values + i * sizeof(struct axp_flow),
		       sizeof(struct axp_flow));
	}
	qsort(out, *n, size, compare_flows);
	free(keys);
	free(values);
	return out;
}

static void fill_flows(__u32 n)
{
	for (__u32 i = 0; i < n; i++)
		send_out(&fixture, case_name("198.51.%u.%u", i >> 8, i & 255), QUERY);
}

/* Whatever comes in, in whatever mode. */
static void test_ingress_writes_nothing(void **state)
{
	struct generator g = { .state = 7, .rules = &rules, .again = 50 };
	static struct packet p;
	struct axp_flow_ports *ports = calloc(2, sizeof(*ports));
	size_t n, after;
	__u8 *before, *now;

	(void)state;
	assert_non_null(ports);
	begin();
	fill_flows(300);
	fixture_age(&fixture, 6000); /* old enough to be refreshed */
	before = sorted_flows(&n);
	fixture_flow_ports(&fixture, &ports[0]);
	for (int i = 0; i < 3000; i++) {
		cases_generate(&g, &p);
		fixture_active(&fixture, i % 3 ? AXP_MODE_ENFORCE : AXP_MODE_MONITOR, 0);
		assert_true(fixture_run(&fixture, &p, WHOLE_FRAME) > 0);
		come_in(&fixture, case_name("198.51.0.%u", i % 256), ANSWER);
		come_in(&fixture, case_name("198.51.0.%u", i % 256),
			(struct layer)TCP(53, PORT, i % 2 ? SYN : RST));
	}
	now = sorted_flows(&after);
	fixture_flow_ports(&fixture, &ports[1]);
	assert_int_equal(n, 300);
	assert_int_equal(after, n);
	assert_memory_equal(before, now,
			    n * (sizeof(struct axp_flow_key) + sizeof(struct axp_flow)));
	assert_memory_equal(&ports[0], &ports[1], sizeof(*ports));
	assert_int_equal(fixture_flow_count(&fixture, AXP_FLOWS_CREATED), 300);
	free(before);
	free(now);
	free(ports);
}

static void test_counts(void **state)
{
	(void)state;
	begin();
	fill_flows(100);
	fill_flows(100); /* the same ones */
	assert_int_equal(fixture_flow_count(&fixture, AXP_FLOWS_CREATED), 100);
	fixture_age(&fixture, 16000);
	fill_flows(100); /* over, begun anew in their places */
	assert_int_equal(fixture_flow_count(&fixture, AXP_FLOWS_CREATED), 100);
	send_out(&fixture, PEER, (struct layer)TCP(PORT, 443, SYN));
	send_out(&fixture, PEER, (struct layer)TCP(PORT, 443, RST));
	send_out(&fixture, PEER, (struct layer)TCP(PORT, 443, SYN));
	send_out(&fixture, "192.0.2.1", QUERY); /* listed: a flow too */
	send_out(&fixture, PEER, (struct layer)UDP(9, 53));
	send_out(&fixture, PEER, (struct layer)TCP(PORT, 444, RST));
	assert_int_equal(fixture_flow_count(&fixture, AXP_FLOWS_CREATED), 102);
	assert_int_equal(fixture_flow_count(&fixture, AXP_FLOWS_INSERT_FAILED), 0);
	assert_int_equal(fixture_flow_count(&fixture, AXP_FLOWS_SEEDED), 0);
	assert_int_equal(fixture_entries(&fixture, FLOWS), 102);
}

static size_t ports_in_use(const struct axp_flow_ports *ports)
{
	size_t n = 0;

	for (__u32 i = 0; i < 65536; i++)
		n += ports->used[AXP_TCP][i] + ports->used[AXP_UDP][i];
	return n;
}

static void test_ports(void **state)
{
	struct axp_flow_ports *ports = calloc(1, sizeof(*ports));

	(void)state;
	assert_non_null(ports);
	begin();
	send_out(&fixture, PEER, (struct layer)UDP(PORT, 53));
	send_out(&fixture, PEER, (struct layer)UDP(60000, 53));
	send_out(&fixture, PEER, (struct layer)TCP(10000, 443, SYN));
	send_out(&fixture, "192.0.2.1", (struct layer)UDP(12345, 53)); /* listed: lets nothing in */
	send_out(&fixture, PEER, (struct layer)UDP(9, 53));
	send_out(&fixture, PEER, (struct layer)TCP(10001, 443, RST));
	fixture_flow_ports(&fixture, ports);
	assert_int_equal(ports_in_use(ports), 3);
	assert_int_equal(ports->used[AXP_UDP][PORT], 1);
	assert_int_equal(ports->used[AXP_UDP][60000], 1);
	assert_int_equal(ports->used[AXP_TCP][10000], 1);
	/* The listed one, off the list and begun anew, does. */
	fixture_rules(&fixture, 0, &nobody);
	fixture_age(&fixture, 16000);
	send_out(&fixture, "192.0.2.1", (struct layer)UDP(12345, 53));
	assert_int_equal(come_in(&fixture, "192.0.2.1", (struct layer)UDP(53, 12345)), XDP_PASS);
	fixture_flow_ports(&fixture, ports);
	assert_int_equal(ports_in_use(ports), 4);
	assert_int_equal(ports->used[AXP_UDP][12345], 1);
	free(ports);
}

/* What the command writes at load; without its port a flow is not looked for. */
static void test_seeded(void **state)
{
	struct axp_flow_ports *ports = calloc(1, sizeof(*ports));
	struct axp_flow_key key = key_of(PEER, PORT, 443, AXP_TCP);
	struct axp_flow flow = { .seen = fixture_now() };

	(void)state;
	assert_non_null(ports);
	begin();
	fixture_set_flow(&fixture, &key, &flow);
	assert_int_equal(come_in(&fixture, PEER, (struct layer)TCP(443, PORT, 0x10)), XDP_DROP);
	ports->used[AXP_UDP][PORT] = 1;
	fixture_set_flow_ports(&fixture, ports);
	assert_int_equal(come_in(&fixture, PEER, (struct layer)TCP(443, PORT, 0x10)), XDP_DROP);
	ports->used[AXP_TCP][PORT] = 1;
	fixture_set_flow_ports(&fixture, ports);
	assert_int_equal(come_in(&fixture, PEER, (struct layer)TCP(443, PORT, 0x10)), XDP_PASS);
	/* An established connection needs no SYN to stay. */
	fixture_age(&fixture, 20000);
	send_out(&fixture, PEER, (struct layer)TCP(PORT, 443, 0x10));
	fixture_age(&fixture, 20000);
	assert_int_equal(come_in(&fixture, PEER, (struct layer)TCP(443, PORT, 0x10)), XDP_PASS);
	free(ports);
}

/* A fixture whose map has room for few. */
static struct fixture *small_fixture(void)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	fixture_one_cpu();
	assert_int_equal(fixture_open_with(f, SMALL), 0);
	fixture_rules(f, 0, &rules);
	fixture_active(f, AXP_MODE_ENFORCE, 0);
	return f;
}

static void close_small(struct fixture *f)
{
	fixture_close(f);
	test_free(f);
}

static const char *nth(__u32 i)
{
	static char text[INET_ADDRSTRLEN];
	struct in_addr address = { htonl(0xc6330000 + i) }; /* 198.51.0.0 */

	return inet_ntop(AF_INET, &address, text, sizeof(text));
}

static void test_full(void **state)
{
	struct fixture *f = small_fixture();
	enum { MANY = 8 * SMALL };

	(void)state;
	for (__u32 i = 0; i < MANY; i++)
		send_out(f, nth(i), QUERY);
	assert_in_range(fixture_entries(f, FLOWS), SMALL / 2, SMALL);
	assert_int_equal(fixture_flow_count(f, AXP_FLOWS_CREATED), MANY);
	assert_int_equal(fixture_flow_count(f, AXP_FLOWS_INSERT_FAILED), 0);
	/* The newest are there, the oldest are not. */
	for (__u32 i = MANY - SMALL / 4; i < MANY; i++)
		assert_int_equal(come_in(f, nth(i), ANSWER), XDP_PASS);
	for (__u32 i = 0; i < SMALL; i++)
		assert_int_equal(come_in(f, nth(i), ANSWER), XDP_DROP);
	close_small(f);
}

/* Nobody outside pushes a flow out: not by many tuples, nor by many packets of one. */
static void test_flood_evicts_nothing(void **state)
{
	struct fixture *f = small_fixture();
	enum { FLOWS_OPEN = SMALL / 2, FLOOD = 8 * SMALL };
	size_t open;

	(void)state;
	for (__u32 i = 0; i < FLOWS_OPEN; i++)
		send_out(f, nth(i), QUERY);
	open = fixture_entries(f, FLOWS);
	assert_int_equal(open, FLOWS_OPEN);
	for (__u32 i = 0; i < FLOOD; i++) {
		fixture_active(f, i < FLOOD / 2 ? AXP_MODE_ENFORCE : AXP_MODE_MONITOR, 0);
		come_in(f, nth(65536 + i), (struct layer)UDP(i % 2 ? 53 : i, PORT));
	}
	fixture_active(f, AXP_MODE_ENFORCE, 0);
	assert_int_equal(fixture_entries(f, FLOWS), open);
	for (__u32 i = 0; i < FLOWS_OPEN; i++)
		assert_int_equal(come_in(f, nth(i), ANSWER), XDP_PASS);
	close_small(f);
}

/* Replies to some do not push out the others, nor keep the newest from coming in. */
static void test_replies_push_nobody_out(void **state)
{
	struct fixture *f = small_fixture();

	(void)state;
	for (__u32 i = 0; i < SMALL / 2; i++)
		send_out(f, nth(i), QUERY);
	for (__u32 i = 0; i < 10000; i++)
		assert_int_equal(come_in(f, nth(i % 16), ANSWER), XDP_PASS);
	for (__u32 i = 0; i < SMALL / 2; i++)
		assert_int_equal(come_in(f, nth(i), ANSWER), XDP_PASS);
	close_small(f);
}

/* Notes about strangers find room, however many come. */
static void test_many_strangers(void **state)
{
	(void)state;
	fixture_one_cpu();
	check_begins(&rules, AXP_MODE_MONITOR);
	for (__u32 i = 0; i < 3 * MAP_ROOM; i++)
		assert_int_equal(come_in(&fixture, nth(i), ANSWER), XDP_PASS);
	assert_in_range(fixture_entries(&fixture, STRANGERS), MAP_ROOM / 2, MAP_ROOM);
	send_out(&fixture, nth(3 * MAP_ROOM - 1), QUERY); /* the newest is known */
	assert_int_equal(fixture_entries(&fixture, FLOWS), 0);
	send_out(&fixture, nth(0), QUERY); /* the oldest is forgotten */
	assert_int_equal(fixture_entries(&fixture, FLOWS), 1);
}

int main(void)
{
	cases_add_test("a flow is refreshed once a second at most", test_refreshed_once_a_second,
		       NULL);
	cases_add_test("a flow's time is the clock's", test_seen_is_the_clock, NULL);
	cases_add_test("a flow seen in the future", test_seen_in_the_future, NULL);
	cases_add_test("what comes in writes no flow", test_ingress_writes_nothing, NULL);
	cases_add_test("flows are counted once", test_counts, NULL);
	cases_add_test("ports of flows", test_ports, NULL);
	cases_add_test("flows that the command writes", test_seeded, NULL);
	cases_add_test("more flows than there is room for", test_full, NULL);
	cases_add_test("a flood from outside evicts no flow", test_flood_evicts_nothing, NULL);
	cases_add_test("replies evict no flow", test_replies_push_nobody_out, NULL);
	cases_add_test("more strangers than there is room for", test_many_strangers, NULL);
	return cases_run("flows");
}
