// SPDX-License-Identifier: GPL-2.0-or-later
/* Is the instance still attached to what it was loaded on? */
#include "cleanup.h"
#include "doctor.h"
#include "interfaces.h"

static void check_place(struct doctor *d, const struct attachment *a)
{
	char state[INTERFACE_STATE_MAX];

	if (!interface_state(a, state)[0])
		return;
	finding(d, a->attached ? FINDING_NOTE : FINDING_PROBLEM, "attached", a->interface,
		"instance %s: it %s", d->paths->instance, state);
	if (interface_is_back(a))
		finding_fix(d, "allowxdp load %s", a->interface);
	else if (!a->attached)
		finding_fix(d, "allowxdp unload %s", a->interface);
}

void doctor_attached(struct doctor *d)
{
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(d->paths, names, ARRAY_SIZE(names));
	struct attachment a;

	for (size_t i = 0; i < n; i++) {
		if (attach_query(d->paths, names[i], &a))
			continue;
		check_place(d, &a);
		if (!a.attached || a.egress != EGRESS_NONE)
			continue;
		finding(d, FINDING_PROBLEM, "attached", a.now,
			"its egress program is gone, so that replies are dropped");
		finding_fix(d, "allowxdp load %s", a.now);
	}
}
