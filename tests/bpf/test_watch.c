// SPDX-License-Identifier: GPL-2.0-or-later
/* What watchers are shown: each record exactly, filters, rates, and the end of one who is gone. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "allowxdp.skel.h"
#include "cases.h"
#include "watch.h"

enum { RECORDS_MAX = 4096, PLENTY = 100000 };

#define DROP_REASONS ((1u << AXP_DROP_REASONS) - 1)
#define ALL_REASONS  ((1u << AXP_REASONS) - 1)

static struct instance instance;
static struct paths paths;

struct records {
	struct watch watch;
	size_t n;
	struct axp_event v[RECORDS_MAX];
	__u8 frame[WATCH_SNAPLEN_MAX]; /* of the last one */
};

static const struct watch_filter all_drops = {
	.kinds = AXP_WATCH_DROPS,
	.reasons = DROP_REASONS,
	.services = ~0ULL,
	.no_service = true,
	.rate = PLENTY,
	.snaplen = 64,
};

static struct watch_filter everything(void)
{
	struct watch_filter f = all_drops;

	f.kinds = AXP_WATCH_DROPS | AXP_WATCH_PASSES;
	f.reasons = ALL_REASONS;
	return f;
}

/* The fixture's maps as an instance. */
static void use_fixture(void)
{
	const struct allowxdp_bpf *skel = fixture.skel;
	struct error err;

	if (instance.shared)
		return;
	instance = (struct instance)INSTANCE_EMPTY;
	assert_int_equal(paths_init(&paths, "test", &err), 0);
	instance.paths = &paths;
	for (size_t i = 0; i < INSTANCE_MAP_COUNT; i++)
		instance.maps[i] =
			bpf_object__find_map_fd_by_name(skel->obj, instance_object_name(i));
	instance.shared = mmap(NULL, sizeof(*instance.shared), PROT_READ | PROT_WRITE, MAP_SHARED,
			       instance.maps[MAP_CONTROL], 0);
	assert_true(instance.shared != MAP_FAILED);
}

static int record(const struct axp_event *e, const uint8_t *frame, void *arg)
{
	struct records *r = arg;

	assert_true(r->n < RECORDS_MAX);
	r->v[r->n++] = *e;
	memcpy(r->frame, frame, e->captured);
	return 0;
}

static struct records *watch(const struct watch_filter *filter)
{
	struct records *r = test_calloc(1, sizeof(*r));
	struct error err = { "" };

	use_fixture();
	r->watch = (struct watch)WATCH_EMPTY;
	r->watch.show = record;
	r->watch.arg = r;
	if (watch_open(&r->watch, &instance, filter, &err))
		fail_msg("%s", err.text);
	return r;
}

static struct watch_counts counts_of(struct records *r)
{
	struct watch_counts counts;
	struct error err;

	assert_int_equal(watch_count(&r->watch, &counts, &err), 0);
	return counts;
}

static size_t drain(struct records *r)
{
	size_t before = r->n;

	assert_true(watch_drain(&r->watch) >= 0);
	assert_int_equal(r->n, counts_of(r).sent);
	return r->n - before;
}

static void unwatch(struct records *r)
{
	watch_stop(&r->watch);
	drain(r);
	assert_int_equal(counts_of(r).lost, 0);
	watch_close(&r->watch);
	test_free(r);
}

static void arrives(const struct layer *layers, size_t times)
{
	static struct packet p;

	packet_build(&p, layers);
	while (times--)
		assert_true(fixture_run(&fixture, &p, WHOLE_FRAME) >= 0);
}

#define STRANGER "203.0.113.5"
#define FROM(address, port) \
	PKT(ETH(), IPV4(.src = address), UDP(.sport = 4000, .dport = (port)), PAYLOAD(30))
#define FROM6(address, port) \
	PKT(ETH(), IPV6(.src = address), TCP(.sport = 4000, .dport = (port), .flags = 0x12))

/* Every record against the packet and its fate. */
struct seen {
	const char *name;
	const struct layer *layers;
	struct expect expect;
	const char *src, *dst; /* NULL: not known */
	__u8 protocol;
	__u16 sport, dport;
	__u8 tcp_flags;
	enum case_mode mode;
};

