// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"
#include "learn.h"
#include "learn_tally.h"

enum { SECOND = 1000000000, MAX = 400 };

static struct prefix prefix(const char *text)
{
	struct error err;
	struct prefix p;

	assert_int_equal(prefix_parse(text, strlen(text), &p, &err), 0);
	return p;
}

/* ---- groups, held against the rules written down slowly ---- */

struct scene {
	struct learn_rules rules;
	struct prefix seen[MAX], barred[MAX];
	size_t n, n_barred;
};

static size_t count_in(const struct prefix *v, size_t n, const struct prefix *p)
{
	size_t in = 0;

	for (size_t i = 0; i < n; i++)
		in += prefix_covers(p, &v[i]);
	return in;
}

static bool may_stand(const struct scene *s, const struct prefix *p)
{
	size_t in = count_in(s->seen, s->n, p);
	uint8_t max = prefix_max_len(p->family);
	struct prefix half = *p;

	if (p->len == max)
		return true;
	if (p->family == AXP_IPV6 && p->len > 64)
		return false;
	if (p->family == AXP_IPV4 && in == 1ULL << (32 - p->len))
		return true;
	if (in < s->rules.min_sources || count_in(s->barred, s->n_barred, p))
		return false;
	if (p->family == AXP_IPV6 && p->len == 64)
		return true;
	half.len++;
	return count_in(s->seen, s->n, &half) && count_in(s->seen, s->n, &half) < in;
}

static struct prefix widest_of(const struct scene *s, const struct prefix *address)
{
	for (uint8_t len = s->rules.widest[address->family];; len++) {
		struct prefix p = prefix_shorten(address, len);

		if (may_stand(s, &p))
			return p;
	}
}

static void assert_as_by_the_rules(const struct scene *s)
{
	struct prefix out[MAX];
	size_t n = learn_group(&s->rules, s->seen, s->n, s->barred, s->n_barred, out), at = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = widest_of(s, &s->seen[i]);

		assert_true(at < n);
		if (!prefix_covers(&out[at], &s->seen[i]))
			at++;
		assert_true(at < n);
		assert_int_equal(prefix_compare(&out[at], &p), 0);
	}
	assert_int_equal(n, s->n ? at + 1 : 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(count_in(s->barred, s->n_barred, &out[i]), 0);
		assert_true(out[i].len >= s->rules.widest[out[i].family]);
		if (i)
			assert_false(prefix_covers(&out[i - 1], &out[i]));
	}
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

/* Near one another, so that they have much in common. */
static struct prefix random_address(uint64_t *seed, unsigned int spread)
{
	struct prefix p = { .family = unit_random(seed) % 2 ? AXP_IPV4 : AXP_IPV6 };
	static const size_t ends[] = { 8, 9, 16 };
	size_t end = p.family == AXP_IPV4 ? 4 : ends[unit_random(seed) % ARRAY_SIZE(ends)];

	p.len = prefix_max_len(p.family);
	p.addr[0] = 10;
	for (unsigned int bit = 0; bit < spread; bit++) {
		if (unit_random(seed) % 2)
			p.addr[end - 1 - bit / 8] |= (uint8_t)(1 << bit % 8);
	}
	return p;
}

static size_t without_twins(struct prefix *v, size_t n)
{
	size_t kept = 0;

	qsort(v, n, sizeof(*v), by_prefix);
	for (size_t i = 0; i < n; i++) {
		if (!kept || prefix_compare(&v[kept - 1], &v[i]))
			v[kept++] = v[i];
	}
	return kept;
}

