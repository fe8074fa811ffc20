// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "directory_pool.h"

enum {
	CHUNK_BITS = 16, /* a /16 */
	CHUNK_GROUPS = 4,
	GROUP_BITS = 14, /* of an address, behind a /18 */
	GROUP_SIZE = 1 << GROUP_BITS,
	GROUP_BLOCKS = 64, /* of a /24 each */
	BLOCK_SIZE = 256,
	WORD_BITS = 32,
	NO_CHUNK = -1,
};

/* Addresses of a /16 (or a /18) that share a set. */
struct run {
	uint16_t first, last;
	uint8_t set;
};

struct runs {
	const struct run *v;
	size_t n;
};

enum { MOST_PREFIXES = AXP_DIR4_PREFIXES << AXP_DIR4_PARTS_LOG2 };

/* What is known of a /16 that was written. */
struct chunk {
	uint64_t root;
	uint32_t filter[AXP_DIR4_PLACE_WORDS]; /* its bits of the filter, in the first words */
};

/* Addresses with their sets come in ascending order; a /16 is written when all of it is there. */
struct painter {
	struct directory *d;
	int64_t chunk; /* number of the /16 that is open, or NO_CHUNK */
	size_t n;
	struct run runs[1 << CHUNK_BITS];        /* of the open one */
	struct run prefixes[MOST_PREFIXES];      /* the same, each split into prefixes */
	uint8_t block[GROUP_BLOCKS][BLOCK_SIZE]; /* sets of a group's addresses */
	struct chunk made;                       /* the last /16 that was written */
	/* Of a /16 that has a set as a whole, in a large list; AXP_SET_NONE: there is none yet. */
	uint64_t whole_root;
	uint8_t whole_set;
	bool apart; /* it is not put in its place: the caller does, when all are made */
};

/* Large lists have places in place of filter and root (include/abi.h). */
static bool is_large(const struct directory *d)
{
	return !directory_header(d)->shift;
}

static struct axp_dir4_place *place_at(const struct directory *d, uint32_t chunk)
{
	union axp_dir4_front *front = directory_at(d, 0);

	return &front->places[chunk];
}

static __u64 *root_at(const struct directory *d, uint32_t chunk)
{
	union axp_dir4_unit *u = directory_at(d, AXP_DIR4_ROOT + chunk / 4);

	return &u->roots[chunk % 4];
}

/* Bits of the filter are set before their addresses are listed, and cleared after. */
enum when { BEFORE, AFTER };

/* All bits of a /16: a word, or some of one. */
static void filter(const struct directory *d, uint32_t chunk, const struct chunk *c, enum when when)
{
	uint32_t shift = directory_header(d)->shift, bits = 1U << (CHUNK_BITS - shift);
	uint32_t at = (uint32_t)(((uint64_t)chunk << CHUNK_BITS) >> shift);
	uint32_t in_word = at % WORD_BITS, n = at / WORD_BITS, others = 0;
	union axp_dir4_unit *u = directory_at(d, AXP_DIR4_FILTER + n / AXP_DIR4_WORDS);
	uint32_t *word = &u->words[n % AXP_DIR4_WORDS];

	if (bits < WORD_BITS)
		others = ~(((1U << bits) - 1) << in_word);
	directory_publish(word,
			  (when == BEFORE ? *word : *word & others) | c->filter[0] << in_word);
}

static void filter_place(struct axp_dir4_place *p, const struct chunk *c, enum when when)
{
	for (size_t i = 0; i < AXP_DIR4_PLACE_WORDS; i++)
		directory_publish(&p->filter[i],
				  (when == BEFORE ? p->filter[i] : 0) | c->filter[i]);
}

/* From here on packets go by it; each single address at once. */
static void put_chunk(const struct directory *d, uint32_t chunk, const struct chunk *c)
{
	struct axp_dir4_place *place;

	if (!is_large(d)) {
		filter(d, chunk, c, BEFORE);
		directory_publish_root(root_at(d, chunk), c->root);
		filter(d, chunk, c, AFTER);
		return;
	}
	place = place_at(d, chunk);
	filter_place(place, c, BEFORE);
	directory_publish(&place->root, (uint32_t)c->root);
	filter_place(place, c, AFTER);
}

