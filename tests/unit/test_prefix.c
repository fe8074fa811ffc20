// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include "unit.h"
#include "abi.h"
#include "prefix.h"

static struct prefix parsed(const char *text)
{
	struct error err = { "" };
	struct prefix p;

	if (prefix_parse(text, strlen(text), &p, &err))
		fail_msg("%s: %s", text, err.text);
	return p;
}

static void assert_reads_as(const char *text, const char *canonical)
{
	struct prefix p = parsed(text);
	char buf[PREFIX_TEXT_MAX];

	assert_string_equal(prefix_text(&p, buf), canonical);
}

static void assert_refused_n(const char *text, size_t n, const char *why)
{
	struct error err = { "" };
	struct prefix p;

	assert_int_equal(prefix_parse(text, n, &p, &err), -EINVAL);
	assert_string_equal(err.text, why);
}

static void assert_refused(const char *text, const char *why)
{
	assert_refused_n(text, strlen(text), why);
}

static void assert_no_address(const char *text)
{
	char why[256];

	snprintf(why, sizeof(why),
		 "%s: not an IPv4 or IPv6 prefix: write it like 203.0.113.0/24 or 2001:db8::/32",
		 text);
	assert_refused(text, why);
}

static void reads_ipv4(void **state)
{
	(void)state;
	assert_reads_as("0.0.0.0/0", "0.0.0.0/0");
	assert_reads_as("10.0.0.0/8", "10.0.0.0/8");
	assert_reads_as("203.0.113.128/25", "203.0.113.128/25");
	assert_reads_as("255.255.255.255/32", "255.255.255.255/32");
	assert_reads_as("128.0.0.0/1", "128.0.0.0/1");
}

static void reads_ipv6(void **state)
{
	(void)state;
	assert_reads_as("::/0", "::/0");
	assert_reads_as("2001:db8::/32", "2001:db8::/32");
	assert_reads_as("2001:DB8:0:0:0:0:0:1/128", "2001:db8::1/128");
	assert_reads_as("8000::/1", "8000::/1");
	assert_reads_as("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128");
	assert_reads_as("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8/128");
	assert_reads_as("64:ff9b::192.0.2.1", "64:ff9b::c000:201/128");
}

static void bare_address_is_a_host(void **state)
{
	(void)state;
	assert_reads_as("192.0.2.1", "192.0.2.1/32");
	assert_reads_as("0.0.0.0", "0.0.0.0/32");
	assert_reads_as("2001:db8::1", "2001:db8::1/128");
	assert_reads_as("::", "::/128");
}

static void stores_network_order_and_zeros(void **state)
{
	static const uint8_t v4[16] = { 203, 0, 113, 0 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 7 };
	struct prefix p;

	(void)state;
	p = parsed("203.0.113.0/24");
	assert_int_equal(p.family, AXP_IPV4);
	assert_int_equal(p.len, 24);
	assert_memory_equal(p.addr, v4, 16);
	p = parsed("2001:db8:7::/48");
	assert_int_equal(p.family, AXP_IPV6);
	assert_int_equal(p.len, 48);
	assert_memory_equal(p.addr, v6, 16);
}

static void mapped_ipv6_is_ipv4(void **state)
{
	(void)state;
	assert_reads_as("::ffff:192.0.2.1", "192.0.2.1/32");
	assert_reads_as("::FFFF:c000:201", "192.0.2.1/32");
	assert_reads_as("::ffff:10.0.0.0/104", "10.0.0.0/8");
	assert_reads_as("0:0:0:0:0:ffff:a00::/104", "10.0.0.0/8");
	assert_reads_as("::ffff:0:0/96", "0.0.0.0/0");
	assert_reads_as("::ffff:192.0.2.1/128", "192.0.2.1/32");
}

static void what_covers_the_mapped_range_stays_ipv6(void **state)
{
	(void)state;
	assert_reads_as("::/80", "::/80");
	assert_reads_as("::fffe:0:0/95", "::fffe:0:0/95");
	assert_reads_as("::fffe:0:0/96", "::fffe:0:0/96");
}

static void refuses_host_bits(void **state)
{
	(void)state;
	assert_refused("10.0.0.1/8",
		       "10.0.0.1/8 has host bits set: write 10.0.0.0/8 or 10.0.0.1/32");
	assert_refused("203.0.113.1/31",
		       "203.0.113.1/31 has host bits set: write 203.0.113.0/31 or 203.0.113.1/32");
	assert_refused("0.0.0.1/0", "0.0.0.1/0 has host bits set: write 0.0.0.0/0 or 0.0.0.1/32");
	assert_refused("2001:db8::1/32", "2001:db8::1/32 has host bits set: write 2001:db8::/32 or "
					 "2001:db8::1/128");
	assert_refused("::ffff:10.0.0.1/104",
		       "::ffff:10.0.0.1/104 has host bits set: write 10.0.0.0/8 or 10.0.0.1/32");
	assert_refused("::ffff:10.0.0.0/95", "::ffff:10.0.0.0/95 has host bits set: write "
					     "::fffe:0:0/95 or ::ffff:10.0.0.0/128");
}