static const struct seen table[] = {
	{ "UDP over IPv4",
	  PKT(ETH(), IPV4(.src = STRANGER, .dst = "192.0.2.9"), UDP(4000, 5060), PAYLOAD(30)),
	  DROP(UNLISTED, SIP, V4), STRANGER, "192.0.2.9", AXP_UDP, 4000, 5060 },
	{ "TCP over IPv6, tagged",
	  PKT(ETH(), VLAN(.vid = 7), IPV6(.src = "2001:db8:9::1", .dst = "2001:db8:1::9"),
	      TCP(.sport = 4001, .dport = 443, .flags = 0x02)),
	  DROP(UNLISTED, HTTPS, V6), "2001:db8:9::1", "2001:db8:1::9", AXP_TCP, 4001, 443, 0x02 },
	{ "what monitor mode lets by",
	  PKT(ETH(), IPV4(.src = STRANGER, .dst = "192.0.2.9"), UDP(4000, 5060), PAYLOAD(30)),
	  MONITORED(UNLISTED, SIP, V4), STRANGER, "192.0.2.9", AXP_UDP, 4000, 5060, 0, MONITOR },
	{ "listed",
	  PKT(ETH(), IPV4(.src = "192.0.2.1", .dst = "192.0.2.9"), UDP(4000, 5060), PAYLOAD(30)),
	  PASS(LISTED, SIP, V4), "192.0.2.1", "192.0.2.9", AXP_UDP, 4000, 5060 },
	{ "not guarded", PKT(ETH(), IPV4(.src = STRANGER, .dst = "192.0.2.9"), TCP(4000, 22, 0x10)),
	  PASS(NOT_GUARDED, NONE, V4), STRANGER, "192.0.2.9", AXP_TCP, 4000, 22, 0x10 },
	{ "cut in its UDP header",
	  PKT(ETH(), IPV4(.src = STRANGER, .dst = "192.0.2.9"), UDP(4000, 5060), CUT(40)),
	  DROP(TRUNCATED, NONE, V4), STRANGER, "192.0.2.9", AXP_NO_PROTOCOL },
	{ "three tags", PKT(ETH(), VLAN(1), VLAN(2), VLAN(3), IPV4(.src = STRANGER), UDP(1, 2)),
	  DROP(VLAN_DEPTH, NONE, NO_IP), NULL, NULL, AXP_NO_PROTOCOL },
	{ "ARP", PKT(ETH(), ARP(1), PAYLOAD(18)), PASS(NOT_IP, NONE, NO_IP), NULL, NULL,
	  AXP_NO_PROTOCOL },
	{ "ICMP", PKT(ETH(), IPV4(.src = STRANGER, .dst = "192.0.2.9"), ICMP(8), PAYLOAD(30)),
	  PASS(OTHER_PROTOCOL, NONE, V4), STRANGER, "192.0.2.9", AXP_NO_PROTOCOL },
	{ "when the mode is off",
	  PKT(ETH(), IPV4(.src = STRANGER, .dst = "192.0.2.9"), UDP(4000, 5060), PAYLOAD(30)),
	  PASS(OFF, NONE, NO_IP), NULL, NULL, AXP_NO_PROTOCOL, .mode = OFF },
	{ "what leaves",
	  PKT(ETH(), IPV4(.src = "192.0.2.9", .dst = STRANGER), UDP(4000, 9000), PAYLOAD(30)),
	  STOPPED(UNLISTED, SIP, V4), "192.0.2.9", STRANGER, AXP_UDP, 4000, 9000 },
	{ "what leaves for a listed address",
	  PKT(ETH(), IPV4(.src = "192.0.2.9", .dst = "192.0.2.1"), UDP(4000, 9000), PAYLOAD(30)),
	  GOES(LISTED, SIP, V4), "192.0.2.9", "192.0.2.1", AXP_UDP, 4000, 9000 },
};

static void check_address(const __be32 *got, const char *text)
{
	__u8 wanted[16] = { 0 };

	if (text)
		assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, wanted),
				 1);
	assert_memory_equal(got, wanted, sizeof(wanted));
}

