// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of refused sources: exact while drops are few, within its stated error in a flood. */
#include <arpa/inet.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include "allowxdp.skel.h"
#include "cases.h"
#include "flood.h"
#include "top_sources.h"

enum { DPORT_AT = 14 + 20 + 2 };

static struct top_source found[TOP_SOURCES_MAX];

static struct instance as_instance(struct fixture *f)
{
	struct instance i = INSTANCE_EMPTY;

	i.maps[MAP_SOURCES] = bpf_map__fd(f->skel->maps.sources);
	return i;
}

static size_t read_sources(struct fixture *f)
{
	struct instance i = as_instance(f);
	struct error err;
	int n = top_sources_read(&i, found, TOP_SOURCES_MAX, &err);

	if (n < 0)
		print_error("# %s\n", err.text);
	assert_true(n >= 0);
	return (size_t)n;
}

static void forget_sources(struct fixture *f)
{
	struct instance i = as_instance(f);
	struct error err;

	assert_int_equal(top_sources_forget_all(&i, &err), 0);
}

static const struct top_source *source(size_t n, const char *address, __u32 service, __u32 protocol)
{
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	__u8 bytes[16] = { 0 };

	assert_int_equal(inet_pton(family, address, bytes), 1);
	for (size_t i = 0; i < n; i++) {
		if (!memcmp(found[i].address.addr, bytes, sizeof(bytes)) &&
		    found[i].service == service && found[i].protocol == protocol)
			return &found[i];
	}
	return NULL;
}

static struct fixture *begin(const struct rules *rules, enum axp_mode mode)
{
	struct fixture *f = test_malloc(sizeof(*f));

	assert_int_equal(fixture_open(f), 0);
	fixture_rules(f, 0, rules);
	fixture_active(f, mode, 0);
	return f;
}

static void end(struct fixture *f)
{
	fixture_close(f);
	test_free(f);
}

static void arrives(struct fixture *f, const struct layer *layers, size_t times)
{
	static struct packet p;

	packet_build(&p, layers);
	while (times--)
		assert_true(fixture_run(f, &p, WHOLE_FRAME) >= 0);
}

static void leaves(struct fixture *f, const struct layer *layers, size_t times)
{
	static struct packet p;

	packet_build(&p, layers);
	while (times--)
		assert_true(fixture_run_out(f, &p) != -ENODATA);
}

#define FROM(address, port) \
	PKT(ETH(), IPV4(.src = address), UDP(.sport = 9, .dport = (port)), PAYLOAD(20))
#define FROM6(address, port) \
	PKT(ETH(), VLAN(.vid = 7), IPV6(.src = address), TCP(.sport = 9, .dport = (port)))

enum { UDP_BYTES = 14 + 20 + 8 + 20 };

static void test_exact(void **state)
{
	struct fixture *f = begin(&standard_rules, AXP_MODE_ENFORCE);
	int64_t now = time(NULL) * 1000000000LL;
	const struct top_source *s;
	size_t n;

	(void)state;
	arrives(f, FROM("203.0.113.5", 5060), 7);
	arrives(f, FROM("203.0.113.5", 10000), 3);
	arrives(f, FROM("203.0.113.5", 10002), 5);
	arrives(f, FROM6("2001:db8:666::1", 443), 11);
	arrives(f, FROM("192.0.2.1", 5060), 20);   /* listed */
	arrives(f, FROM("203.0.113.6", 7777), 20); /* not guarded */
	n = read_sources(f);
	assert_int_equal(n, 3);
	s = &found[0];
	assert_int_equal(s->packets, 11);
	assert_int_equal(s->service, HTTPS);
	assert_int_equal(s->protocol, AXP_TCP);
	assert_int_equal(s->address.family, AXP_IPV6);
	s = source(n, "203.0.113.5", RTP, AXP_UDP);
	assert_non_null(s);
	assert_int_equal(s->packets, 8);
	assert_int_equal(s->dropped, 8);
	assert_int_equal(s->bytes, 8 * UDP_BYTES);
	assert_int_equal(s->error, 0);
	assert_int_equal(s->missed, 0);
	assert_int_equal(s->direction, AXP_IN);
	assert_int_equal(s->reasons, 1 << AXP_REASON_UNLISTED);
	assert_int_equal(s->n_ports, 2);
	assert_int_equal(s->port_count, 2);
	assert_false(s->many_ports);
	assert_int_equal(s->ports[0].port, 10002);
	assert_int_equal(s->ports[0].packets, 5);
	assert_int_equal(s->ports[1].port, 10000);
	assert_int_equal(s->ports[1].packets, 3);
	assert_in_range(s->first, now - 2000000000LL, now + 30000000000LL);
	assert_in_range(s->last, s->first, now + 30000000000LL);
	s = source(n, "203.0.113.5", SIP, AXP_UDP);
	assert_non_null(s);
	assert_int_equal(s->packets, 7);
	assert_int_equal(s->n_ports, 1);
	end(f);
}

