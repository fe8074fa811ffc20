// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lint.h"
#include "missing.h"
#include "nesting.h"
#include "special.h"

#define LINT_NAME(symbol, name, serious)    [LINT_##symbol] = name,
#define LINT_SERIOUS(symbol, name, serious) [LINT_##symbol] = serious,
static const char *const names[] = { LINT_LIST(LINT_NAME) };
static const bool seriousness[] = { LINT_LIST(LINT_SERIOUS) };

const char *lint_name(enum lint_kind kind)
{
	return names[kind];
}

bool lint_serious(enum lint_kind kind)
{
	return seriousness[kind];
}

void lint_free(struct lint *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].text);
	l->n = 0;
}

struct walk {
	struct lint *lint;
	const struct policy *policy;
	struct nesting nesting;
	size_t base, added; /* how far in each */
	size_t limit;       /* in base: no added entry comes before it */
	int failed;
	bool positive[POLICY_MAX_LISTS];
	bool sourced[POLICY_MAX_LISTS]; /* there are sources of it */
};

static void walk_free(struct walk *w)
{
	nesting_free(&w->nesting);
}

/* Is this one of those to be kept? All are counted. */
static bool wanted(struct lint *l, enum lint_kind kind)
{
	l->total++;
	return l->counts[kind]++ < LINT_KEPT;
}

static int __attribute__((format(printf, 5, 6)))
keep(struct lint *l, enum lint_kind kind, uint32_t file, uint32_t line, const char *fmt, ...)
{
	struct lint_warning *v = &l->v[l->n];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&v->text, fmt, args);
	va_end(args);
	if (n < 0)
		return -ENOMEM;
	v->kind = kind;
	v->file = file;
	v->line = line;
	l->n++;
	return 0;
}

/* "!PREFIX of list NAME" */
struct subject_text {
	char text[PREFIX_TEXT_MAX + POLICY_NAME_MAX + 16];
};

static struct subject_text subject(const struct policy *p, const struct entry *e)
{
	char prefix[PREFIX_TEXT_MAX];
	struct subject_text s;

	snprintf(s.text, sizeof(s.text), "%s%s of list %s", e->flags & ENTRY_CARVE ? "!" : "",
		 prefix_text(&e->prefix, prefix), p->lists[e->list].name);
	return s;
}

/* How it is taken out. */
struct removal {
	char text[PREFIX_TEXT_MAX + POLICY_NAME_MAX + 32];
};

static struct removal removal(const struct policy *p, const struct entry *e)
{
	char prefix[PREFIX_TEXT_MAX];
	struct removal r = { "remove it" };

	if (e->flags & ENTRY_COMMAND)
		snprintf(r.text, sizeof(r.text), "allowxdp remove %s %s%s", p->lists[e->list].name,
			 e->flags & ENTRY_CARVE ? "!" : "", prefix_text(&e->prefix, prefix));
	return r;
}

static int look_at_translated(struct walk *w, const struct entry *e)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix behind;

	if (!wanted(w->lint, LINT_NAT64))
		return 0;
	if (prefix_translated(&e->prefix, &behind) && behind.len)
		return keep(w->lint, LINT_NAT64, e->source, e->line,
			    "%s is IPv4 as behind a translator (RFC 6052): list %s, unless this "
			    "host sees IPv4 peers so",
			    subject(w->policy, e).text, prefix_text(&behind, text));
	return keep(w->lint, LINT_NAT64, e->source, e->line,
		    "%s lets in whoever comes through a NAT64 (64:ff9b::/96, RFC 6052), all of "
		    "IPv4: list what is needed of it",
		    subject(w->policy, e).text);
}

static int look_at_range(struct walk *w, const struct entry *e)
{
	const struct reserved r = prefix_special(&e->prefix);
	enum lint_kind kind = r.kind == RESERVED_EXAMPLES ? LINT_DOCUMENTATION : LINT_RESERVED;

	if (r.kind == RESERVED_TRANSLATED)
		return look_at_translated(w, e);
	if (r.kind != RESERVED_NONE) {
		if (!wanted(w->lint, kind))
			return 0;
		return keep(w->lint, kind, e->source, e->line,
			    "%s is %s, where nobody calls from: write the address that is meant, "
			    "or %s",
			    subject(w->policy, e).text, r.what, removal(w->policy, e).text);
	}
	if (!prefix_too_wide(&e->prefix) || !wanted(w->lint, LINT_TOO_WIDE))
		return 0;
	return keep(w->lint, LINT_TOO_WIDE, e->source, e->line,
		    "%s is too wide, shorter than /%d: list what is needed of it",
		    subject(w->policy, e).text,
		    e->prefix.family == AXP_IPV4 ? WIDE_IPV4 : WIDE_IPV6);
}

