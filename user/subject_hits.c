// SPDX-License-Identifier: GPL-2.0-or-later
#include "hits.h"
#include "privileges.h"
#include "subject.h"

int subject_open_with_hits(struct subject *s, struct app *app, struct hits *hits, bool *known,
			   struct error *err)
{
	struct error ignored;
	int rc;

	*known = false;
	*s = (struct subject)SUBJECT_EMPTY;
	rc = paths_init(&app->paths, app->instance, err);
	if (rc)
		return rc;
	if (!privileges_check(&ignored))
		hits_refresh(&app->paths);
	rc = subject_open(s, app, err);
	if (!rc)
		*known = hits_known(&app->paths, hits);
	return rc;
}
