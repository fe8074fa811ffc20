// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "duration.h"
#include "output.h"

enum { PLAN_LINES_MAX = 40 };

const char *entry_text(const struct entry *e, char *buf, size_t n)
{
	char prefix[PREFIX_TEXT_MAX];

	snprintf(buf, n, "%s%s", e->flags & ENTRY_CARVE ? "!" : "",
		 prefix_text(&e->prefix, prefix));
	return buf;
}

void json_add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text && *text ? json_object_new_string(text) : NULL);
}

/* Rounded: an expiry is a whole second, now is not. */
static uint32_t seconds_left(const struct entry *e)
{
	struct timespec now;
	int64_t left;

	clock_gettime(CLOCK_REALTIME, &now);
	left = (int64_t)e->until - now.tv_sec - (now.tv_nsec >= 500000000);
	return left > 0 ? (uint32_t)left : 0;
}

struct json_object *entry_json(const struct policy *p, const struct entry *e)
{
	struct json_object *o = json_object_new_object();
	char prefix[PREFIX_TEXT_MAX], origin[PATH_MAX + 16];

	json_add_text(o, "prefix", prefix_text(&e->prefix, prefix));
	json_object_object_add(o, "carve", json_object_new_boolean(!!(e->flags & ENTRY_CARVE)));
	json_add_text(o, "label", policy_string(p, e->label));
	json_add_text(o, "origin", origin_text(p, e, origin, sizeof(origin)));
	json_object_object_add(o, "until", e->until ? json_object_new_int64(e->until) : NULL);
	json_object_object_add(
		o, "seconds_left",
		e->until ? json_object_new_int64(entry_expired(p, e) ? 0 : e->until - p->now)
			 : NULL);
	return o;
}

/* Without the /32 or /128. */
static const char *address_text(const struct prefix *address, char buf[static PREFIX_TEXT_MAX])
{
	prefix_text(address, buf);
	*strchrnul(buf, '/') = '\0';
	return buf;
}

static void print_entries(const char *sign, const struct plan_entries *entries)
{
	for (size_t i = 0; i < entries->n && i < PLAN_LINES_MAX; i++) {
		const struct policy *p = entries->v[i].policy;
		const struct entry *e = entries->v[i].entry;
		const char *label = policy_string(p, e->label);
		char text[PREFIX_TEXT_MAX + 1];

		printf("  %s %s %s%s%s\n", sign, p->lists[e->list].name,
		       entry_text(e, text, sizeof(text)), *label ? "  # " : "", label);
	}
	if (entries->n > PLAN_LINES_MAX)
		printf("  %s ... and %zu more\n", sign, entries->n - PLAN_LINES_MAX);
}

static void print_services(const char *what, const struct policy *p, uint64_t set)
{
	for (size_t i = 0; i < p->n_services; i++) {
		if (set >> i & 1)
			printf("  service %s: %s\n", p->services[i].name, what);
	}
}

static void print_peers(const struct peers *cut)
{
	for (size_t i = 0; i < cut->n && i < PLAN_LINES_MAX; i++) {
		const struct peer *p = &cut->v[i];
		char text[PREFIX_TEXT_MAX];

		printf("  connected now, and cut off: %s %s %s/%u of service %s (%s)\n",
		       address_text(&p->address, text), p->direction == AXP_IN ? "to" : "on",
		       p->protocol == AXP_TCP ? "tcp" : "udp", p->port, p->service,
		       *p->label ? p->label : "unlisted");
	}
	if (cut->n > PLAN_LINES_MAX)
		printf("  ... and %zu more peers\n", cut->n - PLAN_LINES_MAX);
}

void plan_print(const struct plan *plan, const struct peers *cut, bool brief)
{
	printf("%zu entries added, %zu removed\n", plan->added.n, plan->removed.n);
	print_services("new", plan->new, plan->services_new);
	print_services("changed", plan->new, plan->services_changed);
	print_services("no longer guarded", plan->old, plan->services_gone);
	if (!brief) {
		print_entries("+", &plan->added);
		print_entries("-", &plan->removed);
	}
	print_peers(cut);
}

static struct json_object *entries_json(const struct plan_entries *entries)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < entries->n; i++) {
		const struct policy *p = entries->v[i].policy;
		struct json_object *o = entry_json(p, entries->v[i].entry);

		json_add_text(o, "list", p->lists[entries->v[i].entry->list].name);
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *services_json(const struct policy *p, uint64_t set)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < p->n_services; i++) {
		if (set >> i & 1)
			json_object_array_add(array, json_object_new_string(p->services[i].name));
	}
	return array;
}

static struct json_object *peers_json(const struct peers *cut)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < cut->n; i++) {
		const struct peer *p = &cut->v[i];
		struct json_object *o = json_object_new_object();
		char text[PREFIX_TEXT_MAX], port[24];

		snprintf(port, sizeof(port), "%s/%u", p->protocol == AXP_TCP ? "tcp" : "udp",
			 p->port);
		json_add_text(o, "address", address_text(&p->address, text));
		json_add_text(o, "direction", direction_name(p->direction));
		json_add_text(o, "port", port);
		json_add_text(o, "service", p->service);
		json_add_text(o, "label", *p->label ? p->label : "unlisted");
		json_object_array_add(array, o);
	}
	return array;
}

void plan_json(struct json_object *o, const struct plan *plan, const struct peers *cut)
{
	json_object_object_add(o, "added", entries_json(&plan->added));
	json_object_object_add(o, "removed", entries_json(&plan->removed));
	json_object_object_add(o, "services_new", services_json(plan->new, plan->services_new));
	json_object_object_add(o, "services_changed",
			       services_json(plan->new, plan->services_changed));
	json_object_object_add(o, "services_removed",
			       services_json(plan->old, plan->services_gone));
	json_object_object_add(o, "peers_cut", peers_json(cut));
}

const char *until_text(const struct policy *p, const struct entry *e, char *buf, size_t n)
{
	char left[DURATION_TEXT_MAX];

	buf[0] = '\0';
	if (e->until && entry_expired(p, e))
		snprintf(buf, n, "expired");
	else if (e->until)
		snprintf(buf, n, "%s left", duration_text(seconds_left(e), left));
	return buf;
}
