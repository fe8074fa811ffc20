// SPDX-License-Identifier: GPL-2.0-or-later
/* Hits: whose they are, against an oracle that looks at every entry for every address; the state
 * file, whole and damaged; what is kept how long; what a review calls superfluous. */
#include <time.h>
#include "unit.h"
#include "explain.h"
#include "hits_changes.h"
#include "review.h"

enum { LISTS = 5, SERVICES = 4, NOW = 1700000000, DAY = 86400 };

/* Few different bits, so that prefixes nest deeply and often collide. */
static struct prefix random_prefix(uint64_t *rng, bool whole)
{
	struct prefix p = { .family = unit_random(rng) % 3 ? AXP_IPV4 : AXP_IPV6 };
	uint8_t max = prefix_max_len(p.family);

	for (size_t i = 0; i < max / 8u; i++)
		p.addr[i] = (uint8_t)(unit_random(rng) & unit_random(rng) & 0x91);
	p.len = max;
	return whole || unit_random(rng) % 4 == 0
		       ? p
		       : prefix_shorten(&p, (uint8_t)(unit_random(rng) % (max + 1u)));
}

static void policy_make(struct policy *p, size_t n, bool expire, uint64_t *rng)
{
	struct error err;

	*p = (struct policy){ .now = NOW, .n_lists = LISTS, .n_services = SERVICES };
	p->lists = calloc(LISTS, sizeof(*p->lists));
	p->services = calloc(SERVICES, sizeof(*p->services));
	for (size_t i = 0; i < LISTS; i++)
		snprintf(p->lists[i].name, sizeof(p->lists[i].name), "list%zu", i);
	for (size_t i = 0; i < SERVICES; i++) {
		struct service *s = &p->services[i];

		snprintf(s->name, sizeof(s->name), "service%zu", i);
		s->slot = (uint8_t)(i * 7 + 3);
		s->direction = i == 3 ? AXP_OUT : AXP_IN;
		s->allow[0] = unit_random(rng) % (1 << LISTS);
		s->n_ports = 1;
		s->ports[0] =
			(struct port_range){ (uint16_t)(100 + i), (uint16_t)(100 + i), AXP_UDP, 0 };
	}
	for (size_t i = 0; i < n; i++) {
		struct entry e = {
			.prefix = random_prefix(rng, false),
			.list = (uint16_t)(unit_random(rng) % LISTS),
			.flags = unit_random(rng) % 5 ? 0 : ENTRY_CARVE,
		};
		bool added = unit_random(rng) % 4 == 0;

		if (expire && unit_random(rng) % 3 == 0)
			e.until = NOW - 50 + (uint32_t)(unit_random(rng) % 100);
		/* Contradictions are refused before. */
		if (policy_find_entry(p, &e.prefix, e.list))
			continue;
		e.flags |= added ? ENTRY_COMMAND : 0;
		assert_int_equal(entries_push(added ? &p->added : &p->base, &e), 0);
		if (!added && unit_random(rng) % 8 == 0 && !(e.flags & ENTRY_CARVE)) {
			e.flags |= ENTRY_COMMAND; /* the same twice */
			e.until = 0;
			assert_int_equal(entries_push(&p->added, &e), 0);
		}
		assert_int_equal(policy_sort_entries(p, &p->base, &err), 0);
		assert_int_equal(policy_sort_entries(p, &p->added, &err), 0);
	}
}

static bool better(const struct entry *e, const struct entry *than)
{
	return !than || e->prefix.len > than->prefix.len;
}

/* What decides in one list: the longest that has not expired; of twins the base one. */
static const struct entry *oracle_list(const struct policy *p, size_t list,
				       const struct prefix *address, uint32_t when)
{
	const struct entries *all[] = { &p->base, &p->added };
	const struct entry *best = NULL;

	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < all[k]->n; i++) {
			const struct entry *e = &all[k]->v[i];

			if (e->list == list && prefix_covers(&e->prefix, address) &&
			    !(e->until && e->until <= when) && better(e, best))
				best = e;
		}
	}
	return best;
}