static void test_monitor(void **state)
{
	struct fixture *f = begin(&standard_rules, AXP_MODE_MONITOR);

	(void)state;
	arrives(f, FROM("203.0.113.5", 5060), 4);
	fixture_active(f, AXP_MODE_ENFORCE, 0);
	arrives(f, FROM("203.0.113.5", 5060), 2);
	fixture_active(f, AXP_MODE_OFF, 0);
	arrives(f, FROM("203.0.113.5", 5060), 9);
	assert_int_equal(read_sources(f), 1);
	assert_int_equal(found[0].packets, 6);
	assert_int_equal(found[0].dropped, 2);
	end(f);
}

static void test_reasons(void **state)
{
	struct fixture *f = begin(&standard_rules, AXP_MODE_ENFORCE);
	const struct top_source *s;
	size_t n;

	(void)state;
	arrives(f, PKT(ETH(), IPV4(.src = "203.0.113.7"), UDP(1, 5060), PAYLOAD(9), CUT(38)), 3);
	arrives(f, PKT(ETH(), IPV4(.src = "203.0.113.7", .version = 5), UDP(1, 5060)), 2);
	arrives(f, PKT(ETH(), VLAN(1), VLAN(2), VLAN(3), IPV4(.src = "203.0.113.7"), UDP(1, 5060)),
		1);
	n = read_sources(f);
	assert_int_equal(n, 3); /* of two, the address could not be read */
	s = source(n, "203.0.113.7", NONE, AXP_NO_PROTOCOL);
	assert_non_null(s);
	assert_int_equal(s->packets, 3);
	assert_int_equal(s->reasons, 1 << AXP_REASON_TRUNCATED);
	assert_int_equal(s->n_ports, 0);
	assert_int_equal(found[1].address.family, AXP_IPV4);
	assert_int_equal(found[1].packets, 2);
	assert_int_equal(found[2].address.family, AXP_FAMILY_NONE);
	assert_int_equal(found[2].reasons, 1 << AXP_REASON_VLAN_DEPTH);
	end(f);
}

static void test_out(void **state)
{
	struct fixture *f = begin(&standard_rules, AXP_MODE_ENFORCE);

	(void)state;
	leaves(f,
	       PKT(ETH(), IPV4(.src = "192.0.2.1", .dst = "203.0.113.8"), UDP(1, 9000),
		   PAYLOAD(20)),
	       6);
	assert_int_equal(read_sources(f), 1);
	assert_int_equal(found[0].packets, 6);
	assert_int_equal(found[0].direction, AXP_OUT);
	assert_int_equal(found[0].address.addr[3], 8);
	assert_int_equal(found[0].ports[0].port, 9000);
	end(f);
}

static void test_scanner(void **state)
{
	struct fixture *f = begin(&standard_rules, AXP_MODE_ENFORCE);
	static struct packet p;

	(void)state;
	packet_build(&p, FROM("203.0.113.9", 10000));
	for (__u32 n = 0; n < 900; n++) {
		__be16 port = htons(10000 + n % 30);

		memcpy(p.data + DPORT_AT, &port, 2);
		fixture_run(f, &p, WHOLE_FRAME);
	}
	assert_int_equal(read_sources(f), 1);
	assert_int_equal(found[0].packets, 900);
	assert_in_range(found[0].port_count, 22, 40);
	assert_false(found[0].many_ports);
	for (__u32 n = 0; n < 1000; n++) {
		__be16 port = htons(20200 + n * 7);

		memcpy(p.data + DPORT_AT, &port, 2);
		fixture_run(f, &p, WHOLE_FRAME);
	}
	read_sources(f);
	assert_true(found[0].many_ports);
	assert_true(found[0].port_count > 200);
	end(f);
}

