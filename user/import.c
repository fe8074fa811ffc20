// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "import.h"
#include "text.h"

void import_free(struct import *im)
{
	for (size_t i = 0; im->lists && i < im->policy.n_lists; i++) {
		for (size_t j = 0; j < im->lists[i].names.n; j++)
			free(im->lists[i].names.v[j]);
		free(im->lists[i].names.v);
	}
	for (size_t i = 0; i < im->n_notes; i++)
		free(im->notes[i].text);
	free(im->lists);
	free(im->notes);
	policy_free(&im->policy);
	*im = (struct import){ 0 };
}

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "not enough memory for what is in the input");
}

int import_init(struct import *im, const char *file, uint32_t now, struct error *err)
{
	*im = (struct import){ .file = file, .now = now };
	im->lists = calloc(POLICY_MAX_LISTS, sizeof(*im->lists));
	im->policy.lists = calloc(POLICY_MAX_LISTS, sizeof(*im->policy.lists));
	im->policy.services = calloc(AXP_MAX_SERVICES, sizeof(*im->policy.services));
	im->policy.settings = policy_defaults();
	im->policy.now = now;
	if (!im->lists || !im->policy.lists || !im->policy.services ||
	    policy_intern(&im->policy, file, strlen(file), &im->source))
		return no_memory(err);
	return 0;
}

/* -- notes ------------------------------------------------------------------------------------ */

static struct import_note *find_note(struct import *im, enum import_note_kind kind,
				     const char *text)
{
	for (size_t i = im->n_notes; i--;) {
		if (im->notes[i].kind == kind && !strcmp(im->notes[i].text, text))
			return &im->notes[i];
	}
	return NULL;
}

static struct import_note *new_note(struct import *im, enum import_note_kind kind, const char *text,
				    const char *sample)
{
	struct import_note *n;

	if (im->n_notes == IMPORT_NOTES_MAX) {
		im->notes_more++;
		return NULL;
	}
	if (!im->notes)
		im->notes = calloc(IMPORT_NOTES_MAX, sizeof(*im->notes));
	n = im->notes ? &im->notes[im->n_notes] : NULL;
	if (n)
		n->text = strdup(text);
	if (!n || !n->text) {
		im->no_memory = true;
		return NULL;
	}
	n->kind = kind;
	if (sample)
		text_shown(sample, strlen(sample), n->sample);
	im->n_notes++;
	return n;
}

static void add_note(struct import *im, enum import_note_kind kind, unsigned int line,
		     unsigned long count, const char *sample, const char *text)
{
	struct import_note *n = find_note(im, kind, text);

	if (!n)
		n = new_note(im, kind, text, sample);
	if (!n)
		return;
	n->count += count;
	for (size_t i = 0; line && i < IMPORT_NOTE_LINES; i++) {
		if (n->lines[i] == line)
			return;
		if (!n->lines[i]) {
			n->lines[i] = line;
			return;
		}
	}
}

void import_note(struct import *im, enum import_note_kind kind, unsigned int line,
		 const char *sample, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add_note(im, kind, line, 1, sample, text);
}

void import_note_more(struct import *im, enum import_note_kind kind, unsigned int line,
		      unsigned long count, const char *sample, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add_note(im, kind, line, count, sample, text);
}

/* -- lists and services ------------------------------------------------------------------------ */

/* A name as lists and services may have it. */
static void clean_name(const char *name, char out[static POLICY_NAME_MAX + 1])
{
	size_t n = 0;

	for (; *name && n < POLICY_NAME_MAX; name++) {
		char c = *name;
		bool plain =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (plain || (n && strchr("_-.", c)))
			out[n++] = c;
		else if (n)
			out[n++] = '-';
	}
	out[n] = '\0';
	if (!n)
		strcpy(out, "list");
}

/* Makes it one that `taken` does not know: NAME-2, NAME-3... */
static void make_unique(const struct policy *p, char name[static POLICY_NAME_MAX + 1],
			int (*taken)(const struct policy *p, const char *name))
{
	char base[POLICY_NAME_MAX + 1];

	strcpy(base, name);
	for (unsigned int i = 2; taken(p, name) >= 0; i++)
		snprintf(name, POLICY_NAME_MAX + 1, "%.56s-%u", base, i);
}

/* Letters of names are of any case; file systems that know none would mix them up. */
static int find_list_in_any_case(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_lists; i++) {
		if (!strcasecmp(p->lists[i].name, name))
			return (int)i;
	}
	return -1;
}

int import_new_list(struct import *im, const char *name, const char *origin, unsigned int line,
		    struct error *err)
{
	struct policy *p = &im->policy;
	struct list *l = &p->lists[p->n_lists];
	char shown[TEXT_SHOWN_MAX];

