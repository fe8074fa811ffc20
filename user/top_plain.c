// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include "duration.h"
#include "output.h"
#include "top_plain.h"

enum { PLAIN_SOURCES_MAX = 20 };

static const char *const fate_keys[] = {
	[TOP_PASS] = "pass",
	[TOP_WOULD_DROP] = "would_drop",
	[TOP_DROP] = "drop",
};

static void print_flow(const struct top_model *m, const struct top_flow *f)
{
	printf(" %12llu %12.1f %14llu\n", (unsigned long long)f->packets, top_per_second(m, f),
	       (unsigned long long)f->total);
}

static void print_state(const struct top_view *v, const struct top_model *m)
{
	char left[DURATION_TEXT_MAX];

	printf("instance %s: mode %s, generation %llu, %.3f s\n", v->instance, v->mode,
	       (unsigned long long)v->generation, m->seconds);
	if (v->rolled_back)
		puts("the last change was not confirmed in time: rolled back");
	else if (v->pending)
		printf("waits to be confirmed: %s left\n", duration_text(v->seconds_left, left));
	for (size_t i = 0; i < v->n_interfaces; i++)
		printf("interface %s: %s, egress %s\n", v->interfaces[i].name,
		       v->interfaces[i].attach, v->interfaces[i].egress);
}

static void print_heading(const char *first, const char *second, const char *third)
{
	printf("\n%-20s %-10s %-10s %12s %12s %14s\n", first, second, third, "packets",
	       "per second", "total");
}

void top_print(const struct top_view *v, const struct top_model *m)
{
	print_state(v, m);
	print_heading("service", "dir", "verdict");
	for (size_t i = 0; i < m->n_services; i++) {
		const struct top_service *s = &m->services[i];

		for (int fate = 0; fate < TOP_FATES; fate++) {
			if (fate == TOP_WOULD_DROP && !s->fates[fate].total)
				continue;
			printf("%-20s %-10s %-10s", s->name, s->direction, fate_keys[fate]);
			print_flow(m, &s->fates[fate]);
		}
	}
	print_heading("reason", "", "verdict");
	for (size_t i = 0; i < m->n_reasons; i++) {
		const struct top_reason *r = &m->reasons[i];

		printf("%-20s %-10s %-10s", r->name, "", fate_keys[r->fate]);
		print_flow(m, &r->flow);
	}
	if (!v->n_refused)
		return;
	printf("\n%-40s %-12s %-10s %12s %12s %14s %10s  %s\n", "dropped source", "service",
	       "verdict", "packets", "per second", "total", "error", "ports");
	for (size_t i = 0; i < v->n_refused && i < PLAIN_SOURCES_MAX; i++) {
		const struct top_refused *s = &v->refused[i];

		printf("%-40s %-12s %-10s %12llu %12.1f %14llu %10llu  %s\n", s->address,
		       s->service, fate_keys[s->fate], (unsigned long long)s->flow.packets,
		       top_per_second(m, &s->flow), (unsigned long long)s->flow.total,
		       (unsigned long long)s->error, s->ports);
	}
}

static void add_flow(struct json_object *o, const struct top_model *m, const struct top_flow *f)
{
	json_object_object_add(o, "packets", json_object_new_int64((int64_t)f->packets));
	json_object_object_add(o, "per_second", json_object_new_double(top_per_second(m, f)));
	json_object_object_add(o, "total", json_object_new_int64((int64_t)f->total));
}

static struct json_object *flow_json(const struct top_model *m, const struct top_flow *f)
{
	struct json_object *o = json_object_new_object();

	add_flow(o, m, f);
	return o;
}

static struct json_object *services_json(const struct top_model *m)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < m->n_services; i++) {
		const struct top_service *s = &m->services[i];
		struct json_object *o = json_object_new_object();

		json_add_text(o, "service", s->name);
		json_add_text(o, "direction", s->direction);
		for (int fate = 0; fate < TOP_FATES; fate++)
			json_object_object_add(o, fate_keys[fate], flow_json(m, &s->fates[fate]));
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *reasons_json(const struct top_model *m)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < m->n_reasons; i++) {
		struct json_object *o = json_object_new_object();

		json_add_text(o, "reason", m->reasons[i].name);
		json_add_text(o, "verdict", fate_keys[m->reasons[i].fate]);
		add_flow(o, m, &m->reasons[i].flow);
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *sources_json(const struct top_view *v, const struct top_model *m)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < v->n_refused; i++) {
		const struct top_refused *s = &v->refused[i];
		struct json_object *o = json_object_new_object();

		json_add_text(o, "address", s->address);
		json_add_text(o, "direction", s->direction);
		json_add_text(o, "service", s->service);
		json_add_text(o, "verdict", fate_keys[s->fate]);
		json_add_text(o, "ports", s->ports);
		add_flow(o, m, &s->flow);
		json_object_object_add(o, "error", json_object_new_int64((int64_t)s->error));
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *interfaces_json(const struct top_view *v)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < v->n_interfaces; i++) {
		struct json_object *o = json_object_new_object();

		json_add_text(o, "name", v->interfaces[i].name);
		json_add_text(o, "attach", v->interfaces[i].attach);
		json_add_text(o, "egress", v->interfaces[i].egress);
		json_object_array_add(array, o);
	}
	return array;
}

struct json_object *top_json(const struct top_view *v, const struct top_model *m)
{
	struct json_object *o = json_object_new_object();

	json_add_text(o, "instance", v->instance);
	json_add_text(o, "mode", v->mode);
	json_object_object_add(o, "generation", json_object_new_int64((int64_t)v->generation));
	json_object_object_add(o, "confirm_seconds_left",
			       v->pending ? json_object_new_int64((int64_t)v->seconds_left) : NULL);
	json_object_object_add(o, "rolled_back", json_object_new_boolean(v->rolled_back));
	json_object_object_add(o, "seconds", json_object_new_double(m->seconds));
	json_object_object_add(o, "interfaces", interfaces_json(v));
	json_object_object_add(o, "services", services_json(m));
	json_object_object_add(o, "reasons", reasons_json(m));
	json_object_object_add(o, "sources", sources_json(v, m));
	return o;
}