static const struct entry *oracle(const struct policy *p, const struct service *s,
				  const struct prefix *address, uint32_t when)
{
	const struct entry *best = NULL;

	for (size_t l = 0; l < p->n_lists; l++) {
		const struct entry *e = allows(s, l) ? oracle_list(p, l, address, when) : NULL;

		if (e && !(e->flags & ENTRY_CARVE) && better(e, best))
			best = e;
	}
	return best;
}

static void check_match(const struct policy *p, const struct hit_sample *s, const struct match *m)
{
	const struct service *service = NULL;
	struct explanation x;

	for (size_t i = 0; i < p->n_services; i++) {
		if (p->services[i].slot == s->service && p->services[i].direction == s->direction)
			service = &p->services[i];
	}
	assert_ptr_equal(m->service, service);
	if (!service) {
		assert_null(m->entry);
		return;
	}
	assert_ptr_equal(m->entry, oracle(p, service, &s->address, s->first));
	if (s->first != NOW)
		return;
	explain(p, &s->address, service->direction, AXP_UDP, service->ports[0].low, &x);
	assert_ptr_equal(m->entry, x.reason == AXP_REASON_LISTED ? x.entry : NULL);
}

static void test_match(void **state)
{
	enum { ROUNDS = 60, ENTRIES = 150, SAMPLES = 300 };
	uint64_t rng = 1;
	size_t matched = 0;

	(void)state;
	for (size_t round = 0; round < ROUNDS; round++) {
		struct merged m _cleanup_merged_ = { 0 };
		_cleanup_policy_ struct policy p;
		struct hit_sample samples[SAMPLES];
		struct match matches[SAMPLES];

		policy_make(&p, ENTRIES, round % 2, &rng);
		for (size_t i = 0; i < SAMPLES; i++) {
			uint64_t n = unit_random(&rng) % (SERVICES + 1);

			samples[i] = (struct hit_sample){
				.address = random_prefix(&rng, true),
				.service = (uint8_t)(n * 7 + 3),
				.direction = n == 3 ? AXP_OUT : AXP_IN,
				.packets = 1,
				.first = NOW - (unit_random(&rng) % 2 ? 0 : 20),
			};
		}
		assert_int_equal(merged_make(&m, &p), 0);
		assert_int_equal(m.n, p.base.n + p.added.n);
		assert_int_equal(hits_match(&m, samples, SAMPLES, matches), 0);
		for (size_t i = 0; i < SAMPLES; i++) {
			check_match(&p, &samples[i], &matches[i]);
			matched += matches[i].entry != NULL;
		}
	}
	assert_true(matched > 1000);
}

static struct paths paths_of(const struct scratch *s)
{
	struct paths paths = { 0 };

	snprintf(paths.state, sizeof(paths.state), "%s", s->dir);
	return paths;
}

static void add_hit(struct hits *h, const char *service, const char *list, const char *prefix,
		    uint64_t packets, uint32_t first, uint32_t last)
{
	struct hit hit = { .packets = packets, .first = first, .last = last };
	struct error err;

	assert_int_equal(prefix_parse(prefix, strlen(prefix), &hit.prefix, &err), 0);
	hit.list = (uint16_t)hits_name(h, list);
	hit.service = (uint16_t)hits_name(h, service);
	assert_int_equal(hits_push(h, &hit), 0);
}

static void add_known(struct hits *h, const char *list, const char *prefix, uint32_t since)
{
	struct known known = { .since = since, .list = (uint16_t)hits_name(h, list) };
	struct error err;

	assert_int_equal(prefix_parse(prefix, strlen(prefix), &known.prefix, &err), 0);
	assert_int_equal(hits_push_known(h, &known), 0);
}