	if (p->n_lists == POLICY_MAX_LISTS) {
		import_error(im, line, err, "more than %d lists: choose some sets with --set",
			     POLICY_MAX_LISTS);
		return -E2BIG;
	}
	clean_name(name, l->name);
	make_unique(p, l->name, find_list_in_any_case);
	l->line = line;
	if (strcmp(l->name, name))
		import_note(im, IMPORT_CHANGED, line, NULL, "\"%s\" is called %s here",
			    text_shown(name, strlen(name), shown), l->name);
	snprintf(im->lists[p->n_lists].origin, IMPORT_ORIGIN_MAX, "%s", origin);
	return (int)p->n_lists++;
}

bool import_wanted(struct import *im, const char *name)
{
	size_t n = strlen(name);
	const char *at = im->only;

	if (!at)
		return true;
	for (unsigned int i = 0; at; i++) {
		const char *end = strchrnul(at, ',');

		if ((size_t)(end - at) == n && !memcmp(at, name, n)) {
			im->only_seen |= i < 64 ? 1ULL << i : 0;
			return true;
		}
		at = *end ? end + 1 : NULL;
	}
	return false;
}

static int check_wanted(const struct import *im, struct error *err)
{
	const char *at = im->only;

	for (unsigned int i = 0; at && i < 64; i++) {
		const char *end = strchrnul(at, ',');

		if (!(im->only_seen >> i & 1)) {
			import_error(im, 0, err, "there is no set \"%.*s\" in it: see its names",
				     (int)(end - at > 63 ? 63 : end - at), at);
			return -ENODATA;
		}
		at = *end ? end + 1 : NULL;
	}
	return 0;
}

static int one_service(struct import *im, const char *name, const struct port_range *ports,
		       size_t n, struct error *err)
{
	struct policy *p = &im->policy;
	struct service *s = &p->services[p->n_services];

	if (p->n_services == AXP_MAX_SERVICES) {
		import_error(im, 0, err,
			     "its ports make more than %d services: import it in parts, or guard "
			     "fewer ports (-c CONFIG)",
			     AXP_MAX_SERVICES);
		return -E2BIG;
	}
	clean_name(name, s->name);
	make_unique(p, s->name, policy_find_service);
	memcpy(s->ports, ports, n * sizeof(*ports));
	s->n_ports = (uint32_t)n;
	s->slot = (uint8_t)p->n_services;
	s->replies = 1;
	return (int)p->n_services++;
}

int import_new_service(struct import *im, const char *name, const struct port_range *ports,
		       size_t n, struct error *err)
{
	int first = (int)im->policy.n_services;

	/* A service has room for so many ranges; the rest goes into others beside it. */
	while (n > POLICY_MAX_PORT_RANGES) {
		int rc = one_service(im, name, ports, POLICY_MAX_PORT_RANGES, err);

		if (rc < 0)
			return rc;
		ports += POLICY_MAX_PORT_RANGES;
		n -= POLICY_MAX_PORT_RANGES;
	}
	return one_service(im, name, ports, n, err) < 0 ? -E2BIG : first;
}

void import_allow(struct import *im, int service, int list)
{
	for (size_t i = (size_t)service; i < im->policy.n_services; i++)
		im->policy.services[i].allow[list / 64] |= 1ULL << (list % 64);
	im->lists[list].referred = true;
}

/* -- at the end -------------------------------------------------------------------------------- */

static void count_entries(struct import *im)
{
	const struct entries *e = &im->policy.base;

	for (size_t i = 0; i < e->n; i++) {
		struct import_list *l = &im->lists[e->v[i].list];

		l->entries++;
		l->carves += !!(e->v[i].flags & ENTRY_CARVE);
		l->timed += e->v[i].until != 0;
	}
}

int import_finish(struct import *im, struct error *err)
{
	struct policy *p = &im->policy;
	size_t before = p->base.n, timed = 0, names = 0, usable = 0;
	int rc = check_wanted(im, err);

	if (!rc)
		rc = policy_sort_entries(p, &p->base, err);
	if (rc)
		return rc;
	if (im->no_memory)
		return no_memory(err);
	if (before > p->base.n)
		import_note_more(im, IMPORT_CHANGED, 0, before - p->base.n, NULL,
				 "entries that were there twice are written once");
	count_entries(im);
	for (size_t i = 0; i < p->n_lists; i++) {
		timed += im->lists[i].timed;
		names += im->lists[i].names.n;
		usable += !im->lists[i].elsewhere;
	}
	if (timed)
		import_note_more(im, IMPORT_KNOW, 0, timed, NULL,
				 "entries expire: what they had left counts from now on");
	if (names)
		import_note_more(im, IMPORT_KNOW, 0, names, NULL,
				 "hosts by their names stand under `names:` of the config");
	if (!usable && !p->n_services) {
		import_error(im, 0, err, "there is no list of addresses in it");
		return -ENODATA;
	}
	return 0;
}
