// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "compile.h"

#define NANOSECONDS 1000000000ULL

/* One covering prefix on the way down to the current one. */
struct frame {
	struct prefix prefix;
	uint64_t lists[POLICY_MAX_LISTS / 64]; /* lists that hold the addresses here */
	uint64_t services;
	/* its own entries in either array: looked at again where an expiry covers it */
	size_t base, base_end, added, added_end;
	bool expires;
};

struct walk {
	const struct policy *policy;
	uint64_t list_services[POLICY_MAX_LISTS];
	struct frame stack[130]; /* the empty frame, and one for each length from 0 to 128 */
	size_t depth;            /* index of the top */
	size_t base, added;      /* next entry of either array */
	struct nodes *out;
};

void nodes_free(struct nodes *n)
{
	free(n->v);
	free(n->timed);
	memset(n, 0, sizeof(*n));
}

void changes_free(struct changes *c)
{
	free(c->v);
	memset(c, 0, sizeof(*c));
}

static int nodes_push(struct nodes *n, const struct node *node)
{
	if (n->n == n->cap) {
		size_t cap = n->cap ? n->cap * 2 : 64;
		struct node *v = reallocarray(n->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		n->v = v;
		n->cap = cap;
	}
	n->v[n->n++] = *node;
	return 0;
}

static int timed_push(struct nodes *n, const struct node_steps *steps)
{
	if (n->n_timed == n->cap_timed) {
		size_t cap = n->cap_timed ? n->cap_timed * 2 : 16;
		struct node_steps *v = reallocarray(n->timed, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		n->timed = v;
		n->cap_timed = cap;
	}
	n->timed[n->n_timed++] = *steps;
	return 0;
}

static void frame_apply(struct frame *f, const struct entry *e)
{
	uint64_t bit = 1ULL << (e->list % 64);

	if (e->flags & ENTRY_CARVE)
		f->lists[e->list / 64] &= ~bit;
	else
		f->lists[e->list / 64] |= bit;
}

static uint64_t frame_services(const struct walk *w, const struct frame *f)
{
	uint64_t services = 0;

	for (size_t i = 0; i < ARRAY_SIZE(f->lists); i++) {
		for (uint64_t rest = f->lists[i]; rest; rest &= rest - 1)
			services |= w->list_services[i * 64 + (size_t)__builtin_ctzll(rest)];
	}
	return services;
}

/* Takes every entry of `prefix` that is next in an array, and moves past them. */
static bool take_entries(const struct policy *p, const struct entries *e, size_t *next,
			 const struct prefix *prefix, struct frame *f)
{
	size_t start = *next;

	for (; *next < e->n && !prefix_compare(&e->v[*next].prefix, prefix); (*next)++) {
		f->expires |= e->v[*next].until != 0;
		if (!entry_expired(p, &e->v[*next]))
			frame_apply(f, &e->v[*next]);
	}
	return *next != start;
}

/* Sorted, each once. */
static int add_time(struct node_steps *steps, uint32_t at)
{
	uint32_t i = steps->n;

	while (i && steps->at[i - 1] > at)
		i--;
	if (i && steps->at[i - 1] == at)
		return 0;
	if (steps->n == AXP_TIMED_STEPS)
		return -E2BIG;
	memmove(&steps->at[i + 1], &steps->at[i], (steps->n - i) * sizeof(*steps->at));
	steps->at[i] = at;
	steps->n++;
	return 0;
}

static int add_times(const struct policy *p, const struct entries *e, size_t from, size_t to,
		     struct node_steps *steps)
{
	int rc = 0;

	for (; !rc && from < to; from++) {
		if (e->v[from].until > p->now)
			rc = add_time(steps, e->v[from].until);
	}
	return rc;
}

static void apply_at(const struct entries *e, size_t from, size_t to, uint32_t at, struct frame *f)
{
	for (; from < to; from++) {
		if (!e->v[from].until || e->v[from].until > at)
			frame_apply(f, &e->v[from]);
	}
}

/* What the top of the stack opens at a time to come: every entry on it is weighed anew. */
static uint64_t services_at(const struct walk *w, uint32_t at)
{
	struct frame f = { 0 };

	for (size_t i = 1; i <= w->depth; i++) {
		const struct frame *s = &w->stack[i];

		apply_at(&w->policy->base, s->base, s->base_end, at, &f);
		apply_at(&w->policy->added, s->added, s->added_end, at, &f);
	}
	return frame_services(w, &f);
}

static int frame_steps(const struct walk *w, struct node_steps *steps)
{
	int rc = 0;

	memset(steps, 0, sizeof(*steps));
	for (size_t i = 1; !rc && i <= w->depth; i++) {
		const struct frame *s = &w->stack[i];

		rc = add_times(w->policy, &w->policy->base, s->base, s->base_end, steps);
		if (!rc)
			rc = add_times(w->policy, &w->policy->added, s->added, s->added_end, steps);
	}
	for (uint32_t i = 0; !rc && i < steps->n; i++)
		steps->services[i] = services_at(w, steps->at[i]);
	return rc;
}

/* Puts the prefix on the stack, with the lists of what covers it and its own entries on top. */
static bool descend(struct walk *w, const struct prefix *prefix)
{
	struct frame *f;
	bool found;

	while (w->depth && !prefix_covers(&w->stack[w->depth].prefix, prefix))
		w->depth--;
	f = &w->stack[w->depth + 1];
	*f = w->stack[w->depth];
	f->prefix = *prefix;
	f->base = w->base;
	f->added = w->added;
	found = take_entries(w->policy, &w->policy->base, &w->base, prefix, f);
	found |= take_entries(w->policy, &w->policy->added, &w->added, prefix, f);
	f->base_end = w->base;
	f->added_end = w->added;
	if (!found)
		return false;
	f->services = frame_services(w, f);
	w->depth++;
	return true;
}

/* The smaller of the two next prefixes; NULL at the end of both arrays. */
static const struct prefix *next_prefix(const struct walk *w)
{
	const struct entries *base = &w->policy->base, *added = &w->policy->added;
	const struct prefix *a = w->base < base->n ? &base->v[w->base].prefix : NULL;
	const struct prefix *b = w->added < added->n ? &added->v[w->added].prefix : NULL;

	if (!a || !b)
		return a ? a : b;
	return prefix_compare(a, b) <= 0 ? a : b;
}

static void walk_to(struct walk *w, const struct prefix *prefix)
{
	w->base = entries_lower_bound(&w->policy->base, prefix);
	w->added = entries_lower_bound(&w->policy->added, prefix);
}

static int push_node(struct walk *w, const struct prefix *prefix)
{
	const struct frame *top = &w->stack[w->depth];
	struct node node = { .prefix = *prefix, .services = top->services };
	struct node_steps steps = { 0 };
	int rc = top->expires ? frame_steps(w, &steps) : 0;

	if (!rc && steps.n) {
		rc = timed_push(w->out, &steps);
		node.timed = (uint32_t)w->out->n_timed;
	}
	return rc ? rc : nodes_push(w->out, &node);
}

/* Adds the top of the stack to the nodes, if it says anything that the one below does not. */
static int emit(struct walk *w)
{
	const struct frame *top = &w->stack[w->depth];

	if (!top->expires && top->services == w->stack[w->depth - 1].services)
		return 0;
	return push_node(w, &top->prefix);
}

static struct walk *walk_new(const struct policy *p, struct nodes *out)
{
	struct walk *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->policy = p;
	w->out = out;
	for (size_t i = 0; i < p->n_lists; i++)
		w->list_services[i] = policy_list_services(p, i);
	return w;
}

/* Puts everything that covers the prefix on the stack, itself excluded. */
static void walk_down(struct walk *w, const struct prefix *within)
{
	for (uint8_t len = 0; len < within->len; len++) {
		struct prefix above = prefix_shorten(within, len);

		walk_to(w, &above);
		descend(w, &above);
	}
	walk_to(w, within);
}

/* Adds everything from here on that lies within. */
static int walk_through(struct walk *w, const struct prefix *within)
{
	const struct prefix *next;
	int rc = 0;

	while (!rc && (next = next_prefix(w)) && prefix_covers(within, next)) {
		struct prefix prefix = *next;

		descend(w, &prefix);
		rc = emit(w);
	}
	return rc;
}

int compile_within(const struct policy *p, const struct prefix *within, struct nodes *out)
{
	struct walk *w __attribute__((cleanup(cleanup_free))) = walk_new(p, out);

	if (!w)
		return -ENOMEM;
	walk_down(w, within);
	return walk_through(w, within);
}

int compile_region(const struct policy *p, const struct prefix *region, struct nodes *out)
{
	struct walk *w __attribute__((cleanup(cleanup_free))) = walk_new(p, out);
	int rc;

	if (!w)
		return -ENOMEM;
	walk_down(w, region);
	descend(w, region);
	rc = push_node(w, region);
	return rc ? rc : walk_through(w, region);
}

int compile_nodes(const struct policy *p, struct nodes *out)
{
	const struct prefix all4 = { .family = AXP_IPV4 }, all6 = { .family = AXP_IPV6 };
	int rc = compile_within(p, &all4, out);

	return rc ? rc : compile_within(p, &all6, out);
}

static const struct node_steps *steps_of(const struct nodes *nodes, const struct node *node)
{
	return node->timed ? &nodes->timed[node->timed - 1] : NULL;
}

static bool same_steps(const struct node_steps *a, const struct node_steps *b)
{
	if (!a || !b)
		return a == b;
	return !memcmp(a, b, sizeof(*a));
}

int compile_failed(int rc, struct error *err)
{
	if (rc == -E2BIG)
		return error_set(
			err, E2BIG,
			"more than %d different expiries cover one address: let some of the "
			"entries expire together",
			AXP_TIMED_STEPS);
	return error_set(err, ENOMEM, "out of memory");
}

static int changes_push(struct changes *c, const struct nodes *nodes, const struct node *node,
			bool drop, const struct node *old)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct change *v = reallocarray(c->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = (struct change){
		.node = *node,
		.steps = steps_of(nodes, node),
		.remove = drop,
		.known = old != NULL,
	};
	if (old)
		c->v[c->n - 1].old = *old;
	return 0;
}

static int change_order(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (x->remove != y->remove)
		return x->remove ? 1 : -1;
	if (x->remove)
		return (int)x->node.prefix.len - (int)y->node.prefix.len;
	return (int)y->node.prefix.len - (int)x->node.prefix.len;
}

int nodes_diff(const struct nodes *before, const struct nodes *after, struct changes *out)
{
	size_t i = 0, j = 0;
	int rc = 0;

	while (!rc && (i < before->n || j < after->n)) {
		int order;

		if (i == before->n)
			order = 1;
		else if (j == after->n)
			order = -1;
		else
			order = prefix_compare(&before->v[i].prefix, &after->v[j].prefix);

		if (order < 0) {
			rc = changes_push(out, before, &before->v[i], true, &before->v[i]);
			i++;
		} else if (order > 0) {
			rc = changes_push(out, after, &after->v[j++], false, NULL);
		} else {
			if (before->v[i].services != after->v[j].services ||
			    !same_steps(steps_of(before, &before->v[i]),
					steps_of(after, &after->v[j])))
				rc = changes_push(out, after, &after->v[j], false, &before->v[i]);
			i++;
			j++;
		}
	}
	if (!rc && out->n)
		qsort(out->v, out->n, sizeof(*out->v), change_order);
	return rc;
}

/* Index of the class of this set of services, made if there is none yet; negative when full. */
static int class_of(const struct policy *p, struct axp_policy *out, size_t *n_classes, uint64_t set)
{
	for (size_t i = 1; i < *n_classes; i++) {
		if (out->classes[i].services == set)
			return (int)i;
	}
	if (*n_classes == AXP_MAX_PORT_CLASSES)
		return -E2BIG;
	out->classes[*n_classes].services = set;
	for (size_t i = 0; i < p->n_services; i++) {
		if (set >> p->services[i].slot & 1) {
			out->classes[*n_classes].first = p->services[i].slot;
			break;
		}
	}
	for (size_t i = 0; i < p->n_services; i++) {
		if (set >> p->services[i].slot & 1 && p->services[i].replies)
			out->classes[*n_classes].replies = 1;
	}
	return (int)(*n_classes)++;
}

/* The services of every port of one direction and protocol, as sets of slots. */
static void collect_sets(const struct policy *p, uint8_t direction, uint8_t protocol,
			 uint64_t *sets)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (s->direction != direction)
			continue;
		for (size_t j = 0; j < s->n_ports; j++) {
			if (s->ports[j].protocol != protocol)
				continue;
			for (uint32_t port = s->ports[j].low; port <= s->ports[j].high; port++)
				sets[port] |= 1ULL << s->slot;
		}
	}
}