static void sample_hits(struct hits *h)
{
	const struct known_list list = { (uint16_t)hits_name(h, "huge"), 5, UINT64_MAX };

	h->since = 1;
	h->until = UINT32_MAX;
	h->left_out = 7;
	h->unmatched = UINT64_MAX;
	strcpy(h->boot, "b00t");
	h->merged[0] = 17;
	h->merged[1] = UINT32_MAX;
	h->n_merged = 2;
	assert_int_equal(hits_push_list(h, &list), 0);
	add_known(h, "office", "203.0.113.0/24", 100);
	add_known(h, "office", "2001:db8::/32", 200);
	add_hit(h, "sip", "office", "203.0.113.0/24", 5, 10, 20);
	add_hit(h, "rtp", "office", "203.0.113.0/24", UINT64_MAX, 11, UINT32_MAX);
	add_hit(h, "sip", "trunk", "2001:db8::1", 1, 0, 0);
	add_hit(h, "sip", "office", "203.0.113.0/24", 6, 9, 30); /* the same again: summed up */
	hits_sort(h);
}

static void test_file(void **state)
{
	struct paths paths = paths_of(*state);
	struct hits h _cleanup_hits_ = { 0 }, back _cleanup_hits_ = { 0 };
	struct error err;

	assert_int_equal(hits_read(&paths, &back, &err), -ENOENT);
	sample_hits(&h);
	assert_int_equal(h.n, 3);
	assert_int_equal(hits_write(&paths, &h, &err), 0);
	assert_int_equal(hits_read(&paths, &back, &err), 0);
	assert_int_equal(back.since, 1);
	assert_int_equal(back.until, UINT32_MAX);
	assert_true(back.left_out == 7 && back.unmatched == UINT64_MAX && !back.dropped);
	assert_false(hits_complete(&back));
	assert_string_equal(back.boot, "b00t");
	assert_int_equal(back.n_merged, 2);
	assert_int_equal(back.merged[1], UINT32_MAX);
	assert_true(back.n_lists == 1 && back.lists[0].hash == UINT64_MAX);
	assert_int_equal(back.n_known, 2);
	assert_int_equal(back.n, 3);
	for (size_t i = 0; i < back.n; i++) {
		const char *service = back.names[back.v[i].service];

		assert_string_equal(back.names[back.v[i].list],
				    back.v[i].prefix.family == AXP_IPV4 ? "office" : "trunk");
		if (back.v[i].prefix.family == AXP_IPV6)
			continue;
		if (!strcmp(service, "sip"))
			assert_true(back.v[i].packets == 11 && back.v[i].first == 9 &&
				    back.v[i].last == 30);
		else
			assert_true(back.v[i].packets == UINT64_MAX && back.v[i].first == 11 &&
				    back.v[i].last == UINT32_MAX);
	}
}

/* A file that was cut anywhere, or has one byte changed, is refused or reads as something sound. */
static void test_damage(void **state)
{
	struct paths paths = paths_of(*state);
	struct hits h _cleanup_hits_ = { 0 };
	char text[4096], path[128];
	uint64_t rng = 3;
	struct error err;
	size_t n;
	FILE *f;

	sample_hits(&h);
	assert_int_equal(hits_write(&paths, &h, &err), 0);
	f = fopen(scratch_path(*state, "hits"), "r");
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	for (size_t cut = 0; cut < n; cut++) {
		struct hits back _cleanup_hits_ = { 0 };

		scratch_write_bytes(*state, "hits", text, cut);
		assert_int_equal(hits_read(&paths, &back, &err), -EINVAL);
		snprintf(path, sizeof(path), "%s:", scratch_path(*state, "hits"));
		assert_memory_equal(err.text, path, strlen(path));
		assert_non_null(strstr(err.text, "is damaged"));
		assert_true(!back.n && !back.n_known && !back.v);
	}
	for (size_t i = 0; i < 3000; i++) {
		struct hits back _cleanup_hits_ = { 0 };
		size_t at = unit_random(&rng) % n;
		char was = text[at];
		int rc;

		text[at] = (char)unit_random(&rng);
		scratch_write_bytes(*state, "hits", text, n);
		text[at] = was;
		rc = hits_read(&paths, &back, &err);
		assert_true(rc == 0 || rc == -EINVAL);
	}
}