static void refuses_length_out_of_range(void **state)
{
	(void)state;
	assert_refused("10.0.0.0/33", "10.0.0.0/33: length is over 32: use /0 to /32");
	assert_refused("10.0.0.0/4294967304",
		       "10.0.0.0/4294967304: length is over 32: use /0 to /32");
	assert_refused("::/129", "::/129: length is over 128: use /0 to /128");
	assert_refused("::ffff:10.0.0.0/129",
		       "::ffff:10.0.0.0/129: length is over 128: use /0 to /128");
}

static void refuses_length_that_is_no_number(void **state)
{
	static const char *const bad[] = { "10.0.0.0/",     "10.0.0.0/+8", "10.0.0.0/-8",
					   "10.0.0.0/08",   "10.0.0.0/8 ", "10.0.0.0/ 8",
					   "10.0.0.0/8/8",  "10.0.0.0/00", "10.0.0.0/0x8",
					   "10.0.0.0/8.0.0" };
	char why[128];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(why, sizeof(why), "%s: length is not a plain number: use /0 to /32",
			 bad[i]);
		assert_refused(bad[i], why);
	}
	assert_refused("::/", "::/: length is not a plain number: use /0 to /128");
	assert_refused("10.0.0.0/255.0.0.0",
		       "10.0.0.0/255.0.0.0: length is not a plain number: use /0 to /32");
}

static void refuses_what_is_no_address(void **state)
{
	static const char *const bad[] = {
		"foo",
		"10",
		"10.0.0",
		"10.0.0.0.0",
		"10.0.0.256",
		"10.0.0.01",
		"010.0.0.0",
		"10..0.0",
		"10.0.0.",
		".10.0.0.0",
		"1.2.3.4 ",
		" 1.2.3.4",
		"0x0a.0.0.1",
		"/8",
		"10.0.0.0-10.0.0.9",
		":",
		":::",
		"1::2::3",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"12345::",
		"::g",
		"1:",
		":1",
		"1:2:3:4:5:6:7:8::",
		"::1.2.3",
		"::1.2.3.256",
		"1.2.3.4::",
		"::1.2.3.4:5",
		"1:2:3:4:5:6:7:1.2.3.4",
		"example.org",
		"::1 /128",
		"[::1]",
		"!10.0.0.0/8",
		"1:2:3:4:5:6:7:8:",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_no_address(bad[i]);
}

static void refuses_nothing(void **state)
{
	(void)state;
	assert_refused("", "no prefix here: write one like 203.0.113.0/24 or 2001:db8::/32");
	assert_refused_n(NULL, 0, "no prefix here: write one like 203.0.113.0/24 or 2001:db8::/32");
}

static void refuses_scope(void **state)
{
	(void)state;
	assert_refused("fe80::1%eth0", "fe80::1%eth0: a prefix has no scope: remove \"%\" and what "
				       "follows it");
	assert_refused("fe80::%1/64",
		       "fe80::%1/64: a prefix has no scope: remove \"%\" and what follows it");
}

static void refuses_nul_inside(void **state)
{
	(void)state;
	assert_refused_n("::1\0x", 5,
			 "::1?x: not an IPv4 or IPv6 prefix: write it like 203.0.113.0/24 or "
			 "2001:db8::/32");
	assert_refused_n("10.0.0.0/8\0", 11,
			 "10.0.0.0/8?: length is not a plain number: use /0 to /32");
}

static void quotes_no_more_than_60_bytes_and_no_control(void **state)
{
	char text[300], why[256];

	(void)state;
	memset(text, 'x', sizeof(text));
	snprintf(why, sizeof(why),
		 "%.57s...: not an IPv4 or IPv6 prefix: write it like 203.0.113.0/24 or "
		 "2001:db8::/32",
		 text);
	assert_refused_n(text, sizeof(text), why);
	assert_refused("\x1b[31m\x7f\t\xc3\xa4", "?[31m????: not an IPv4 or IPv6 prefix: write it "
						 "like 203.0.113.0/24 or 2001:db8::/32");
}

static void leaves_output_alone_when_refused(void **state)
{
	struct prefix p, before;
	struct error err;

	(void)state;
	memset(&p, 0xa5, sizeof(p));
	before = p;
	assert_int_equal(prefix_parse("10.0.0.1/8", 10, &p, &err), -EINVAL);
	assert_memory_equal(&p, &before, sizeof(p));
}

/* A copy that ends where it ends, so that the sanitizer sees one byte too many being read. */
static int parse_exact(const char *text, struct prefix *p)
{
	size_t n = strlen(text);
	_cleanup_free_ char *copy = malloc(n ? n : 1);
	struct error err;

	assert_non_null(copy);
	memcpy(copy, text, n);
	return prefix_parse(copy, n, p, &err);
}

static struct prefix random_prefix(uint64_t *seed)
{
	struct prefix p = { .family = unit_random(seed) % 2 ? AXP_IPV4 : AXP_IPV6 };
	size_t i, n = p.family == AXP_IPV4 ? 4 : 16;

	/* zeros often, for the sake of "::" */
	for (i = 0; i < n; i++)
		p.addr[i] = unit_random(seed) % 2 ? (uint8_t)unit_random(seed) : 0;
	p.len = prefix_max_len(p.family);
	return prefix_shorten(&p, (uint8_t)(unit_random(seed) % (p.len + 1u)));
}

static void random_prefixes_survive_text(void **state)
{
	struct prefix p, q;
	char buf[PREFIX_TEXT_MAX];
	uint64_t seed = 1;
	int i;

	(void)state;
	for (i = 0; i < 200000; i++) {
		p = random_prefix(&seed);
		assert_int_equal(parse_exact(prefix_text(&p, buf), &q), 0);
		assert_int_equal(prefix_compare(&p, &q), 0);
		assert_memory_equal(&p, &q, sizeof(p));
	}
}

static void text_is_what_inet_ntop_writes(void **state)
{
	char buf[PREFIX_TEXT_MAX], want[PREFIX_TEXT_MAX + 8], addr[INET6_ADDRSTRLEN];
	struct prefix p;
	uint64_t seed = 2;
	int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		p = random_prefix(&seed);
		inet_ntop(p.family == AXP_IPV4 ? AF_INET : AF_INET6, p.addr, addr, sizeof(addr));
		snprintf(want, sizeof(want), "%s/%u", addr, p.len);
		assert_string_equal(prefix_text(&p, buf), want);
	}
}

