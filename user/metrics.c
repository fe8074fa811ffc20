// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "attach.h"
#include "cleanup.h"
#include "counters.h"
#include "last_reload.h"
#include "metrics.h"
#include "promtext.h"
#include "running.h"
#include "snapshot.h"
#include "source_status.h"
#include "state.h"
#include "tables.h"
#include "totals.h"

enum { TRIES = 3 /* where the instance changes in the midst of it */ };

struct view {
	const struct paths *paths;
	struct running running;
	bool loaded;
	struct attachment attachments[POLICY_MAX_INTERFACES];
	size_t n_attachments;
	struct flow_stats flows;
	struct totals totals;
	struct inventory inventory;
	struct table tables[TABLES];
	struct last_reload reload;
	struct source_statuses sources;
};

static int look(struct view *v, struct error *err)
{
	char names[POLICY_MAX_INTERFACES][16];
	struct running *r = &v->running;
	int rc = running_open(r, v->paths, err);

	last_reload_read(v->paths, &v->reload);
	v->loaded = !rc;
	if (rc == -ENOENT)
		return 0;
	if (rc)
		return rc;
	v->n_attachments = instance_interfaces(v->paths, names, ARRAY_SIZE(names));
	for (size_t i = 0; i < v->n_attachments; i++)
		attach_query(v->paths, names[i], &v->attachments[i]);
	inventory_take(&r->policy, &v->inventory);
	if (source_statuses_read(v->paths, &r->policy, &v->sources))
		return error_set(err, ENOMEM, "out of memory");
	rc = flows_stats(&r->instance, &r->policy, &v->flows, err);
	if (!rc)
		rc = totals_read(&r->instance, &r->policy, &v->flows, &v->totals, err);
	if (!rc)
		rc = tables_read(&r->instance, AXP_ACTIVE_SLOT(r->active), &r->policy,
				 &v->inventory, &v->flows, v->tables, err);
	return rc;
}

/* Packets go where they belong at once, bytes are printed behind them. */
struct sinks {
	FILE *packets, *bytes;
};

static int print_counter(const struct counter *c, void *arg)
{
	const struct sinks *sinks = arg;
	const struct prom_label labels[] = {
		{ "interface", c->interface }, { "direction", c->direction },
		{ "service", c->service },     { "family", c->family },
		{ "verdict", c->verdict },     { "reason", c->reason },
	};

	prom_sample(sinks->packets, "allowxdp_packets_total", labels, ARRAY_SIZE(labels),
		    c->packets);
	prom_sample(sinks->bytes, "allowxdp_bytes_total", labels, ARRAY_SIZE(labels), c->bytes);
	return 0;
}

static int print_counters(FILE *f, const struct view *v, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	struct sinks sinks = { f, open_memstream(&text, &size) };
	int rc = 0;

	if (!sinks.bytes)
		return error_set(err, ENOMEM, "out of memory");
	prom_head(f, "allowxdp_packets_total", "counter", "Packets seen, by verdict and reason.");
	prom_head(sinks.bytes, "allowxdp_bytes_total", "counter",
		  "Bytes of the frames seen, by verdict and reason.");
	for (size_t i = 0; !rc && i < v->n_attachments; i++)
		rc = counters_each(v->paths, &v->running.policy, v->attachments[i].interface,
				   print_counter, &sinks, err);
	if (fclose(sinks.bytes) && !rc)
		rc = error_set(err, ENOMEM, "out of memory");
	if (!rc)
		fwrite(text, 1, size, f);
	return rc;
}

static void print_elsewhere(FILE *f, const struct view *v)
{
	static const char name[] = "allowxdp_listed_elsewhere_packets_total";
	const struct policy *p = &v->running.policy;

	prom_head(f, name, "counter",
		  "Unlisted packets from sources that another service's lists cover.");
	for (size_t s = 0; s < p->n_services; s++) {
		for (uint32_t n = AXP_IPV4 * 2; n < AXP_FAMILIES * 2; n++) {
			const struct prom_label labels[] = { { "service", p->services[s].name },
							     { "family", family_name(n / 2) },
							     { "verdict", verdict_name(n % 2) } };

			if (p->services[s].direction == AXP_IN)
				prom_sample(f, name, labels, ARRAY_SIZE(labels),
					    v->totals.elsewhere[s][n / 2][n % 2]);
		}
	}
}

static const char *attach_name(const struct attachment *a)
{
	if (!a->attached)
		return "none";
	return a->native ? "native" : "generic";
}

