// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "compile.h"

/* One covering prefix on the way down to the current one. */
struct frame {
	struct prefix prefix;
	uint64_t lists[POLICY_MAX_LISTS / 64]; /* lists that hold the addresses here */
	uint64_t services;
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
static bool take_entries(const struct entries *e, size_t *next, const struct prefix *prefix,
			 struct frame *f)
{
	size_t start = *next;

	while (*next < e->n && !prefix_compare(&e->v[*next].prefix, prefix))
		frame_apply(f, &e->v[(*next)++]);
	return *next != start;
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
	found = take_entries(&w->policy->base, &w->base, prefix, f);
	found |= take_entries(&w->policy->added, &w->added, prefix, f);
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

int compile_within(const struct policy *p, const struct prefix *within, struct nodes *out)
{
	struct walk *w __attribute__((cleanup(cleanup_free))) = calloc(1, sizeof(*w));
	const struct prefix *next;

	if (!w)
		return -ENOMEM;
	w->policy = p;
	w->out = out;
	for (size_t i = 0; i < p->n_lists; i++)
		w->list_services[i] = policy_list_services(p, i);

	for (uint8_t len = 0; len < within->len; len++) {
		struct prefix above = prefix_shorten(within, len);

		walk_to(w, &above);
		descend(w, &above);
	}
	walk_to(w, within);
	while ((next = next_prefix(w)) && prefix_covers(within, next)) {
		struct prefix prefix = *next;
		struct node node = { .prefix = prefix };

		descend(w, &prefix);
		node.services = w->stack[w->depth].services;
		if (node.services == w->stack[w->depth - 1].services)
			continue;
		if (nodes_push(out, &node))
			return -ENOMEM;
	}
	return 0;
}

int compile_nodes(const struct policy *p, struct nodes *out)
{
	const struct prefix all4 = { .family = AXP_IPV4 }, all6 = { .family = AXP_IPV6 };
	int rc = compile_within(p, &all4, out);

	return rc ? rc : compile_within(p, &all6, out);
}

static int changes_push(struct changes *c, const struct node *node, bool drop)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct change *v = reallocarray(c->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = (struct change){ .node = *node, .remove = drop };
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
			rc = changes_push(out, &before->v[i++], true);
		} else if (order > 0) {
			rc = changes_push(out, &after->v[j++], false);
		} else {
			if (before->v[i].services != after->v[j].services)
				rc = changes_push(out, &after->v[j], false);
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

int compile_ports(const struct policy *p, struct axp_policy *out, struct error *err)
{
	_cleanup_free_ uint64_t *sets = NULL;
	size_t n_classes = 1;

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
