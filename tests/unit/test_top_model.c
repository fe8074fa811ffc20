// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"
#include "top_model.h"

#define SECOND 1000000000ULL

/* A snapshot is written down as lines of counters. */
struct line {
	const char *interface, *service, *verdict, *reason;
	uint64_t packets;
};

static struct top_snapshot snapshot(double at, const struct line *lines, size_t n)
{
	struct top_snapshot s = { .at = (uint64_t)(at * (double)SECOND) };

	for (size_t i = 0; i < n; i++) {
		struct counter c = { lines[i].interface, "in",
				     lines[i].service,   "ipv4",
				     lines[i].verdict,   lines[i].reason,
				     lines[i].packets,   100 * lines[i].packets };

		assert_int_equal(top_snapshot_add(&c, &s), 0);
	}
	return s;
}

#define look(m, at, ...)                                                        \
	do {                                                                    \
		const struct line lines[] = { __VA_ARGS__ };                    \
		struct top_snapshot s = snapshot(at, lines, ARRAY_SIZE(lines)); \
		assert_int_equal(top_model_update(m, &s), 0);                   \
		assert_null(s.v); /* it is the model's now */                   \
	} while (0)

static const struct top_service *service(const struct top_model *m, const char *name)
{
	for (size_t i = 0; i < m->n_services; i++) {
		if (!strcmp(m->services[i].name, name))
			return &m->services[i];
	}
	return NULL;
}

static const struct top_reason *reason(const struct top_model *m, const char *name,
				       enum top_fate fate)
{
	for (size_t i = 0; i < m->n_reasons; i++) {
		if (!strcmp(m->reasons[i].name, name) && m->reasons[i].fate == fate)
			return &m->reasons[i];
	}
	return NULL;
}

static void assert_flow(const struct top_flow *f, uint64_t packets, uint64_t total)
{
	assert_int_equal(f->packets, packets);
	assert_int_equal(f->total, total);
}

static void assert_rate(double rate, double wanted)
{
	assert_true(rate > wanted - 1e-9 && rate < wanted + 1e-9);
}

static void the_first_look_has_totals_and_no_rates(void **state)
{
	struct top_model m _cleanup_top_model_ = { 0 };

	(void)state;
	look(&m, 5, { "eth0", "sip", "drop", "unlisted", 70 });
	assert_true(m.seconds == 0);
	assert_flow(&service(&m, "sip")->fates[TOP_DROP], 0, 70);
	assert_rate(top_per_second(&m, &service(&m, "sip")->fates[TOP_DROP]), 0);
	assert_true(top_history(service(&m, "sip"), TOP_DROP, 0) < 0);
}

static void rates_are_of_the_time_that_passed(void **state)
{
	struct top_model m _cleanup_top_model_ = { 0 };

	(void)state;
	look(&m, 5, { "eth0", "sip", "drop", "unlisted", 70 },
	     { "eth0", "sip", "pass", "listed", 1000 });
	look(&m, 7.5, { "eth0", "sip", "drop", "unlisted", 170 },
	     { "eth0", "sip", "pass", "listed", 1000 });
	assert_rate(m.seconds, 2.5);
	assert_flow(&service(&m, "sip")->fates[TOP_DROP], 100, 170);
	assert_flow(&service(&m, "sip")->fates[TOP_PASS], 0, 1000);
	assert_rate(top_per_second(&m, &service(&m, "sip")->fates[TOP_DROP]), 40);
	assert_flow(&reason(&m, "unlisted", TOP_DROP)->flow, 100, 170);
	assert_flow(&m.sum[TOP_DROP], 100, 170);
	assert_flow(&m.sum[TOP_PASS], 0, 1000);
}

