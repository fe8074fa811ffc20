// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "config.h"
#include "export.h"
#include "import_ports.h"

enum {
	PORTS = 65536,
	PIECES_MAX = AXP_PROTOCOLS * PORTS,
	SPREAD_MAX = 1 << 24, /* rules, each counted for every piece of ports it covers */
};

int import_rule_push(struct import_rules *rules, const struct import_rule *rule, struct error *err)
{
	size_t cap = rules->cap ? rules->cap * 2 : 256;
	struct import_rule *v;

	if (rules->n == rules->cap) {
		v = reallocarray(rules->v, cap, sizeof(*v));
		if (!v)
			return error_set(err, ENOMEM, "not enough memory for the rules");
		rules->v = v;
		rules->cap = cap;
	}
	rules->v[rules->n++] = *rule;
	return 0;
}

/* Ports between two boundaries: every rule covers all of a piece, or nothing of it. */
struct piece {
	struct port_range ports;
	uint32_t first, n; /* rules, in `spread` */
};

/* Pieces that the same sources may reach. */
struct group {
	uint64_t hash;
	uint32_t first, n; /* kept rules, in `spread`: prefixes in order, then sets */
	struct port_range *ports;
	size_t n_ports;
};

struct work {
	struct import *im;
	const struct import_port_groups *how;
	const struct import_rule *rules;
	size_t n_rules;
	bool guarded[AXP_PROTOCOLS][PORTS];
	bool cut[AXP_PROTOCOLS][PORTS + 1]; /* a piece begins here */
	uint32_t piece_of[AXP_PROTOCOLS][PORTS];
	struct piece *pieces;
	size_t n_pieces;
	uint32_t *spread;
	struct group groups[POLICY_MAX_LISTS];
	size_t n_groups;
	bool families[AXP_FAMILIES];
};

static void work_free(struct work **at)
{
	struct work *w = *at;

	if (!w)
		return;
	for (size_t i = 0; i < w->n_groups; i++)
		free(w->groups[i].ports);
	free(w->pieces);
	free(w->spread);
	free(w);
}

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "not enough memory for the rules");
}

static void guard(struct work *w, const struct port_range *r)
{
	for (unsigned int port = r->low; port <= r->high; port++)
		w->guarded[r->protocol][port] = true;
}

static bool guards_any(const struct work *w, const struct port_range *r)
{
	for (unsigned int port = r->low; port <= r->high; port++) {
		if (w->guarded[r->protocol][port])
			return true;
	}
	return false;
}

/* What the config guards; without one, the ports that the rules name. */
static void find_guarded(struct work *w)
{
	const struct policy *c = w->im->config;

	for (size_t i = 0; c && i < c->n_services; i++) {
		for (size_t j = 0; j < c->services[i].n_ports; j++) {
			if (c->services[i].direction == AXP_IN)
				guard(w, &c->services[i].ports[j]);
		}
	}
	for (size_t i = 0; !c && i < w->n_rules; i++) {
		if (!w->rules[i].any_port)
			guard(w, &w->rules[i].ports);
	}
}

static void cut_pieces(struct work *w)
{
	for (size_t i = 0; i < w->n_rules; i++) {
		const struct port_range *r = &w->rules[i].ports;
		char text[24];

		w->families[w->rules[i].prefix.family] = true;
		if (!w->rules[i].any_port && !guards_any(w, r))
			import_note(w->im, IMPORT_LOST, w->rules[i].item.line,
				    port_range_text(r, text),
				    "rules for ports that no service of the config guards");
		w->cut[r->protocol][r->low] = true;
		w->cut[r->protocol][r->high + 1] = true;
	}
}

static int make_pieces(struct work *w)
{
	w->pieces = calloc(PIECES_MAX, sizeof(*w->pieces));
	if (!w->pieces)
		return -ENOMEM;
	for (int protocol = 0; protocol < AXP_PROTOCOLS; protocol++) {
		bool *guarded = w->guarded[protocol];

		for (unsigned int port = 1; port < PORTS; port++) {
			struct piece *last = &w->pieces[w->n_pieces ? w->n_pieces - 1 : 0];

			if (!guarded[port])
				continue;
			if (w->cut[protocol][port] || !guarded[port - 1] || !w->n_pieces ||
			    last->ports.protocol != protocol) {
				last = &w->pieces[w->n_pieces++];
				last->ports.low = (uint16_t)port;
				last->ports.protocol = (uint8_t)protocol;
			}
			last->ports.high = (uint16_t)port;
			w->piece_of[protocol][port] = (uint32_t)w->n_pieces; /* its number + 1 */
		}
	}
	return 0;
}

