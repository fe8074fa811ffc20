// SPDX-License-Identifier: GPL-2.0-or-later
#include "missing.h"
#include "doctor.h"

static void tell(const struct missing *m, void *arg)
{
	struct doctor *d = arg;

	finding(d, FINDING_WARNING, "lists", NULL, "list %s %s", m->list->name, m->text);
	if (m->source)
		finding_fix(d, "allowxdp run");
	else
		finding_fix(d, "allowxdp add %s PREFIX --label 'WHO SAID SO, WHEN'", m->list->name);
}

void doctor_lists(struct doctor *d)
{
	if (d->policy)
		missing_each(d->policy, tell, d);
}
