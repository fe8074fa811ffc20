// SPDX-License-Identifier: GPL-2.0-or-later
/* The exporter's own port: guarded, it is for listed scrapers alone. */
#include "announce.h"
#include "doctor.h"

void doctor_exporter(struct doctor *d)
{
	char text[ENDPOINT_TEXT_MAX];
	const struct service *s;
	struct endpoint at;

	if (!d->policy || !announced(d->paths, &at))
		return;
	s = endpoint_guarded(&at, d->policy);
	endpoint_text(&at, text);
	if (!s) {
		finding(d, FINDING_OK, "exporter", NULL, "it listens on %s, which is not guarded",
			text);
		return;
	}
	finding(d, FINDING_WARNING, "exporter", NULL,
		"it listens on %s, a port that service %s guards: only addresses on its lists can "
		"scrape it",
		text, s->name);
}