/* Calls for each piece that a rule covers. Returns how many there are. */
static size_t each_piece(struct work *w, const struct import_rule *r, uint32_t rule, bool put)
{
	size_t n = 0;

	for (unsigned int port = r->ports.low; port <= r->ports.high; port++) {
		uint32_t number = w->piece_of[r->ports.protocol][port];
		struct piece *p;

		if (!number)
			continue;
		p = &w->pieces[number - 1];
		if (put)
			w->spread[p->first + p->n] = rule;
		p->n++;
		port = p->ports.high;
		n++;
	}
	return n;
}

/* Puts the rules of each piece together, in their order. */
static int spread_rules(struct work *w, struct error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_rules && n < SPREAD_MAX; i++)
		n += each_piece(w, &w->rules[i], 0, false);
	if (n >= SPREAD_MAX) {
		import_error(w->im, 0, err,
			     "its ports overlap in too many ways: import it in parts, or guard "
			     "fewer ports (-c CONFIG)");
		return -E2BIG;
	}
	w->spread = calloc(n + 1, sizeof(*w->spread));
	if (!w->spread)
		return no_memory(err);
	n = 0;
	for (size_t i = 0; i < w->n_pieces; i++) {
		w->pieces[i].first = (uint32_t)n;
		n += w->pieces[i].n;
		w->pieces[i].n = 0;
	}
	for (size_t i = 0; i < w->n_rules; i++)
		each_piece(w, &w->rules[i], (uint32_t)i, true);
	return 0;
}

/* By prefix, then as they stood there; sets last. */
static int rule_order(const void *a, const void *b, void *arg)
{
	const struct import_rule *rules = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct import_rule *r = &rules[x], *s = &rules[y];
	int order = 0;

	if ((r->set >= 0) != (s->set >= 0))
		return r->set >= 0 ? 1 : -1;
	if (r->set >= 0)
		order = r->set < s->set ? -1 : r->set > s->set;
	else
		order = prefix_compare(&r->prefix, &s->prefix);
	return order ? order : x < y ? -1 : x > y;
}

/* The first rule of its family that fits every source; or UINT32_MAX. */
static uint32_t first_of_all(const struct work *w, const uint32_t *v, size_t n, uint8_t family)
{
	uint32_t first = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		const struct import_rule *r = &w->rules[v[i]];

		if (r->set < 0 && r->prefix.family == family && !r->prefix.len && v[i] < first)
			first = v[i];
	}
	return first;
}

/*
 * Leaves the rules that make a difference where the most specific one decides. One that a rule
 * before it covers is never come to; a drop within nothing that is let in says what holds anyway.
 */
static size_t keep_first(const struct work *w, uint32_t *v, size_t n)
{
	uint32_t stack[130];
	uint32_t all[AXP_FAMILIES];
	size_t depth = 0, kept = 0;

	for (uint8_t f = 0; f < AXP_FAMILIES; f++)
		all[f] = first_of_all(w, v, n, f);
	for (size_t i = 0; i < n; i++) {
		const struct import_rule *r = &w->rules[v[i]], *above;
		uint32_t rule = v[i];

		if (r->set >= 0) {
			if (rule < all[r->prefix.family])
				v[kept++] = rule;
			continue;
		}
		while (depth && !prefix_covers(&w->rules[stack[depth - 1]].prefix, &r->prefix))
			depth--;
		above = depth ? &w->rules[stack[depth - 1]] : NULL;
		if (above && stack[depth - 1] < rule)
			continue;
		if (depth < ARRAY_SIZE(stack))
			stack[depth++] = rule;
		if (!r->item.carve || (above && !above->item.carve))
			v[kept++] = rule;
	}
	return kept;
}

/* Without the same twice. */
static size_t keep_distinct(const struct work *w, uint32_t *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct import_rule *r = &w->rules[v[i]];
		const struct import_rule *last = kept ? &w->rules[v[kept - 1]] : NULL;

		if (last && last->set == r->set &&
		    (r->set >= 0 || !prefix_compare(&last->prefix, &r->prefix)))
			continue;
		v[kept++] = v[i];
	}
	return kept;
}

static bool same_rule(const struct import_rule *a, const struct import_rule *b)
{
	return a->set == b->set &&
	       (a->set >= 0 || (!prefix_compare(&a->prefix, &b->prefix) &&
				a->item.carve == b->item.carve && a->item.until == b->item.until));
}

