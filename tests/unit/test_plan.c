// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"
#include "plan.h"

/* Lists and services by name, in this order: their indices differ from policy to policy. */
static struct policy make_policy(const char *const *lists, const char *const *services)
{
	struct policy p = { 0 };

	p.lists = calloc(8, sizeof(*p.lists));
	p.services = calloc(8, sizeof(*p.services));
	assert_non_null(p.lists);
	assert_non_null(p.services);
	while (lists[p.n_lists]) {
		strcpy(p.lists[p.n_lists].name, lists[p.n_lists]);
		p.n_lists++;
	}
	while (services[p.n_services]) {
		struct service *s = &p.services[p.n_services];

		strcpy(s->name, services[p.n_services]);
		s->ports[0] = (struct port_range){ 5060, 5061, AXP_UDP, 0 };
		s->n_ports = 1;
		s->replies = 1;
		s->slot = (uint8_t)p.n_services++;
	}
	return p;
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct entry *put(struct policy *p, struct entries *e, const char *text, const char *list,
			 uint32_t until)
{
	struct entry entry = { .until = until };
	struct error err = { "" };

	entry.list = (uint16_t)policy_find_list(p, list);
	if (*text == '!') {
		entry.flags = ENTRY_CARVE;
		text++;
	}
	if (prefix_parse(text, strlen(text), &entry.prefix, &err))
		fail_msg("%s", err.text);
	assert_int_equal(entries_push(e, &entry), 0);
	assert_int_equal(policy_sort_entries(p, e, &err), 0);
	for (size_t i = 0; i < e->n; i++) {
		if (!prefix_compare(&e->v[i].prefix, &entry.prefix) && e->v[i].list == entry.list)
			return &e->v[i];
	}
	return NULL;
}

static void allow(struct policy *p, const char *service, const char *list)
{
	int s = policy_find_service(p, service), l = policy_find_list(p, list);

	p->services[s].allow[l / 64] |= 1ULL << (l % 64);
}

static bool has(const struct plan_entries *e, const struct policy *p, const char *text,
		const char *list)
{
	char buf[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < e->n; i++) {
		const struct plan_entry *x = &e->v[i];

		if (x->policy == p && !strcmp(prefix_text(&x->entry->prefix, buf), text) &&
		    !strcmp(p->lists[x->entry->list].name, list))
			return true;
	}
	return false;
}

static struct plan plan_of(const struct policy *old, const struct policy *new)
{
	struct plan plan;