static void push(struct policy *p, const char *text, uint16_t list, const char *label)
{
	struct entry e = { .list = list };
	struct error err;

	assert_int_equal(prefix_parse(text, strlen(text), &e.prefix, &err), 0);
	assert_int_equal(policy_intern(p, label, strlen(label), &e.label), 0);
	assert_int_equal(entries_push(&p->base, &e), 0);
	assert_int_equal(policy_sort_entries(p, &p->base, &err), 0);
}

static void small_policy(struct policy *p)
{
	*p = (struct policy){ .now = NOW, .n_lists = 2, .n_services = 1 };
	p->lists = calloc(2, sizeof(*p->lists));
	p->services = calloc(1, sizeof(*p->services));
	strcpy(p->lists[0].name, "office");
	strcpy(p->lists[1].name, "trunk");
	strcpy(p->services[0].name, "sip");
	p->services[0].allow[0] = 3;
}

static struct entry_hits hits_at(const struct hits *h, const struct policy *p, const char *prefix,
				 uint16_t list)
{
	struct hits_view view = hits_view(h, p);
	struct entry e = { .list = list };
	struct error err;

	assert_int_equal(prefix_parse(prefix, strlen(prefix), &e.prefix, &err), 0);
	return hits_of(&view, &e);
}

static void follow(struct hits *h, const struct policy *p, uint32_t now)
{
	struct merged m _cleanup_merged_ = { 0 };

	assert_int_equal(merged_make(&m, p), 0);
	assert_int_equal(hits_follow(h, &m, now), 0);
}

static void test_follow(void **state)
{
	struct hits h _cleanup_hits_ = { 0 };
	_cleanup_policy_ struct policy p;
	struct entry_hits known;

	(void)state;
	small_policy(&p);
	push(&p, "203.0.113.0/24", 0, "");
	follow(&h, &p, NOW - 100 * DAY);
	push(&p, "203.0.113.7", 1, "");
	follow(&h, &p, NOW - 10 * DAY);
	assert_int_equal(hits_at(&h, &p, "203.0.113.0/24", 0).since, NOW - 100 * DAY);
	assert_int_equal(hits_at(&h, &p, "203.0.113.7", 1).since, NOW - 10 * DAY);
	assert_int_equal(hits_at(&h, &p, "203.0.113.7", 0).since, 0);
	/* Hits of two services add up; those that the policy lost are kept for a while. */
	add_hit(&h, "sip", "office", "203.0.113.0/24", 3, 50, 60);
	add_hit(&h, "rtp", "office", "203.0.113.0/24", 4, 40, 55);
	add_hit(&h, "sip", "office", "192.0.2.0/24", 1, 1, NOW - HITS_KEPT_SECONDS);
	add_hit(&h, "sip", "office", "192.0.2.1", 1, 1, NOW - HITS_KEPT_SECONDS - 1);
	add_hit(&h, "sip", "gone", "192.0.2.1", 1, 1, NOW - HITS_KEPT_SECONDS - 1);
	hits_sort(&h);
	follow(&h, &p, NOW);
	assert_int_equal(h.n, 3);
	known = hits_at(&h, &p, "203.0.113.0/24", 0);
	assert_true(known.packets == 7 && known.first == 40 && known.last == 60);
	/* An entry that goes and comes back is new; its hits are not lost. */
	p.base.n = 0;
	follow(&h, &p, NOW);
	assert_int_equal(h.n_known, 0);
	push(&p, "192.0.2.0/24", 0, "");
	follow(&h, &p, NOW);
	known = hits_at(&h, &p, "192.0.2.0/24", 0);
	assert_true(known.packets == 1 && known.since == NOW);
}

static void fill(struct policy *p, size_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct entry e = { .prefix = { .family = AXP_IPV4, .len = 32 } };

		for (size_t b = 0; b < 4; b++)
			e.prefix.addr[b] = (uint8_t)(i >> (24 - 8 * b));
		assert_int_equal(entries_push(&p->base, &e), 0);
	}
}