static uint64_t hash_rules(const struct work *w, const uint32_t *v, size_t n)
{
	uint64_t hash = n;

	for (size_t i = 0; i < n; i++) {
		const struct import_rule *r = &w->rules[v[i]];
		uint64_t words[2] = { (uint64_t)(r->set + 1), r->item.carve };

		if (r->set < 0)
			memcpy(words, r->prefix.addr, sizeof(words));
		hash = (hash ^ words[0]) * 0x9e3779b97f4a7c15ULL;
		hash = (hash ^ words[1] ^ r->prefix.len) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return hash;
}

static struct group *find_group(struct work *w, uint64_t hash, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < w->n_groups; i++) {
		struct group *g = &w->groups[i];
		size_t j = 0;

		if (g->hash != hash || g->n != n)
			continue;
		while (j < n && same_rule(&w->rules[w->spread[g->first + j]], &w->rules[v[j]]))
			j++;
		if (j == n)
			return g;
	}
	return NULL;
}

static int add_ports(struct group *g, const struct port_range *ports)
{
	struct port_range *last = g->n_ports ? &g->ports[g->n_ports - 1] : NULL, *v;

	if (last && last->protocol == ports->protocol && last->high + 1 == ports->low) {
		last->high = ports->high;
		return 0;
	}
	v = reallocarray(g->ports, g->n_ports + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	g->ports = v;
	v[g->n_ports++] = *ports;
	return 0;
}

/*
 * Does everybody reach it, by every family that anybody reaches it by? A few that are dropped make
 * no allowlist of it; a rule that drops all but some does.
 */
static bool open_to_all(const struct work *w, const uint32_t *v, size_t n)
{
	bool open[AXP_FAMILIES] = { false }, some[AXP_FAMILIES] = { false };
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		const struct import_rule *r = &w->rules[v[i]];

		if (r->unless)
			return false;
		if (!r->item.carve)
			some[r->prefix.family] = true;
		if (r->set < 0 && !r->prefix.len && !r->item.carve)
			open[r->prefix.family] = true;
	}
	for (int f = 0; f < AXP_FAMILIES; f++) {
		if (some[f] && !open[f])
			return false;
		any |= open[f];
	}
	return any;
}

static bool lets_in(const struct work *w, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (w->rules[v[i]].set >= 0 || !w->rules[v[i]].item.carve)
			return true;
	}
	return false;
}

static size_t reduce(const struct work *w, uint32_t *v, size_t n)
{
	qsort_r(v, n, sizeof(*v), rule_order, (void *)(uintptr_t)w->rules);
	if (w->how->first_match)
		n = keep_first(w, v, n);
	return keep_distinct(w, v, n);
}

static int group_piece(struct work *w, struct piece *p, struct error *err)
{
	uint32_t *v = w->spread + p->first;
	size_t n = reduce(w, v, p->n);
	uint64_t hash = hash_rules(w, v, n);
	unsigned int line = p->n ? w->rules[v[0]].item.line : 0;
	struct group *g;
	char text[24];

	port_range_text(&p->ports, text);
	if (w->how->first_match && open_to_all(w, v, n)) {
		import_note(w->im, IMPORT_KNOW, line, text,
			    "ports are open to everybody: no service is made of them");
		return 0;
	}
	if (!lets_in(w, v, n)) {
		import_note(w->im, IMPORT_KNOW, line, text,
			    "nobody is let in to ports: no service is made of them");
		return 0;
	}
	g = find_group(w, hash, v, n);
	if (!g) {
		if (w->n_groups == ARRAY_SIZE(w->groups)) {
			import_error(w->im, line, err,
				     "more than %zu groups of ports with sources of their own: "
				     "import it in parts",
				     ARRAY_SIZE(w->groups));
			return -E2BIG;
		}
		g = &w->groups[w->n_groups++];
		*g = (struct group){ .hash = hash, .first = p->first, .n = (uint32_t)n };
	}
	return add_ports(g, &p->ports) ? no_memory(err) : 0;
}

/* "trunk-udp-5060", "udp-10000-20000-and-3-more" */
static void name_group(const struct work *w, const struct group *g,
		       char name[static POLICY_NAME_MAX + 1])
{
	const char *start = w->how->name;
	char ports[24], more[32] = "";

	port_range_text(&g->ports[0], ports);
	ports[3] = '-';
	if (g->n_ports > 1)
		snprintf(more, sizeof(more), "-and-%zu-more", g->n_ports - 1);
	snprintf(name, POLICY_NAME_MAX + 1, "%.20s%s%s%.12s", start, *start ? "-" : "", ports,
		 more);
}

/* Everybody, but for holes: what is left of it, in place of that. */
static int push_rest(struct work *w, int list, const struct policy *p, struct error *err)
{
	int rc = 0;

	for (uint8_t family = AXP_IPV4; family <= AXP_IPV6 && !rc; family++) {
		struct export_pieces pieces _cleanup_export_pieces_ = { 0 };

		rc = export_cut(p, 0, family, &pieces);
		for (size_t i = 0; i < pieces.n && !rc; i++) {
			struct import_item item = { .label = pieces.v[i].label };

			rc = import_push(w->im, list, prefix_range_of(&pieces.v[i].prefix), &item,
					 err);
		}
	}
	return rc ? no_memory(err) : 0;
}

