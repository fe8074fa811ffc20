// SPDX-License-Identifier: GPL-2.0-or-later
/* The way that packets take through INPUT and the chains it jumps to. */
#include <errno.h>
#include <string.h>
#include "cleanup.h"
#include "import_iptables.h"

enum { DEPTH_MAX = 16, STEPS_MAX = 4000000 };

/* What holds for every packet that comes to a chain. */
struct context {
	struct ipt_sources sources;
	struct ipt_ports ports;
	int protocol;
	uint32_t label;
};

struct walk {
	struct ipt_table *t;
	size_t steps;
	size_t first[IPT_CHAINS_MAX + 1]; /* rules of a chain, in `order` */
	uint32_t *order;
};

static void walk_free(struct walk *w)
{
	free(w->order);
}

static void lose(struct ipt_table *t, const struct ipt_rule *r, const char *why)
{
	import_note(t->im, IMPORT_LOST, r->line, t->chains[r->chain].name, "rules with %s", why);
}

/* Those of `a` that are in `b` as well. -1: too many. */
static int intersect_sources(const struct ipt_sources *a, const struct ipt_sources *b,
			     struct ipt_sources *out)
{
	*out = a->n ? *a : *b;
	out->set = a->set >= 0 ? a->set : b->set;
	out->impossible = a->impossible || b->impossible;
	if ((a->set >= 0) + (b->set >= 0) + (a->n > 0) + (b->n > 0) > 1 &&
	    (a->set >= 0 || b->set >= 0))
		return -1;
	if (!a->n || !b->n)
		return 0;
	out->n = 0;
	for (size_t i = 0; i < a->n; i++) {
		for (size_t j = 0; j < b->n; j++) {
			struct prefix_range x = a->v[i];
			const struct prefix_range *y = &b->v[j];

			x.low = x.low > y->low ? x.low : y->low;
			x.high = x.high < y->high ? x.high : y->high;
			if (x.family != y->family || x.low > x.high)
				continue;
			if (out->n == IPT_SOURCES_MAX)
				return -1;
			out->v[out->n++] = x;
		}
	}
	out->impossible |= !out->n;
	return 0;
}

static int intersect_ports(const struct ipt_ports *a, const struct ipt_ports *b,
			   struct ipt_ports *out)
{
	*out = a->n ? *a : *b;
	out->impossible = a->impossible || b->impossible;
	if (!a->n || !b->n)
		return 0;
	out->n = 0;
	for (size_t i = 0; i < a->n; i++) {
		for (size_t j = 0; j < b->n; j++) {
			struct port_range x = a->v[i];
			const struct port_range *y = &b->v[j];

			x.low = x.low > y->low ? x.low : y->low;
			x.high = x.high < y->high ? x.high : y->high;
			if (x.protocol != y->protocol || x.low > x.high)
				continue;
			if (out->n == IPT_PORTS_MAX)
				return -1;
			out->v[out->n++] = x;
		}
	}
	out->impossible |= !out->n;
	return 0;
}

/* -1: cannot be said here. */
static int narrow(const struct context *c, const struct ipt_rule *r, struct context *out)
{
	*out = *c;
	if (r->label)
		out->label = r->label;
	if (r->protocol >= 0 && c->protocol >= 0 && r->protocol != c->protocol)
		out->ports.impossible = true;
	if (r->protocol >= 0)
		out->protocol = r->protocol;
	if (intersect_sources(&c->sources, &r->sources, &out->sources))
		return -1;
	return out->ports.impossible ? 0 : intersect_ports(&c->ports, &r->ports, &out->ports);
}

