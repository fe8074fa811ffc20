// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include "duration.h"
#include "hits_text.h"
#include "output.h"
#include "review_text.h"

enum { TEXT_MAX = PATH_MAX + 512 };

static struct entry_hits hits_for(const struct review_about *a, const struct entry *e)
{
	return a->view ? hits_of(a->view, e) : (struct entry_hits){ 0 };
}

/* Each service that allows the list: separated by blanks. */
static const char *services_text(const struct policy *p, size_t list, char *buf, size_t n)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < p->n_services && used < n; i++) {
		if (allows(&p->services[i], list))
			used += (size_t)snprintf(buf + used, n - used, "%s%s", used ? " " : "",
						 p->services[i].name);
	}
	return buf;
}

static bool is_in_use(const struct policy *p, size_t list)
{
	char buf[POLICY_NAME_MAX + 1];

	return *services_text(p, list, buf, sizeof(buf)) != '\0';
}

static const char *detail(const struct review_about *a, const struct finding *f, char *buf,
			  size_t n)
{
	const struct policy *p = a->policy;
	const struct entry *e = f->entry, *other = f->other;
	char time[TIME_ISO_MAX], text[PREFIX_TEXT_MAX + 1], origin[PATH_MAX + 16];
	struct entry_hits h = hits_for(a, e);

	switch (f->kind) {
	case FINDING_UNUSED:
		if (!is_in_use(p, e->list))
			snprintf(buf, n, "no service allows list %s", p->lists[e->list].name);
		else if (h.packets)
			snprintf(buf, n, "last hit %s", time_iso(h.last, time));
		else
			snprintf(buf, n, "never hit since %s", time_iso(h.since, time));
		return buf;
	case FINDING_DUPLICATE:
	case FINDING_COVERED:
		snprintf(buf, n, "%s %s of list %s (%s)%s",
			 f->kind == FINDING_DUPLICATE ? "the same as" : "inside",
			 entry_text(other, text, sizeof(text)), p->lists[other->list].name,
			 origin_text(p, other, origin, sizeof(origin)),
			 f->needed ? ", but another service has it from here alone" : "");
		return buf;
	case FINDING_EXPIRED:
	case FINDING_EXPIRING:
		snprintf(buf, n, "%s %s", f->kind == FINDING_EXPIRED ? "since" : "at",
			 time_iso(e->until, time));
		return buf;
	case FINDING_TOO_WIDE:
		if (!a->view)
			snprintf(buf, n, "hits are not known");
		else if (h.packets)
			snprintf(buf, n, "%" PRIu64 " packets, last hit %s", h.packets,
				 time_iso(h.last, time));
		else
			snprintf(buf, n, "never hit%s%s", h.since ? " since " : "",
				 h.since ? time_iso(h.since, time) : "");
		return buf;
	case FINDING_NO_LABEL:
	case FINDINGS:
		break;
	}
	snprintf(buf, n, "nothing says who it is");
	return buf;
}

static const char *remove_action(const struct policy *p, const struct entry *e, char *buf, size_t n)
{
	char text[PREFIX_TEXT_MAX];

	if (e->flags & ENTRY_COMMAND)
		snprintf(buf, n, "allowxdp remove %s %s", p->lists[e->list].name,
			 prefix_text(&e->prefix, text));
	else if (e->flags & ENTRY_NEWS)
		snprintf(buf, n, "it comes from %s", policy_string(p, e->source));
	else
		snprintf(buf, n, "take it out at %s:%u, then allowxdp reload",
			 policy_string(p, e->source), e->line);
	return buf;
}