static void random_scene(struct scene *s, uint64_t *seed)
{
	unsigned int spread = 1 + (unsigned int)(unit_random(seed) % 13);
	size_t kept = 0;

	s->rules.min_sources = 2 + (uint32_t)(unit_random(seed) % 12);
	s->rules.widest[AXP_IPV4] = (uint8_t)(18 + unit_random(seed) % 15);
	s->rules.widest[AXP_IPV6] = (uint8_t)(48 + unit_random(seed) % 30);
	s->n = unit_random(seed) % 80;
	s->n_barred = unit_random(seed) % 3 ? unit_random(seed) % 6 : 0;
	for (size_t i = 0; i < s->n; i++)
		s->seen[i] = random_address(seed, spread);
	for (size_t i = 0; i < s->n_barred; i++) {
		s->barred[i] = random_address(seed, spread + 1);
		if (unit_random(seed) % 3 == 0)
			s->barred[i] =
				prefix_shorten(&s->barred[i], (uint8_t)(s->barred[i].len - 1 -
									unit_random(seed) % 8));
	}
	s->n_barred = without_twins(s->barred, s->n_barred);
	s->n = without_twins(s->seen, s->n);
	for (size_t i = 0; i < s->n; i++) {
		bool is_barred = false;

		for (size_t j = 0; j < s->n_barred; j++)
			is_barred |= prefix_covers(&s->barred[j], &s->seen[i]);
		if (!is_barred)
			s->seen[kept++] = s->seen[i];
	}
	s->n = kept;
}

static void groups_are_by_the_rules(void **state)
{
	static struct scene s;
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		random_scene(&s, &seed);
		assert_as_by_the_rules(&s);
	}
}

static void group_examples(void **state)
{
	static struct scene s = { .rules = { 8, { 0, 24, 64 } } };
	struct prefix out[MAX], wanted;

	(void)state;
	/* All four of a /30, and a stray one. */
	for (uint8_t i = 0; i < 4; i++) {
		s.seen[i] = prefix("198.51.100.4");
		s.seen[i].addr[3] += i;
	}
	s.seen[4] = prefix("198.51.100.9");
	assert_int_equal(learn_group(&s.rules, s.seen, 5, NULL, 0, out), 2);
	wanted = prefix("198.51.100.4/30");
	assert_int_equal(prefix_compare(&out[0], &wanted), 0);
	assert_int_equal(prefix_compare(&out[1], &s.seen[4]), 0);
	/* Eight of a /24, in its upper half: that half. */
	for (uint8_t i = 0; i < 8; i++) {
		s.seen[i] = prefix("198.51.100.128");
		s.seen[i].addr[3] += i * 16;
	}
	assert_int_equal(learn_group(&s.rules, s.seen, 8, NULL, 0, out), 1);
	wanted = prefix("198.51.100.128/25");
	assert_int_equal(prefix_compare(&out[0], &wanted), 0);
	/* One among them is barred. */
	s.barred[0] = prefix("198.51.100.129");
	assert_int_equal(learn_group(&s.rules, s.seen, 8, s.barred, 1, out), 8);
	assert_int_equal(learn_group(&s.rules, s.seen, 7, NULL, 0, out), 7);
	/* Eight of a /64. */
	for (uint8_t i = 0; i < 8; i++) {
		s.seen[i] = prefix("2001:db8::1");
		s.seen[i].addr[15] += i;
	}
	assert_int_equal(learn_group(&s.rules, s.seen, 8, NULL, 0, out), 1);
	wanted = prefix("2001:db8::/64");
	assert_int_equal(prefix_compare(&out[0], &wanted), 0);
	assert_int_equal(learn_group(&s.rules, s.seen, 7, NULL, 0, out), 7);
}

/* ---- the whole ---- */

struct world {
	struct policy policy;
	struct top_source sources[MAX];
	size_t n;
	struct sip_agents agents;
	struct learn_options options;
	struct learn learned;
};

static struct service service_of(const char *name, uint8_t slot, uint8_t protocol, uint16_t low,
				 uint16_t high, uint64_t lists)
{
	struct service s = { .slot = slot, .n_ports = 1, .allow = { lists } };

	strcpy(s.name, name);
	s.ports[0] = (struct port_range){ low, high, protocol, 0 };
	return s;
}