static int repeats(struct walk *w, const struct entry *e, uint32_t file, uint32_t line)
{
	if (!wanted(w->lint, LINT_DUPLICATE))
		return 0;
	return keep(w->lint, LINT_DUPLICATE, e->source, e->line,
		    "%s is there already (%s:%u), and the first one counts: %s",
		    subject(w->policy, e).text, policy_string(w->policy, file), line,
		    removal(w->policy, e).text);
}

/* Inside another one of its list, and so without effect. */
static int look_at_nesting(struct walk *w, const struct entry *e)
{
	const struct policy *p = w->policy;
	const struct entry *c = nesting_decides(&w->nesting, e->list, e, p->now);
	char outer[PREFIX_TEXT_MAX];

	if (!c || c->flags & ENTRY_NEWS) /* which may be gone tomorrow */
		return 0;
	if (c->prefix.len == e->prefix.len)
		return repeats(w, e, c->source, c->line);
	if (!wanted(w->lint, LINT_COVERED))
		return 0;
	return keep(w->lint, LINT_COVERED, e->source, e->line,
		    "%s makes no difference, inside %s (%s:%u): %s", subject(p, e).text,
		    prefix_text(&c->prefix, outer), policy_string(p, c->source), c->line,
		    removal(p, e).text);
}

static int look_at_hole(struct walk *w, const struct entry *e)
{
	const struct policy *p = w->policy;
	const struct entry *c = nesting_nearest(&w->nesting, e->list, p->now);

	if (c && (!(c->flags & ENTRY_CARVE) || !entry_outlasts(c, e)))
		return 0;
	if (!c && w->sourced[e->list]) /* what it cuts into may come */
		return 0;
	if (c && c->prefix.len == e->prefix.len)
		return repeats(w, e, c->source, c->line);
	if (!wanted(w->lint, LINT_IDLE_HOLE))
		return 0;
	return keep(w->lint, LINT_IDLE_HOLE, e->source, e->line,
		    "%s is a hole in nothing: no entry around it lists it: %s", subject(p, e).text,
		    removal(p, e).text);
}

static int look_at(struct walk *w, const struct entry *e)
{
	int rc;

	if (entry_expired(w->policy, e))
		return 0;
	if (e->flags & ENTRY_CARVE)
		return e->flags & ENTRY_NEWS ? 0 : look_at_hole(w, e);
	w->positive[e->list] = true;
	if (e->flags & ENTRY_NEWS) /* guarded where it is brought */
		return 0;
	rc = look_at_range(w, e);
	if (!rc && w->nesting.last[e->list])
		rc = look_at_nesting(w, e);
	return rc;
}

/* Both kinds of entries in one order; of two alike the one of a file first. NULL: that was all. */
static const struct entry *peek(const struct walk *w)
{
	const struct entries *base = &w->policy->base, *added = &w->policy->added;
	const struct entry *b = w->base < base->n ? &base->v[w->base] : NULL;
	const struct entry *a = w->added < added->n ? &added->v[w->added] : NULL;
	int order;

	if (!a || !b)
		return b ? b : a;
	order = prefix_compare(&b->prefix, &a->prefix);
	return order > 0 || (!order && b->list > a->list) ? a : b;
}

static const struct entry *take(struct walk *w)
{
	const struct entry *e = peek(w);

	if (e && w->base < w->policy->base.n && e == &w->policy->base.v[w->base])
		w->base++;
	else if (e)
		w->added++;
	return e;
}

static uint64_t half(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return be64toh(word);
}

/* As prefix_covers() says of the one behind it, where the length is not 0. */
static bool covers_next(const struct prefix *p, const struct prefix *next)
{
	uint64_t differs = half(p->addr) ^ half(next->addr);

	if (p->family != next->family)
		return false;
	if (p->len <= 64)
		return !(differs >> (64 - p->len));
	return !differs && !((half(p->addr + 8) ^ half(next->addr + 8)) >> (128 - p->len));
}

/* Long lists are made of entries that nothing is to be said of. */
static bool is_plain(const struct entry *e, const struct entry *next)
{
	return !e->flags && !e->until && !prefix_too_wide(&e->prefix) &&
	       !prefix_may_be_special(&e->prefix) && !covers_next(&e->prefix, &next->prefix);
}

