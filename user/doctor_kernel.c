// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "doctor.h"
#include "kernel.h"

void doctor_kernel(struct doctor *d)
{
	for (size_t i = 0; i < kernel_feature_count; i++) {
		const struct kernel_feature *f = &kernel_features[i];
		int rc = f->probe();

		if (rc > 0)
			finding(d, FINDING_OK, "kernel", NULL, "%s: there", f->what);
		else if (!rc)
			finding(d, f->needed ? FINDING_PROBLEM : FINDING_NOTE, "kernel", NULL,
				"%s: not there: %s", f->what, f->without);
		else
			finding(d, FINDING_NOTE, "kernel", NULL, "%s: cannot tell (%s)", f->what,
				strerror(-rc));
		if (f->probe == kernel_probe_frags)
			d->frags = rc > 0;
	}
}