/* Too many entries to keep the age of each: that of lists that do not change. */
static void test_huge(void **state)
{
	struct hits h _cleanup_hits_ = { 0 };
	_cleanup_policy_ struct policy p;

	(void)state;
	small_policy(&p);
	fill(&p, HITS_KNOWN_MAX);
	push(&p, "203.0.113.7", 1, "");
	follow(&h, &p, 100);
	assert_int_equal(h.n_known, 0);
	follow(&h, &p, 200);
	assert_int_equal(hits_at(&h, &p, "0.0.0.9", 0).since, 100);
	push(&p, "203.0.113.8", 1, "");
	follow(&h, &p, 300);
	assert_int_equal(hits_at(&h, &p, "0.0.0.9", 0).since, 100);
	assert_int_equal(hits_at(&h, &p, "203.0.113.7", 1).since, 300);
	/* Bounded: the latest stay. */
	for (uint32_t i = 0; i < HITS_RECORDS_MAX + 10; i++) {
		struct hit hit = { .prefix = { .family = AXP_IPV4, .len = 32 },
				   .list = (uint16_t)hits_name(&h, "office"),
				   .packets = 1,
				   .last = NOW + i };

		memcpy(hit.prefix.addr, &i, 4);
		assert_int_equal(hits_push(&h, &hit), 0);
	}
	hits_sort(&h);
	follow(&h, &p, NOW);
	assert_int_equal(h.n, HITS_RECORDS_MAX);
	assert_int_equal(h.dropped, 10);
	for (size_t i = 0; i < h.n; i++)
		assert_true(h.v[i].last >= NOW + 10);
}

/* Entries that came and went are read back; what was hit before an entry went is its. */
static void test_changes(void **state)
{
	struct hits_changes changes _cleanup_hits_changes_ = { 0 };
	struct paths paths = paths_of(*state);
	struct hits h _cleanup_hits_ = { 0 };
	struct merged m _cleanup_merged_ = { 0 };
	_cleanup_policy_ struct policy p;
	struct policy seen = { 0 };
	struct hit_sample samples[] = {
		{ .first = 499, .last = 900 }, { .first = 500 }, { .first = 501 }, { .first = 500 }
	};
	struct match matches[4];
	struct error err;
	FILE *f;

	small_policy(&p);
	push(&p, "203.0.113.0/24", 0, "");
	push(&p, "203.0.113.7", 1, "");
	push(&p, "2001:db8::/32", 1, "");
	assert_int_equal(policy_sort_entries(&p, &p.base, &err), 0);
	assert_int_equal(hits_changes_read(&paths, &changes), 0);
	assert_int_equal(changes.n, 0);
	assert_false(hits_changes_may_wait(&paths, 500)); /* nothing was folded yet */
	for (size_t i = 0; i < p.base.n; i++)
		assert_int_equal(hits_changes_note(&paths, &p, &p.base.v[i], false, 300), 0);
	f = fopen(scratch_path(*state, "hits.changes"), "a");
	fputs("removed offi", f); /* cut */
	fclose(f);
	assert_int_equal(hits_changes_note(&paths, &p, &p.base.v[1], true, 500), 0);
	assert_int_equal(hits_changes_read(&paths, &changes), 0);
	assert_int_equal(changes.n, 4);
	assert_false(changes.v[2].removed);
	assert_true(changes.v[3].removed && changes.v[3].when == 500);
	assert_int_equal(hits_changes_follow(&changes, &h), 0);
	assert_int_equal(hits_at(&h, &p, "203.0.113.7", 1).since, 300);
	assert_int_equal(hits_at(&h, &p, "203.0.113.8", 1).since, 0);

	/* Without the entry: it is still found for what came before it went. */
	assert_int_equal(p.base.v[1].prefix.len, 32);
	p.base.v[1] = p.base.v[--p.base.n];
	assert_int_equal(hits_changes_seen(&changes, &p, &seen), 0);
	assert_int_equal(seen.added.n, 1);
	for (size_t i = 0; i < 4; i++) {
		const char *text = i == 3 ? "203.0.113.8" : "203.0.113.7";

		assert_int_equal(prefix_parse(text, strlen(text), &samples[i].address, &err), 0);
	}
	p.services[0].allow[0] = 3;
	samples[0].service = samples[1].service = p.services[0].slot;
	samples[2].service = samples[3].service = p.services[0].slot;
	assert_int_equal(merged_make(&m, &seen), 0);
	assert_int_equal(hits_match(&m, samples, 4, matches), 0);
	for (size_t i = 0; i < 4; i++) {
		bool its = samples[i].first <= 500 && samples[i].address.addr[3] == 7;

		assert_non_null(matches[i].entry);
		assert_int_equal(matches[i].entry->prefix.len, its ? 32 : 24);
	}
	hits_changes_forget(&paths);
	hits_changes_free(&changes);
	assert_int_equal(hits_changes_read(&paths, &changes), 0);
	assert_int_equal(changes.n, 0);
	free(seen.added.v);
}

