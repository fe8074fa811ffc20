// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "config.h"
#include "import_output.h"
#include "output.h"

enum { WARNINGS_MAX = 40 };

/* A string as YAML takes it, whatever is in it. */
static void print_quoted(FILE *out, const char *text)
{
	struct json_object *o = json_object_new_string(text);

	fputs(json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE), out);
	json_object_put(o);
}

static void print_allowed(FILE *out, const struct policy *p, const struct service *s)
{
	const char *between = "";

	fputs("    allow: [", out);
	for (size_t i = 0; i < p->n_lists; i++) {
		if (!(s->allow[i / 64] >> (i % 64) & 1))
			continue;
		fprintf(out, "%s%s", between, p->lists[i].name);
		between = ", ";
	}
	fputs("]\n", out);
}

static void print_services(FILE *out, const struct policy *p)
{
	char text[24];

	if (p->n_services)
		fputs("services:\n", out);
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		fprintf(out, "  - name: %s\n    ports: [", s->name);
		for (size_t j = 0; j < s->n_ports; j++)
			fprintf(out, "%s%s", j ? ", " : "", port_range_text(&s->ports[j], text));
		fputs("]\n", out);
		print_allowed(out, p, s);
	}
}

static void print_names(FILE *out, const struct import_names *names)
{
	fputs("    names: [", out);
	for (size_t i = 0; i < names->n; i++) {
		fputs(i ? ", " : "", out);
		print_quoted(out, names->v[i]);
	}
	fputs("]\n", out);
}

static void print_list(FILE *out, const struct import *im, const struct import_files *f, size_t i)
{
	const struct import_list *l = &im->lists[i];

	fprintf(out, "  - name: %s", im->policy.lists[i].name);
	if (!l->elsewhere)
		fprintf(out, "   # %zu entries", l->entries);
	else
		fprintf(out, "   # to be imported from: ipset save");
	fputc('\n', out);
	if (f->paths[i]) {
		fputs("    file: ", out);
		print_quoted(out, f->paths[i]);
		fputc('\n', out);
	}
	if (l->names.n)
		print_names(out, &l->names);
}

static bool all_referred(const struct import *im)
{
	for (size_t i = 0; i < im->policy.n_lists; i++) {
		if (!im->lists[i].referred)
			return false;
	}
	return true;
}

void import_snippet(FILE *out, const struct import *im, const struct import_files *f)
{
	const struct policy *c = im->config;

	if (!f->written)
		fputs("# Nothing was written: --into DIR writes the list files that are named "
		      "here.\n",
		      out);
	fputs("# For the config:\n", out);
	print_services(out, &im->policy);
	if (!all_referred(im)) {
		fputs("# No port was named for ", out);
		fputs(im->policy.n_services ? "some of these lists" : "these lists", out);
		fputs(": put their names under `allow:` of your services", out);
		for (size_t i = 0; c && i < c->n_services; i++)
			fprintf(out, "%s%s", i ? ", " : " ", c->services[i].name);
		fputs(".\n", out);
	}
	fputs("lists:\n", out);
	for (size_t i = 0; i < im->policy.n_lists; i++)
		print_list(out, im, f, i);
}

static const char *const kinds[IMPORT_NOTE_KINDS] = {
	[IMPORT_LOST] = "not carried over",
	[IMPORT_CHANGED] = "changed",
	[IMPORT_KNOW] = "note",
};

static void warn_note(const struct import *im, const struct import_note *n)
{
	char lines[160] = "";
	size_t used = 0, i;

	for (i = 0; i < IMPORT_NOTE_LINES && n->lines[i]; i++)
		used += (size_t)snprintf(lines + used, sizeof(lines) - used, "%s%u", i ? "," : ":",
					 n->lines[i]);
	if (i == IMPORT_NOTE_LINES && n->count > i)
		snprintf(lines + used, sizeof(lines) - used, "...");
	warn_line("%s%s: %s: %s%s%s%s (%lu)", im->file, lines, kinds[n->kind], n->text,
		  *n->sample ? " (" : "", n->sample,
		  !*n->sample    ? ""
		  : n->count > 1 ? ", ...)"
				 : ")",
		  n->count);
}

