// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"
#include "abi.h"
#include "feed_guard.h"

/* Sorted items of prefixes with blanks between them. */
static struct feed_items items_of(const char *text)
{
	struct feed_items items = { 0 };
	struct error err;

	for (size_t n; *text; text += n + (text[n] == ' ')) {
		n = strcspn(text, " ");
		assert_int_equal(feed_items_add(&items, text, n, &err), 0);
	}
	feed_items_sort(&items);
	return items;
}

static void assert_content(const char *news, const struct feed_limits *l, const char *why)
{
	struct feed_items items _cleanup_feed_items_ = items_of(news);
	struct error err = { "" };

	assert_int_equal(feed_guard_content(&items, l, &err), why ? -EINVAL : 0);
	if (why)
		assert_string_equal(err.text, why);
}

static void content_is_looked_at(void **state)
{
	const struct feed_limits l = feed_limits_defaults();
	struct feed_limits wide = l, reserved = l;

	(void)state;
	wide.shortest[AXP_IPV4] = 0;
	reserved.allow_private = true;
	assert_content("", &l, "it is empty");
	assert_content("", &wide, "it is empty");
	assert_content("8.0.0.0/8 2a00::/19 52.1.2.3 2600:1f00::/24", &l, NULL);
	assert_content("8.0.0.0/8 4.0.0.0/6 0.0.0.0/0", &l,
		       "0.0.0.0/0 is wider than /8: \"min-prefix4\" allows it");
	assert_content("2a00::/18", &l, "2a00::/18 is wider than /19: \"min-prefix6\" allows it");
	assert_content("4.0.0.0/6", &wide, NULL);
	assert_content("0.0.0.0/0", &wide,
		       "0.0.0.0/0 is in or around 0.0.0.0/8, \"this network\" (RFC 791)");
	assert_content("52.0.0.0/8 10.1.2.0/24", &l,
		       "10.1.2.0/24 is in or around 10.0.0.0/8, private (RFC 1918): "
		       "\"allow-private: true\" allows it");
	assert_content("10.1.2.0/24 203.0.113.1 fd00::1 2001:db8::/32", &reserved, NULL);
	assert_content("127.0.0.1", &reserved,
		       "127.0.0.1/32 is in or around 127.0.0.0/8, loopback (RFC 1122)");
	assert_content("8000::/20", &reserved,
		       "8000::/20 is outside of 2000::/3, where public addresses are");
}

static void assert_shrink(const char *before, const char *news, uint8_t max, const char *why)
{
	struct feed_items old _cleanup_feed_items_ = items_of(before);
	struct feed_items new _cleanup_feed_items_ = items_of(news);
	struct feed_limits l = feed_limits_defaults();
	struct error err = { "" };

	l.max_shrink = max;
	assert_int_equal(feed_guard_shrink(&old, &new, &l, &err), why ? -EOVERFLOW : 0);
	if (why)
		assert_string_equal(err.text, why);
}

static void shrinking_is_held(void **state)
{
	(void)state;
	assert_shrink("", "1.0.0.1", 50, NULL);
	assert_shrink("1.0.0.1", "1.0.0.2", 50, NULL);
	assert_shrink("1.0.0.1 1.0.0.2", "1.0.0.1", 50, NULL);
	assert_shrink("1.0.0.1 1.0.0.3 1.0.0.5", "1.0.0.1", 50,
		      "it shrinks from 3 to 1 entries, by more than 50 % (\"max-shrink\")");
	assert_shrink("1.0.0.1 1.0.0.3 1.0.0.5", "1.0.0.1", 70, NULL);
	assert_shrink("1.0.0.1 1.0.0.3 1.0.0.5", "1.0.0.1", 100, NULL);
	assert_shrink("1.0.0.1 1.0.0.3 1.0.0.5", "1.0.0.1 1.0.0.3", 0,
		      "it shrinks from 3 to 2 entries, by more than 0 % (\"max-shrink\")");
	/* summed up */
	assert_shrink("1.0.0.0 1.0.0.1 1.0.0.2 1.0.0.3", "1.0.0.0/30", 50, NULL);
	/* all of the many gone, the large one there: and the other way round */
	assert_shrink("8.0.0.0/12 1.0.0.1 1.0.0.3 1.0.0.5", "8.0.0.0/12", 50,
		      "it shrinks from 4 to 1 entries, by more than 50 % (\"max-shrink\")");
	assert_shrink("8.0.0.0/12 1.0.0.1 1.0.0.3", "1.0.0.1 1.0.0.3", 50,
		      "it shrinks from 1048578 to 2 IPv4 addresses, by more than 50 % "
		      "(\"max-shrink\")");
	/* what is covered does not count twice */
	assert_shrink("1.0.0.0/24 1.0.0.0/25 1.0.0.0/26", "1.0.0.0/24", 50, NULL);
	/* one family */
	assert_shrink("1.0.0.1 1.0.0.3 2a00::/32", "1.0.0.1 1.0.0.3", 50,
		      "it shrinks from 7.92e+28 to 0 IPv6 addresses, by more than 50 % "
		      "(\"max-shrink\")");
	assert_shrink("0.0.0.0/0 ::/0", "0.0.0.0/0 ::/0", 0, NULL);
}

static bool covered(const struct prefix *p, const struct feed_items *by)
{
	for (size_t i = 0; i < by->n; i++) {
		if (prefix_covers(&by->v[i].prefix, p))
			return true;
	}
	return false;
}

static struct feed_items random_items(uint64_t *seed)
{
	struct feed_items items = { 0 };
	struct error err;

	for (size_t n = unit_random(seed) % 20; n; n--) {
		uint64_t r = unit_random(seed);
		char text[32];

		snprintf(text, sizeof(text), "1.0.%u.0/%u", (unsigned int)(r % 8) * 32,
			 (unsigned int)(19 + r / 8 % 6));
		feed_items_add(&items, text, strlen(text), &err); /* not those with host bits */
	}
	feed_items_sort(&items);
	return items;
}

/* By one walk, as by asking each for each. */
static void uncovered_are_counted(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct feed_items a _cleanup_feed_items_ = random_items(&seed);
		struct feed_items b _cleanup_feed_items_ = random_items(&seed);
		size_t n = 0;

		for (size_t i = 0; i < a.n; i++)
			n += !covered(&a.v[i].prefix, &b);
		assert_int_equal(feed_uncovered(&a, &b), n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_is_looked_at),
		cmocka_unit_test(shrinking_is_held),
		cmocka_unit_test(uncovered_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