/* Where nothing is open, and no added entry comes in between. */
static void skip_plain(struct walk *w)
{
	const struct entries *base = &w->policy->base, *added = &w->policy->added;

	if (w->limit <= w->base)
		w->limit = w->added < added->n
				   ? entries_lower_bound(base, &added->v[w->added].prefix)
				   : base->n;
	for (; w->base + 1 < w->limit && is_plain(&base->v[w->base], &base->v[w->base + 1]);
	     w->base++)
		w->positive[base->v[w->base].list] = true;
}

/* Of two alike, one of them added, the one that lasts longer stands for both. */
static int enter(struct walk *w, const struct entry *e)
{
	const struct entry *c = nesting_nearest(&w->nesting, e->list, w->policy->now);

	if (c && c->prefix.len == e->prefix.len && entry_outlasts(c, e))
		return 0;
	return nesting_enter(&w->nesting, e);
}

static int look_at_entries(struct walk *w)
{
	const struct entry *e, *next;
	int rc = 0;

	while (!rc) {
		if (!w->nesting.covering.n)
			skip_plain(w);
		e = take(w);
		if (!e)
			break;
		if (w->nesting.covering.n)
			nesting_leave(&w->nesting, &e->prefix);
		rc = look_at(w, e);
		next = peek(w);
		if (!rc && next && prefix_covers(&e->prefix, &next->prefix))
			rc = enter(w, e);
	}
	return rc;
}

/* Those that were dropped when the entries were sorted. */
static int look_at_repeats(struct walk *w)
{
	const struct repeats *r = &w->policy->repeats;
	int rc = 0;

	for (size_t i = 0; i < r->n && i < REPEATED_KEPT && !rc; i++)
		rc = repeats(w, &r->v[i].entry, r->v[i].first_source, r->v[i].first_line);
	if (r->n > REPEATED_KEPT) {
		w->lint->counts[LINT_DUPLICATE] += r->n - REPEATED_KEPT;
		w->lint->total += r->n - REPEATED_KEPT;
	}
	return rc;
}

static void look_at_missing(const struct missing *m, void *arg)
{
	const struct news_source *s = m->source;
	struct walk *w = arg;
	enum lint_kind kind = s ? LINT_NO_ADDRESS : LINT_MISSING;

	if (w->failed || !wanted(w->lint, kind))
		return;
	w->failed = keep(w->lint, kind, s ? s->file : m->list->source, s ? s->line : m->list->line,
			 "list %s %s", m->list->name, m->text);
}

static bool is_allowed(const struct policy *p, size_t list)
{
	for (size_t s = 0; s < p->n_services; s++) {
		if (allows(&p->services[s], list))
			return true;
	}
	return false;
}

static int look_at_list(struct walk *w, size_t i)
{
	const struct policy *p = w->policy;
	const struct list *list = &p->lists[i];

	if (is_allowed(p, i) || !wanted(w->lint, LINT_UNUSED_LIST))
		return 0;
	return keep(w->lint, LINT_UNUSED_LIST, list->source, list->line,
		    "no service allows list %s: write it under `allow` of one, or remove it",
		    list->name);
}

static int look_at_service(struct walk *w, const struct service *s)
{
	const struct policy *p = w->policy;
	bool any = false;

	for (size_t i = 0; i < p->n_lists; i++) {
		if (!allows(s, i))
			continue;
		if (w->positive[i])
			return 0;
		any = true;
	}
	if (!wanted(w->lint, LINT_UNREACHABLE))
		return 0;
	return keep(
		w->lint, LINT_UNREACHABLE, p->config, s->line, "service %s %s: enforced, %s: %s",
		s->name, any ? "has no entry in any of its lists" : "allows no list",
		s->direction == AXP_OUT ? "it lets this host talk to nobody" : "it drops everyone",
		any ? "add entries to one of them" : "name its lists under `allow`");
}

int lint_make(struct lint *l, const struct policy *p)
{
	struct walk w __attribute__((cleanup(walk_free))) = { .lint = l, .policy = p };
	int rc;

	for (size_t i = 0; i < p->n_sources; i++)
		w.sourced[p->sources[i].list] = true;
	rc = look_at_entries(&w);
	if (!rc)
		rc = look_at_repeats(&w);
	missing_each(p, look_at_missing, &w);
	for (size_t i = 0; i < p->n_lists && !rc; i++)
		rc = look_at_list(&w, i);
	for (size_t i = 0; i < p->n_services && !rc; i++)
		rc = look_at_service(&w, &p->services[i]);
	return rc ? rc : w.failed;
}