void import_warn(const struct import *im)
{
	size_t shown = 0;

	for (int kind = 0; kind < IMPORT_NOTE_KINDS; kind++) {
		for (size_t i = 0; i < im->n_notes; i++) {
			if ((int)im->notes[i].kind == kind && shown++ < WARNINGS_MAX)
				warn_note(im, &im->notes[i]);
		}
	}
	if (shown > WARNINGS_MAX || im->notes_more)
		warn_line("%s: and %zu more such lines: --json has up to %d", im->file,
			  (shown > WARNINGS_MAX ? shown - WARNINGS_MAX : 0) +
				  (size_t)im->notes_more,
			  IMPORT_NOTES_MAX);
}

static struct json_object *notes_json(const struct import *im, enum import_note_kind kind)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < im->n_notes; i++) {
		const struct import_note *n = &im->notes[i];
		struct json_object *o, *lines;

		if (n->kind != kind)
			continue;
		o = json_object_new_object();
		lines = json_object_new_array();
		json_add_text(o, "what", n->text);
		json_add_text(o, "first", n->sample);
		json_object_object_add(o, "count", json_object_new_int64((int64_t)n->count));
		for (size_t j = 0; j < IMPORT_NOTE_LINES && n->lines[j]; j++)
			json_object_array_add(lines, json_object_new_int64(n->lines[j]));
		json_object_object_add(o, "lines", lines);
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *lists_json(const struct import *im, const struct import_files *f)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < im->policy.n_lists; i++) {
		const struct import_list *l = &im->lists[i];
		struct json_object *o = json_object_new_object(), *names = json_object_new_array();

		json_add_text(o, "name", im->policy.lists[i].name);
		json_add_text(o, "origin", l->origin);
		json_add_text(o, "file", f->paths[i]);
		json_object_object_add(o, "elsewhere", json_object_new_boolean(l->elsewhere));
		json_object_object_add(o, "entries", json_object_new_int64((int64_t)l->entries));
		json_object_object_add(o, "holes", json_object_new_int64((int64_t)l->carves));
		json_object_object_add(o, "expiring", json_object_new_int64((int64_t)l->timed));
		for (size_t j = 0; j < l->names.n; j++)
			json_object_array_add(names, json_object_new_string(l->names.v[j]));
		json_object_object_add(o, "names", names);
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *services_json(const struct policy *p)
{
	struct json_object *array = json_object_new_array();
	char text[24];

	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];
		struct json_object *o = json_object_new_object();
		struct json_object *ports = json_object_new_array();
		struct json_object *allow = json_object_new_array();

		for (size_t j = 0; j < s->n_ports; j++)
			json_object_array_add(
				ports, json_object_new_string(port_range_text(&s->ports[j], text)));
		for (size_t j = 0; j < p->n_lists; j++) {
			if (s->allow[j / 64] >> (j % 64) & 1)
				json_object_array_add(allow,
						      json_object_new_string(p->lists[j].name));
		}
		json_add_text(o, "name", s->name);
		json_object_object_add(o, "ports", ports);
		json_object_object_add(o, "allow", allow);
		json_object_array_add(array, o);
	}
	return array;
}

struct json_object *import_json(const struct import *im, const struct import_files *f,
				const char *format)
{
	struct json_object *o = json_object_new_object();

	json_add_text(o, "input", im->file);
	json_add_text(o, "format", format);
	json_object_object_add(o, "written", json_object_new_boolean(f->written));
	json_object_object_add(o, "services", services_json(&im->policy));
	json_object_object_add(o, "lists", lists_json(im, f));
	json_object_object_add(o, "not_carried", notes_json(im, IMPORT_LOST));
	json_object_object_add(o, "changed", notes_json(im, IMPORT_CHANGED));
	json_object_object_add(o, "notes", notes_json(im, IMPORT_KNOW));
	json_object_object_add(o, "more", json_object_new_int64((int64_t)im->notes_more));
	return o;
}
