// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include "missing.h"

void missing_each(const struct policy *p, void (*fn)(const struct missing *m, void *arg), void *arg)
{
	struct list_size sizes[POLICY_MAX_LISTS];
	struct missing m;

	policy_list_samples(p, sizes);
	for (size_t i = 0; i < p->n_lists; i++) {
		m.list = &p->lists[i];
		if (!m.list->unpublished || sizes[i].positive)
			continue;
		snprintf(m.text, sizeof(m.text), "is empty, for nothing is published: %s",
			 policy_string(p, m.list->unpublished));
		fn(&m, arg);
	}
}

static void warn(const struct missing *m, void *arg)
{
	(void)arg;
	warn_line("list %s %s", m->list->name, m->text);
}

void missing_warn(const struct policy *p)
{
	missing_each(p, warn, NULL);
}
