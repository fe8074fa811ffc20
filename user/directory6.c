// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "directory_pool.h"

enum {
	SLOT_BITS = 6,
	SLOTS = 1 << SLOT_BITS,
	DEEPEST = 128 - SLOT_BITS, /* more only where the node above leaves no choice */
};

struct address {
	uint64_t high, low;
};

static struct address address_of(const struct prefix *p)
{
	struct address a = { 0 };

	for (size_t i = 0; i < 8; i++) {
		a.high = a.high << 8 | p->addr[i];
		a.low = a.low << 8 | p->addr[i + 8];
	}
	return a;
}

/* The first `bits`, set. */
static struct address mask_of(uint32_t bits)
{
	struct address m = { ~0ULL, ~0ULL };

	if (bits < 64)
		m = (struct address){ bits ? ~0ULL << (64 - bits) : 0, 0 };
	else if (bits < 128)
		m.low = bits > 64 ? ~0ULL << (128 - bits) : 0;
	return m;
}

/* The six bits behind the first `depth` (at most 127), as packets see them. */
static uint32_t slot_of(struct address a, uint32_t depth)
{
	if (depth >= 64)
		return (uint32_t)(a.low << (depth - 64) >> (64 - SLOT_BITS));
	return (uint32_t)((a.high << depth | a.low >> 1 >> (63 - depth)) >> (64 - SLOT_BITS));
}

static uint32_t common_bits(struct address a, struct address b)
{
	if (a.high != b.high)
		return (uint32_t)__builtin_clzll(a.high ^ b.high);
	return a.low == b.low ? 128 : 64 + (uint32_t)__builtin_clzll(a.low ^ b.low);
}

static bool has_key(const struct axp_dir6_node *node, struct address a)
{
	return !(((a.high ^ node->key_high) & node->mask_high) |
		 ((a.low ^ node->key_low) & node->mask_low));
}

static uint32_t rank_of(const struct axp_dir6_node *node, uint32_t slot)
{
	return (node->kind == AXP_DIR_MIXED) +
	       (uint32_t)__builtin_popcountll(node->own & ((1ULL << slot) - 1));
}

/* Units that lie at a node's base. */
static uint32_t below(const struct axp_dir6_node *node)
{
	return (node->kind == AXP_DIR_MIXED) + (uint32_t)__builtin_popcountll(node->own);
}

/* What is known of a node's slots before it is written. */
struct slots {
	uint8_t set[SLOTS];                /* of those without a node of their own */
	struct axp_dir6_node child[SLOTS]; /* in order, without gaps */
	uint64_t own;
	uint32_t n;
};

static int build(struct directory *d, const struct node *v, size_t n, uint32_t from,
		 uint8_t outside, struct axp_dir6_node *out);

static void set_slots(struct slots *s, const struct prefix *p, uint32_t depth, uint8_t set)
{
	uint32_t n = p->len > depth ? 1U << (depth + SLOT_BITS - p->len) : SLOTS;
	uint32_t first = p->len > depth ? slot_of(address_of(p), depth) : 0;

	memset(&s->set[first], set, n);
}

/* Nodes that lie in one slot, deeper than it; returns how many. */
static size_t same_slot(const struct node *v, size_t n, uint32_t depth)
{
	uint32_t slot = slot_of(address_of(&v->prefix), depth);
	size_t i = 1;

	while (i < n && v[i].prefix.len > depth + SLOT_BITS &&
	       slot_of(address_of(&v[i].prefix), depth) == slot)
		i++;
	return i;
}

static int fill_slots(struct directory *d, const struct node *v, size_t n, uint32_t depth,
		      struct slots *s)
{
	size_t i = 0, taken;

	for (; i < n; i += taken) {
		uint32_t slot;
		int rc;

		taken = 1;
		if (v[i].prefix.len <= depth + SLOT_BITS) {
			set_slots(s, &v[i].prefix, depth, directory_set(d, &v[i]));
			continue;
		}
		slot = slot_of(address_of(&v[i].prefix), depth);
		taken = same_slot(v + i, n - i, depth);
		rc = build(d, v + i, taken, depth + SLOT_BITS, s->set[slot], &s->child[s->n]);
		if (rc)
			return rc;
		s->own |= 1ULL << slot;
		s->n++;
	}
	return 0;
}

/* Sets `any`, and the kind. */
static void sum_up(struct directory *d, const struct slots *s, struct axp_dir6_node *out)
{
	uint8_t one = AXP_SET_NONE;

	out->own = s->own;
	for (uint32_t i = 0; i < SLOTS; i++) {
		if (s->own >> i & 1 || s->set[i] == AXP_SET_NONE)
			continue;
		out->any |= 1ULL << i;
		if (one && s->set[i] != one)
			out->kind = AXP_DIR_MIXED;
		one = s->set[i];
	}
	if (out->kind == AXP_DIR_MIXED)
		return;
	out->kind = directory_kind(one);
	out->services = directory_services(d, one);
}

