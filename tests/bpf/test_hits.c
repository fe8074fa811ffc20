// SPDX-License-Identifier: GPL-2.0-or-later
/* Hits of listed addresses: exact while packets are few, within their error in a flood. */
#include <arpa/inet.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "allowxdp.skel.h"
#include "cases.h"
#include "flood.h"

struct world {
	struct fixture fixture;
	int table;
};

static const struct axp_hit_key nobody;

static void put_table(struct world *w, __u32 capacity)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	const struct axp_hit none = { 0 };
	__u32 zero = 0;

	if (w->table >= 0)
		close(w->table);
	w->table = bpf_map_create(BPF_MAP_TYPE_HASH, "hit_table", sizeof(struct axp_hit_key),
				  sizeof(struct axp_hit), capacity, &opts);
	assert_true(w->table >= 0);
	assert_int_equal(bpf_map_update_elem(w->table, &nobody, &none, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(w->fixture.skel->maps.hits), &zero,
					     &w->table, BPF_ANY),
			 0);
}

static struct world *begin(enum axp_mode mode, __u32 capacity)
{
	struct world *w = test_malloc(sizeof(*w));

	w->table = -1;
	assert_int_equal(fixture_open(&w->fixture), 0);
	fixture_rules(&w->fixture, 0, &standard_rules);
	fixture_active(&w->fixture, mode, 0);
	if (capacity)
		put_table(w, capacity);
	return w;
}

static void end(struct world *w)
{
	if (w->table >= 0)
		close(w->table);
	fixture_close(&w->fixture);
	test_free(w);
}

static struct axp_hit_key key_of(const char *address, __u32 service, __u32 direction)
{
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	struct axp_hit_key key = {
		.family = family == AF_INET ? AXP_IPV4 : AXP_IPV6,
		.service = service,
		.direction = direction,
	};

	assert_int_equal(inet_pton(family, address, key.address), 1);
	return key;
}

/* Packets; 0 where there is no such place. */
static __u64 packets(const struct world *w, const char *address, __u32 service, __u32 direction)
{
	struct axp_hit_key key = key_of(address, service, direction);
	struct axp_hit hit;

	return bpf_map_lookup_elem(w->table, &key, &hit) ? 0 : hit.packets;
}

static __u64 left_out(const struct world *w)
{
	struct axp_hit hit;

	assert_int_equal(bpf_map_lookup_elem(w->table, &nobody, &hit), 0);
	return hit.packets;
}

/* How many places there are, and how many packets in all. */
static size_t places(const struct world *w, __u64 *sum)
{
	struct axp_hit_key key, *last = NULL;
	struct axp_hit hit;
	size_t n = 0;

	*sum = 0;
	while (!bpf_map_get_next_key(w->table, last, &key)) {
		last = &key;
		if (key.family == AXP_FAMILY_NONE)
			continue;
		assert_int_equal(bpf_map_lookup_elem(w->table, &key, &hit), 0);
		*sum += hit.packets;
		n++;
	}
	return n;
}

static void arrives(struct world *w, const struct layer *layers, size_t times)
{
	static struct packet p;

	packet_build(&p, layers);
	while (times--)
		assert_true(fixture_run(&w->fixture, &p, WHOLE_FRAME) >= 0);
}

static void leaves(struct world *w, const struct layer *layers, size_t times)
{
	static struct packet p;

	packet_build(&p, layers);
	while (times--)
		assert_true(fixture_run_out(&w->fixture, &p) != -ENODATA);
}

#define FROM(address, port) \
	PKT(ETH(), IPV4(.src = address), UDP(.sport = 9, .dport = (port)), PAYLOAD(20))
#define FROM6(address, port) \
	PKT(ETH(), VLAN(.vid = 7), IPV6(.src = address), TCP(.sport = 9, .dport = (port)))
#define TO(address, port) \
	PKT(ETH(), IPV4(.src = "198.51.100.1", .dst = address), UDP(1, port), PAYLOAD(20))

static __u64 boot_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

static void test_exact(void **state)
{
	struct world *w = begin(AXP_MODE_ENFORCE, AXP_HITS);
	__u64 before = boot_now(), sum;
	struct axp_hit_key key = key_of("192.0.2.1", SIP, AXP_IN);
	struct axp_hit hit;

	(void)state;
	arrives(w, FROM("192.0.2.1", 5060), 7);
	arrives(w, FROM("192.0.2.1", 10000), 3);
	arrives(w, FROM("192.0.2.2", 5060), 2000);
	arrives(w, FROM6("2001:db8:1::5", 5060), 11);
	arrives(w, FROM("203.0.113.5", 5060), 5); /* not listed */
	arrives(w, FROM("192.0.2.1", 7777), 5);   /* not guarded */
	leaves(w, TO("192.0.2.1", 9000), 4);
	leaves(w, TO("203.0.113.5", 9000), 4); /* not listed */
	assert_int_equal(packets(w, "192.0.2.1", SIP, AXP_IN), 7);
	assert_int_equal(packets(w, "192.0.2.1", RTP, AXP_IN), 3);
	assert_int_equal(packets(w, "192.0.2.2", SIP, AXP_IN), 2000);
	assert_int_equal(packets(w, "2001:db8:1::5", SIP, AXP_IN), 11);
	assert_int_equal(packets(w, "192.0.2.1", SIP, AXP_OUT), 4);
	assert_int_equal(places(w, &sum), 5);
	assert_int_equal(sum, 7 + 3 + 2000 + 11 + 4);
	assert_int_equal(left_out(w), 0);
	assert_int_equal(bpf_map_lookup_elem(w->table, &key, &hit), 0);
	assert_in_range(hit.first, before, boot_now());
	assert_in_range(hit.last, hit.first + 1, boot_now());
	end(w);
}

