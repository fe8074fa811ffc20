// SPDX-License-Identifier: GPL-2.0-or-later
/* What a list lets in, as prefixes that do not overlap: for filters that know no carve-outs. */
#include <errno.h>
#include <stdlib.h>
#include "cleanup.h"
#include "export.h"

/* A prefix from which on another answer holds than for what is around it. */
struct node {
	struct prefix prefix;
	uint64_t until; /* 0: not listed; UINT64_MAX: for good */
	uint32_t label;
};

#define FOR_GOOD UINT64_MAX

struct cut {
	const struct policy *p;
	struct node *nodes;
	size_t n;
	struct export_pieces *out;
	int rc;
};

void export_pieces_free(struct export_pieces *p)
{
	free(p->v);
	*p = (struct export_pieces){ 0 };
}

void export_entries_free(struct export_entries *e)
{
	free(e->v);
	*e = (struct export_entries){ 0 };
}

/* Entries of a list, from config and commands, by prefix; of the same prefix the config's last. */
struct walk {
	const struct policy *p;
	size_t list;
	uint8_t family;
	size_t base, added;
};

static const struct entry *peek(const struct walk *w, const struct entries *e, size_t *at)
{
	for (; *at < e->n; (*at)++) {
		const struct entry *x = &e->v[*at];

		if (x->list == w->list && x->prefix.family == w->family && !entry_expired(w->p, x))
			return x;
	}
	return NULL;
}

static const struct entry *next_entry(struct walk *w)
{
	const struct entry *b = peek(w, &w->p->base, &w->base);
	const struct entry *a = peek(w, &w->p->added, &w->added);

	if (a && (!b || prefix_compare(&a->prefix, &b->prefix) <= 0)) {
		w->added++;
		return a;
	}
	if (b)
		w->base++;
	return b;
}

/* Entries that cover an address, the most specific one last. */
struct stack {
	const struct entry *v[2 * 129];
	size_t n;
};

/*
 * Until when an address below all of the stack is listed without a break. An entry that expires
 * leaves the word to the one above it.
 */
static uint64_t listed_until(const struct stack *s, const struct entry **by, bool *hole_expires)
{
	uint64_t until = 0;

	*by = NULL;
	for (size_t i = s->n; i--;) {
		const struct entry *e = s->v[i];

		if (e->until && e->until <= until)
			continue;
		if (e->flags & ENTRY_CARVE) {
			*hole_expires |= e->until && i;
			return until;
		}
		if (!*by)
			*by = e;
		if (!e->until)
			return FOR_GOOD;
		until = e->until;
	}
	return until;
}

static int push_node(struct cut *c, size_t *cap, const struct node *node)
{
	struct node *v;

	/* The same prefix again: the later one has all of the stack. */
	if (c->n && !prefix_compare(&c->nodes[c->n - 1].prefix, &node->prefix)) {
		c->nodes[c->n - 1] = *node;
		return 0;
	}
	if (c->n == *cap) {
		v = reallocarray(c->nodes, *cap * 2 + 256, sizeof(*v));
		if (!v)
			return -ENOMEM;
		c->nodes = v;
		*cap = *cap * 2 + 256;
	}
	c->nodes[c->n++] = *node;
	return 0;
}

static int make_nodes(struct cut *c, struct walk *w)
{
	struct stack stack = { .n = 0 };
	const struct entry *e, *by;
	size_t cap = 0;

	while ((e = next_entry(w))) {
		struct node node = { .prefix = e->prefix };
		bool hole_expires = false;

		while (stack.n && !prefix_covers(&stack.v[stack.n - 1]->prefix, &e->prefix))
			stack.n--;
		stack.v[stack.n++] = e;
		node.until = listed_until(&stack, &by, &hole_expires);
		c->out->holes_kept += hole_expires;
		if (by)
			node.label = by->label;
		if (push_node(c, &cap, &node))
			return -ENOMEM;
	}
	return 0;
}