static void test_standby(void **state)
{
	static const char *const yes[] = { "standby", "Standby: DC 2", "the STANDBY", "a (standby)",
					   "xstandby standby" };
	static const char *const no[] = { "", "stand by", "standbyx", "nostandby", "standb" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(label_says_standby(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(label_says_standby(no[i]));
}

static void take_out(struct policy *p, const struct entry *gone)
{
	struct entries *all[] = { &p->base, &p->added };

	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < all[k]->n; i++) {
			if (&all[k]->v[i] != gone)
				continue;
			memmove(&all[k]->v[i], &all[k]->v[i + 1],
				(--all[k]->n - i) * sizeof(*gone));
			return;
		}
	}
	fail();
}

/* Does each service let in the same as before, of some addresses inside the prefix? */
static void check_same(const struct policy *before, const struct policy *after,
		       const struct prefix *inside, uint64_t *rng)
{
	for (size_t n = 0; n < 60; n++) {
		struct prefix a = random_prefix(rng, true);

		if (n < 2 || a.family != inside->family) {
			a = *inside;
			a.len = prefix_max_len(a.family);
		}
		/* within the prefix */
		for (unsigned int bit = 0; bit < inside->len; bit++) {
			uint8_t mask = (uint8_t)(0x80 >> (bit % 8));

			a.addr[bit / 8] = (uint8_t)((a.addr[bit / 8] & ~mask) |
						    (inside->addr[bit / 8] & mask));
		}
		for (uint32_t when = NOW; when < NOW + 60; when += 7) {
			for (size_t i = 0; i < before->n_services; i++)
				assert_true(!oracle(before, &before->services[i], &a, when) ==
					    !oracle(after, &after->services[i], &a, when));
		}
	}
}

static struct policy copy_of(const struct policy *p)
{
	struct policy copy = *p;

	copy.base.v = calloc(p->base.n + 1, sizeof(*p->base.v));
	copy.added.v = calloc(p->added.n + 1, sizeof(*p->added.v));
	memcpy(copy.base.v, p->base.v, p->base.n * sizeof(*p->base.v));
	memcpy(copy.added.v, p->added.v, p->added.n * sizeof(*p->added.v));
	return copy;
}

/* What is called superfluous can be taken out, all of it, one after the other. */
static void test_superfluous(void **state)
{
	const struct review_rules rules = { NOW, DAY, DAY };
	uint64_t rng = 9;
	size_t found = 0;

	(void)state;
	for (size_t round = 0; round < 40; round++) {
		struct review r _cleanup_review_ = { 0 };
		_cleanup_policy_ struct policy p;
		struct policy left;

		policy_make(&p, 60, round % 2, &rng);
		assert_int_equal(review_make(&r, &p, NULL, &rules), 0);
		left = copy_of(&p);
		for (size_t i = 0; i < r.n; i++) {
			const struct finding *f = &r.v[i];
			bool added = f->entry->flags & ENTRY_COMMAND;
			const struct entries *from = added ? &p.added : &p.base;
			struct entries *to = added ? &left.added : &left.base;
			size_t at = (size_t)(f->entry - from->v);

			assert_true(at < from->n);
			if ((f->kind != FINDING_COVERED && f->kind != FINDING_DUPLICATE) ||
			    f->needed)
				continue;
			for (at = 0; at < to->n; at++) {
				if (!prefix_compare(&to->v[at].prefix, &f->entry->prefix) &&
				    to->v[at].list == f->entry->list)
					break;
			}
			assert_true(at < to->n);
			take_out(&left, &to->v[at]);
			check_same(&p, &left, &f->entry->prefix, &rng);
			found++;
		}
		free(left.base.v);
		free(left.added.v);
	}
	print_message("# %zu superfluous entries\n", found);
	assert_true(found > 100);
}

static void hit_entry(struct hits *h, const struct policy *p, const struct match *m)
{
	const struct hit hit = { .prefix = m->entry->prefix,
				 .list = (uint16_t)hits_name(h, p->lists[m->entry->list].name),
				 .service = (uint16_t)hits_name(h, m->service->name),
				 .packets = 1,
				 .first = NOW - 1,
				 .last = NOW - 1 };

	assert_int_equal(hits_push(h, &hit), 0);
}

/* Who takes out all that a review finds unused or superfluous cuts off nobody who came lately. */
static void test_cuts_off_nobody(void **state)
{
	enum { SAMPLES = 20 };
	const struct review_rules rules = { NOW, 90 * DAY, DAY };
	uint64_t rng = 12;
	size_t out = 0, let_in = 0;

	(void)state;
	for (size_t round = 0; round < 300; round++) {
		struct hits h _cleanup_hits_ = { .since = 1 };
		struct review r _cleanup_review_ = { 0 };
		struct merged m _cleanup_merged_ = { 0 };
		struct hit_sample samples[SAMPLES] = { 0 };
		struct match matches[SAMPLES];
		_cleanup_policy_ struct policy p;
		struct hits_view view;
		struct policy left;

		policy_make(&p, 60, false, &rng);
		assert_int_equal(merged_make(&m, &p), 0);
		for (size_t i = 0; i < SAMPLES; i++) {
			samples[i].address = random_prefix(&rng, true);
			samples[i].service = (uint8_t)(i % 3 * 7 + 3);
		}
		assert_int_equal(hits_match(&m, samples, SAMPLES, matches), 0);
		for (size_t i = 0; i < SAMPLES; i++) {
			if (matches[i].entry)
				hit_entry(&h, &p, &matches[i]);
		}
		hits_sort(&h);
		assert_int_equal(hits_follow(&h, &m, NOW - 100 * DAY), 0);
		view = hits_view(&h, &p);
		assert_int_equal(review_make(&r, &p, &view, &rules), 0);
		left = copy_of(&p);
		for (size_t i = 0; i < r.n; i++) {
			const struct entry *e = r.v[i].entry;
			struct entries *to = e->flags & ENTRY_COMMAND ? &left.added : &left.base;

			if (r.v[i].needed ||
			    (r.v[i].kind != FINDING_UNUSED && r.v[i].kind != FINDING_COVERED &&
			     r.v[i].kind != FINDING_DUPLICATE))
				continue;
			for (size_t at = 0; at < to->n; at++) {
				if (to->v[at].list == e->list &&
				    !prefix_compare(&to->v[at].prefix, &e->prefix)) {
					take_out(&left, &to->v[at]);
					out++;
					break;
				}
			}
		}
		for (size_t i = 0; i < SAMPLES; i++) {
			if (!matches[i].entry)
				continue;
			assert_non_null(
				oracle(&left, matches[i].service, &samples[i].address, NOW));
			let_in++;
		}
		free(left.base.v);
		free(left.added.v);
	}
	print_message("# %zu taken out, %zu still let in\n", out, let_in);
	assert_true(out > 1000 && let_in > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),       scratch_test(test_file),
		scratch_test(test_damage),          cmocka_unit_test(test_follow),
		cmocka_unit_test(test_huge),        cmocka_unit_test(test_standby),
		cmocka_unit_test(test_superfluous), cmocka_unit_test(test_cuts_off_nobody),
		scratch_test(test_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