static void test_modes(void **state)
{
	struct world *w = begin(AXP_MODE_MONITOR, AXP_HITS);
	__u64 sum;

	(void)state;
	arrives(w, FROM("192.0.2.1", 5060), 3);
	arrives(w, FROM("203.0.113.5", 5060), 3);
	fixture_active(&w->fixture, AXP_MODE_OFF, 0);
	arrives(w, FROM("192.0.2.1", 5060), 9);
	assert_int_equal(places(w, &sum), 1);
	assert_int_equal(sum, 3);
	end(w);
}

/* Each hit is in one table alone. */
static void test_replaced(void **state)
{
	struct world *w = begin(AXP_MODE_ENFORCE, AXP_HITS);
	int old;

	(void)state;
	arrives(w, FROM("192.0.2.1", 5060), 3);
	old = dup(w->table);
	put_table(w, AXP_HITS);
	arrives(w, FROM("192.0.2.1", 5060), 4);
	assert_int_equal(packets(w, "192.0.2.1", SIP, AXP_IN), 4);
	close(w->table);
	w->table = old;
	assert_int_equal(packets(w, "192.0.2.1", SIP, AXP_IN), 3);
	end(w);
}

/* As in the twin that `check` asks: nothing is counted, nothing goes wrong. */
static void test_without_table(void **state)
{
	struct world *w = begin(AXP_MODE_ENFORCE, 0);

	(void)state;
	arrives(w, FROM("192.0.2.1", 5060), 3);
	end(w);
}

static void test_full(void **state)
{
	enum { ROOM = 8, SOURCES = 20, EACH = 3 };
	struct world *w = begin(AXP_MODE_ENFORCE, ROOM + 1); /* and nobody's */
	char address[16];
	__u64 sum;

	(void)state;
	for (__u32 n = 1; n <= SOURCES; n++) {
		snprintf(address, sizeof(address), "192.0.2.%u", n);
		arrives(w, FROM(address, 5060), EACH);
	}
	arrives(w, FROM("192.0.2.1", 5060), 5); /* it has its place */
	assert_int_equal(places(w, &sum), ROOM);
	assert_int_equal(sum, ROOM * EACH + 5);
	assert_int_equal(left_out(w), (SOURCES - ROOM) * EACH);
	end(w);
}

static __u32 random_number(__u64 *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 32;
}

/* Shares of a flood, in 1/1000. */
static const struct {
	const char *address;
	__u32 share;
} shares[] = { { "192.0.2.50", 600 },
	       { "192.0.2.51", 300 },
	       { "192.0.2.52", 90 },
	       { "192.0.2.53", 10 } };

enum { SHARES = sizeof(shares) / sizeof(shares[0]) };

static __be32 next_source(__u64 *rng, __u64 *sent)
{
	__u32 dice = random_number(rng) % 1000, i = 0;

	for (; dice >= shares[i].share; i++)
		dice -= shares[i].share;
	sent[i]++;
	return inet_addr(shares[i].address);
}

/*
 * Each packet of a sender is looked at with a chance of at least 1/4096, and stands for at most
 * 4096: the deviation is at most the root of 4095 times its packets. Five of them, and a gap.
 */
static void check_share(__u64 counted, __u64 sent)
{
	double off = fabs((double)counted - (double)sent);
	double bound =
		5 * sqrt((AXP_SAMPLE_LEAST_OF - 1.0) * (double)sent) + 2 * AXP_SAMPLE_LEAST_OF;

	print_message("# %llu sent, %llu counted\n", sent, counted);
	assert_true(off <= bound);
}

static void test_flood(void **state)
{
	struct world *w;
	__u64 rng = 4711, sent[SHARES] = { 0 }, sum;
	static __be32 sources[FLOOD];
	static struct packet p;

	(void)state;
	need_flood();
	w = begin(AXP_MODE_ENFORCE, AXP_HITS);
	arrives(w, FROM("192.0.2.60", 5060), 500);
	for (size_t i = 0; i < FLOOD; i++)
		sources[i] = next_source(&rng, sent);
	packet_build(&p, FROM("192.0.2.50", 10000));
	flood(&w->fixture, &p, sources);
	for (size_t i = 0; i < SHARES; i++)
		check_share(packets(w, shares[i].address, RTP, AXP_IN), FLOOD_ROUNDS * sent[i]);
	assert_int_equal(places(w, &sum), SHARES + 1);
	check_share(sum, FLOOD_ROUNDS * FLOOD + 500);
	assert_int_not_equal(sum, FLOOD_ROUNDS * FLOOD +
					  500); /* else nothing was sampled, nothing tested */
	/* Of another service: the flood leaves it exact. */
	arrives(w, FROM("192.0.2.60", 5060), 250);
	assert_int_equal(packets(w, "192.0.2.60", SIP, AXP_IN), 750);
	end(w);
}

int main(void)
{
	cases_add_test("exact while packets are few, by address, service and direction", test_exact,
		       NULL);
	cases_add_test("monitor mode, and off", test_modes, NULL);
	cases_add_test("a table that takes another's place", test_replaced, NULL);
	cases_add_test("no table", test_without_table, NULL);
	cases_add_test("a full table", test_full, NULL);
	cases_add_test("estimates in a flood", test_flood, NULL);
	return cases_run("hits");
}