static int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct policy *p = &w->policy;

	p->services = calloc(4, sizeof(*p->services));
	p->services[0] = service_of("https", 3, AXP_TCP, 443, 443, 1);
	p->services[1] = service_of("sip", 1, AXP_UDP, 5060, 5061, 1 | 2);
	p->services[2] = service_of("rtp", 0, AXP_UDP, 10000, 60000, 1 | 4);
	p->services[3] = service_of("carrier", 2, AXP_TCP, 443, 443, 8);
	p->services[3].direction = AXP_OUT;
	p->services[1].ports[1] = (struct port_range){ 5061, 5061, AXP_TCP, 0 };
	p->services[1].n_ports = 2;
	p->n_services = 4;
	p->lists = calloc(4, sizeof(*p->lists));
	strcpy(p->lists[0].name, "office");
	strcpy(p->lists[1].name, "trunk");
	strcpy(p->lists[2].name, "media");
	strcpy(p->lists[3].name, "carrier");
	p->n_lists = 4;
	w->options = (struct learn_options){ .service = -1,
					     .min_packets = 3,
					     .rules = { 8, { 0, 24, 64 } } };
	*state = w;
	return 0;
}

static int world_teardown(void **state)
{
	struct world *w = *state;

	learn_free(&w->learned);
	sip_agents_free(&w->agents);
	policy_free(&w->policy);
	free(w);
	return 0;
}

static struct top_source *refused(struct world *w, const char *address, size_t service,
				  uint16_t port, uint64_t packets)
{
	const struct service *s = &w->policy.services[service];
	struct top_source *t = &w->sources[w->n++];

	*t = (struct top_source){ .address = prefix(address),
				  .service = s->slot,
				  .direction = s->direction,
				  .protocol = s->ports[0].protocol,
				  .packets = packets,
				  .bytes = 100 * packets,
				  .first = 10LL * SECOND,
				  .last = 20LL * SECOND,
				  .reasons = 1u << AXP_REASON_UNLISTED,
				  .port_count = 1,
				  .n_ports = 1,
				  .ports = { { port, packets } } };
	return t;
}

static void list(struct world *w, const char *text, uint16_t list, uint16_t flags)
{
	struct entry e = { .prefix = prefix(text), .list = list, .flags = flags };
	struct error err;

	assert_int_equal(entries_push(&w->policy.base, &e), 0);
	assert_int_equal(policy_sort_entries(&w->policy, &w->policy.base, &err), 0);
}

static void learn_it(struct world *w)
{
	learn_free(&w->learned);
	assert_int_equal(learn(&w->policy, w->sources, w->n, &w->agents, &w->options, &w->learned),
			 0);
}

static void assert_proposed(const struct world *w, size_t n, size_t service, const char *text,
			    uint64_t packets)
{
	const struct learn_proposal *p = &w->learned.proposals[n];
	struct prefix wanted = prefix(text);

	assert_true(n < w->learned.n_proposals);
	assert_int_equal(p->service, service);
	assert_int_equal(prefix_compare(&p->prefix, &wanted), 0);
	assert_int_equal(p->tally.packets, packets);
}

enum { HTTPS, SIP, RTP, CARRIER };

static void proposes_who_was_refused(void **state)
{
	struct world *w = *state;
	const struct learn_tally *t;
	struct top_source *tcp;

	refused(w, "198.51.100.7", RTP, 20000, 500)->dropped = 20;
	refused(w, "198.51.100.7", SIP, 5060, 5);
	tcp = refused(w, "198.51.100.7", SIP, 5061, 7);
	tcp->protocol = AXP_TCP;
	tcp->first = 4LL * SECOND;
	refused(w, "2001:db8::7", SIP, 5060, 9);
	refused(w, "192.0.2.200", CARRIER, 443, 9);
	learn_it(w);
	assert_int_equal(w->learned.n_proposals, 4);
	assert_int_equal(w->learned.n_scanners, 0);
	assert_proposed(w, 0, SIP, "198.51.100.7", 12);
	assert_proposed(w, 1, SIP, "2001:db8::7", 9);
	assert_proposed(w, 2, RTP, "198.51.100.7", 500);
	assert_proposed(w, 3, CARRIER, "192.0.2.200", 9);
	t = &w->learned.proposals[0].tally;
	assert_int_equal(t->bytes, 1200);
	assert_true(t->first == 4LL * SECOND && t->last == 20LL * SECOND);
	assert_int_equal(t->n_ports, 2);
	assert_int_equal(t->ports[0].port, 5061);
	assert_int_equal(t->ports[0].protocol, AXP_TCP);
	assert_int_equal(t->ports[1].packets, 5);
	assert_int_equal(w->learned.proposals[2].tally.dropped, 20);
	assert_int_equal(learn_list(&w->policy, SIP), 1);
	assert_int_equal(learn_list(&w->policy, HTTPS), 0);
}