/* The one set of all addresses that have any; AXP_SET_NONE if there are several. */
static uint8_t one_set(const struct run *runs, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (runs[i].set != runs[0].set)
			return AXP_SET_NONE;
	}
	return runs[0].set;
}

/* The same of a /24. */
static uint8_t block_set(const uint8_t *sets)
{
	uint8_t one = AXP_SET_NONE;

	for (size_t i = 0; i < BLOCK_SIZE; i++) {
		if (sets[i] && one && sets[i] != one)
			return AXP_SET_NONE;
		if (sets[i])
			one = sets[i];
	}
	return one;
}

static bool is_whole(const uint8_t *sets)
{
	return !memcmp(sets, sets + 1, BLOCK_SIZE - 1);
}

static void write_bits(union axp_dir4_unit *unit, const uint8_t *sets)
{
	for (size_t i = 0; i < BLOCK_SIZE; i++)
		unit->bits[i / 32] |= (uint32_t) !!sets[i] << (i % 32);
}

/* Fills p->block and `any`, and `own` with the /24s that are not whole. */
static void paint_blocks(struct painter *p, const struct run *runs, size_t n,
			 struct axp_dir4_group *g)
{
	memset(p->block, AXP_SET_NONE, sizeof(p->block));
	for (size_t i = 0; i < n; i++) {
		memset(&p->block[0][0] + runs[i].first, runs[i].set,
		       (size_t)(runs[i].last - runs[i].first) + 1);
		for (uint32_t k = runs[i].first >> 8; k <= runs[i].last >> 8; k++)
			g->any |= 1ULL << k;
	}
	for (size_t k = 0; k < GROUP_BLOCKS; k++) {
		if (g->any >> k & 1 && !is_whole(p->block[k]))
			g->own |= 1ULL << k;
	}
}

static int write_one(struct painter *p, struct axp_dir4_group *g, uint8_t set)
{
	int64_t unit = directory_take(p->d, (uint32_t)__builtin_popcountll(g->own));

	if (unit < 0)
		return (int)unit;
	g->base = (uint32_t)unit;
	g->kind = directory_kind(set);
	g->services = directory_services(p->d, set);
	for (uint64_t rest = g->own; rest; rest &= rest - 1)
		write_bits(directory_at(p->d, (uint32_t)unit++), p->block[__builtin_ctzll(rest)]);
	return 0;
}

/* What a /24 of a mixed group has: a set, bits of one set, or a set for each address. */
static int write_cell(struct painter *p, const uint8_t *sets, uint64_t *cell)
{
	uint8_t set = block_set(sets);
	int64_t unit;

	*cell = AXP_DIR4_CELL(set, 0);
	if (is_whole(sets))
		return 0;
	unit = directory_take(p->d, set ? 1 : BLOCK_SIZE / AXP_DIR4_UNIT);
	if (unit < 0)
		return (int)unit;
	*cell = AXP_DIR4_CELL(set, unit);
	if (set)
		write_bits(directory_at(p->d, (uint32_t)unit), sets);
	else
		memcpy(directory_at(p->d, (uint32_t)unit), sets, BLOCK_SIZE);
	return 0;
}

static int write_mixed(struct painter *p, struct axp_dir4_group *g)
{
	uint32_t n = (uint32_t)__builtin_popcountll(g->any), rank = 0;
	int64_t base = directory_take(p->d, (n + 3) / 4);

	if (base < 0)
		return (int)base;
	for (uint64_t rest = g->any; rest; rest &= rest - 1, rank++) {
		union axp_dir4_unit *unit;
		uint64_t cell;
		int rc = write_cell(p, p->block[__builtin_ctzll(rest)], &cell);

		if (rc)
			return rc;
		unit = directory_at(p->d, (uint32_t)base + rank / 4);
		unit->cells[rank % 4] = cell;
	}
	g->kind = AXP_DIR_MIXED;
	g->base = (uint32_t)base;
	g->own = g->any;
	return 0;
}