static void a_drop_reason_that_passed_would_have_been_dropped(void **state)
{
	struct top_model m _cleanup_top_model_ = { 0 };

	(void)state;
	look(&m, 1, { "eth0", "sip", "drop", "unlisted", 1 });
	look(&m, 2, { "eth0", "sip", "drop", "unlisted", 2 },
	     { "eth0", "sip", "pass", "unlisted", 30 }, { "eth0", "sip", "pass", "listed", 400 });
	assert_flow(&service(&m, "sip")->fates[TOP_DROP], 1, 2);
	assert_flow(&service(&m, "sip")->fates[TOP_WOULD_DROP], 30, 30);
	assert_flow(&service(&m, "sip")->fates[TOP_PASS], 400, 400);
	assert_flow(&reason(&m, "unlisted", TOP_WOULD_DROP)->flow, 30, 30);
	assert_flow(&reason(&m, "unlisted", TOP_DROP)->flow, 1, 2);
}

static void interfaces_and_families_add_up(void **state)
{
	struct top_model m _cleanup_top_model_ = { 0 };

	(void)state;
	look(&m, 1, { "eth0", "sip", "drop", "unlisted", 10 },
	     { "eth1", "sip", "drop", "unlisted", 20 });
	look(&m, 2, { "eth0", "sip", "drop", "unlisted", 11 },
	     { "eth1", "sip", "drop", "unlisted", 22 });
	assert_int_equal(m.n_services, 1);
	assert_flow(&service(&m, "sip")->fates[TOP_DROP], 3, 33);
}

static void a_counter_that_goes_back_has_begun_anew(void **state)
{
	struct top_model m _cleanup_top_model_ = { 0 };

	(void)state;
	look(&m, 1, { "eth0", "sip", "drop", "unlisted", 1000000 });
	look(&m, 2, { "eth0", "sip", "drop", "unlisted", 7 });
	assert_flow(&service(&m, "sip")->fates[TOP_DROP], 7, 7);
	/* the largest that there are */
	look(&m, 3, { "eth0", "sip", "drop", "unlisted", UINT64_MAX });
	look(&m, 4, { "eth0", "sip", "drop", "unlisted", 3 });
	assert_flow(&service(&m, "sip")->fates[TOP_DROP], 3, 3);
}

static void what_is_new_says_nothing_yet(void **state)
{
	struct top_model m _cleanup_top_model_ = { 0 };

	(void)state;
	look(&m, 1, { "eth0", "sip", "drop", "unlisted", 10 },
	     { "eth0", "-", "pass", "not-ip", 5 });
	/* a service with kept counters, an interface, and a counter that was zero before */
	look(&m, 2, { "eth0", "sip", "drop", "unlisted", 10 },
	     { "eth0", "sip", "drop", "truncated", 4 }, { "eth0", "rtp", "drop", "unlisted", 900 },
	     { "eth0", "-", "pass", "not-ip", 5 }, { "eth0", "-", "pass", "dhcp", 2 },
	     { "eth1", "sip", "drop", "unlisted", 5000 }, { "eth1", "-", "pass", "dhcp", 600 });
	assert_flow(&service(&m, "sip")->fates[TOP_DROP], 4, 5014);
	assert_flow(&service(&m, "rtp")->fates[TOP_DROP], 0, 900);
	assert_flow(&service(&m, "-")->fates[TOP_PASS], 2, 607);
	look(&m, 3, { "eth0", "sip", "drop", "unlisted", 10 },
	     { "eth0", "rtp", "drop", "unlisted", 903 },
	     { "eth1", "sip", "drop", "unlisted", 5001 });
	assert_flow(&service(&m, "rtp")->fates[TOP_DROP], 3, 903);
	assert_flow(&service(&m, "sip")->fates[TOP_DROP], 1, 5011);
}

static void a_service_that_goes_is_forgotten(void **state)
{
	struct top_model m _cleanup_top_model_ = { 0 };

	(void)state;
	look(&m, 1, { "eth0", "sip", "drop", "unlisted", 10 },
	     { "eth0", "rtp", "drop", "unlisted", 10 });
	look(&m, 2, { "eth0", "sip", "drop", "unlisted", 20 },
	     { "eth0", "rtp", "drop", "unlisted", 30 });
	look(&m, 3, { "eth0", "rtp", "drop", "unlisted", 60 });
	assert_null(service(&m, "sip"));
	assert_rate(top_history(service(&m, "rtp"), TOP_DROP, 0), 30);
	assert_rate(top_history(service(&m, "rtp"), TOP_DROP, 1), 20);
	/* it comes back, with what it had counted */
	look(&m, 4, { "eth0", "sip", "drop", "unlisted", 20 },
	     { "eth0", "rtp", "drop", "unlisted", 60 });
	assert_flow(&service(&m, "sip")->fates[TOP_DROP], 0, 20);
	assert_int_equal(service(&m, "sip")->n_history, 1);
	assert_string_equal(m.services[0].name, "sip");
}