static void leaves_out_the_others(void **state)
{
	struct world *w = *state;

	refused(w, "198.51.100.1", SIP, 5060, 2);
	refused(w, "198.51.100.2", SIP, 5060, 20)->error = 18; /* perhaps 2 */
	refused(w, "198.51.100.3", SIP, 5060, 20)->last = 5LL * SECOND;
	refused(w, "198.51.100.4", SIP, 5060, 20);
	list(w, "198.51.100.4/32", 1, 0); /* since */
	refused(w, "198.51.100.5", SIP, 5060, 20);
	list(w, "198.51.100.5/32", 1, ENTRY_CARVE);
	refused(w, "198.51.100.6", SIP, 5060, 20)->reasons = 1u << AXP_REASON_FRAGMENT_DROPPED;
	refused(w, "198.51.100.7", SIP, 5060, 20)->service = AXP_NO_SERVICE;
	refused(w, "198.51.100.8", SIP, 5060, 20)->service = 40; /* gone */
	refused(w, "198.51.100.9", RTP, 20000, 20);
	w->options.since = 6LL * SECOND;
	w->options.service = SIP;
	learn_it(w);
	assert_int_equal(w->learned.n_proposals, 0);
	assert_int_equal(w->learned.fates[LEARN_FEW], 2);
	assert_int_equal(w->learned.fates[LEARN_OLD], 1);
	assert_int_equal(w->learned.fates[LEARN_LISTED], 1);
	assert_int_equal(w->learned.fates[LEARN_CARVED], 1);
}

static void scanners_are_never_proposed(void **state)
{
	struct world *w = *state;
	struct top_source *sweep, *media;
	struct prefix agent = prefix("198.51.100.3"), phone = prefix("198.51.100.9");

	sweep = refused(w, "198.51.100.1", RTP, 20000, 40);
	sweep->port_count = 40;
	sweep->ports[0].packets = 1;
	refused(w, "198.51.100.1", SIP, 5060, 90); /* there too it is one */
	for (size_t i = HTTPS; i <= RTP; i++)
		refused(w, "198.51.100.2", i, w->policy.services[i].ports[0].low, 7);
	refused(w, "198.51.100.3", SIP, 5060, 900);
	media = refused(w, "198.51.100.4", RTP, 20000, 90000);
	media->port_count = 266;
	media->many_ports = true;
	media->ports[0].packets = 4000;
	for (size_t i = HTTPS; i <= RTP; i++)
		refused(w, "198.51.100.9", i, w->policy.services[i].ports[0].low, 100);
	assert_int_equal(sip_agents_note(&w->agents, &agent, "friendly-scanner"), 0);
	assert_int_equal(sip_agents_note(&w->agents, &phone, "Phone 1"), 0);
	learn_it(w);
	assert_int_equal(w->learned.n_scanners, 3);
	assert_int_equal(w->learned.scanners[0].why, LEARN_MANY_PORTS);
	assert_true(w->learned.scanners[0].services == (1 << SIP | 1 << RTP));
	assert_int_equal(w->learned.scanners[0].tally.packets, 130);
	assert_int_equal(w->learned.scanners[1].why, LEARN_MANY_SERVICES);
	assert_int_equal(w->learned.scanners[2].why, LEARN_AGENT);
	assert_int_equal(w->learned.n_proposals, 4);
	assert_proposed(w, 0, HTTPS, "198.51.100.9", 100);
	assert_proposed(w, 1, SIP, "198.51.100.9", 100);
	assert_string_equal(w->learned.proposals[1].agent->text, "Phone 1");
	assert_proposed(w, 2, RTP, "198.51.100.4", 90000);
	assert_proposed(w, 3, RTP, "198.51.100.9", 100);
	/* Of one service alone. */
	w->options.service = HTTPS;
	learn_it(w);
	assert_int_equal(w->learned.n_scanners, 1);
	assert_int_equal(w->learned.scanners[0].why, LEARN_MANY_SERVICES);
}

