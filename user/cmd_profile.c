// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "cmd.h"
#include "config.h"
#include "output.h"
#include "profile_copy.h"
#include "profiles.h"
#include "readfile.h"

enum { PROFILE_LIMIT = 64 << 20, NAME_COLUMN = 24 };

/* A profile that was read alone. */
struct profile {
	char path[PATH_MAX];
	bool local;
	struct policy policy;
	struct provenance of;
};

static int open_profile(struct profile *p, const struct profile_dirs *dirs, const char *name,
			struct error *err)
{
	int rc = profile_find(dirs, name, p->path, err);
	size_t n = strlen(dirs->local);

	p->local = !rc && !strncmp(p->path, dirs->local, n) && p->path[n] == '/';
	return rc ? rc : config_read_profile(&p->policy, p->path, &p->of, err);
}

static void close_profile(struct profile *p)
{
	policy_free(&p->policy);
}

#define _cleanup_profile_ __attribute__((cleanup(close_profile)))

/* What the provider does not publish: said of the whole, then of its lists. */
static void each_missing(const struct profile *p,
			 void (*fn)(const char *list, const char *text, void *arg), void *arg)
{
	for (size_t i = 0; i < p->of.n_missing; i++)
		fn(NULL, policy_string(&p->policy, p->of.missing[i]), arg);
	for (size_t i = 0; i < p->policy.n_lists; i++) {
		const struct list *list = &p->policy.lists[i];

		if (list->unpublished)
			fn(list->name, policy_string(&p->policy, list->unpublished), arg);
	}
}

static void append_missing(const char *list, const char *text, void *arg)
{
	struct json_object *o = json_object_new_object();

	json_add_text(o, "list", list);
	json_add_text(o, "text", text);
	json_object_array_add(arg, o);
}

static struct json_object *profile_json(const struct profile *p)
{
	struct json_object *o = json_object_new_object(), *missing = json_object_new_array();
	const struct policy *policy = &p->policy;

	json_add_text(o, "name", policy_string(policy, p->of.name));
	json_add_text(o, "title", policy_string(policy, p->of.title));
	json_add_text(o, "provider", policy_string(policy, p->of.provider));
	json_add_text(o, "source", policy_string(policy, p->of.source));
	json_add_text(o, "date", policy_string(policy, p->of.date));
	each_missing(p, append_missing, missing);
	json_object_object_add(o, "missing", missing);
	json_add_text(o, "file", p->path);
	json_object_object_add(o, "local", json_object_new_boolean(p->local));
	return o;
}

/* ---- list ---- */

static void print_missing(const char *list, const char *text, void *arg)
{
	(void)arg;
	printf("%-*s missing: %s%s%s\n", NAME_COLUMN, "", list ? list : "", list ? ": " : "", text);
}

static void print_profile(const struct profile *p)
{
	const struct policy *policy = &p->policy;

	printf("%-*s %s: %s (%s)\n", NAME_COLUMN, policy_string(policy, p->of.name),
	       policy_string(policy, p->of.provider), policy_string(policy, p->of.title),
	       policy_string(policy, p->of.date));
	if (p->local)
		printf("%-*s your own: %s\n", NAME_COLUMN, "", p->path);
	each_missing(p, print_missing, NULL);
}

/* One that cannot be read is shown with the reason, for the others may be wanted. */
static void list_one(const struct profile_dirs *dirs, const char *name, struct json_object *array)
{
	struct profile p _cleanup_profile_ = { 0 };
	struct json_object *o;
	struct error err;

	if (!open_profile(&p, dirs, name, &err)) {
		if (array)
			json_object_array_add(array, profile_json(&p));
		else
			print_profile(&p);
		return;
	}
	warn_line("%s", err.text);
	if (!array) {
		printf("%-*s cannot be used: see the warning\n", NAME_COLUMN, name);
		return;
	}
	o = json_object_new_object();
	json_add_text(o, "name", name);
	json_add_text(o, "file", p.path);
	json_add_text(o, "error", err.text);
	json_object_array_add(array, o);
}

static int profile_list(const struct app *app, const struct profile_dirs *dirs)
{
	struct profile_files files _cleanup_profile_files_ = { 0 };
	struct json_object *o, *array;
	struct error err;

	if (profile_files_find(dirs, &files, &err))
		return fail(&err);
	array = app->json ? json_object_new_array() : NULL;
	for (size_t i = 0; i < files.n; i++)
		list_one(dirs, files.v[i].name, array);
	if (!app->json) {
		if (!files.n)
			printf("no profiles, neither in %s nor in %s\n", dirs->local,
			       dirs->installed);
		return EXIT_DONE;
	}
	o = json_object_new_object();
	json_object_object_add(o, "profiles", array);
	return print_json(o);
}

/* ---- show ---- */

static struct json_object *ports_json(const struct service *s)
{
	struct json_object *array = json_object_new_array();
	char text[24];

	for (size_t i = 0; i < s->n_ports; i++)
		json_object_array_add(array,
				      json_object_new_string(port_range_text(&s->ports[i], text)));
	return array;
}