static void test_record(void **state)
{
	static const enum axp_mode modes[] = {
		[ENFORCE] = AXP_MODE_ENFORCE, [MONITOR] = AXP_MODE_MONITOR, [OFF] = AXP_MODE_OFF
	};
	struct watch_filter filter = everything();
	const struct seen *s = *state;
	struct records *r;
	static struct packet p;
	const struct axp_event *e;
	struct timespec now;

	check_begins(&standard_rules, modes[s->mode]);
	r = watch(&filter);
	packet_build(&p, s->layers);
	check_packet(&p, &s->expect, WHOLE_FRAME);
	assert_int_equal(drain(r), 1);
	e = &r->v[0];
	clock_gettime(CLOCK_BOOTTIME, &now);
	assert_in_range(e->time, (now.tv_sec - 60) * 1000000000ULL,
			now.tv_sec * 1000000000ULL + now.tv_nsec);
	assert_int_equal(e->generation, 1);
	assert_int_equal(e->reason, s->expect.reason);
	assert_int_equal(e->service, s->expect.service);
	assert_int_equal(e->direction, s->expect.direction);
	assert_int_equal(e->verdict, s->expect.verdict);
	assert_int_equal(e->family, s->expect.family);
	assert_int_equal(e->mode, modes[s->mode]);
	assert_int_equal(e->protocol, s->protocol);
	check_address(e->src, s->src);
	check_address(e->dst, s->dst);
	if (s->protocol != AXP_NO_PROTOCOL) {
		assert_int_equal(e->sport, s->sport);
		assert_int_equal(e->dport, s->dport);
		assert_int_equal(e->tcp_flags, s->tcp_flags);
	}
	assert_int_equal(e->vlan_proto, 0);
	assert_int_equal(e->length, p.len);
	assert_int_equal(e->captured, p.len < 64 ? p.len : 64);
	assert_memory_equal(r->frame, p.data, e->captured);
	unwatch(r);
}

/* ---- filters ---- */

static size_t shown(const struct watch_filter *filter, const struct layer *layers)
{
	struct records *r = watch(filter);
	size_t n;

	arrives(layers, 3);
	n = drain(r);
	assert_int_equal(counts_of(r).left_out, 0);
	unwatch(r);
	return n;
}

static void begin(void)
{
	check_begins(&standard_rules, AXP_MODE_ENFORCE);
}

static void test_kinds(void **state)
{
	struct watch_filter f = everything();

	(void)state;
	begin();
	f.kinds = AXP_WATCH_DROPS;
	assert_int_equal(shown(&f, FROM(STRANGER, 5060)), 3);
	assert_int_equal(shown(&f, FROM("192.0.2.1", 5060)), 0);
	f.kinds = AXP_WATCH_PASSES;
	assert_int_equal(shown(&f, FROM(STRANGER, 5060)), 0);
	assert_int_equal(shown(&f, FROM("192.0.2.1", 5060)), 3);
}

static void test_services(void **state)
{
	struct watch_filter f = everything();

	(void)state;
	begin();
	f.services = BIT(SIP);
	f.no_service = false;
	assert_int_equal(shown(&f, FROM(STRANGER, 5060)), 3);
	assert_int_equal(shown(&f, FROM(STRANGER, 10000)), 0);
	assert_int_equal(shown(&f, FROM(STRANGER, 7000)), 0);
	f.services = 0;
	f.no_service = true;
	assert_int_equal(shown(&f, FROM(STRANGER, 5060)), 0);
	assert_int_equal(shown(&f, FROM(STRANGER, 7000)), 3);
}

static void test_reasons(void **state)
{
	struct watch_filter f = all_drops;
	const struct layer *cut = PKT(ETH(), IPV4(.src = STRANGER), UDP(4000, 5060), CUT(40));

	(void)state;
	begin();
	f.reasons = 1 << AXP_REASON_TRUNCATED;
	assert_int_equal(shown(&f, FROM(STRANGER, 5060)), 0);
	assert_int_equal(shown(&f, cut), 3);
	f.reasons = 1 << AXP_REASON_UNLISTED;
	assert_int_equal(shown(&f, cut), 0);
}

static void set_source(struct watch_filter *f, const char *text)
{
	struct error err;

	assert_int_equal(prefix_parse(text, strlen(text), &f->source, &err), 0);
}

static void test_sources(void **state)
{
	static const struct {
		const char *prefix, *in, *out;
	} cases[] = {
		{ "203.0.113.5/32", "203.0.113.5", "203.0.113.4" },
		{ "203.0.113.0/30", "203.0.113.3", "203.0.113.4" },
		{ "203.0.112.0/23", "203.0.113.255", "203.0.114.0" },
		{ "0.0.0.0/0", "223.0.113.5", NULL },
	};
	static const struct {
		const char *prefix, *in, *out;
	} cases6[] = {
		{ "2001:db8:9::1/128", "2001:db8:9::1", "2001:db8:9::2" },
		{ "2001:db8:8::/47", "2001:db8:9:ffff::", "2001:db8:a::" },
		{ "::/0", "2001:db8:9::1", NULL },
	};
	struct watch_filter f = all_drops;

	(void)state;
	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_source(&f, cases[i].prefix);
		assert_int_equal(shown(&f, FROM(cases[i].in, 5060)), 3);
		if (cases[i].out)
			assert_int_equal(shown(&f, FROM(cases[i].out, 5060)), 0);
		assert_int_equal(shown(&f, FROM6("2001:db8:9::1", 443)), 0);
	}
	for (size_t i = 0; i < sizeof(cases6) / sizeof(cases6[0]); i++) {
		set_source(&f, cases6[i].prefix);
		assert_int_equal(shown(&f, FROM6(cases6[i].in, 443)), 3);
		if (cases6[i].out)
			assert_int_equal(shown(&f, FROM6(cases6[i].out, 443)), 0);
		assert_int_equal(shown(&f, FROM(STRANGER, 5060)), 0);
	}
}