static void networks_spare_scanners_and_carve_outs(void **state)
{
	struct world *w = *state;
	char text[32];

	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "198.51.100.%d", 3 + 32 * i);
		refused(w, text, SIP, 5060, 10 + (uint64_t)i);
	}
	learn_it(w);
	assert_int_equal(w->learned.n_proposals, 1);
	assert_proposed(w, 0, SIP, "198.51.100.0/24", 108);
	assert_int_equal(w->learned.proposals[0].addresses, 8);
	/* A hole in another list of the service. */
	list(w, "198.51.100.80/28", 0, ENTRY_CARVE);
	learn_it(w);
	assert_int_equal(w->learned.n_proposals, 8);
}

static void a_scanner_nearby_keeps_the_network_shut(void **state)
{
	struct world *w = *state;
	struct prefix agent = prefix("198.51.100.77");
	char text[32];

	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "198.51.100.%d", 3 + 32 * i);
		refused(w, text, SIP, 5060, 10);
	}
	refused(w, "198.51.100.77", RTP, 20000, 500);
	assert_int_equal(sip_agents_note(&w->agents, &agent, "sipcli/v1.8"), 0);
	learn_it(w);
	assert_int_equal(w->learned.n_proposals, 8);
	assert_int_equal(w->learned.n_scanners, 1);
}

/* ---- the sign of a sweep, by the kernel's way to keep the most frequent ports ---- */

struct ports {
	uint16_t port[AXP_SOURCE_PORTS];
	uint64_t packets[AXP_SOURCE_PORTS], seen;
};

static void count(struct ports *s, uint16_t port, uint64_t weight, uint64_t *seed)
{
	size_t least = 0;

	s->seen |= 1ULL << AXP_PORT_BIT(port);
	for (size_t i = 0; i < AXP_SOURCE_PORTS; i++) {
		if (s->packets[i] && s->port[i] == port) {
			s->packets[i] += weight;
			return;
		}
		if (s->packets[i] < s->packets[least])
			least = i;
	}
	if (unit_random(seed) % (weight + s->packets[least]) >= weight)
		return;
	s->port[least] = port;
	s->packets[least] += weight;
}

/* `calls` ports with so many packets each, all of them or samples. */
static struct learn_tally run_of(uint32_t calls, uint32_t packets, uint64_t weight, uint64_t *seed)
{
	struct learn_tally t = { .many_ports = true, .port_count = 266, .n_ports = 1 };
	struct ports s = { 0 };

	for (uint32_t call = 0; call < calls; call++) {
		uint16_t port = (uint16_t)(10000 + unit_random(seed) % 50000);

		for (uint32_t n = 0; n < packets; n++)
			count(&s, port, weight, seed);
	}
	t.packets = (uint64_t)calls * packets * weight;
	t.variance = (double)calls * packets * (double)(weight * (weight - 1));
	for (size_t i = 0; i < AXP_SOURCE_PORTS; i++) {
		if (s.packets[i] > t.ports[0].packets)
			t.ports[0].packets = s.packets[i];
	}
	assert_true(s.seen == ~0ULL);
	return t;
}

static void media_is_no_sweep(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (uint32_t calls = 1000; calls <= 20000; calls *= 4) {
		struct learn_tally sweep = run_of(calls * 10, 1, 1, &seed);
		struct learn_tally twice = run_of(calls * 5, 2, 1, &seed);
		struct learn_tally sampled = run_of(calls, 1, 16, &seed);
		struct learn_tally media = run_of(calls, 100, 1, &seed);
		struct learn_tally some = run_of(calls, 60, 16, &seed);

		assert_true(learn_sweeps(&sweep));
		assert_true(learn_sweeps(&twice));
		assert_true(learn_sweeps(&sampled));
		assert_false(learn_sweeps(&media));
		assert_false(learn_sweeps(&some));
	}
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_by_the_rules),
		cmocka_unit_test(group_examples),
		world_test(proposes_who_was_refused),
		world_test(leaves_out_the_others),
		world_test(scanners_are_never_proposed),
		world_test(networks_spare_scanners_and_carve_outs),
		world_test(a_scanner_nearby_keeps_the_network_shut),
		cmocka_unit_test(media_is_no_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