static void print_interfaces(FILE *f, const struct view *v)
{
	prom_head(f, "allowxdp_attached", "gauge",
		  "1 where the filter is attached to the interface, by attach mode.");
	for (size_t i = 0; i < v->n_attachments; i++) {
		const struct attachment *a = &v->attachments[i];
		const struct prom_label labels[] = { { "interface", a->interface },
						     { "attach", attach_name(a) } };

		prom_sample(f, "allowxdp_attached", labels, ARRAY_SIZE(labels), a->attached);
	}
	prom_head(f, "allowxdp_egress_attached", "gauge",
		  "1 where the egress program, which knows replies, is attached, and how.");
	for (size_t i = 0; i < v->n_attachments; i++) {
		const struct attachment *a = &v->attachments[i];
		const struct prom_label labels[] = { { "interface", a->interface },
						     { "egress", egress_name(a->egress) } };

		prom_sample(f, "allowxdp_egress_attached", labels, ARRAY_SIZE(labels),
			    a->egress != EGRESS_NONE);
	}
}

static uint64_t modified(const char *path)
{
	struct stat st;

	return !*path || stat(path, &st) ? 0 : (uint64_t)st.st_mtime;
}

/*
 * Of its file (the config or profile, where it has none), of what `add` added, or the last answer
 * of a name or feed, whichever is latest.
 */
static uint64_t list_changed(const struct view *v, const struct list *list)
{
	const struct policy *p = &v->running.policy;
	uint64_t written = modified(policy_string(p, list->file ? list->file : list->source));
	uint64_t added;
	char path[PATH_MAX];

	state_list_path(v->paths, list->name, path, sizeof(path));
	added = modified(path);
	if (added > written)
		written = added;
	/* names and feeds that answer are as good as a file that is looked after */
	for (size_t i = 0; i < v->sources.n; i++) {
		const struct source_status *s = &v->sources.v[i];

		if (!strcmp(s->list, list->name) && s->state.last_success > written)
			written = s->state.last_success;
	}
	return written;
}

static void print_lists(FILE *f, const struct view *v)
{
	const struct policy *p = &v->running.policy;

	prom_head(f, "allowxdp_list_entries", "gauge", "Entries of each list, by family.");
	for (size_t i = 0; i < p->n_lists; i++) {
		for (uint32_t family = AXP_IPV4; family < AXP_FAMILIES; family++) {
			const struct prom_label labels[] = { { "list", p->lists[i].name },
							     { "family", family_name(family) } };

			prom_sample(f, "allowxdp_list_entries", labels, ARRAY_SIZE(labels),
				    v->inventory.entries[i][family]);
		}
	}
	prom_head(f, "allowxdp_list_changed_timestamp_seconds", "gauge",
		  "When the list's file, or what was added to it, was last written, or a name "
		  "or feed of it last answered.");
	for (size_t i = 0; i < p->n_lists; i++) {
		const struct prom_label label = { "list", p->lists[i].name };
		uint64_t changed = list_changed(v, &p->lists[i]);

		if (changed)
			prom_sample(f, "allowxdp_list_changed_timestamp_seconds", &label, 1,
				    changed);
	}
}

static void print_policy(FILE *f, const struct view *v)
{
	uint64_t active = v->running.active, generation = AXP_ACTIVE_GENERATION(active);
	uint32_t now = AXP_ACTIVE_MODE(active);

	prom_head(f, "allowxdp_mode", "gauge", "1 for the mode that is set.");
	for (uint32_t mode = AXP_MODE_OFF; mode <= AXP_MODE_ENFORCE; mode++) {
		const struct prom_label label = { "mode", mode_name(mode) };

		prom_sample(f, "allowxdp_mode", &label, 1, now == mode);
	}
	prom_number(f, "allowxdp_enforcing", "gauge", "1 while packets are dropped.",
		    now == AXP_MODE_ENFORCE);
	prom_number(f, "allowxdp_generation", "gauge", "Number of the policy that packets see.",
		    generation);
	prom_number(f, "allowxdp_generation_timestamp_seconds", "gauge",
		    "When that policy was made.", snapshot_time(v->paths, generation));
}

static void print_pending(FILE *f, const struct running *r)
{
	uint64_t now = boot_time();

	prom_number(f, "allowxdp_confirm_pending", "gauge",
		    "1 while a change waits to be confirmed.", r->deadline && !r->rolled_back);
	prom_number(f, "allowxdp_confirm_seconds_left", "gauge", "Until it is rolled back; else 0.",
		    r->deadline > now ? (r->deadline - now) / 1000000000 : 0);
	prom_number(f, "allowxdp_rolled_back", "gauge",
		    "1 from a rollback until the next command that changes something.",
		    r->rolled_back);
}