static int push_everybody_but(struct work *w, int list, const uint32_t *v, size_t n,
			      struct error *err)
{
	struct policy p _cleanup_policy_ = { 0 };
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		const struct import_rule *r = &w->rules[v[i]];
		struct entry e = { .prefix = r->prefix,
				   .flags = r->item.carve ? ENTRY_CARVE : 0,
				   .label = r->item.label };

		if (r->set < 0)
			rc = entries_push(&p.base, &e);
	}
	return rc ? no_memory(err) : push_rest(w, list, &p, err);
}

static bool has_everybody(const struct work *w, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct import_rule *r = &w->rules[v[i]];

		if (r->set < 0 && !r->prefix.len && !r->item.carve)
			return true;
	}
	return false;
}

/* A list of the rules that name prefixes; -1: there are none. */
static int make_list(struct work *w, const char *name, const uint32_t *v, size_t n,
		     struct error *err)
{
	bool holes = false, sets = false, all = has_everybody(w, v, n);
	int list = -1, rc;

	for (size_t i = 0; i < n; i++) {
		const struct import_rule *r = &w->rules[v[i]];

		sets |= r->set >= 0;
		if (r->set >= 0)
			continue;
		holes |= r->item.carve;
		if (list < 0)
			list = import_new_list(w->im, name, w->how->origin, 0, err);
		if (list < 0)
			return list;
		rc = all ? 0 : import_push(w->im, list, prefix_range_of(&r->prefix), &r->item, err);
		if (rc)
			return rc;
	}
	if (all) {
		rc = push_everybody_but(w, list, v, n, err);
		if (rc)
			return rc;
	}
	if (holes && sets)
		import_note(w->im, IMPORT_KNOW, 0, name,
			    "what a list carves out is still let in by the set beside it");
	return list;
}

static int emit(struct work *w, const struct group *g, struct error *err)
{
	const uint32_t *v = w->spread + g->first;
	char name[POLICY_NAME_MAX + 1];
	int service, list;

	name_group(w, g, name);
	list = make_list(w, name, v, g->n, err);
	if (list < -1)
		return list;
	service = import_new_service(w->im, name, g->ports, g->n_ports, err);
	if (service < 0)
		return service;
	if (list >= 0)
		import_allow(w->im, service, list);
	for (size_t i = 0; i < g->n; i++) {
		if (w->rules[v[i]].set >= 0)
			import_allow(w->im, service, w->rules[v[i]].set);
	}
	return 0;
}

/* Rules, and not one names a port: a list that no service uses yet. */
static int emit_without_ports(struct work *w, struct error *err)
{
	_cleanup_free_ uint32_t *v = calloc(w->n_rules + 1, sizeof(*v));
	size_t n = 0;
	int list;

	if (!v)
		return no_memory(err);
	for (size_t i = 0; i < w->n_rules; i++) {
		/* They are there for TCP and for UDP. */
		if (w->rules[i].ports.protocol == AXP_TCP)
			v[n++] = (uint32_t)i;
	}
	for (size_t i = 0; !n && i < w->n_rules; i++)
		v[n++] = (uint32_t)i;
	n = reduce(w, v, n);
	if (!lets_in(w, v, n) || open_to_all(w, v, n))
		return 0;
	list = make_list(w, *w->how->name ? w->how->name : "sources", v, n, err);
	return list < -1 ? list : 0;
}

int import_port_groups(struct import *im, const struct import_rules *rules,
		       const struct import_port_groups *how, struct error *err)
{
	struct work *w _cleanup_(work_free) = calloc(1, sizeof(*w));
	int rc;

	if (!rules->n)
		return 0;
	if (!w)
		return no_memory(err);
	w->im = im;
	w->how = how;
	w->rules = rules->v;
	w->n_rules = rules->n;
	find_guarded(w);
	cut_pieces(w);
	if (make_pieces(w))
		return no_memory(err);
	if (!w->n_pieces)
		return emit_without_ports(w, err);
	if (how->first_match && w->families[AXP_IPV4] != w->families[AXP_IPV6])
		import_note(im, IMPORT_KNOW, 0, NULL,
			    "there are rules of %s alone: the services made here refuse all of %s",
			    w->families[AXP_IPV4] ? "IPv4" : "IPv6",
			    w->families[AXP_IPV4] ? "IPv6" : "IPv4");
	rc = spread_rules(w, err);
	for (size_t i = 0; !rc && i < w->n_pieces; i++)
		rc = group_piece(w, &w->pieces[i], err);
	for (size_t i = 0; !rc && i < w->n_groups; i++)
		rc = emit(w, &w->groups[i], err);
	return rc;
}