static void test_forget(void **state)
{
	struct fixture *f = begin(&standard_rules, AXP_MODE_ENFORCE);
	struct instance i = as_instance(f);
	struct error err;

	(void)state;
	arrives(f, FROM("203.0.113.5", 5060), 1);
	arrives(f, FROM("203.0.113.5", 10000), 1);
	assert_int_equal(top_sources_forget(&i, SIP, &err), 0);
	assert_int_equal(read_sources(f), 1);
	assert_int_equal(found[0].service, RTP);
	forget_sources(f);
	assert_int_equal(read_sources(f), 0);
	end(f);
}

static __u32 random_number(__u64 *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 32;
}

/* Heavy hitters among random sources, each at a share of the packets (in 1/1000). */
static const struct {
	const char *address;
	__u32 share;
} heavy[] = { { "203.0.113.50", 100 },
	      { "203.0.113.51", 50 },
	      { "203.0.113.52", 20 },
	      { "203.0.113.53", 5 } };

enum { HEAVY = sizeof(heavy) / sizeof(heavy[0]) };

static __be32 next_source(__u64 *rng, __u64 *sent)
{
	__u32 dice = random_number(rng) % 1000;

	for (size_t i = 0; i < HEAVY; i++) {
		if (dice < heavy[i].share) {
			sent[i]++;
			return inet_addr(heavy[i].address);
		}
		dice -= heavy[i].share;
	}
	return htonl(0x40000000 | (random_number(rng) & 0x3fffffff));
}

/*
 * Within two and a half times the error, which is what holds 19 times of 20: five deviations. And
 * the error is no more than twice what one in AXP_SAMPLE_LEAST_OF makes of so many packets.
 */
static void check_heavy(const struct top_source *s, __u64 sent)
{
	__u64 off = s->packets > sent ? s->packets - sent : sent - s->packets;

	if (off > s->error * 5 / 2 + s->missed)
		print_error("# %llu sent, %llu counted, error %llu, missed %llu\n", sent,
			    (unsigned long long)s->packets, (unsigned long long)s->error,
			    (unsigned long long)s->missed);
	assert_true(off <= s->error * 5 / 2 + s->missed);
	assert_in_range(s->error, 1, (__u64)(4 * sqrt((double)AXP_SAMPLE_LEAST_OF * (double)sent)));
}

static void test_flood(void **state)
{
	struct fixture *f;
	__u64 rng = 4711, sent[HEAVY] = { 0 };
	static __be32 sources[FLOOD];
	const struct top_source *s;
	static struct packet p;
	size_t n;

	(void)state;
	need_flood();
	f = begin(&standard_rules, AXP_MODE_ENFORCE);
	arrives(f, FROM("203.0.113.60", 5060), 500);
	for (size_t i = 0; i < FLOOD; i++)
		sources[i] = next_source(&rng, sent);
	packet_build(&p, FROM("203.0.113.5", 10000));
	flood(f, &p, sources);
	n = read_sources(f);
	for (size_t i = 0; i < HEAVY; i++) {
		s = source(n, heavy[i].address, RTP, AXP_UDP);
		assert_non_null(s);
		assert_in_range(s - found, 0, 7);
		check_heavy(s, FLOOD_ROUNDS * sent[i]);
	}
	assert_ptr_equal(source(n, heavy[0].address, RTP, AXP_UDP), &found[0]);
	/* Another service's, from before the flood: it still stands there, and is exact. */
	s = source(n, "203.0.113.60", SIP, AXP_UDP);
	assert_non_null(s);
	assert_int_equal(s->packets, 500);
	assert_int_equal(s->error, 0);
	end(f);
}

int main(void)
{
	cases_add_test("exact while drops are few", test_exact, NULL);
	cases_add_test("what would have been dropped, and what was", test_monitor, NULL);
	cases_add_test("packets without ports", test_reasons, NULL);
	cases_add_test("what leaves, by destination", test_out, NULL);
	cases_add_test("many ports", test_scanner, NULL);
	cases_add_test("forgetting", test_forget, NULL);
	cases_add_test("heavy hitters in a flood", test_flood, NULL);
	return cases_run("refused sources");
}