	memset(&plan, 0xff, sizeof(plan));
	assert_int_equal(plan_make(old, new, &plan), 0);
	assert_ptr_equal(plan.old, old);
	assert_ptr_equal(plan.new, new);
	return plan;
}

static void nothing_changes(void **state)
{
	_cleanup_policy_ struct policy a = make_policy(NAMES("l", "m"), NAMES("s", "t"));
	_cleanup_policy_ struct policy b = make_policy(NAMES("l", "m"), NAMES("s", "t"));
	_cleanup_plan_ struct plan same = { 0 }, itself = { 0 };

	(void)state;
	put(&a, &a.base, "10.0.0.0/8", "l", 0);
	put(&b, &b.base, "10.0.0.0/8", "l", 0);
	put(&a, &a.added, "2001:db8::/32", "m", 77);
	put(&b, &b.added, "2001:db8::/32", "m", 77);
	allow(&a, "s", "l");
	allow(&b, "s", "l");
	same = plan_of(&a, &b);
	itself = plan_of(&a, &a);
	assert_true(plan_empty(&same));
	assert_true(plan_empty(&itself));
}

static void from_nothing_and_to_nothing(void **state)
{
	_cleanup_policy_ struct policy p = make_policy(NAMES("l"), NAMES("s", "t"));
	struct policy none = { 0 };
	_cleanup_plan_ struct plan load = { 0 }, unload = { 0 }, neither = { 0 };

	(void)state;
	put(&p, &p.base, "10.0.0.0/8", "l", 0);
	put(&p, &p.added, "11.0.0.0/8", "l", 0);
	load = plan_of(&none, &p);
	assert_int_equal(load.added.n, 2);
	assert_int_equal(load.removed.n, 0);
	assert_int_equal(load.services_new, 3);
	assert_int_equal(load.services_changed | load.services_gone, 0);
	assert_false(plan_empty(&load));
	unload = plan_of(&p, &none);
	assert_int_equal(unload.added.n, 0);
	assert_int_equal(unload.removed.n, 2);
	assert_int_equal(unload.services_gone, 3);
	assert_int_equal(unload.services_changed | unload.services_new, 0);
	neither = plan_of(&none, &none);
	assert_true(plan_empty(&neither));
}

static void entries_come_and_go(void **state)
{
	_cleanup_policy_ struct policy a = make_policy(NAMES("l"), NAMES("s"));
	_cleanup_policy_ struct policy b = make_policy(NAMES("l"), NAMES("s"));
	_cleanup_plan_ struct plan plan = { 0 };

	(void)state;
	put(&a, &a.base, "10.0.0.0/8", "l", 0);
	put(&a, &a.base, "10.1.0.0/16", "l", 0);
	put(&a, &a.added, "10.2.0.0/16", "l", 0);
	put(&b, &b.base, "10.0.0.0/8", "l", 0);
	put(&b, &b.base, "10.0.0.0/9", "l", 0);
	put(&b, &b.added, "2001:db8::/32", "l", 0);
	plan = plan_of(&a, &b);
	assert_int_equal(plan.added.n, 2);
	assert_true(has(&plan.added, &b, "10.0.0.0/9", "l"));
	assert_true(has(&plan.added, &b, "2001:db8::/32", "l"));
	assert_int_equal(plan.removed.n, 2);
	assert_true(has(&plan.removed, &a, "10.1.0.0/16", "l"));
	assert_true(has(&plan.removed, &a, "10.2.0.0/16", "l"));
	assert_int_equal(plan.services_new | plan.services_changed | plan.services_gone, 0);
	assert_false(plan_empty(&plan));
}

static void moving_from_command_to_file_is_no_change(void **state)
{
	_cleanup_policy_ struct policy a = make_policy(NAMES("l"), NAMES("s"));
	_cleanup_policy_ struct policy b = make_policy(NAMES("l"), NAMES("s"));
	_cleanup_plan_ struct plan there = { 0 }, back = { 0 };

	(void)state;
	put(&a, &a.added, "10.0.0.0/8", "l", 0)->flags |= ENTRY_COMMAND;
	put(&b, &b.base, "10.0.0.0/8", "l", 0);
	there = plan_of(&a, &b);
	back = plan_of(&b, &a);
	assert_true(plan_empty(&there));
	assert_true(plan_empty(&back));
}

static void a_change_goes_and_comes(void **state)
{
	_cleanup_policy_ struct policy a = make_policy(NAMES("l"), NAMES("s"));
	_cleanup_policy_ struct policy b = make_policy(NAMES("l"), NAMES("s"));
	_cleanup_plan_ struct plan plan = { 0 };

	(void)state;
	put(&a, &a.base, "10.0.0.0/8", "l", 0); /* listed, then carved out */
	put(&b, &b.base, "!10.0.0.0/8", "l", 0);
	put(&a, &a.base, "11.0.0.0/8", "l", 100); /* until another time */
	put(&b, &b.base, "11.0.0.0/8", "l", 200);
	put(&a, &a.base, "12.0.0.0/8", "l", 100); /* for good */
	put(&b, &b.base, "12.0.0.0/8", "l", 0);
	put(&a, &a.base, "13.0.0.0/8", "l", 100);
	put(&b, &b.base, "13.0.0.0/8", "l", 100);
	a.base.v[0].line = 7; /* where it stands, and its label, do not matter */
	b.base.v[3].line = 9;
	plan = plan_of(&a, &b);
	assert_int_equal(plan.added.n, 3);
	assert_int_equal(plan.removed.n, 3);
	assert_true(has(&plan.added, &b, "10.0.0.0/8", "l"));
	assert_true(has(&plan.removed, &a, "11.0.0.0/8", "l"));
	assert_true(has(&plan.added, &b, "12.0.0.0/8", "l"));
	assert_false(has(&plan.added, &b, "13.0.0.0/8", "l"));
}

/* The same lists in another order, under other indices. */
static void lists_are_known_by_name(void **state)
{
	_cleanup_policy_ struct policy a = make_policy(NAMES("l", "m", "n"), NAMES("s"));
	_cleanup_policy_ struct policy b = make_policy(NAMES("x", "n", "m", "l"), NAMES("s"));
	_cleanup_plan_ struct plan plan = { 0 };

	(void)state;
	put(&a, &a.base, "10.0.0.0/8", "l", 0);
	put(&b, &b.base, "10.0.0.0/8", "l", 0);
	put(&a, &a.base, "10.0.0.0/8", "m", 0);
	put(&b, &b.base, "10.0.0.0/8", "n", 0); /* from one list to another */
	allow(&a, "s", "l");
	allow(&b, "s", "l");
	allow(&a, "s", "n");
	allow(&b, "s", "n");
	plan = plan_of(&a, &b);
	assert_int_equal(plan.added.n, 1);
	assert_true(has(&plan.added, &b, "10.0.0.0/8", "n"));
	assert_int_equal(plan.removed.n, 1);
	assert_true(has(&plan.removed, &a, "10.0.0.0/8", "m"));
	assert_int_equal(plan.services_changed, 0);
}

static void a_renamed_list_is_another(void **state)
{
	_cleanup_policy_ struct policy a = make_policy(NAMES("old"), NAMES("s"));
	_cleanup_policy_ struct policy b = make_policy(NAMES("new"), NAMES("s"));
	_cleanup_plan_ struct plan plan = { 0 };

	(void)state;
	put(&a, &a.base, "10.0.0.0/8", "old", 0);
	put(&b, &b.base, "10.0.0.0/8", "new", 0);
	allow(&a, "s", "old");
	allow(&b, "s", "new");
	plan = plan_of(&a, &b);
	assert_true(has(&plan.added, &b, "10.0.0.0/8", "new"));
	assert_true(has(&plan.removed, &a, "10.0.0.0/8", "old"));
	assert_int_equal(plan.services_changed, 1);
}

static void services_come_and_go(void **state)
{
	_cleanup_policy_ struct policy a = make_policy(NAMES("l"), NAMES("s", "t", "u"));
	_cleanup_policy_ struct policy b = make_policy(NAMES("l"), NAMES("v", "u", "s", "w"));
	_cleanup_plan_ struct plan plan = { 0 };

	(void)state;
	plan = plan_of(&a, &b);
	assert_int_equal(plan.services_new, 1 << 0 | 1 << 3); /* indices of the new policy */
	assert_int_equal(plan.services_gone, 1 << 1);         /* of the old one */
	assert_int_equal(plan.services_changed, 0);           /* another order is no change */
}

/* Whether a change of the service in the new policy is seen. */
static uint64_t changed_by(void (*change)(struct policy *p))
{
	_cleanup_policy_ struct policy a = make_policy(NAMES("l", "m"), NAMES("r", "s"));
	_cleanup_policy_ struct policy b = make_policy(NAMES("l", "m"), NAMES("r", "s"));
	_cleanup_plan_ struct plan plan = { 0 };

	allow(&a, "s", "l");
	allow(&b, "s", "l");
	change(&b);
	plan = plan_of(&a, &b);
	assert_int_equal(plan.services_new | plan.services_gone, 0);
	return plan.services_changed;
}

static void change_ports(struct policy *p)
{
	p->services[1].ports[0].high = 5062;
}

static void change_protocol(struct policy *p)
{
	p->services[1].ports[0].protocol = AXP_TCP;
}

static void add_ports(struct policy *p)
{
	p->services[1].ports[1] = (struct port_range){ 443, 443, AXP_TCP, 0 };
	p->services[1].n_ports = 2;
}

static void remove_ports(struct policy *p)
{
	p->services[1].n_ports = 0;
}

static void change_direction(struct policy *p)
{
	p->services[1].direction = AXP_OUT;
}

static void change_replies(struct policy *p)
{
	p->services[1].replies = 0;
}

static void allow_more(struct policy *p)
{
	allow(p, "s", "m");
}

static void allow_less(struct policy *p)
{
	p->services[1].allow[0] = 0;
}

static void allow_another(struct policy *p)
{
	p->services[1].allow[0] = 1 << 1;
}

static void change_line(struct policy *p)
{
	p->services[1].line = 99;
}

static void change_slot(struct policy *p)
{
	p->services[1].slot = 63;
}

static void changes_of_a_service(void **state)
{
	(void)state;
	assert_int_equal(changed_by(change_ports), 1 << 1);
	assert_int_equal(changed_by(change_protocol), 1 << 1);
	assert_int_equal(changed_by(add_ports), 1 << 1);
	assert_int_equal(changed_by(remove_ports), 1 << 1);
	assert_int_equal(changed_by(change_direction), 1 << 1);
	assert_int_equal(changed_by(change_replies), 1 << 1);
	assert_int_equal(changed_by(allow_more), 1 << 1);
	assert_int_equal(changed_by(allow_less), 1 << 1);
	assert_int_equal(changed_by(allow_another), 1 << 1);
	assert_int_equal(changed_by(change_line), 0);
	assert_int_equal(changed_by(change_slot), 0);
}

/* Many entries, most of them in both: the plan is the difference of the sets. */
static void difference_of_many(void **state)
{
	_cleanup_policy_ struct policy a = make_policy(NAMES("l", "m"), NAMES("s"));
	_cleanup_policy_ struct policy b = make_policy(NAMES("m", "l"), NAMES("s"));
	_cleanup_plan_ struct plan plan = { 0 };
	uint64_t seed = 3;
	size_t only_a = 0, only_b = 0;
	struct error err = { "" };

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		struct entry e = { .prefix = { .family = AXP_IPV4, .len = 32 } };
		uint64_t in = unit_random(&seed) % 8;
		uint32_t address = i / 2; /* in both lists, whose order is another one in b */

		memcpy(e.prefix.addr, &address, sizeof(address));
		e.list = i % 2;
		if (in != 0)
			assert_int_equal(
				entries_push(unit_random(&seed) % 2 ? &a.base : &a.added, &e), 0);
		e.list = 1 - e.list;
		if (in != 1)
			assert_int_equal(
				entries_push(unit_random(&seed) % 2 ? &b.base : &b.added, &e), 0);
		only_a += in == 1;
		only_b += in == 0;
	}
	assert_int_equal(policy_sort_entries(&a, &a.base, &err), 0);
	assert_int_equal(policy_sort_entries(&a, &a.added, &err), 0);
	assert_int_equal(policy_sort_entries(&b, &b.base, &err), 0);
	assert_int_equal(policy_sort_entries(&b, &b.added, &err), 0);
	plan = plan_of(&a, &b);
	assert_int_equal(plan.removed.n, only_a);
	assert_int_equal(plan.added.n, only_b);
	plan_free(&plan);
	assert_int_equal(plan.added.n, 0);
	assert_null(plan.added.v);
	plan = plan_of(&b, &a);
	assert_int_equal(plan.removed.n, only_b);
	assert_int_equal(plan.added.n, only_a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changes),
		cmocka_unit_test(from_nothing_and_to_nothing),
		cmocka_unit_test(entries_come_and_go),
		cmocka_unit_test(moving_from_command_to_file_is_no_change),
		cmocka_unit_test(a_change_goes_and_comes),
		cmocka_unit_test(lists_are_known_by_name),
		cmocka_unit_test(a_renamed_list_is_another),
		cmocka_unit_test(services_come_and_go),
		cmocka_unit_test(changes_of_a_service),
		cmocka_unit_test(difference_of_many),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