static void print_flows(FILE *f, const struct flow_stats *s, const struct totals *t)
{
	prom_number(f, "allowxdp_flows", "gauge", "Flows in the table, over or not.", s->entries);
	prom_number(f, "allowxdp_flows_alive", "gauge", "Flows within their idle limit.", s->alive);
	prom_number(f, "allowxdp_flows_capacity", "gauge", "Flows that the table can hold.",
		    s->capacity);
	prom_number(f, "allowxdp_flows_created_total", "counter", "Flows ever remembered.",
		    t->flows_created);
	prom_number(f, "allowxdp_flows_evicted", "gauge",
		    "Flows pushed out by newer ones since the load: created, and no longer there.",
		    s->evicted);
	prom_number(f, "allowxdp_flows_insert_failed_total", "counter",
		    "Flows that could not be remembered.", t->flows_not_remembered);
}

static void print_tables(FILE *f, const struct view *v)
{
	prom_head(f, "allowxdp_map_used", "gauge",
		  "Elements in use; in maps that push out old ones, those that are not over.");
	for (size_t i = 0; i < TABLES; i++) {
		const struct prom_label label = { "map", v->tables[i].name };

		prom_sample(f, "allowxdp_map_used", &label, 1, v->tables[i].used);
	}
	prom_head(f, "allowxdp_map_capacity", "gauge", "Elements that the map can hold.");
	for (size_t i = 0; i < TABLES; i++) {
		const struct prom_label label = { "map", v->tables[i].name };

		prom_sample(f, "allowxdp_map_capacity", &label, 1, v->tables[i].capacity);
	}
}

static void print_reload(FILE *f, const struct last_reload *r)
{
	if (!r->at)
		return;
	prom_number(f, "allowxdp_last_reload_successful", "gauge",
		    "1 where the last load or reload was done, 0 where it failed.", r->done);
	prom_number(f, "allowxdp_last_reload_timestamp_seconds", "gauge",
		    "When the last load or reload was tried.", r->at);
	if (r->done_at)
		prom_number(f, "allowxdp_last_reload_success_timestamp_seconds", "gauge",
			    "When the last load or reload was done.", r->done_at);
}

static int print(FILE *f, const struct view *v, struct error *err)
{
	static const struct prom_label version = { "version", ALLOWXDP_VERSION };
	int rc;

	prom_number(f, "allowxdp_loaded", "gauge", "1 where the instance is loaded.", v->loaded);
	prom_head(f, "allowxdp_build_info", "gauge", "1, with the version of the command.");
	prom_sample(f, "allowxdp_build_info", &version, 1, 1);
	print_reload(f, &v->reload);
	if (!v->loaded)
		return 0;
	rc = print_counters(f, v, err);
	if (rc)
		return rc;
	print_elsewhere(f, v);
	print_interfaces(f, v);
	print_policy(f, v);
	print_pending(f, &v->running);
	print_lists(f, v);
	source_statuses_metrics(f, &v->sources);
	print_tables(f, v);
	print_flows(f, &v->flows, &v->totals);
	return 0;
}

static void __attribute__((format(printf, 2, 3))) complain(struct health *h, const char *fmt, ...)
{
	size_t n = h->well ? 0 : strlen(h->text);
	va_list args;

	h->well = false;
	va_start(args, fmt);
	vsnprintf(h->text + n, sizeof(h->text) - n, fmt, args);
	va_end(args);
}

static void examine(const struct view *v, struct health *h)
{
	*h = (struct health){ .well = true, .text = "ok\n" };
	if (!v->loaded) {
		complain(h, "not loaded\n");
		return;
	}
	if (!v->n_attachments)
		complain(h, "on no interface\n");
	for (size_t i = 0; i < v->n_attachments; i++) {
		const struct attachment *a = &v->attachments[i];

		if (!a->attached)
			complain(h, "%s: not attached\n", a->interface);
		else if (a->egress == EGRESS_NONE)
			complain(h, "%s: its egress program is gone\n", a->interface);
	}
}

static int print_once(FILE *f, const struct paths *paths, struct health *health, struct error *err)
{
	_cleanup_free_ struct view *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return error_set(err, ENOMEM, "out of memory");
	v->paths = paths;
	rc = look(v, err);
	if (!rc)
		rc = print(f, v, err);
	if (!rc)
		examine(v, health);
	source_statuses_free(&v->sources);
	running_close(&v->running);
	return rc;
}

static int text_once(const struct paths *paths, struct metrics *out, struct error *err)
{
	FILE *f = open_memstream(&out->text, &out->size);
	int rc;

	if (!f)
		return error_set(err, ENOMEM, "out of memory");
	rc = print_once(f, paths, &out->health, err);
	if (fclose(f) && !rc)
		rc = error_set(err, ENOMEM, "out of memory");
	if (rc)
		metrics_free(out);
	return rc;
}

void metrics_free(struct metrics *m)
{
	free(m->text);
	*m = (struct metrics){ 0 };
}

int metrics_make(const struct paths *paths, struct metrics *out, struct error *err)
{
	int rc = -EAGAIN;

	*out = (struct metrics){ 0 };
	for (int n = 0; rc && n < TRIES; n++)
		rc = text_once(paths, out, err);
	return rc;
}
