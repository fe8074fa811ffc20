// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include "missing.h"
#include "origin.h"

/* Which sources have brought an entry. Neighbours mostly come from the same. */
static void mark_sources(const struct policy *p, bool *brought)
{
	const struct entry *last = NULL;

	for (size_t i = 0; i < p->base.n && p->n_sources; i++) {
		const struct entry *e = &p->base.v[i];
		const struct news_source *s;

		if (!(e->flags & ENTRY_NEWS) ||
		    (last && last->source == e->source && last->list == e->list))
			continue;
		last = e;
		s = origin_source(p, e);
		if (s)
			brought[s - p->sources] = true;
	}
}

static bool find_unpublished(const struct policy *p, const struct list_size *size,
			     struct missing *m)
{
	if (!m->list->unpublished || size->positive)
		return false;
	snprintf(m->text, sizeof(m->text), "is empty, for nothing is published: %s",
		 policy_string(p, m->list->unpublished));
	return true;
}

static void find_unknown(const struct policy *p, struct missing *m)
{
	snprintf(m->text, sizeof(m->text),
		 "has nothing of %s yet: `allowxdp run` asks for it as long as it runs",
		 policy_string(p, m->source->origin));
}

void missing_each(const struct policy *p, void (*fn)(const struct missing *m, void *arg), void *arg)
{
	struct list_size sizes[POLICY_MAX_LISTS];
	bool brought[POLICY_MAX_SOURCES] = { false };

	policy_list_samples(p, sizes);
	mark_sources(p, brought);
	for (size_t i = 0; i < p->n_lists; i++) {
		struct missing m = { .list = &p->lists[i] };

		if (find_unpublished(p, &sizes[i], &m))
			fn(&m, arg);
		for (size_t k = 0; k < p->n_sources; k++) {
			if (p->sources[k].list != i || brought[k])
				continue;
			m.source = &p->sources[k];
			find_unknown(p, &m);
			fn(&m, arg);
		}
	}
}

static void warn(const struct missing *m, void *arg)
{
	(void)arg;
	if (!m->source)
		warn_line("list %s %s", m->list->name, m->text);
}

void missing_warn(const struct policy *p)
{
	missing_each(p, warn, NULL);
}