static struct json_object *allow_json(const struct policy *p, const struct service *s)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < p->n_lists; i++)
		if (s->allow[i / 64] >> (i % 64) & 1)
			json_object_array_add(array, json_object_new_string(p->lists[i].name));
	return array;
}

static struct json_object *services_json(const struct policy *p)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];
		struct json_object *o = json_object_new_object();

		json_add_text(o, "name", s->name);
		json_add_text(o, "direction", direction_name(s->direction));
		json_object_object_add(o, "ports", ports_json(s));
		json_object_object_add(o, "allow", allow_json(p, s));
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *entries_json(const struct policy *p, size_t list)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < p->base.n; i++)
		if (p->base.v[i].list == list)
			json_object_array_add(array, entry_json(p, &p->base.v[i]));
	return array;
}

/* "name pstn.example.com", in the file's order. */
static struct json_object *sources_json(const struct policy *p, size_t list)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < p->n_sources; i++)
		if (p->sources[i].list == list)
			json_object_array_add(array, json_object_new_string(policy_string(
							     p, p->sources[i].origin)));
	return array;
}

static struct json_object *lists_json(const struct policy *p)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < p->n_lists; i++) {
		struct json_object *o = json_object_new_object();

		json_add_text(o, "name", p->lists[i].name);
		json_add_text(o, "file", policy_string(p, p->lists[i].file));
		json_object_object_add(o, "sources", sources_json(p, i));
		json_add_text(o, "unpublished", policy_string(p, p->lists[i].unpublished));
		json_object_object_add(o, "entries", entries_json(p, i));
		json_object_array_add(array, o);
	}
	return array;
}

static void print_missing_comment(const char *list, const char *text, void *arg)
{
	(void)arg;
	printf("# missing: %s%s%s\n", list ? list : "", list ? ": " : "", text);
}

/* The file as it is, between comments, so that it stays YAML. */
static int profile_show(const struct app *app, const struct profile_dirs *dirs, const char *name)
{
	struct profile p _cleanup_profile_ = { 0 };
	_cleanup_free_ char *text = NULL;
	struct json_object *o;
	struct error err;
	size_t n;

	if (open_profile(&p, dirs, name, &err) ||
	    file_read_all(p.path, PROFILE_LIMIT, &text, &n, &err))
		return fail(&err);
	if (!app->json) {
		printf("# %s\n", p.path);
		fwrite(text, 1, n, stdout);
		each_missing(&p, print_missing_comment, NULL);
		return EXIT_DONE;
	}
	o = profile_json(&p);
	json_object_object_add(o, "services", services_json(&p.policy));
	json_object_object_add(o, "lists", lists_json(&p.policy));
	json_add_text(o, "text", text);
	return print_json(o);
}

/* ---- copy ---- */

static int copy(const struct app *app, const struct profile_dirs *dirs, const char *name,
		const char *to)
{
	struct profile p _cleanup_profile_ = { 0 };
	struct profile_dirs shipped = *dirs;
	struct json_object *o;
	struct error err;

	if (!policy_name_ok(name))
		return usage(app, "'%.64s' cannot name a profile", name);
	/* The installed one, even where there is an edited one already. */
	strcpy(shipped.local, shipped.installed);
	if (open_profile(&p, &shipped, name, &err) ||
	    profile_copy(&p.policy, p.path, to ? to : dirs->local, &err))
		return fail(&err);
	if (app->json) {
		o = json_object_new_object();
		json_add_text(o, "name", name);
		json_add_text(o, "directory", to ? to : dirs->local);
		return print_json(o);
	}
	printf("copied to %s/%s" PROFILE_SUFFIX "%s\n", to ? to : dirs->local, name,
	       to ? ""
		  : ", which is used from the next load or reload on where the config includes it");
	return EXIT_DONE;
}

int cmd_profile(struct app *app, int argc, char **argv)
{
	struct profile_dirs dirs;
	const char *verb, *name;
	struct error err;
	int first, n, status = command_options(app, argc, argv, NULL, 0, &first);

	if (status >= 0)
		return status;
	n = argc - first - 1;
	verb = n >= 0 ? argv[first] : "list";
	name = n >= 1 ? argv[first + 1] : NULL;
	if (profile_dirs_init(&dirs, app->config ? app->config : DEFAULT_CONFIG, &err))
		return fail(&err);
	if (!strcmp(verb, "list"))
		return n > 0 ? usage(app, "profile list does not take '%.64s'", name)
			     : profile_list(app, &dirs);
	if (!strcmp(verb, "show"))
		return n != 1 ? usage(app, "profile show needs the name of one profile")
			      : profile_show(app, &dirs, name);
	if (!strcmp(verb, "copy"))
		return n < 1 || n > 2
			       ? usage(app, "profile copy needs a profile's name, and may be given "
					    "a directory")
			       : copy(app, &dirs, name, n == 2 ? argv[first + 2] : NULL);
	return usage(app, "profile does not know '%.64s': use list, show or copy", verb);
}
