// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "cleanup.h"
#include "nesting.h"
#include "review.h"
#include "special.h"

#define FINDING_NAME(symbol, name, heading)    [FINDING_##symbol] = name,
#define FINDING_HEADING(symbol, name, heading) [FINDING_##symbol] = heading,
static const char *const names[] = { FINDING_LIST(FINDING_NAME) };
static const char *const headings[] = { FINDING_LIST(FINDING_HEADING) };

const char *finding_name(enum finding_kind kind)
{
	return names[kind];
}

const char *finding_heading(enum finding_kind kind)
{
	return headings[kind];
}

void review_free(struct review *r)
{
	free(r->v);
	*r = (struct review){ 0 };
}

bool label_says_standby(const char *label)
{
	static const char word[] = "standby";
	const size_t n = sizeof(word) - 1;

	for (const char *at = strcasestr(label, word); at; at = strcasestr(at + 1, word)) {
		if ((at == label || !isalnum((unsigned char)at[-1])) &&
		    !isalnum((unsigned char)at[n]))
			return true;
	}
	return false;
}

/* What is superfluous falls to others when it is taken out; by places in the order. */
struct heir {
	uint32_t from, to;
};

struct walk {
	struct review *review;
	const struct policy *policy;
	const struct hits_view *view;
	const struct review_rules *rules;
	struct merged all;
	uint32_t *carves; /* [i]: carve-outs among the first i of all */
	uint32_t *last;   /* [i]: when it was last hit, or one that would fall to it; 0: never */
	bool *duplicate;
	struct heir *heirs;
	size_t n_heirs, cap_heirs;
	struct nesting nesting;
};

static void walk_free(struct walk *w)
{
	merged_free(&w->all);
	free(w->carves);
	free(w->last);
	free(w->duplicate);
	free(w->heirs);
	nesting_free(&w->nesting);
}

static int add(struct walk *w, const struct finding *f)
{
	struct review *r = w->review;

	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 64;
		struct finding *v = reallocarray(r->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		r->v = v;
		r->cap = cap;
	}
	r->v[r->n++] = *f;
	r->counts[f->kind]++;
	return 0;
}

static int add_kind(struct walk *w, enum finding_kind kind, const struct entry *e)
{
	const struct finding f = { .kind = kind, .entry = e };

	return add(w, &f);
}

static bool is_expired(const struct walk *w, const struct entry *e)
{
	return e->until && e->until <= w->rules->now;
}

