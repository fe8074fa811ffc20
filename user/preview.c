// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "duration.h"
#include "empties.h"
#include "missing.h"
#include "preview.h"

void preview_free(struct preview *p)
{
	plan_free(&p->plan);
	peers_free(&p->cut);
}

int preview_make(struct preview *out, const struct running *r, const struct policy *next,
		 uint32_t mode, bool force, struct error *err)
{
	int rc;

	missing_warn(next);
	rc = policy_check_empty(next, mode, force, err);
	memset(out, 0, sizeof(*out));
	if (!rc && plan_make(&r->policy, next, &out->plan))
		rc = error_set(err, ENOMEM, "out of memory");
	if (rc || mode != AXP_MODE_ENFORCE)
		return rc;
	rc = peers_cut(r->instance.shared && !r->other ? &r->instance : NULL, &r->policy,
		       AXP_ACTIVE_MODE(r->active) == AXP_MODE_ENFORCE, next, &out->cut, err);
	if (rc) {
		/* no reason to refuse: a kernel may lack sock_diag */
		warn_line("who is connected now, and would be cut off, is not known: %s",
			  err->text);
		peers_free(&out->cut);
	}
	return force ? 0 : lifelines_check(next, &out->cut, err);
}

int confirm_option(const struct app *app, const char *text, uint32_t *seconds)
{
	struct error err;

	*seconds = 0;
	if (!text || !duration_parse(text, seconds, &err))
		return -1;
	return usage(app, "--confirm: %s", err.text);
}

void print_confirm_hint(const struct app *app, uint32_t seconds)
{
	char text[DURATION_TEXT_MAX], instance[64] = "";

	if (!seconds || app->json)
		return;
	if (strcmp(app->instance, "default"))
		snprintf(instance, sizeof(instance), " --instance %s", app->instance);
	printf("Rolled back in %s unless confirmed. Open a NEW connection to this host (this one "
	       "may live on "
	       "replies), and there run:\n    allowxdp%s confirm\n",
	       duration_text(seconds, text), instance);
}