/* Text near the border between right and wrong: an address, with up to two bytes changed. */
static void random_text(uint64_t *seed, char text[static 64])
{
	static const char alphabet[] = "0123456789abcdefABF::::....%g ";
	struct prefix p = random_prefix(seed);
	unsigned int changes = unit_random(seed) % 3;
	size_t n, at;

	inet_ntop(p.family == AXP_IPV4 ? AF_INET : AF_INET6, p.addr, text, 64);
	while (changes--) {
		n = strlen(text);
		at = unit_random(seed) % (n + 1);
		if (unit_random(seed) % 2 && at < n)
			memmove(text + at, text + at + 1, n - at);
		else
			memmove(text + at + 1, text + at, n - at + 1);
		n = strlen(text);
		if (at < n && unit_random(seed) % 2)
			text[at] = alphabet[unit_random(seed) % (sizeof(alphabet) - 1)];
	}
}

static void addresses_are_as_strict_as_inet_pton(void **state)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t v4[16], v6[16];
	unsigned int taken = 0, refused = 0;
	uint64_t seed = 3;
	struct prefix p;
	char text[64];
	bool is4, is6;
	int i;

	(void)state;
	for (i = 0; i < 300000; i++) {
		random_text(&seed, text);
		memset(v4, 0, sizeof(v4));
		is4 = inet_pton(AF_INET, text, v4) == 1;
		is6 = inet_pton(AF_INET6, text, v6) == 1;
		if (is6 && memcmp(v6, mapped, 12) == 0) {
			memcpy(v4, v6 + 12, 4);
			is4 = true;
		}
		if ((parse_exact(text, &p) == 0) != (is4 || is6))
			fail_msg("\"%s\": inet_pton says %d", text, is4 || is6);
		if (!is4 && !is6) {
			refused++;
			continue;
		}
		taken++;
		assert_int_equal(p.family, is4 ? AXP_IPV4 : AXP_IPV6);
		assert_memory_equal(p.addr, is4 ? v4 : v6, 16);
	}
	assert_true(taken > 50000 && refused > 50000);
}

static bool bit(const struct prefix *p, unsigned int i)
{
	return p->addr[i / 8] >> (7 - i % 8) & 1;
}

static bool covers_bit_by_bit(const struct prefix *outer, const struct prefix *inner)
{
	unsigned int i;

	if (outer->family != inner->family || outer->len > inner->len)
		return false;
	for (i = 0; i < outer->len; i++)
		if (bit(outer, i) != bit(inner, i))
			return false;
	return true;
}