/* What to do about it. */
static const char *action(const struct review_about *a, const struct finding *f, char *buf,
			  size_t n)
{
	const struct policy *p = a->policy;
	const struct entry *e = f->entry;
	const char *list = p->lists[e->list].name, *file = policy_string(p, e->source);
	bool command = e->flags & ENTRY_COMMAND;
	char text[PREFIX_TEXT_MAX];

	if (e->flags & ENTRY_NEWS)
		return remove_action(p, e, buf, n);
	prefix_text(&e->prefix, text);
	switch (f->kind) {
	case FINDING_NO_LABEL:
		if (command)
			snprintf(buf, n, "allowxdp add %s %s --label WHO", list, text);
		else
			snprintf(buf, n, "write # WHO behind it at %s:%u", file, e->line);
		return buf;
	case FINDING_EXPIRING:
		if (command)
			snprintf(buf, n, "if it is still needed: allowxdp add %s %s --for DUR",
				 list, text);
		else
			snprintf(buf, n, "if it is still needed: set a later until= at %s:%u", file,
				 e->line);
		return buf;
	case FINDING_TOO_WIDE:
		if (command)
			snprintf(buf, n, "add what is needed of it, then allowxdp remove %s %s",
				 list, text);
		else
			snprintf(buf, n, "list what is needed of it at %s:%u instead", file,
				 e->line);
		return buf;
	case FINDING_DUPLICATE:
		if (f->needed) {
			snprintf(buf, n, "keep one of the two in a list that both services allow");
			return buf;
		}
		break;
	case FINDING_UNUSED:
	case FINDING_COVERED:
	case FINDING_EXPIRED:
	case FINDINGS:
		break;
	}
	return remove_action(p, e, buf, n);
}

static void print_finding(FILE *f, const struct review_about *a, const struct finding *x)
{
	const struct policy *p = a->policy;
	const char *label = policy_string(p, x->entry->label);
	char prefix[PREFIX_TEXT_MAX], origin[PATH_MAX + 16], about[TEXT_MAX], act[TEXT_MAX];

	fprintf(f, "  %s of %s%s%s%s, %s\n", prefix_text(&x->entry->prefix, prefix),
		p->lists[x->entry->list].name, *label ? " (" : "", label, *label ? ")" : "",
		origin_text(p, x->entry, origin, sizeof(origin)));
	fprintf(f, "      %s: %s\n", detail(a, x, about, sizeof(about)),
		action(a, x, act, sizeof(act)));
}