/* A /18, into its unit; `runs` are relative to it. */
static int write_group(struct painter *p, uint32_t unit, const struct run *runs, size_t n)
{
	struct axp_dir4_group g = { 0 };
	union axp_dir4_unit *u;
	uint8_t set;
	int rc;

	if (!n)
		return 0;
	paint_blocks(p, runs, n, &g);
	set = one_set(runs, n);
	rc = set ? write_one(p, &g, set) : write_mixed(p, &g);
	u = directory_at(p->d, unit);
	u->group = g;
	return rc;
}

/* What of the runs lies from start to end, cut to it: how many, and *from moves past them. */
static size_t cut(const struct runs *runs, uint32_t start, uint32_t end, size_t *from,
		  struct run *out)
{
	size_t n = 0;

	for (; *from < runs->n && runs->v[*from].first <= end; (*from)++) {
		struct run r = runs->v[*from];
		bool goes_on = r.last > end;

		r.first = (uint16_t)(r.first > start ? r.first : start);
		r.last = (uint16_t)(goes_on ? end : r.last);
		out[n++] = r;
		if (goes_on)
			break;
	}
	return n;
}

static int write_groups(struct painter *p)
{
	_cleanup_free_ struct run *runs = malloc(GROUP_SIZE * sizeof(*runs));
	const struct runs all = { p->runs, p->n };
	int64_t unit = directory_take(p->d, CHUNK_GROUPS);
	size_t from = 0;
	int rc = 0;

	if (!runs)
		return -ENOMEM;
	if (unit < 0)
		return (int)unit;
	for (uint32_t i = 0; !rc && i < CHUNK_GROUPS; i++) {
		uint32_t start = i * GROUP_SIZE;
		size_t n = cut(&all, start, start + GROUP_SIZE - 1, &from, runs);

		for (size_t k = 0; k < n; k++) {
			runs[k].first = (uint16_t)(runs[k].first - start);
			runs[k].last = (uint16_t)(runs[k].last - start);
		}
		rc = write_group(p, (uint32_t)unit + i, runs, n);
	}
	p->made.root = AXP_DIR4_GROUPS(unit);
	return rc;
}

/* The runs of one part of a /16. */
static void write_ranges(struct axp_dir4_ranges *r, const struct run *runs, size_t n)
{
	for (size_t i = 0; i < AXP_DIR4_RANGES; i++) {
		const struct run *run = &runs[i < n ? i : n - 1];

		r->first[i] = run->first;
		r->last[i] = run->last;
		r->set[i] = run->set;
	}
}

static void write_prefixes(struct axp_dir4_prefixes *p, const struct run *runs, size_t n)
{
	p->rest = (uint64_t)runs->set << 48;
	for (size_t i = 0; i < AXP_DIR4_PREFIXES; i++) {
		const struct run *run = &runs[i < n ? i : n - 1];
		uint32_t size = (uint32_t)(run->last - run->first) + 1;

		p->first[i] = run->first;
		p->rest |= (uint64_t)__builtin_ctz(size) << (i * 4);
	}
}

/* The longest prefix that begins where the run does. */
static struct run first_prefix(const struct run *run)
{
	uint32_t size = run->first ? run->first & -(uint32_t)run->first : 1U << CHUNK_BITS;

	while (run->first + size - 1 > run->last)
		size >>= 1;
	return (struct run){ run->first, (uint16_t)(run->first + size - 1), run->set };
}

/* All runs as prefixes; none if there are more than parts can hold, or several sets. */
static struct runs split(struct painter *p)
{
	struct runs out = { .v = p->prefixes };

	if (p->n > MOST_PREFIXES || one_set(p->runs, p->n) == AXP_SET_NONE)
		return out;
	for (size_t i = 0; i < p->n; i++) {
		struct run rest = p->runs[i], prefix;

		do {
			if (out.n == MOST_PREFIXES)
				return (struct runs){ 0 };
			prefix = first_prefix(&rest);
			p->prefixes[out.n++] = prefix;
			rest.first = (uint16_t)(prefix.last + 1);
		} while (prefix.last < rest.last);
	}
	return out;
}

/* There are some, and no part has more than `most`. */
static bool fits(const struct runs *runs, uint32_t log2, uint32_t most)
{
	uint32_t n[1 << AXP_DIR4_PARTS_LOG2] = { 0 }, shift = CHUNK_BITS - log2;

	for (size_t i = 0; i < runs->n; i++) {
		uint32_t end = (uint32_t)runs->v[i].last >> shift;

		for (uint32_t k = runs->v[i].first >> shift; k <= end; k++) {
			if (++n[k] > most)
				return false;
		}
	}
	return runs->n;
}