static void history_is_a_ring(void **state)
{
	struct top_model m _cleanup_top_model_ = { 0 };
	uint64_t total = 0;

	(void)state;
	for (uint64_t i = 0; i < 3 * TOP_HISTORY; i++) {
		total += i;
		look(&m, (double)(i + 1), { "eth0", "sip", "pass", "listed", total });
	}
	for (size_t ago = 0; ago < TOP_HISTORY; ago++)
		assert_rate(top_history(service(&m, "sip"), TOP_PASS, ago),
			    (double)(3 * TOP_HISTORY - 1 - ago));
	assert_true(top_history(service(&m, "sip"), TOP_PASS, TOP_HISTORY) < 0);
	assert_rate(top_history(service(&m, "sip"), TOP_DROP, 3), 0);
}

static void time_that_stands_still_makes_no_rate(void **state)
{
	struct top_model m _cleanup_top_model_ = { 0 };

	(void)state;
	look(&m, 2, { "eth0", "sip", "pass", "listed", 1 });
	look(&m, 2, { "eth0", "sip", "pass", "listed", 9 });
	assert_rate(top_per_second(&m, &service(&m, "sip")->fates[TOP_PASS]), 0);
	look(&m, 1, { "eth0", "sip", "pass", "listed", 10 });
	assert_rate(top_per_second(&m, &service(&m, "sip")->fates[TOP_PASS]), 0);
}

static void an_instance_without_interfaces(void **state)
{
	struct top_model m _cleanup_top_model_ = { 0 };
	struct top_snapshot none = { .at = SECOND };

	(void)state;
	assert_int_equal(top_model_update(&m, &none), 0);
	assert_int_equal(m.n_services, 0);
	look(&m, 2, { "eth0", "sip", "pass", "listed", 9 });
	assert_flow(&service(&m, "sip")->fates[TOP_PASS], 0, 9);
}

static void many_services(void **state)
{
	struct top_model m _cleanup_top_model_ = { 0 };
	struct top_snapshot s[2] = { { .at = SECOND }, { .at = 2 * SECOND } };

	(void)state;
	for (uint64_t look_ = 0; look_ < 2; look_++) {
		for (uint64_t i = 0; i < 200; i++) {
			char name[16];
			struct counter c = { "eth0",          "in",   name,
					     "ipv6",          "drop", "unlisted",
					     i * (look_ + 1), 0 };

			snprintf(name, sizeof(name), "s%u", (unsigned int)i);
			assert_int_equal(top_snapshot_add(&c, &s[look_]), 0);
		}
		assert_int_equal(top_model_update(&m, &s[look_]), 0);
	}
	assert_int_equal(m.n_services, 200);
	for (uint64_t i = 0; i < 200; i++)
		assert_flow(&m.services[i].fates[TOP_DROP], i, 2 * i);
	assert_flow(&m.sum[TOP_DROP], 199 * 100, 199 * 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_look_has_totals_and_no_rates),
		cmocka_unit_test(rates_are_of_the_time_that_passed),
		cmocka_unit_test(a_drop_reason_that_passed_would_have_been_dropped),
		cmocka_unit_test(interfaces_and_families_add_up),
		cmocka_unit_test(a_counter_that_goes_back_has_begun_anew),
		cmocka_unit_test(what_is_new_says_nothing_yet),
		cmocka_unit_test(a_service_that_goes_is_forgotten),
		cmocka_unit_test(history_is_a_ring),
		cmocka_unit_test(time_that_stands_still_makes_no_rate),
		cmocka_unit_test(an_instance_without_interfaces),
		cmocka_unit_test(many_services),
	};

	return cmocka_run_group_tests_name("top_model", tests, NULL, NULL);
}