static void print_heading(FILE *f, const struct review_about *a, enum finding_kind kind)
{
	char duration[DURATION_TEXT_MAX];

	duration_text(kind == FINDING_UNUSED ? a->rules->unused : a->rules->expiring, duration);
	/* Each is a literal of review.h, with at most this one %s. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	fprintf(f, finding_heading(kind), duration);
#pragma GCC diagnostic pop
	fprintf(f, " (%zu)\n", a->review->counts[kind]);
}

static void print_ground(FILE *f, const struct review_about *a)
{
	const struct review *r = a->review;
	char time[TIME_ISO_MAX], duration[DURATION_TEXT_MAX];

	fprintf(f, "instance %s: %zu entries, %zu findings\n", a->instance, r->entries, r->n);
	if (!a->loaded)
		fputs("it is not loaded: this is what the files say, and hits are those of "
		      "before\n",
		      f);
	if (!a->hits) {
		fputs("hits were never counted, or cannot be read here: which entries are unused "
		      "is "
		      "not known\n",
		      f);
		return;
	}
	fprintf(f, "hits are counted since %s", time_iso(a->hits->since, time));
	fprintf(f, ", up to %s%s\n", time_iso(a->hits->until, time),
		hits_complete(a->hits)
			? ""
			: "; some were left out, so that last hits may be later than shown");
	if (r->young)
		fprintf(f,
			"%zu entries were never hit, but are counted for less than %s: too early "
			"to call them unused\n",
			r->young, duration_text(a->rules->unused, duration));
}

void review_print(FILE *f, const struct review_about *a)
{
	const struct review *r = a->review;

	print_ground(f, a);
	for (size_t i = 0; i < r->n; i++) {
		if (!i || r->v[i].kind != r->v[i - 1].kind) {
			fputc('\n', f);
			print_heading(f, a, r->v[i].kind);
		}
		print_finding(f, a, &r->v[i]);
	}
}

void csv_field(FILE *f, const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, f);
		return;
	}
	fputc('"', f);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', f);
		fputc(*text, f);
	}
	fputc('"', f);
}

static void csv_row(FILE *f, const struct review_about *a, const struct finding *x)
{
	const struct policy *p = a->policy;
	const struct entry *e = x->entry;
	struct entry_hits h = hits_for(a, e);
	char prefix[PREFIX_TEXT_MAX], origin[PATH_MAX + 16], services[AXP_MAX_SERVICES * 64];
	char hits[24] = "", first[TIME_ISO_MAX], last[TIME_ISO_MAX], since[TIME_ISO_MAX];
	char about[TEXT_MAX], act[TEXT_MAX];
	const char *const fields[] = {
		finding_name(x->kind),
		p->lists[e->list].name,
		prefix_text(&e->prefix, prefix),
		policy_string(p, e->label),
		origin_text(p, e, origin, sizeof(origin)),
		services_text(p, e->list, services, sizeof(services)),
		hits,
		time_iso(h.first, first),
		time_iso(h.last, last),
		time_iso(h.since, since),
		detail(a, x, about, sizeof(about)),
		action(a, x, act, sizeof(act)),
	};

	if (a->view)
		snprintf(hits, sizeof(hits), "%" PRIu64, h.packets);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (i)
			fputc(',', f);
		csv_field(f, fields[i]);
	}
	fputs("\r\n", f);
}

void review_csv(FILE *f, const struct review_about *a)
{
	fputs("finding,list,prefix,label,origin,services,hits,first_hit,last_hit,counted_since,"
	      "detail,action\r\n",
	      f);
	for (size_t i = 0; i < a->review->n; i++)
		csv_row(f, a, &a->review->v[i]);
}

static struct json_object *other_json(const struct policy *p, const struct entry *other)
{
	char text[PREFIX_TEXT_MAX], origin[PATH_MAX + 16];
	struct json_object *o;

	if (!other)
		return NULL;
	o = json_object_new_object();
	json_add_text(o, "list", p->lists[other->list].name);
	json_add_text(o, "prefix", prefix_text(&other->prefix, text));
	json_add_text(o, "origin", origin_text(p, other, origin, sizeof(origin)));
	return o;
}

static struct json_object *services_json(const struct policy *p, size_t list)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < p->n_services; i++) {
		if (allows(&p->services[i], list))
			json_object_array_add(array, json_object_new_string(p->services[i].name));
	}
	return array;
}

static struct json_object *finding_json(const struct review_about *a, const struct finding *x)
{
	const struct policy *p = a->policy;
	const struct entry *e = x->entry;
	struct entry_hits h = hits_for(a, e);
	struct json_object *o = json_object_new_object();
	char text[TEXT_MAX];

	json_add_text(o, "finding", finding_name(x->kind));
	json_add_text(o, "list", p->lists[e->list].name);
	json_add_text(o, "prefix", prefix_text(&e->prefix, text));
	json_add_text(o, "label", policy_string(p, e->label));
	json_add_text(o, "origin", origin_text(p, e, text, sizeof(text)));
	json_object_object_add(o, "services", services_json(p, e->list));
	hits_json(o, a->view ? &h : NULL);
	json_object_object_add(o, "other", other_json(p, x->other));
	json_add_text(o, "detail", detail(a, x, text, sizeof(text)));
	json_add_text(o, "action", action(a, x, text, sizeof(text)));
	return o;
}

struct json_object *review_json(const struct review_about *a)
{
	struct json_object *o = json_object_new_object(), *counts = json_object_new_object();
	struct json_object *findings = json_object_new_array();

	for (enum finding_kind kind = 0; kind < FINDINGS; kind++)
		json_object_object_add(counts, finding_name(kind),
				       json_object_new_int64((int64_t)a->review->counts[kind]));
	for (size_t i = 0; i < a->review->n; i++)
		json_object_array_add(findings, finding_json(a, &a->review->v[i]));
	json_add_text(o, "instance", a->instance);
	json_object_object_add(o, "loaded", json_object_new_boolean(a->loaded));
	hits_ground_json(o, a->hits);
	json_object_object_add(o, "unused_seconds", json_object_new_int64(a->rules->unused));
	json_object_object_add(o, "entries", json_object_new_int64((int64_t)a->review->entries));
	json_object_object_add(o, "too_early", json_object_new_int64((int64_t)a->review->young));
	json_object_object_add(o, "counts", counts);
	json_object_object_add(o, "findings", findings);
	return o;
}
