// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "check.h"

/* The switch of a source, or of all: places in the lane's order. */
struct point {
	uint64_t last_old, first_new; /* number from 1; 0: none was seen */
	uint32_t old_class, new_class;
};

void check_violation(struct check *c, const char *fmt, ...)
{
	va_list args;

	c->violations++;
	if (c->texts == CHECK_TEXTS)
		return;
	va_start(args, fmt);
	vsnprintf(c->text[c->texts++], CHECK_TEXT, fmt, args);
	va_end(args);
}

/* What arrived of a class; its count is 0 where the record is of another epoch. */
static struct hl_record arrived(struct check *c, const struct span *s, uint32_t class)
{
	struct hl_record r = s->records[class * 2 + (s->epoch & 1)];

	if (r.epoch != s->epoch)
		r = (struct hl_record){ .epoch = s->epoch };
	c->sent[class] += s->rounds;
	c->arrived[class] += r.count;
	return r;
}

/* Exactly these rounds and no other. */
static bool is_run(const struct hl_record *r, uint32_t first, uint32_t count)
{
	if (r->count != count || r->disorder)
		return false;
	return !count || (r->first == first && r->last == first + count - 1);
}

static void violation(struct check *c, const struct span *s, uint32_t class,
		      const struct hl_record *r, const char *what)
{
	check_violation(
		c,
		"class %u, lane %u, epoch %u: %s: of rounds %u to %u arrived %u, from %u to "
		"%u, %u out of order",
		class, s->lane, s->epoch, what, s->first, s->first + s->rounds - 1, r->count,
		r->first, r->last, r->disorder);
}

static void still(struct check *c, const struct span *s, uint32_t class, bool pass)
{
	struct hl_record r = arrived(c, s, class);

	if (!is_run(&r, s->first, pass ? s->rounds : 0))
		violation(c, s, class, &r, pass ? "must all arrive" : "none may arrive");
}

/* Number, from 1, of a packet in its lane. */
static uint64_t place(const struct check *c, uint32_t class, uint32_t round)
{
	return (uint64_t)round * c->n + class + 1;
}

static void note(const struct check *c, struct point *p, uint32_t class, const struct span *s,
		 uint32_t old_rounds)
{
	if (old_rounds) {
		uint64_t at = place(c, class, s->first + old_rounds - 1);

		if (at > p->last_old) {
			p->last_old = at;
			p->old_class = class;
		}
	}
	if (old_rounds < s->rounds) {
		uint64_t at = place(c, class, s->first + old_rounds);

		if (!p->first_new || at < p->first_new) {
			p->first_new = at;
			p->new_class = class;
		}
	}
}

/* A class whose verdict changes: first all rounds the old one, then all the new one. */
static void one_switch(struct check *c, const struct span *s, uint32_t class, bool to_pass,
		       struct point *p)
{
	struct hl_record r = arrived(c, s, class);
	uint32_t old_rounds = to_pass ? s->rounds - r.count : r.count;
	uint32_t first = to_pass ? s->first + old_rounds : s->first;

	if (r.count > s->rounds || !is_run(&r, first, r.count)) {
		violation(c, s, class, &r, "one switch, no gap");
		return;
	}
	note(c, p, class, s, old_rounds);
}

static void check_point(struct check *c, const struct span *s, const struct point *p)
{
	if (!p->last_old || !p->first_new)
		return;
	if (p->last_old > p->first_new) {
		check_violation(c,
				"lane %u, epoch %u: class %u has the old verdict at packet %llu, "
				"after class %u had the new one at %llu",
				s->lane, s->epoch, p->old_class, (unsigned long long)p->last_old,
				p->new_class, (unsigned long long)p->first_new);
		return;
	}
	c->switches++;
	if (!c->tightest || p->first_new - p->last_old < c->tightest)
		c->tightest = p->first_new - p->last_old;
}

void check_change(struct check *c, const struct span *s, const struct verdicts *before,
		  const struct verdicts *after, bool together)
{
	struct point points[HL_CLASSES] = { 0 };

	for (uint32_t class = 0; class < c->n; class ++) {
		uint32_t point = together ? 0 : c->source[class];

		if (before->pass[class] == after->pass[class])
			still(c, s, class, after->pass[class]);
		else
			one_switch(c, s, class, after->pass[class], &points[point]);
	}
	for (uint32_t point = 0; point < c->n; point++)
		check_point(c, s, &points[point]);
}