/* Test runs come from the loopback device. */
static void test_interface(void **state)
{
	struct watch_filter f = all_drops;

	(void)state;
	begin();
	f.ifindex = 1;
	assert_int_equal(shown(&f, FROM(STRANGER, 5060)), 3);
	f.ifindex = 2;
	assert_int_equal(shown(&f, FROM(STRANGER, 5060)), 0);
}

/* ---- how many ---- */

static void test_rate(void **state)
{
	struct watch_filter f = all_drops;
	struct watch_counts counts;
	struct timespec from, to;
	struct records *r;
	size_t most;

	(void)state;
	begin();
	f.rate = 20;
	r = watch(&f);
	clock_gettime(CLOCK_MONOTONIC, &from);
	arrives(FROM(STRANGER, 5060), 500);
	clock_gettime(CLOCK_MONOTONIC, &to);
	drain(r);
	counts = counts_of(r);
	assert_int_equal(counts.sent + counts.left_out, 500);
	assert_int_equal(counts.lost, 0);
	most = 20 + (to.tv_sec - from.tv_sec + 1) * 20;
	assert_in_range(r->n, 20, most);
	unwatch(r);
}

/* What is left out of a flood does not take the place of what is wanted. */
static void test_not_crowded_out(void **state)
{
	struct watch_filter f = all_drops;
	struct records *r;

	(void)state;
	begin();
	f.rate = 1;
	f.services = BIT(HTTPS);
	r = watch(&f);
	arrives(FROM(STRANGER, 5060), 300);
	arrives(FROM6("2001:db8:9::1", 443), 1);
	arrives(FROM(STRANGER, 5060), 300);
	assert_int_equal(drain(r), 1);
	assert_int_equal(counts_of(r).left_out, 0);
	unwatch(r);
}

static void test_full_buffer(void **state)
{
	struct watch_filter f = all_drops;
	struct records *r;
	struct watch_counts counts;
	static struct packet p;
	const size_t times = 14000; /* of 1.5 KB each: more than all the buffers hold */

	(void)state;
	begin();
	f.snaplen = 2000;
	f.rate = WATCH_RATE_MAX;
	r = watch(&f);
	packet_build(&p, PKT(ETH(), IPV4(.src = STRANGER), UDP(4000, 5060), PAYLOAD(1400)));
	for (size_t i = 0; i < times; i++)
		assert_true(fixture_run(&fixture, &p, WHOLE_FRAME) >= 0);
	counts = counts_of(r);
	assert_int_equal(counts.sent + counts.lost, times);
	assert_true(counts.lost > 0);
	for (size_t i = 0; i < RECORDS_MAX; i++)
		r->v[i].time = 0;
	watch_close(&r->watch);
	test_free(r);
}

static void test_snaplen(void **state)
{
	struct watch_filter f = all_drops;
	static const size_t lengths[] = { 0, 14, 60, 1442, 1443, WATCH_SNAPLEN_MAX };
	static struct packet p;

	(void)state;
	begin();
	packet_build(&p, PKT(ETH(), IPV4(.src = STRANGER), UDP(4000, 5060), PAYLOAD(1400)));
	assert_int_equal(p.len, 1442);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t wanted = lengths[i] < p.len ? lengths[i] : p.len;
		struct records *r;

		f.snaplen = lengths[i];
		r = watch(&f);
		fixture_run(&fixture, &p, WHOLE_FRAME);
		assert_int_equal(drain(r), 1);
		assert_int_equal(r->v[0].captured, wanted);
		assert_int_equal(r->v[0].length, p.len);
		assert_memory_equal(r->frame, p.data, wanted);
		unwatch(r);
	}
}

