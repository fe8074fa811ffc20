// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include "origin.h"

const char *origin_text(const struct policy *p, const struct entry *e, char *buf, size_t n)
{
	if (e->flags & ENTRY_COMMAND)
		snprintf(buf, n, "command");
	else if (e->flags & ENTRY_NEWS)
		snprintf(buf, n, "%s", policy_string(p, e->source));
	else
		snprintf(buf, n, "%s:%u", policy_string(p, e->source), e->line);
	return buf;
}

const struct news_source *origin_source(const struct policy *p, const struct entry *e)
{
	for (size_t i = 0; e->flags & ENTRY_NEWS && i < p->n_sources; i++) {
		if (p->sources[i].list == e->list && p->sources[i].origin == e->source)
			return &p->sources[i];
	}
	return NULL;
}

void origin_place(const struct policy *p, const struct entry *e, const char **file, uint32_t *line)
{
	const struct news_source *s = origin_source(p, e);

	*file = policy_string(p, s ? p->config : e->source);
	*line = s ? s->line : e->line;
}