static int write_parts(struct painter *p, const struct runs *runs, uint32_t log2, bool prefixes)
{
	static const struct run nothing = { UINT16_MAX, UINT16_MAX, AXP_SET_NONE };
	uint32_t n = 1U << log2, size = 1U << (CHUNK_BITS - log2);
	int64_t first = directory_take(p->d, n);
	size_t from = 0;

	if (first < 0)
		return (int)first;
	for (uint32_t i = 0; i < n; i++) {
		union axp_dir4_unit *unit = directory_at(p->d, (uint32_t)first + i);
		struct run part[AXP_DIR4_PREFIXES] = { nothing };
		size_t some = cut(runs, i * size, i * size + size - 1, &from, part);

		if (prefixes)
			write_prefixes(&unit->prefixes, part, some ? some : 1);
		else
			write_ranges(&unit->ranges, part, some ? some : 1);
	}
	p->made.root = AXP_DIR4_PARTS(first, log2, prefixes);
	return 0;
}

/* A place has no room for a range, so it gets a unit; /16s listed as a whole share one. */
static int write_range(struct painter *p)
{
	const struct runs one = { p->runs, 1 };
	bool whole = p->runs->first == 0 && p->runs->last == UINT16_MAX;
	int rc = 0;

	if (whole && p->whole_set == p->runs->set) {
		p->made.root = p->whole_root;
		return 0;
	}
	rc = write_parts(p, &one, 0, false);
	if (!rc && whole) {
		p->whole_set = p->runs->set;
		p->whole_root = p->made.root;
	}
	return rc;
}

static int write_chunk(struct painter *p)
{
	const struct run *run = p->runs;
	const struct runs ranges = { p->runs, p->n };
	struct runs prefixes;

	if (!p->n)
		return 0;
	if (p->n == 1 && is_large(p->d))
		return write_range(p);
	if (p->n == 1) {
		p->made.root = AXP_DIR4_RANGE(run->first, run->last - run->first, run->set);
		return 0;
	}
	prefixes = split(p);
	for (uint32_t log2 = 0; log2 <= AXP_DIR4_PARTS_LOG2; log2++) {
		if (fits(&prefixes, log2, AXP_DIR4_PREFIXES))
			return write_parts(p, &prefixes, log2, true);
		if (fits(&ranges, log2, AXP_DIR4_RANGES))
			return write_parts(p, &ranges, log2, false);
	}
	return write_groups(p);
}

static uint32_t filter_bit(const struct directory *d, uint32_t at)
{
	return at >> (is_large(d) ? AXP_DIR4_PLACE_SHIFT : directory_header(d)->shift);
}

static void sum_up(const struct painter *p, struct chunk *c)
{
	for (size_t i = 0; i < p->n; i++) {
		uint32_t end = filter_bit(p->d, p->runs[i].last);

		for (uint32_t k = filter_bit(p->d, p->runs[i].first); k <= end; k++)
			c->filter[k / WORD_BITS] |= 1U << (k % WORD_BITS);
	}
}

static int finish_chunk(struct painter *p)
{
	int rc = 0;

	if (p->chunk == NO_CHUNK)
		return 0;
	memset(&p->made, 0, sizeof(p->made));
	rc = write_chunk(p);
	sum_up(p, &p->made);
	if (!rc && !p->apart)
		put_chunk(p->d, (uint32_t)p->chunk, &p->made);
	p->chunk = NO_CHUNK;
	return rc;
}

static void add_run(struct painter *p, uint16_t first, uint16_t last, uint8_t set)
{
	struct run *before = p->n ? &p->runs[p->n - 1] : NULL;

	if (before && before->set == set && before->last + 1 == first)
		before->last = last;
	else
		p->runs[p->n++] = (struct run){ first, last, set };
}