/* Index behind the last entry inside the prefix of the one at `at`. */
static size_t end_of(const struct merged *m, size_t at)
{
	size_t low = at + 1, n = m->n - low;

	while (n) {
		size_t half = n / 2;

		if (prefix_covers(&m->v[at]->prefix, &m->v[low + half]->prefix)) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

/* Does the list cut a hole into the prefix of the entry at `at`? */
static bool has_hole(const struct walk *w, size_t list, size_t at)
{
	size_t end = end_of(&w->all, at);

	if (w->carves[end] == w->carves[at])
		return false;
	for (size_t i = at; i < end; i++) {
		if (w->all.v[i]->list == list && w->all.v[i]->flags & ENTRY_CARVE)
			return true;
	}
	return false;
}

/* What makes the entry at `at` superfluous for a service; one of the same prefix if there is. */
static const struct entry *stands_in(const struct walk *w, const struct service *s, size_t at)
{
	const struct covering *covering = &w->nesting.covering;
	const struct entry *e = w->all.v[at], *best = NULL;

	for (size_t k = covering->n; k; k--) {
		size_t list = covering->v[k - 1]->list;
		const struct entry *c;

		if (!allows(s, list))
			continue;
		c = nesting_decides(&w->nesting, list, e, w->rules->now);
		if (!c || (list != e->list && has_hole(w, list, at)))
			continue;
		if (!best || c->prefix.len > best->prefix.len)
			best = c;
		if (best->prefix.len == e->prefix.len)
			break;
	}
	return best;
}

static size_t place_of(const struct merged *m, const struct entry *e)
{
	size_t low = 0, n = m->n;

	while (n) {
		size_t half = n / 2;

		if (prefix_compare(&m->v[low + half]->prefix, &e->prefix) < 0) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	while (m->v[low] != e)
		low++;
	return low;
}

static int add_heir(struct walk *w, size_t from, const struct entry *to)
{
	if (w->n_heirs == w->cap_heirs) {
		size_t cap = w->cap_heirs ? w->cap_heirs * 2 : 64;
		struct heir *v = reallocarray(w->heirs, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		w->heirs = v;
		w->cap_heirs = cap;
	}
	w->heirs[w->n_heirs++] = (struct heir){ (uint32_t)from, (uint32_t)place_of(&w->all, to) };
	return 0;
}

static int find_redundant(struct walk *w, size_t at)
{
	const struct policy *p = w->policy;
	struct finding f = { .kind = FINDING_COVERED, .entry = w->all.v[at] };
	bool needed = false, used = false;
	size_t n_heirs = w->n_heirs;

	if (!w->nesting.covering.n)
		return 0;
	for (size_t i = 0; i < p->n_services; i++) {
		const struct entry *other;

		if (!allows(&p->services[i], f.entry->list))
			continue;
		used = true;
		other = stands_in(w, &p->services[i], at);
		if (!other)
			needed = true;
		if (other && add_heir(w, at, other))
			return -ENOMEM;
		if (other && (!f.other || other->prefix.len > f.other->prefix.len))
			f.other = other;
	}
	if (!used || !f.other)
		return 0;
	if (f.other->prefix.len == f.entry->prefix.len) {
		f.kind = FINDING_DUPLICATE;
		f.needed = needed;
		w->duplicate[at] = !needed;
	}
	if (needed) /* it stays */
		w->n_heirs = n_heirs;
	return needed && f.kind == FINDING_COVERED ? 0 : add(w, &f);
}

static bool used_by_services(const struct policy *p, const struct entry *e)
{
	for (size_t i = 0; i < p->n_services; i++) {
		if (allows(&p->services[i], e->list))
			return true;
	}
	return false;
}

static int find_unused(struct walk *w, size_t at)
{
	const struct review_rules *rules = w->rules;
	const struct entry *e = w->all.v[at];
	uint32_t from;

	/* The hits of a duplicate are counted for the other one. */
	if (e->flags & ENTRY_CARVE || w->duplicate[at] || is_expired(w, e))
		return 0;
	if (label_says_standby(policy_string(w->policy, e->label)))
		return 0;
	if (!used_by_services(w->policy, e))
		return add_kind(w, FINDING_UNUSED, e);
	if (!w->view)
		return 0;
	from = w->last[at] ? w->last[at] : hits_of(w->view, e).since;
	if (from && from <= rules->now && rules->now - from >= rules->unused)
		return add_kind(w, FINDING_UNUSED, e);
	w->review->young += !w->last[at];
	return 0;
}

static int look_at(struct walk *w, size_t at)
{
	const struct entry *e = w->all.v[at];
	int rc = 0;

	w->review->entries++;
	if (is_expired(w, e))
		return add_kind(w, FINDING_EXPIRED, e);
	if (e->until && e->until - w->rules->now <= w->rules->expiring)
		rc = add_kind(w, FINDING_EXPIRING, e);
	if (!rc && prefix_too_wide(&e->prefix))
		rc = add_kind(w, FINDING_TOO_WIDE, e);
	if (!rc && !*policy_string(w->policy, e->label))
		rc = add_kind(w, FINDING_NO_LABEL, e);
	if (!rc)
		rc = find_redundant(w, at);
	return rc;
}

/*
 * An entry is in use as long as one is that would fall to it: whoever takes out all that is found
 * cuts off nobody. Heirs stand before those that they inherit from.
 */
static int look_for_unused(struct walk *w)
{
	int rc = 0;

	for (size_t i = 0; w->view && i < w->all.n; i++)
		w->last[i] = hits_of(w->view, w->all.v[i]).last;
	for (size_t k = w->n_heirs; k; k--) {
		const struct heir *h = &w->heirs[k - 1];

		if (w->last[h->from] > w->last[h->to])
			w->last[h->to] = w->last[h->from];
	}
	for (size_t i = 0; !rc && i < w->all.n; i++)
		rc = find_unused(w, i);
	return rc;
}

static int prepare(struct walk *w)
{
	if (merged_make(&w->all, w->policy))
		return -ENOMEM;
	w->carves = calloc(w->all.n + 1, sizeof(*w->carves));
	w->last = calloc(w->all.n + 1, sizeof(*w->last));
	w->duplicate = calloc(w->all.n + 1, sizeof(*w->duplicate));
	if (!w->carves || !w->last || !w->duplicate)
		return -ENOMEM;
	for (size_t i = 0; i < w->all.n; i++)
		w->carves[i + 1] = w->carves[i] + !!(w->all.v[i]->flags & ENTRY_CARVE);
	return 0;
}

/* Stable: by kind alone. */
static int sort_by_kind(struct review *r)
{
	struct finding *sorted = calloc(r->n + 1, sizeof(*sorted));
	size_t n = 0;

	if (!sorted)
		return -ENOMEM;
	for (enum finding_kind kind = 0; kind < FINDINGS; kind++) {
		for (size_t i = 0; i < r->n; i++) {
			if (r->v[i].kind == kind)
				sorted[n++] = r->v[i];
		}
	}
	free(r->v);
	r->v = sorted;
	return 0;
}

int review_make(struct review *r, const struct policy *p, const struct hits_view *view,
		const struct review_rules *rules)
{
	struct walk w __attribute__((cleanup(walk_free))) = {
		.review = r,
		.policy = p,
		.view = view,
		.rules = rules,
	};
	int rc = prepare(&w);

	for (size_t i = 0; !rc && i < w.all.n; i++) {
		const struct entry *e = w.all.v[i];

		nesting_leave(&w.nesting, &e->prefix);
		if (!(e->flags & ENTRY_CARVE))
			rc = look_at(&w, i);
		if (!rc)
			rc = nesting_enter(&w.nesting, e);
	}
	if (!rc)
		rc = look_for_unused(&w);
	return rc ? rc : sort_by_kind(r);
}
