// SPDX-License-Identifier: GPL-2.0-or-later
/* Which addresses a name stands for, after which answers, when. */
#include "unit.h"
#include "abi.h"
#include "name_history.h"

enum { GRACE = 600 };

static struct prefix address(const char *text)
{
	struct prefix p;
	struct error err;

	assert_int_equal(prefix_parse(text, strlen(text), &p, &err), 0);
	return p;
}

/* "192.0.2.1 a, !AAAA a": addresses with the host that has them, and what was not answered. */
static struct name_round answer(const char *text)
{
	struct name_round r = { 0 };
	char copy[300], *item, *save = NULL;

	snprintf(copy, sizeof(copy), "%s", text);
	for (item = strtok_r(copy, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
		char what[64], host[64] = "";

		assert_true(sscanf(item, " %63s %63s", what, host) >= 1);
		if (what[0] == '!') {
			uint8_t family = strcmp(what, "!A") ? AXP_IPV6 : AXP_IPV4;

			assert_int_equal(name_round_gap(&r, host, family), 0);
		} else {
			struct prefix p = address(what);

			assert_int_equal(name_round_add(&r, &p, host), 0);
		}
	}
	return r;
}

static int merge(struct name_history *h, const char *text, uint64_t now)
{
	struct name_round r = answer(text);
	int changed = name_history_merge(h, &r, now, GRACE);

	name_round_free(&r);
	return changed;
}

static void assert_history(const struct name_history *h, const char *want)
{
	char text[600] = "", prefix[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < h->n; i++) {
		const struct name_address *a = &h->v[i];

		prefix_text(&a->prefix, prefix);
		*strchr(prefix, '/') = '\0';
		sprintf(text + strlen(text), "%s%s %s", i ? ", " : "", prefix, a->host);
		if (a->missing_since)
			sprintf(text + strlen(text), " (%llu)",
				(unsigned long long)a->missing_since);
	}
	assert_string_equal(text, want);
}

static void additions_at_once_removals_later(void **state)
{
	struct name_history h = { 0 };

	(void)state;
	assert_int_equal(merge(&h, "192.0.2.1 a", 1000), 1);
	assert_int_equal(merge(&h, "192.0.2.1 a", 1060), 0);
	assert_int_equal(merge(&h, "192.0.2.2 a, 2001:db8::1 a", 1120), 1);
	assert_history(&h, "192.0.2.1 a (1120), 192.0.2.2 a, 2001:db8::1 a");
	assert_int_equal(name_history_missing(&h), 1);
	assert_int_equal(merge(&h, "192.0.2.2 a", 1719), 0);
	assert_history(&h, "192.0.2.1 a (1120), 192.0.2.2 a, 2001:db8::1 a (1719)");
	assert_int_equal(merge(&h, "192.0.2.2 a", 1720), 1);
	assert_history(&h, "192.0.2.2 a, 2001:db8::1 a (1719)");
	name_history_free(&h);
}

static void one_that_comes_back_stays(void **state)
{
	struct name_history h = { 0 };

	(void)state;
	merge(&h, "192.0.2.1 a", 1000);
	merge(&h, "192.0.2.2 a", 1001);
	assert_int_equal(merge(&h, "192.0.2.1 a, 192.0.2.2 a", 1500), 0);
	assert_history(&h, "192.0.2.1 a, 192.0.2.2 a");
	assert_int_equal(merge(&h, "192.0.2.2 a", 1700), 0);
	assert_history(&h, "192.0.2.1 a (1700), 192.0.2.2 a");
	name_history_free(&h);
}

/* Whatever nobody answers to, for however long. */
static void nothing_goes_without_an_answer(void **state)
{
	struct name_history h = { 0 };

	(void)state;
	merge(&h, "192.0.2.1 a, 2001:db8::1 a", 1000);
	merge(&h, "192.0.2.2 a, !AAAA a", 1010);
	assert_history(&h, "192.0.2.1 a (1010), 192.0.2.2 a, 2001:db8::1 a");
	assert_int_equal(merge(&h, "", 9999999), 0);
	assert_int_equal(merge(&h, "!A a, !AAAA a", 9999999), 0);
	assert_history(&h, "192.0.2.1 a (1010), 192.0.2.2 a, 2001:db8::1 a");
	/* one family is answered, of the other one nothing is known */
	assert_int_equal(merge(&h, "192.0.2.2 a, !AAAA a", 9999999), 1);
	assert_history(&h, "192.0.2.2 a, 2001:db8::1 a");
	assert_int_equal(merge(&h, "!A, 2001:db8::2 a", 9999999), 1);
	assert_history(&h, "192.0.2.2 a, 2001:db8::1 a (9999999), 2001:db8::2 a");
	name_history_free(&h);
}

/* Two targets of a service: of one that does not answer, what it had stays. */
static void targets_are_told_apart(void **state)
{
	struct name_history h = { 0 };

	(void)state;
	merge(&h, "192.0.2.1 a, 192.0.2.1 b, 192.0.2.2 b", 1000);
	assert_history(&h, "192.0.2.1 a, 192.0.2.1 b, 192.0.2.2 b");
	assert_int_equal(merge(&h, "192.0.2.9 a, !A b, !AAAA b", 1010), 1);
	assert_history(&h, "192.0.2.1 a (1010), 192.0.2.1 b, 192.0.2.2 b, 192.0.2.9 a");
	assert_int_equal(merge(&h, "192.0.2.9 a, !A b, !AAAA b", 5000), 1);
	assert_history(&h, "192.0.2.1 b, 192.0.2.2 b, 192.0.2.9 a");
	name_history_free(&h);
}

static void clock_that_was_set_back(void **state)
{
	struct name_history h = { 0 };

	(void)state;
	merge(&h, "192.0.2.1 a", 1000);
	merge(&h, "192.0.2.2 a", 900000);
	assert_int_equal(merge(&h, "192.0.2.2 a", 2000), 0);
	assert_history(&h, "192.0.2.1 a (2000), 192.0.2.2 a");
	assert_int_equal(merge(&h, "192.0.2.2 a", 2000 + GRACE), 1);
	name_history_free(&h);
}

static void there_is_an_end_to_it(void **state)
{
	struct name_history h = { 0 };
	struct name_round r = { 0 };
	struct prefix p = address("198.18.0.0");

	(void)state;
	for (unsigned int i = 0; i < NAME_ADDRESSES_MAX + 7; i++) {
		p.addr[2] = (uint8_t)(i >> 8);
		p.addr[3] = (uint8_t)i;
		assert_int_equal(name_round_add(&r, &p, "a"), 0);
	}
	assert_int_equal(r.found.n, NAME_ADDRESSES_MAX);
	assert_int_equal(r.omitted, 7);
	for (unsigned int k = 0; k < 20; k++) { /* others every time */
		for (size_t i = 0; i < r.found.n; i++)
			r.found.v[i].prefix.addr[1] = (uint8_t)(18 + k);
		name_history_merge(&h, &r, 1000 + k, GRACE);
	}
	assert_int_equal(h.n, 4 * NAME_ADDRESSES_MAX);
	name_round_free(&r);
	name_history_free(&h);
}

/* The same as a plain model, over random answers. */
static void random_answers(void **state)
{
	uint64_t seed = 7, now = 1000, seen[8] = { 0 };
	struct name_history h = { 0 };
	bool there[8] = { false };

	(void)state;
	for (int n = 0; n < 3000; n++) {
		unsigned int set = (unsigned int)(unit_random(&seed) & unit_random(&seed) & 0xff);
		char text[300] = "", want[400] = "";

		now += unit_random(&seed) % 200;
		for (unsigned int i = 0; i < 8; i++) {
			if (set >> i & 1)
				sprintf(text + strlen(text), "%s192.0.2.%u a", *text ? ", " : "",
					i);
		}
		merge(&h, text, now);
		for (unsigned int i = 0; i < 8 && set; i++) {
			if (set >> i & 1) {
				there[i] = true;
				seen[i] = 0;
				continue;
			}
			if (there[i] && !seen[i])
				seen[i] = now;
			there[i] = there[i] && now - seen[i] < GRACE;
		}
		for (unsigned int i = 0; i < 8; i++) {
			if (there[i] && seen[i])
				sprintf(want + strlen(want), "%s192.0.2.%u a (%llu)",
					*want ? ", " : "", i, (unsigned long long)seen[i]);
			else if (there[i])
				sprintf(want + strlen(want), "%s192.0.2.%u a", *want ? ", " : "",
					i);
		}
		assert_history(&h, want);
	}
	name_history_free(&h);
}

static void when_to_ask_again(void **state)
{
	(void)state;
	assert_int_equal(name_refresh_after(0, 30, 3600), 30);
	assert_int_equal(name_refresh_after(60, 30, 3600), 60);
	assert_int_equal(name_refresh_after(UINT32_MAX, 30, 3600), 3600);
	assert_int_equal(name_retry_after(0, 30), 30);
	assert_int_equal(name_retry_after(1, 30), 60);
	assert_int_equal(name_retry_after(3, 30), 240);
	assert_int_equal(name_retry_after(4, 30), 300);
	assert_int_equal(name_retry_after(UINT32_MAX, 30), 300);
	assert_int_equal(name_retry_after(0, 1), 1);
	assert_int_equal(name_retry_after(9, 600), 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(additions_at_once_removals_later),
		cmocka_unit_test(one_that_comes_back_stays),
		cmocka_unit_test(nothing_goes_without_an_answer),
		cmocka_unit_test(targets_are_told_apart),
		cmocka_unit_test(clock_that_was_set_back),
		cmocka_unit_test(there_is_an_end_to_it),
		cmocka_unit_test(random_answers),
		cmocka_unit_test(when_to_ask_again),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
