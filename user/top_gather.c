// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "attach.h"
#include "cleanup.h"
#include "running.h"
#include "top_gather.h"

#define NANOSECONDS 1000000000ULL

void top_free(struct top *t)
{
	top_view_free(&t->view);
	top_model_free(&t->model);
	top_refusals_free(&t->refusals);
}

/* What the interface is called may hold any byte. */
static void copy_name(char out[static 16], const char *name)
{
	size_t n = 0;

	for (; n < 15 && name[n]; n++)
		out[n] = name[n] > ' ' && name[n] < 0x7f ? name[n] : '?';
	out[n] = '\0';
}

static const char *attach_text(const struct attachment *a)
{
	if (!a->attached)
		return "detached";
	return a->native ? "native" : "generic";
}

static void look_at_state(struct top_view *v, const struct running *r)
{
	uint64_t now = boot_time();

	v->mode = mode_name(AXP_ACTIVE_MODE(r->active));
	v->generation = AXP_ACTIVE_GENERATION(r->active);
	v->rolled_back = r->rolled_back;
	v->pending = r->deadline && !r->rolled_back;
	v->seconds_left = r->deadline > now ? (r->deadline - now) / NANOSECONDS : 0;
}

static int look_at_counters(struct top *t, const struct running *r, struct error *err)
{
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(t->paths, names, ARRAY_SIZE(names));
	struct top_snapshot snapshot = { .at = boot_time() };
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = counters_each(t->paths, &r->policy, names[i], top_snapshot_add, &snapshot,
				   err);
	if (!rc)
		rc = top_model_update(&t->model, &snapshot);
	if (rc == -ENOMEM)
		error_set(err, ENOMEM, "out of memory");
	top_snapshot_free(&snapshot);
	if (rc)
		return rc;
	t->view.n_interfaces = n;
	for (size_t i = 0; i < n; i++) {
		struct top_interface *f = &t->view.interfaces[i];
		struct attachment a;

		attach_query(t->paths, names[i], &a);
		copy_name(f->name, names[i]);
		f->attach = attach_text(&a);
		f->egress = egress_name(a.egress);
	}
	return 0;
}

static int look_at_sources(struct top *t, const struct running *r, struct error *err)
{
	struct top_source *sources = calloc(TOP_SOURCES_MAX, sizeof(*sources));
	uint64_t at = boot_time();
	int n;

	if (!sources)
		return error_set(err, ENOMEM, "out of memory");
	n = top_sources_read(&r->instance, sources, TOP_SOURCES_MAX, err);
	if (n >= 0 &&
	    !top_refusals_update(&t->refusals, sources, (size_t)n, at, &r->policy, &t->view))
		return 0;
	free(sources);
	return n < 0 ? n : error_set(err, ENOMEM, "out of memory");
}

static int look(struct top *t, struct error *err)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	int rc = running_open(&r, t->paths, err);

	if (rc == -ENOENT) {
		top_view_free(&t->view);
		top_model_free(&t->model);
		top_refusals_free(&t->refusals);
	}
	if (!rc)
		rc = look_at_counters(t, &r, err);
	if (!rc)
		rc = look_at_sources(t, &r, err);
	if (!rc)
		look_at_state(&t->view, &r);
	return rc;
}

int top_look(struct top *t, struct error *err)
{
	time_t clock = time(NULL);
	struct tm tm;
	int rc;

	if (localtime_r(&clock, &tm))
		strftime(t->view.clock, sizeof(t->view.clock), "%H:%M:%S", &tm);
	snprintf(t->view.instance, sizeof(t->view.instance), "%s", t->paths->instance);
	rc = look(t, err);
	snprintf(t->view.problem, sizeof(t->view.problem), "%.255s", rc ? err->text : "");
	return rc;
}