static int push_ports(struct walk *w, const struct context *c, struct import_rule *rule)
{
	int rc = 0;

	for (size_t i = 0; i < c->ports.n && !rc; i++) {
		rule->ports = c->ports.v[i];
		rc = import_rule_push(&w->t->found, rule, w->t->err);
	}
	for (uint8_t protocol = 0; protocol < AXP_PROTOCOLS && !c->ports.n && !rc; protocol++) {
		if (c->protocol >= 0 && c->protocol != protocol)
			continue;
		rule->any_port = true;
		rule->ports =
			(struct port_range){ .low = 1, .high = UINT16_MAX, .protocol = protocol };
		rc = import_rule_push(&w->t->found, rule, w->t->err);
	}
	return rc;
}

static int push_source(struct walk *w, const struct context *c, struct prefix_range range,
		       struct import_rule *rule)
{
	int rc = 0;

	while (!rc && prefix_range_next(&range, &rule->prefix))
		rc = push_ports(w, c, rule);
	return rc;
}

/*
 * "! --match-set NAME src -j DROP": who is in the set goes on. Where all that goes on passes in the
 * end, that lets in whom the set has, and drops the others.
 */
static int take_unless_set(struct walk *w, const struct context *c, const struct ipt_rule *r,
			   struct import_rule *rule)
{
	int rc;

	if (r->target != IPT_DROP || !w->t->passes_rest || !c->ports.n) {
		lose(w->t, r, "negations of sets");
		return 0;
	}
	import_note(w->t->im, IMPORT_CHANGED, r->line, w->t->chains[r->chain].name,
		    "rules that drop who is not in a set let in who is: rules behind them do not "
		    "apply to those any more");
	rule->item.carve = false;
	rc = push_ports(w, c, rule);
	rule->item.carve = true;
	rule->set = -1;
	rule->prefix = (struct prefix){ .family = w->t->family };
	return rc ? rc : push_ports(w, c, rule);
}

static int take(struct walk *w, const struct context *c, const struct ipt_rule *r)
{
	struct import_rule rule = {
		.set = c->sources.set,
		.item = { .line = r->line, .label = c->label, .carve = r->target == IPT_DROP },
		.unless = r->unless && r->target == IPT_DROP,
		.prefix.family = w->t->family,
	};
	int rc = 0;

	if (c->sources.impossible || c->ports.impossible)
		return 0;
	if (rule.set >= 0 && r->unless)
		return take_unless_set(w, c, r, &rule);
	if (rule.set >= 0 && r->target == IPT_DROP) {
		lose(w->t, r, "sets whose members are dropped");
		return 0;
	}
	if (!c->sources.n)
		return push_ports(w, c, &rule); /* from a set, or from everywhere */
	for (size_t i = 0; i < c->sources.n && !rc; i++)
		rc = push_source(w, c, c->sources.v[i], &rule);
	return rc;
}

static bool unconditional(const struct ipt_rule *r)
{
	return !r->sources.n && r->sources.set < 0 && !r->ports.n && r->protocol == -1 && !r->odd;
}

static int walk_chain(struct walk *w, size_t chain, const struct context *c, int depth);

/* 1: the chain ends here. */
static int step(struct walk *w, const struct ipt_rule *r, const struct context *c, int depth)
{
	struct context inner;

	if (++w->steps > STEPS_MAX) {
		import_error(w->t->im, r->line, w->t->err,
			     "chains jump to each other too often: import it in parts");
		return -E2BIG;
	}
	if (r->ignored || r->target == IPT_NOTHING)
		return 0;
	if (r->protocol == -2) {
		import_note(w->t->im, IMPORT_KNOW, r->line, NULL,
			    "rules for protocols other than TCP and UDP: those always pass here");
		return 0;
	}
	if (r->odd) {
		lose(w->t, r, r->odd);
		return 0;
	}
	if (r->target == IPT_RETURN) {
		if (unconditional(r))
			return 1;
		lose(w->t, r, "a RETURN for some packets");
		return 0;
	}
	if (r->unless && r->sources.set >= 0 && r->target == IPT_JUMP) {
		lose(w->t, r, "negations of sets");
		return 0;
	}
	if (narrow(c, r, &inner)) {
		lose(w->t, r, "conditions upon conditions");
		return 0;
	}
	if (r->target == IPT_JUMP)
		return walk_chain(w, r->to, &inner, depth + 1);
	return take(w, &inner, r);
}