/* All addresses from first to last (those of 32 bits) have the set. */
static int paint(struct painter *p, uint64_t first, uint64_t last, uint8_t set)
{
	int rc = 0;

	while (!rc && set != AXP_SET_NONE && first <= last) {
		uint64_t end = first | UINT16_MAX;

		if (end > last)
			end = last;
		if (p->chunk != (int64_t)(first >> CHUNK_BITS)) {
			rc = finish_chunk(p);
			p->chunk = (int64_t)(first >> CHUNK_BITS);
			p->n = 0;
		}
		add_run(p, (uint16_t)first, (uint16_t)end, set);
		first = end + 1;
	}
	return rc;
}

static uint32_t first_address(const struct prefix *p)
{
	return (uint32_t)p->addr[0] << 24 | (uint32_t)p->addr[1] << 16 | (uint32_t)p->addr[2] << 8 |
	       p->addr[3];
}

static uint64_t last_address(const struct prefix *p)
{
	return first_address(p) + (1ULL << (32 - p->len)) - 1;
}

/* The nodes that cover the place where the painting is. */
struct cover {
	uint64_t last[34];
	uint8_t set[34];
	size_t depth;
};

/* Paints up to `end` (exclusive), from where *at is, with what covers it. */
static int paint_to(struct painter *p, struct cover *c, uint64_t *at, uint64_t end)
{
	int rc = 0;

	while (!rc && c->depth && c->last[c->depth - 1] < end) {
		c->depth--;
		if (c->last[c->depth] >= *at) {
			rc = paint(p, *at, c->last[c->depth], c->set[c->depth]);
			*at = c->last[c->depth] + 1;
		}
	}
	if (!rc && c->depth && *at < end)
		rc = paint(p, *at, end - 1, c->set[c->depth - 1]);
	*at = end;
	return rc;
}

static int paint_nodes(struct painter *p, const struct node *v, size_t n)
{
	struct cover c = { .depth = 0 };
	uint64_t at = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		rc = paint_to(p, &c, &at, first_address(&v[i].prefix));
		c.last[c.depth] = last_address(&v[i].prefix);
		c.set[c.depth++] = directory_set(p->d, &v[i]);
	}
	if (!rc)
		rc = paint_to(p, &c, &at, 1ULL << 32);
	return rc ? rc : finish_chunk(p);
}

static struct painter *painter_new(struct directory *d, bool apart)
{
	struct painter *p = malloc(sizeof(*p));

	if (!p)
		return NULL;
	p->d = d;
	p->apart = apart;
	p->chunk = NO_CHUNK;
	p->whole_set = AXP_SET_NONE;
	return p;
}

int directory4_build(struct directory *d, const struct node *v, size_t n)
{
	_cleanup_free_ struct painter *p = painter_new(d, false);

	return p ? paint_nodes(p, v, n) : -ENOMEM;
}

static int make_chunk(struct painter *p, const struct policy *policy, const struct prefix *chunk,
		      struct chunk *out)
{
	_cleanup_nodes_ struct nodes nodes = { 0 };
	int rc = compile_region(policy, chunk, &nodes);

	memset(&p->made, 0, sizeof(p->made));
	if (!rc)
		rc = paint_nodes(p, nodes.v, nodes.n);
	*out = p->made;
	return rc;
}

/* All are made before the first is put in its place: where the room runs out, nothing has changed.
 */
int directory4_change(struct directory *d, const struct policy *policy, const struct prefix *prefix)
{
	_cleanup_free_ struct painter *p = painter_new(d, true);
	uint32_t n = prefix->len < CHUNK_BITS ? 1U << (CHUNK_BITS - prefix->len) : 1;
	uint32_t first = first_address(prefix) >> CHUNK_BITS;
	_cleanup_free_ struct chunk *chunks = calloc(n, sizeof(*chunks));
	int rc = 0;

	if (!p || !chunks)
		return -ENOMEM;
	for (uint32_t i = 0; !rc && i < n; i++) {
		struct prefix chunk = { .family = AXP_IPV4, .len = CHUNK_BITS };

		chunk.addr[0] = (uint8_t)((first + i) >> 8);
		chunk.addr[1] = (uint8_t)(first + i);
		rc = make_chunk(p, policy, &chunk, &chunks[i]);
	}
	for (uint32_t i = 0; !rc && i < n; i++)
		put_chunk(d, first + i, &chunks[i]);
	return rc;
}