static int write_below(struct directory *d, const struct slots *s, struct axp_dir6_node *out)
{
	int64_t unit = directory_take(d, below(out));
	union axp_dir6_unit *u;

	if (unit < 0)
		return (int)unit;
	out->base = (uint32_t)unit;
	if (out->kind == AXP_DIR_MIXED) {
		u = directory_at(d, (uint32_t)unit++);
		memcpy(u->sets, s->set, sizeof(u->sets));
	}
	for (uint32_t i = 0; i < s->n; i++) {
		u = directory_at(d, (uint32_t)unit++);
		u->node = s->child[i];
	}
	return 0;
}

/* As deep as what all of them have in common, at least the `from` bits that led here. */
static uint32_t depth_for(const struct node *v, size_t n, uint32_t from)
{
	uint32_t depth = from;

	if (n) {
		depth = common_bits(address_of(&v[0].prefix), address_of(&v[n - 1].prefix));
		if (depth > v[0].prefix.len)
			depth = v[0].prefix.len;
	}
	if (depth > DEEPEST)
		depth = DEEPEST;
	return depth > from ? depth : from;
}

/*
 * A node for the nodes v, all within one region that the first `from` bits describe and deeper than
 * it; `outside` is the set of what none of them covers.
 */
static int build(struct directory *d, const struct node *v, size_t n, uint32_t from,
		 uint8_t outside, struct axp_dir6_node *out)
{
	_cleanup_free_ struct slots *s = calloc(1, sizeof(*s));
	struct address key, mask;
	int rc;

	if (!s)
		return -ENOMEM;
	memset(out, 0, sizeof(*out));
	out->depth = (uint8_t)depth_for(v, n, from);
	out->outside = outside;
	if (n) {
		key = address_of(&v[0].prefix);
		mask = mask_of(out->depth);
		out->key_high = key.high & mask.high;
		out->key_low = key.low & mask.low;
		out->mask_high = mask.high;
		out->mask_low = mask.low;
	}
	memset(s->set, outside, sizeof(s->set));
	rc = fill_slots(d, v, n, out->depth, s);
	if (rc)
		return rc;
	sum_up(d, s, out);
	return write_below(d, s, out);
}

static int build_root(struct directory *d, const struct node *v, size_t n, uint8_t outside,
		      uint32_t *root)
{
	struct axp_dir6_node node;
	union axp_dir6_unit *u;
	int64_t unit;
	int rc = build(d, v, n, 0, outside, &node);

	if (rc)
		return rc;
	unit = directory_take(d, 1);
	if (unit < 0)
		return (int)unit;
	u = directory_at(d, (uint32_t)unit);
	u->node = node;
	*root = (uint32_t)unit;
	return 0;
}

int directory6_build(struct directory *d, const struct node *v, size_t n)
{
	uint32_t root = 0;
	int rc = build_root(d, v, n, AXP_SET_NONE, &root);

	if (!rc)
		directory_header(d)->root = root;
	return rc;
}

/* The deepest node that all of the prefix leads to. */
struct place {
	struct axp_dir6_node *node, *above; /* above: NULL for the topmost */
	uint32_t from;                      /* bits that lead to it */
	uint32_t rank;                      /* its unit, from above->base */
};

static struct place find(const struct directory *d, const struct prefix *prefix)
{
	struct address a = address_of(prefix);
	union axp_dir6_unit *u = directory_at(d, directory_header(d)->root);
	struct place at = { .node = &u->node };

	for (;;) {
		struct axp_dir6_node *node = at.node;
		uint32_t slot;

		if (node->depth + SLOT_BITS > prefix->len || !has_key(node, a))
			return at;
		slot = slot_of(a, node->depth);
		if (!(node->own >> slot & 1))
			return at;
		at.above = node;
		at.rank = rank_of(node, slot);
		at.from = node->depth + SLOT_BITS;
		u = directory_at(d, node->base + at.rank);
		at.node = &u->node;
	}
}

/* The node is replaced with all that lie beside it, so that one word leads to the new one. */
static int replace(struct directory *d, const struct place *at, const struct axp_dir6_node *node)
{
	uint32_t n = below(at->above);
	int64_t unit = directory_take(d, n);
	union axp_dir6_unit *u;

	if (unit < 0)
		return (int)unit;
	memcpy(directory_at(d, (uint32_t)unit), directory_at(d, at->above->base),
	       n * sizeof(union axp_dir6_unit));
	u = directory_at(d, (uint32_t)unit + at->rank);
	u->node = *node;
	directory_publish(&at->above->base, (uint32_t)unit);
	return 0;
}

/*
 * The key of a node made for no nodes: the region itself. (With nodes, build() has taken theirs.)
 */
int directory6_change(struct directory *d, const struct policy *policy, const struct prefix *prefix)
{
	_cleanup_nodes_ struct nodes nodes = { 0 };
	struct axp_dir6_node node;
	struct place at = find(d, prefix);
	struct prefix region = prefix_shorten(prefix, (uint8_t)at.from);
	uint32_t root = 0;
	uint8_t outside;
	int rc = compile_region(policy, &region, &nodes);

	if (rc)
		return rc;
	outside = directory_set(d, &nodes.v[0]);
	if (!at.above) {
		rc = build_root(d, nodes.v + 1, nodes.n - 1, outside, &root);
		if (!rc)
			directory_publish(&directory_header(d)->root, root);
		return rc;
	}
	rc = build(d, nodes.v + 1, nodes.n - 1, at.from, outside, &node);
	return rc ? rc : replace(d, &at, &node);
}