/* Leaves out nodes that say what is said around them anyway. */
static void drop_idle_nodes(struct cut *c)
{
	size_t stack[129], depth = 0, kept = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct node node = c->nodes[i];
		uint64_t around;

		while (depth && !prefix_covers(&c->nodes[stack[depth - 1]].prefix, &node.prefix))
			depth--;
		around = depth ? c->nodes[stack[depth - 1]].until : 0;
		if (node.until == around)
			continue;
		stack[depth++] = kept;
		c->nodes[kept++] = node;
	}
	c->n = kept;
}

static void push_piece(struct cut *c, const struct prefix *prefix, const struct node *around)
{
	struct export_pieces *out = c->out;
	struct export_piece *v;

	if (!around || !around->until || c->rc)
		return;
	if (out->n == out->cap) {
		v = reallocarray(out->v, out->cap * 2 + 256, sizeof(*v));
		if (!v) {
			c->rc = -ENOMEM;
			return;
		}
		out->v = v;
		out->cap = out->cap * 2 + 256;
	}
	out->v[out->n++] = (struct export_piece){
		.prefix = *prefix,
		.until = around->until == FOR_GOOD ? 0 : (uint32_t)around->until,
		.label = around->label,
	};
}

/* Of two prefixes, what both begin with. */
static struct prefix common(const struct prefix *a, const struct prefix *b)
{
	uint8_t len = a->len < b->len ? a->len : b->len;
	struct prefix p = prefix_shorten(a, len);

	while (!prefix_covers(&p, b))
		p = prefix_shorten(a, --len);
	return p;
}

static struct prefix half_of(const struct prefix *p, bool second)
{
	struct prefix h = *p;

	if (second)
		h.addr[p->len / 8] |= (uint8_t)(0x80 >> (p->len % 8));
	h.len++;
	return h;
}

static size_t first_from(const struct cut *c, size_t low, size_t high, const struct prefix *p)
{
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (prefix_compare(&c->nodes[mid].prefix, p) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* All of p, within which nodes low to high - 1 lie, and around which `around` holds. */
static void cut(struct cut *c, struct prefix p, const struct node *around, size_t low, size_t high)
{
	struct prefix left, right;
	size_t mid;

	for (;;) {
		if (low < high && !prefix_compare(&c->nodes[low].prefix, &p))
			around = &c->nodes[low++];
		if (low == high) {
			push_piece(c, &p, around);
			return;
		}
		left = common(&c->nodes[low].prefix, &c->nodes[high - 1].prefix);
		if ((around && around->until) || left.len == p.len)
			break;
		p = left; /* nothing is listed around: go to where the nodes are */
	}
	left = half_of(&p, false);
	right = half_of(&p, true);
	mid = first_from(c, low, high, &right);
	cut(c, left, around, low, mid);
	cut(c, right, around, mid, high);
}

static void free_nodes(struct cut *c)
{
	free(c->nodes);
}

int export_cut(const struct policy *p, size_t list, uint8_t family, struct export_pieces *out)
{
	struct cut c _cleanup_(free_nodes) = { .p = p, .out = out };
	struct walk w = { .p = p, .list = list, .family = family };

	if (make_nodes(&c, &w))
		return -ENOMEM;
	drop_idle_nodes(&c);
	if (c.n)
		cut(&c, (struct prefix){ .family = family }, NULL, 0, c.n);
	return c.rc;
}

int export_entries(const struct policy *p, size_t list, uint8_t family, struct export_entries *out)
{
	struct walk w = { .p = p, .list = list, .family = family };
	const struct entry *e;

	while ((e = next_entry(&w))) {
		struct export_entry *last = out->n ? &out->v[out->n - 1] : NULL, *v;
		struct export_entry x = { .prefix = e->prefix,
					  .carve = e->flags & ENTRY_CARVE,
					  .until = e->until,
					  .label = e->label };

		if (last && !prefix_compare(&last->prefix, &x.prefix)) {
			/* The one before is of `add`: it goes on where this one ends. */
			if (last->carve == x.carve && x.until &&
			    (!last->until || last->until > x.until))
				x.until = last->until;
			*last = x;
			continue;
		}
		if (out->n == out->cap) {
			v = reallocarray(out->v, out->cap * 2 + 256, sizeof(*v));
			if (!v)
				return -ENOMEM;
			out->v = v;
			out->cap = out->cap * 2 + 256;
		}
		out->v[out->n++] = x;
	}
	return 0;
}