/* A frame of many buffers is shown whole. */
static void test_jumbo(void **state)
{
	struct watch_filter f = all_drops;
	static struct packet p;
	struct records *r;
	int got;

	(void)state;
	begin();
	f.snaplen = WATCH_SNAPLEN_MAX;
	packet_build(&p, PKT(ETH(), IPV4(.src = STRANGER), UDP(4000, 5060), PAYLOAD(8900)));
	for (size_t i = 50; i < p.len; i++)
		p.data[i] = i;
	if (!fixture_takes(&fixture, &p))
		skip();
	r = watch(&f);
	got = fixture_run(&fixture, &p, WHOLE_FRAME);
	assert_int_equal(got, XDP_DROP);
	assert_int_equal(drain(r), 1);
	assert_int_equal(r->v[0].captured, p.len);
	assert_memory_equal(r->frame, p.data, p.len);
	unwatch(r);
}

/* ---- who ---- */

static void test_several(void **state)
{
	struct watch_filter f = all_drops;
	struct records *r[AXP_WATCHERS];
	struct watch more = WATCH_EMPTY;
	struct error err = { "" };

	(void)state;
	begin();
	for (size_t i = 0; i < AXP_WATCHERS; i++) {
		f.services = BIT(i);
		r[i] = watch(&f);
	}
	assert_int_equal(watch_open(&more, &instance, &f, &err), -EBUSY);
	watch_close(&more);
	arrives(FROM(STRANGER, 5060), 5);
	arrives(FROM6("2001:db8:9::1", 443), 6);
	arrives(FROM(STRANGER, 10000), 7);
	arrives(FROM(STRANGER, 20100), 8);
	assert_int_equal(drain(r[SIP]), 5);
	assert_int_equal(drain(r[HTTPS]), 6);
	assert_int_equal(drain(r[RTP]), 7);
	assert_int_equal(drain(r[TRUNK]), 8);
	unwatch(r[HTTPS]);
	r[HTTPS] = watch(&all_drops);
	arrives(FROM(STRANGER, 5060), 2);
	assert_int_equal(drain(r[HTTPS]), 2);
	assert_int_equal(drain(r[SIP]), 2);
	for (size_t i = 0; i < AXP_WATCHERS; i++)
		unwatch(r[i]);
	assert_int_equal(instance.shared->watching, 0);
}

/* He does not say any more that he is there: the next packet ends it. */
static void test_gone(void **state)
{
	struct records *r, *other;

	(void)state;
	begin();
	r = watch(&all_drops);
	other = watch(&all_drops);
	arrives(FROM(STRANGER, 5060), 1);
	assert_int_equal(drain(r), 1);
	assert_int_equal(drain(other), 1);
	r->watch.table->watcher[r->watch.n].until = 1;
	arrives(FROM(STRANGER, 5060), 3);
	assert_int_equal(((__u8 *)&instance.shared->watching)[r->watch.n], 0);
	assert_int_equal(drain(r), 0);
	assert_int_equal(drain(other), 3);
	assert_int_equal(counts_of(r).left_out, 0);
	watch_stay(&r->watch); /* it was only asleep */
	arrives(FROM(STRANGER, 5060), 2);
	assert_int_equal(drain(r), 2);
	unwatch(r);
	unwatch(other);
}

static void test_nobody(void **state)
{
	struct records *r;

	(void)state;
	begin();
	r = watch(&all_drops);
	watch_stop(&r->watch);
	arrives(FROM(STRANGER, 5060), 3);
	assert_int_equal(drain(r), 0);
	assert_int_equal(counts_of(r).sent, 0);
	unwatch(r);
}

int main(void)
{
	char directory[] = "/tmp/allowxdp-test-watch-XXXXXX";
	char command[128];
	int status;

	if (!mkdtemp(directory))
		return 1;
	setenv("ALLOWXDP_RUN_DIR", directory, 1);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		cases_add_test(case_name("record: %s", table[i].name), test_record, &table[i]);
	cases_add_test("drops and passes", test_kinds, NULL);
	cases_add_test("filter: services", test_services, NULL);
	cases_add_test("filter: reasons", test_reasons, NULL);
	cases_add_test("filter: sources", test_sources, NULL);
	cases_add_test("filter: interface", test_interface, NULL);
	cases_add_test("rate", test_rate, NULL);
	cases_add_test("a flood does not crowd out what is wanted", test_not_crowded_out, NULL);
	cases_add_test("a full buffer", test_full_buffer, NULL);
	cases_add_test("snap length", test_snaplen, NULL);
	cases_add_test("a frame of many buffers", test_jumbo, NULL);
	cases_add_test("several watchers", test_several, NULL);
	cases_add_test("a watcher that is gone", test_gone, NULL);
	cases_add_test("nobody watches", test_nobody, NULL);
	status = cases_run("watchers");
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command) ? 1 : status;
}