static void compile_settings(const struct policy *p, struct axp_policy *out)
{
	out->limits.udp = p->settings.idle_udp * NANOSECONDS;
	out->limits.tcp = p->settings.idle_tcp * NANOSECONDS;
	out->limits.tcp_closing = p->settings.idle_tcp_closing * NANOSECONDS;
	if (p->settings.fragments_drop)
		out->flags |= AXP_DROP_UNMATCHED_FRAGMENTS;
	for (size_t i = 0; i < p->n_services; i++) {
		if (p->services[i].direction == AXP_OUT)
			out->flags |= AXP_GUARDS_OUT;
	}
}

int compile_ports(const struct policy *p, struct axp_policy *out, struct error *err)
{
	_cleanup_free_ uint64_t *sets = NULL;
	size_t n_classes = 1;

	compile_settings(p, out);
	for (uint8_t direction = 0; direction < AXP_DIRECTIONS; direction++) {
		for (uint8_t protocol = 0; protocol < AXP_PROTOCOLS; protocol++) {
			uint64_t last = 0;
			int class = 0;

			free(sets);
			sets = calloc(65536, sizeof(*sets));
			if (!sets)
				return error_set(err, ENOMEM, "out of memory");
			collect_sets(p, direction, protocol, sets);
			for (uint32_t port = 0; port < 65536; port++) {
				if (sets[port] != last) {
					last = sets[port];
					class = last ? class_of(p, out, &n_classes, last) : 0;
				}
				if (class < 0)
					return error_set(
						err, E2BIG,
						"%s: ports are shared by more than %d different "
						"sets of services: let fewer services overlap",
						policy_string(p, p->config),
						AXP_MAX_PORT_CLASSES - 1);
				out->port_class[direction][protocol][port] = (uint8_t) class;
			}
		}
	}
	return 0;
}
