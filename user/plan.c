// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "plan.h"

void plan_free(struct plan *p)
{
	free(p->added.v);
	free(p->removed.v);
	memset(p, 0, sizeof(*p));
}

bool plan_empty(const struct plan *p)
{
	return !p->added.n && !p->removed.n && !p->services_new && !p->services_changed &&
	       !p->services_gone;
}

static int push(struct plan_entries *e, const struct policy *p, const struct entry *entry)
{
	if (e->n == e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 64;
		struct plan_entry *v = reallocarray(e->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		e->v = v;
		e->cap = cap;
	}
	e->v[e->n++] = (struct plan_entry){ p, entry };
	return 0;
}

/* The same prefix in the list of the same name, listed or carved out alike, for good? */
static bool is_twin(const struct entry *a, const struct entry *b, const int *lists)
{
	return !memcmp(&a->prefix, &b->prefix, sizeof(a->prefix)) && lists[a->list] == b->list &&
	       !((a->flags ^ b->flags) & ENTRY_CARVE) && !a->until && !b->until;
}

/* Entries of one array of `from` that `to` does not have in its list of the same name. */
static int missing(const struct policy *from, const struct entries *entries,
		   const struct policy *to, const int *lists, struct plan_entries *out)
{
	size_t at = 0;

	for (size_t i = 0; i < entries->n; i++) {
		const struct entry *e = &entries->v[i], *twin = NULL;

		/* Nearly all of them, where little has changed. */
		if (at < to->base.n && is_twin(e, &to->base.v[at], lists)) {
			at++;
			continue;
		}
		if (lists[e->list] >= 0)
			twin = policy_find_entry_next(to, &e->prefix, lists[e->list], &at);
		if (at < to->base.n && twin == &to->base.v[at])
			at++; /* so that the next one is looked for behind it */
		if (twin && !((twin->flags ^ e->flags) & ENTRY_CARVE) && twin->until == e->until)
			continue;
		if (push(out, from, e))
			return -ENOMEM;
	}
	return 0;
}

static int difference(const struct policy *from, const struct policy *to, struct plan_entries *out)
{
	int lists[POLICY_MAX_LISTS] = { 0 };

	for (size_t i = 0; i < from->n_lists; i++)
		lists[i] = policy_find_list(to, from->lists[i].name);
	if (missing(from, &from->base, to, lists, out))
		return -ENOMEM;
	return missing(from, &from->added, to, lists, out);
}

/* Do both allow the lists of the same names? */
static bool same_lists(const struct policy *old, const struct service *a, const struct policy *new,
		       const struct service *b)
{
	size_t in_both = 0, in_a = 0, in_b = 0;

	for (size_t i = 0; i < old->n_lists; i++) {
		int twin = policy_find_list(new, old->lists[i].name);

		if (!(a->allow[i / 64] >> (i % 64) & 1))
			continue;
		in_a++;
		if (twin >= 0 && b->allow[twin / 64] >> (twin % 64) & 1)
			in_both++;
	}
	for (size_t i = 0; i < POLICY_MAX_LISTS / 64; i++)
		in_b += (size_t)__builtin_popcountll(b->allow[i]);
	return in_a == in_both && in_b == in_both;
}

static bool same_service(const struct policy *old, const struct service *a,
			 const struct policy *new, const struct service *b)
{
	return a->direction == b->direction && a->replies == b->replies &&
	       a->n_ports == b->n_ports &&
	       !memcmp(a->ports, b->ports, a->n_ports * sizeof(*a->ports)) &&
	       same_lists(old, a, new, b);
}

int plan_make(const struct policy *old, const struct policy *new, struct plan *out)
{
	memset(out, 0, sizeof(*out));
	out->old = old;
	out->new = new;
	for (size_t i = 0; i < new->n_services; i++) {
		int was = policy_find_service(old, new->services[i].name);

		if (was < 0)
			out->services_new |= 1ULL << i;
		else if (!same_service(old, &old->services[was], new, &new->services[i]))
			out->services_changed |= 1ULL << i;
	}
	for (size_t i = 0; i < old->n_services; i++) {
		if (policy_find_service(new, old->services[i].name) < 0)
			out->services_gone |= 1ULL << i;
	}
	if (difference(new, old, &out->added) || difference(old, new, &out->removed))
		return -ENOMEM;
	return 0;
}
