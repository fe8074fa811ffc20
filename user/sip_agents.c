// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sip_agents.h"

enum { FIRST_CAP = 64 };

void sip_agents_free(struct sip_agents *a)
{
	free(a->v);
	memset(a, 0, sizeof(*a));
}

/* Where it stands, or would. */
static size_t place(const struct sip_agents *a, const struct prefix *source)
{
	size_t low = 0, high = a->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (prefix_compare(&a->v[middle].source, source) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int make_room(struct sip_agents *a)
{
	size_t cap = a->cap ? 2 * a->cap : FIRST_CAP;
	struct sip_agent_of *v;

	if (a->n < a->cap)
		return 0;
	v = realloc(a->v, cap * sizeof(*v));
	if (!v)
		return -ENOMEM;
	a->v = v;
	a->cap = cap;
	return 0;
}

static void set(struct sip_agent_of *e, const char *agent)
{
	snprintf(e->text, sizeof(e->text), "%s", agent);
	e->scans = sip_agent_scans(agent);
}

int sip_agents_note(struct sip_agents *a, const struct prefix *source, const char *agent)
{
	size_t at = place(a, source);

	if (at < a->n && !prefix_compare(&a->v[at].source, source)) {
		if (!a->v[at].scans && sip_agent_scans(agent))
			set(&a->v[at], agent);
		return 0;
	}
	if (a->n == SIP_AGENTS_MAX) {
		a->not_noted++;
		return 0;
	}
	if (make_room(a))
		return -ENOMEM;
	memmove(&a->v[at + 1], &a->v[at], (a->n - at) * sizeof(*a->v));
	a->n++;
	a->v[at].source = *source;
	set(&a->v[at], agent);
	return 0;
}

const struct sip_agent_of *sip_agents_find(const struct sip_agents *a, const struct prefix *source)
{
	size_t at = place(a, source);

	return at < a->n && !prefix_compare(&a->v[at].source, source) ? &a->v[at] : NULL;
}