static int walk_chain(struct walk *w, size_t chain, const struct context *c, int depth)
{
	int rc = 0;

	if (depth > DEPTH_MAX)
		return import_error(w->t->im, 0, w->t->err,
				    "chains jump to each other more than %d deep, or in a circle",
				    DEPTH_MAX);
	if (c->sources.impossible || c->ports.impossible)
		return 0;
	for (size_t i = w->first[chain]; i < w->first[chain + 1] && !rc; i++)
		rc = step(w, &w->t->rules[w->order[i]], c, depth);
	return rc == 1 ? 0 : rc;
}

/* Rules by chain, in their order. */
static int sort_rules(struct walk *w)
{
	struct ipt_table *t = w->t;
	size_t at = 0;

	w->order = calloc(t->n_rules + 1, sizeof(*w->order));
	if (!w->order)
		return error_set(t->err, ENOMEM, "not enough memory for the rules");
	for (size_t chain = 0; chain < t->n_chains; chain++) {
		w->first[chain] = at;
		at += t->chains[chain].rules;
		t->chains[chain].rules = 0;
	}
	w->first[t->n_chains] = at;
	for (size_t i = 0; i < t->n_rules; i++) {
		size_t chain = t->rules[i].chain;

		w->order[w->first[chain] + t->chains[chain].rules++] = (uint32_t)i;
	}
	return 0;
}

static bool ends_with_drop(const struct walk *w, size_t chain)
{
	size_t end = w->first[chain + 1];
	const struct ipt_rule *last;

	if (end == w->first[chain])
		return false;
	last = &w->t->rules[w->order[end - 1]];
	return last->target == IPT_DROP && unconditional(last);
}

static void note_others(struct ipt_table *t)
{
	static const char *const others[] = { "FORWARD", "OUTPUT" };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		for (size_t j = 0; j < t->n_chains; j++) {
			if (!strcmp(t->chains[j].name, others[i]) && t->chains[j].rules)
				import_note_more(t->im, IMPORT_LOST, 0, t->chains[j].rules,
						 others[i],
						 "rules of other chains than INPUT and those it "
						 "jumps to");
		}
	}
}

/* Who is left by rules that drop all but some passes by the policy of INPUT. */
static int let_in_rest(struct ipt_table *t, size_t from)
{
	size_t end = t->found.n;
	int rc = 0;

	for (size_t i = from; i < end && !rc; i++) {
		struct import_rule rule = t->found.v[i];

		if (!rule.unless || rule.set >= 0)
			continue;
		rule.unless = false;
		rule.item.carve = false;
		rule.prefix = (struct prefix){ .family = rule.prefix.family };
		rc = import_rule_push(&t->found, &rule, t->err);
	}
	return rc;
}

int ipt_walk(struct ipt_table *t)
{
	struct walk w _cleanup_(walk_free) = { .t = t };
	const struct context all = { .sources.set = -1, .protocol = -1 };
	size_t from = t->found.n;
	int rc;

	if (!t->n_rules)
		return 0;
	rc = sort_rules(&w);
	if (rc)
		return rc;
	note_others(t);
	for (size_t i = 0; i < t->n_chains; i++) {
		if (strcmp(t->chains[i].name, "INPUT") || !t->chains[i].rules)
			continue;
		t->passes_rest = t->chains[i].policy_accept && !ends_with_drop(&w, i);
		if (t->passes_rest)
			import_note(t->im, IMPORT_KNOW, 0, NULL,
				    "INPUT lets in whom no rule mentions (policy ACCEPT): the "
				    "services made here refuse them");
		rc = walk_chain(&w, i, &all, 0);
		if (!rc && t->passes_rest)
			rc = let_in_rest(t, from);
	}
	return rc;
}