static void covers_is_bitwise(void **state)
{
	struct prefix a, b;
	uint64_t seed = 4;
	int i, hits = 0;

	(void)state;
	for (i = 0; i < 200000; i++) {
		a = random_prefix(&seed);
		b = random_prefix(&seed);
		if (i % 2)
			b = prefix_shorten(&a, (uint8_t)(unit_random(&seed) % (a.len + 1u)));
		assert_int_equal(prefix_covers(&a, &b), covers_bit_by_bit(&a, &b));
		assert_int_equal(prefix_covers(&b, &a), covers_bit_by_bit(&b, &a));
		hits += prefix_covers(&b, &a);
	}
	assert_true(hits > 50000);
}

static void covers_itself_and_never_the_other_family(void **state)
{
	struct prefix all4 = parsed("0.0.0.0/0"), all6 = parsed("::/0"), host = parsed("10.1.2.3");

	(void)state;
	assert_true(prefix_covers(&all4, &all4));
	assert_true(prefix_covers(&host, &host));
	assert_true(prefix_covers(&all4, &host));
	assert_false(prefix_covers(&host, &all4));
	assert_false(prefix_covers(&all6, &all4));
	assert_false(prefix_covers(&all4, &all6));
	assert_false(prefix_covers(&all6, &host));
}

static void order_is_total_and_parents_come_first(void **state)
{
	struct prefix a, b, c;
	uint64_t seed = 5;
	int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		a = random_prefix(&seed);
		b = random_prefix(&seed);
		c = prefix_shorten(&a, (uint8_t)(unit_random(&seed) % (a.len + 1u)));
		assert_int_equal(prefix_compare(&a, &b) < 0, prefix_compare(&b, &a) > 0);
		assert_int_equal(prefix_compare(&a, &a), 0);
		assert_true(prefix_compare(&c, &a) <= 0);
		/* nothing that c does not cover may stand between c and a */
		if (prefix_compare(&c, &b) < 0 && prefix_compare(&b, &a) < 0)
			assert_true(prefix_covers(&c, &b));
	}
}

static void order_is_family_address_length(void **state)
{
	static const char *const sorted[] = { "0.0.0.0/0",    "0.0.0.0/32", "10.0.0.0/8",
					      "10.0.0.0/9",   "10.0.0.1",   "10.1.0.0/16",
					      "11.0.0.0/8",   "::/0",       "::1",
					      "2001:db8::/32" };
	struct prefix a, b;
	size_t i;

	(void)state;
	for (i = 1; i < ARRAY_SIZE(sorted); i++) {
		a = parsed(sorted[i - 1]);
		b = parsed(sorted[i]);
		assert_true(prefix_compare(&a, &b) < 0);
	}
}

static void shorten_clears_what_is_past(void **state)
{
	struct prefix host = parsed("255.255.255.255"), p;
	char buf[PREFIX_TEXT_MAX];

	(void)state;
	p = prefix_shorten(&host, 9);
	assert_string_equal(prefix_text(&p, buf), "255.128.0.0/9");
	p = prefix_shorten(&host, 0);
	assert_string_equal(prefix_text(&p, buf), "0.0.0.0/0");
	p = prefix_shorten(&host, 32);
	assert_string_equal(prefix_text(&p, buf), "255.255.255.255/32");
	host = parsed("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	p = prefix_shorten(&host, 127);
	assert_string_equal(prefix_text(&p, buf), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127");
	p = prefix_shorten(&host, 128);
	assert_string_equal(prefix_text(&p, buf), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_ipv4),
		cmocka_unit_test(reads_ipv6),
		cmocka_unit_test(bare_address_is_a_host),
		cmocka_unit_test(stores_network_order_and_zeros),
		cmocka_unit_test(mapped_ipv6_is_ipv4),
		cmocka_unit_test(what_covers_the_mapped_range_stays_ipv6),
		cmocka_unit_test(refuses_host_bits),
		cmocka_unit_test(refuses_length_out_of_range),
		cmocka_unit_test(refuses_length_that_is_no_number),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(refuses_nothing),
		cmocka_unit_test(refuses_scope),
		cmocka_unit_test(refuses_nul_inside),
		cmocka_unit_test(quotes_no_more_than_60_bytes_and_no_control),
		cmocka_unit_test(leaves_output_alone_when_refused),
		cmocka_unit_test(random_prefixes_survive_text),
		cmocka_unit_test(text_is_what_inet_ntop_writes),
		cmocka_unit_test(addresses_are_as_strict_as_inet_pton),
		cmocka_unit_test(covers_is_bitwise),
		cmocka_unit_test(covers_itself_and_never_the_other_family),
		cmocka_unit_test(order_is_total_and_parents_come_first),
		cmocka_unit_test(order_is_family_address_length),
		cmocka_unit_test(shorten_clears_what_is_past),
	};

	return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
