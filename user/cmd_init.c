// SPDX-License-Identifier: GPL-2.0-or-later
/* `allowxdp init`: asks little, looks at what listens here, and writes a config that loads. */
#include <errno.h>
#include <libgen.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "cmd.h"
#include "config.h"
#include "config_reader.h"
#include "lifelines.h"
#include "listfile.h"
#include "output.h"
#include "profiles.h"
#include "questions.h"
#include "routes.h"
#include "starter.h"
#include "text.h"
#include "writefile.h"

enum { PROFILES_MAX = 16, OFFICE_MAX = 64, ANSWER_MAX = 1024, LIFELINES = 64, TRIES = 3 };

struct init {
	struct app *app;
	const char *output;
	struct option_texts interfaces, services, providers, offices;
	bool yes, dry_run, asks;
	struct listeners listeners;
	struct policy scratch; /* of the profiles' strings */
	struct document documents[PROFILES_MAX];
	struct starter_profile profiles[PROFILES_MAX];
	size_t n_profiles;
	char names[PROFILES_MAX][POLICY_NAME_MAX + 1];
	char *office[OFFICE_MAX];
	size_t n_office;
	struct starter starter;
};

static void init_free(struct init *i)
{
	listeners_free(&i->listeners);
	for (size_t k = 0; k < PROFILES_MAX; k++)
		document_close(&i->documents[k]);
	for (size_t k = 0; k < i->n_office; k++)
		free(i->office[k]);
	policy_free(&i->scratch);
}

/* Calls fn for each part of "a, b,c". */
static int each_part(struct init *i, const char *text,
		     int (*fn)(struct init *i, const char *part, struct error *err),
		     struct error *err)
{
	char part[ANSWER_MAX];

	for (;;) {
		size_t n = strcspn(text, ","), start = strspn(text, " \t");
		int len = start < n ? (int)(n - start) : 0, rc = 0;

		while (len && (text[start + (size_t)len - 1] == ' ' ||
			       text[start + (size_t)len - 1] == '\t'))
			len--;
		snprintf(part, sizeof(part), "%.*s", len, text + start);
		if (*part)
			rc = fn(i, part, err);
		if (rc || !text[n])
			return rc;
		text += n + 1;
	}
}

/* ---- interfaces ---- */

static int add_interface(struct init *i, const char *name, struct error *err)
{
	struct starter *s = &i->starter;

	if (!if_nametoindex(name))
		return error_set(err, ENODEV, "there is no interface %.32s: see `ip link`", name);
	for (size_t k = 0; k < s->n_interfaces; k++) {
		if (!strcmp(s->interfaces[k], name))
			return 0;
	}
	if (s->n_interfaces == ARRAY_SIZE(s->interfaces))
		return error_set(err, E2BIG, "more than %zu interfaces", ARRAY_SIZE(s->interfaces));
	snprintf(s->interfaces[s->n_interfaces++], sizeof(s->interfaces[0]), "%s", name);
	return 0;
}

static int add_gateway(const struct gateway *g, void *arg)
{
	struct error ignored;

	if (*g->interface)
		add_interface(arg, g->interface, &ignored);
	return 0;
}

static bool is_up(const char *name)
{
	char path[64], state[16] = "";
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/operstate", name);
	f = fopen(path, "re");
	return !f || (fgets(state, sizeof(state), f) && strncmp(state, "down", 4));
}

/* Those that default routes lead through; where there is none, all that are up. */
static void guess_interfaces(struct init *i)
{
	struct if_nameindex *all;
	struct error ignored;

	default_gateways_each(add_gateway, i, &ignored);
	if (i->starter.n_interfaces)
		return;
	all = if_nameindex();
	for (size_t k = 0; all && all[k].if_index; k++) {
		if (strcmp(all[k].if_name, "lo") && is_up(all[k].if_name))
			add_interface(i, all[k].if_name, &ignored);
	}
	if (all)
		if_freenameindex(all);
}

/* ---- providers ---- */

static int add_provider(struct init *i, const char *name, struct error *err)
{
	struct document *d = &i->documents[i->n_profiles];
	struct profile_dirs dirs;
	char path[PATH_MAX];
	int rc;

	for (size_t k = 0; k < i->n_profiles; k++) {
		if (!strcmp(i->names[k], name))
			return 0;
	}
	if (i->n_profiles == PROFILES_MAX)
		return error_set(err, E2BIG,
				 "more than %d providers: write the others under `include`",
				 PROFILES_MAX);
	if (!policy_name_ok(name))
		return error_set(err, EINVAL,
				 "\"%.64s\" cannot name a profile: see `allowxdp profile list`",
				 name);
	rc = profile_dirs_init(&dirs, i->output, err);
	if (!rc)
		rc = profile_find(&dirs, name, path, err);
	if (!rc)
		rc = profile_document_open(d, &i->scratch, path, err);
	if (rc) {
		document_close(d);
		return rc;
	}
	strcpy(i->names[i->n_profiles], name);
	i->profiles[i->n_profiles] = (struct starter_profile){
		.name = i->names[i->n_profiles],
		.yaml = d->yaml,
	};
	i->starter.n_profiles = ++i->n_profiles;
	return 0;
}

/* ---- office ---- */

static int add_office(struct init *i, const char *text, struct error *err)
{
	struct list_line line;
	int rc = list_line_parse(text, strlen(text), &line, err);

	if (rc)
		return rc;
	if (line.blank)
		return 0;
	if (i->n_office == OFFICE_MAX)
		return error_set(err, E2BIG,
				 "more than %d prefixes: write the others into the file",
				 OFFICE_MAX);
	i->office[i->n_office] = strdup(text);
	if (!i->office[i->n_office])
		return error_set(err, ENOMEM, "out of memory");
	i->starter.n_office = ++i->n_office;
	return 0;
}

/* Who types this, if over SSH: "ADDRESS # ..."; else "". */
static void ssh_peer(char *out, size_t n)
{
	struct lifeline lifelines[LIFELINES];
	char text[PREFIX_TEXT_MAX];
	struct error ignored;
	size_t count = 0;

	out[0] = '\0';
	if (lifelines_read(lifelines, ARRAY_SIZE(lifelines), &count, NULL, &ignored))
		return;
	for (size_t k = 0; k < count; k++) {
		if (lifelines[k].kind != LIFELINE_SSH)
			continue;
		prefix_text(&lifelines[k].address, text);
		*strchrnul(text, '/') = '\0';
		snprintf(out, n, "%s # the SSH session that init was run in", text);
	}
}

/* ---- what goes in: options, else answers, else what is found ---- */

static int add_service(struct init *i, const char *text, struct error *err)
{
	return starter_wish(&i->starter, text, err);
}

typedef int (*part_fn)(struct init *i, const char *part, struct error *err);

/* 1: options say it. */
static int take_options(struct init *i, const struct option_texts *texts, const char *option,
			part_fn fn, struct error *err)
{
	struct error why;

	for (size_t k = 0; k < texts->n; k++) {
		int rc = each_part(i, texts->v[k], fn, &why);

		if (rc)
			return error_set(err, -rc, "--%s: %s", option, why.text);
	}
	return texts->n > 0;
}

/* Forgets a wrong answer's right parts. */
struct counts {
	size_t interfaces, wishes, profiles, office;
};

static struct counts counts_of(const struct init *i)
{
	return (struct counts){ i->starter.n_interfaces, i->starter.n_wishes, i->n_profiles,
				i->n_office };
}

static void go_back(struct init *i, const struct counts *to)
{
	i->starter.n_interfaces = to->interfaces;
	i->starter.n_wishes = to->wishes;
	while (i->n_profiles > to->profiles)
		document_close(&i->documents[--i->n_profiles]);
	while (i->n_office > to->office)
		free(i->office[--i->n_office]);
	i->starter.n_profiles = i->n_profiles;
	i->starter.n_office = i->n_office;
}

static int ask_for(struct init *i, const char *question, const char *otherwise, part_fn fn,
		   struct error *err)
{
	const struct counts before = counts_of(i);
	char answer[ANSWER_MAX];
	int rc = 0;

	for (int n = 0; n < TRIES; n++) {
		if (!ask(question, otherwise, answer, sizeof(answer)))
			return error_set(err, EIO, "no answer: nothing was written");
		if (!strcmp(answer, "none"))
			return 0;
		rc = each_part(i, answer, fn, err);
		if (!rc)
			return 0;
		fprintf(stderr, "  %s\n", err->text);
		go_back(i, &before);
	}
	return rc;
}

static int choose_interfaces(struct init *i, struct error *err)
{
	struct starter *s = &i->starter;
	char found[ANSWER_MAX] = "";
	size_t used = 0;
	int rc = take_options(i, &i->interfaces, "interface", add_interface, err);

	if (rc)
		return rc < 0 ? rc : 0;
	guess_interfaces(i);
	if (i->asks) {
		for (size_t k = 0; k < s->n_interfaces; k++)
			used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%s",
						 k ? "," : "", s->interfaces[k]);
		s->n_interfaces = 0;
		rc = ask_for(i, "Interface to guard, the one to the Internet", found, add_interface,
			     err);
	}
	if (!rc && !s->n_interfaces)
		return error_set(err, ENODEV,
				 "no interface has a default route or is up: name one, as in "
				 "--interface eth0");
	return rc;
}

static void show_listeners(const struct init *i)
{
	for (size_t k = 0; k < i->listeners.n; k++) {
		const struct listener *l = &i->listeners.v[k];
		enum service_kind kind = kind_of_listener(l);

		if (kind < SERVICE_KINDS)
			fprintf(stderr, "  %s/%u %s: %s\n", l->protocol == AXP_TCP ? "tcp" : "udp",
				l->port, l->program[0] ? l->program : "?", kind_name(kind));
	}
}

static int choose_services(struct init *i, struct error *err)
{
	struct starter *s = &i->starter;
	char found[ANSWER_MAX] = "";
	size_t used = 0;
	int rc = take_options(i, &i->services, "service", add_service, err);

	if (rc)
		return rc < 0 ? rc : 0;
	starter_wish_found(s);
	if (!i->asks)
		return 0;
	for (size_t k = 0; k < s->n_wishes; k++)
		used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%s", k ? "," : "",
					 s->wishes[k].name);
	s->n_wishes = 0;
	show_listeners(i);
	return ask_for(i, "Services to guard (https, http, sip, rtp, turn, NAME=tcp/PORT)", found,
		       add_service, err);
}

static int choose_providers(struct init *i, struct error *err)
{
	int rc = take_options(i, &i->providers, "provider", add_provider, err);

	if (rc || !i->asks)
		return rc < 0 ? rc : 0;
	return ask_for(i, "Providers (`allowxdp profile list` names them)", "", add_provider, err);
}

static int choose_office(struct init *i, struct error *err)
{
	int rc = take_options(i, &i->offices, "office", add_office, err);
	char found[ANSWER_MAX];

	if (rc)
		return rc < 0 ? rc : 0;
	ssh_peer(found, sizeof(found));
	if (i->asks)
		return ask_for(i, "Your own addresses: office, VPN, monitoring", found, add_office,
			       err);
	return i->yes && *found ? add_office(i, found, err) : 0;
}

static int choose(struct init *i, struct error *err)
{
	struct starter *s = &i->starter;
	int rc = listeners_find(&i->listeners, err);

	s->listeners = &i->listeners;
	s->profiles = i->profiles;
	s->office = i->office;
	s->config = strcmp(i->output, DEFAULT_CONFIG) ? i->output : NULL;
	if (!rc)
		rc = choose_interfaces(i, err);
	if (!rc)
		rc = choose_services(i, err);
	if (!rc)
		rc = choose_providers(i, err);
	if (!rc && !s->n_wishes && !s->n_profiles)
		return error_set(err, ENOENT,
				 "nothing that is known here listens on this host: say what to "
				 "guard, as in --service https,sip,rtp");
	if (!rc)
		rc = choose_office(i, err);
	return rc ? rc : starter_make(s, err);
}

/* ---- the file ---- */

static int check_output(const char *path, struct error *err)
{
	size_t n = strlen(path);
	char shown[TEXT_SHOWN_MAX];

	if (n && text_find_control(path, n) == n)
		return 0;
	return error_set(err, EINVAL,
			 "\"%s\" cannot be written to: name a file, as in --output "
			 "allowxdp.yaml",
			 text_shown(path, n, shown));
}

static int refuse_existing(const char *path, struct error *err)
{
	struct stat st;

	if (lstat(path, &st))
		return 0;
	return error_set(err, EEXIST,
			 "%s is there already, and is never overwritten: move it away (mv %s "
			 "%s.old), or write elsewhere with --output FILE",
			 path, path, path);
}

static int make_parent(const char *path, struct error *err)
{
	char copy[PATH_MAX];
	const char *dir;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return error_set(err, ENAMETOOLONG, "%.64s...: path is too long", path);
	dir = dirname(copy);
	if (!mkdir(dir, 0755) || errno == EEXIST)
		return 0;
	return error_set(err, errno, "cannot make the directory %s: %s", dir, strerror(errno));
}

/* What is written is read first, with all that it includes; then it gets its name. */
static int write_checked(struct init *i, struct new_file *file, struct policy *p, struct error *err)
{
	starter_write(file->f, &i->starter);
	if (fflush(file->f))
		return error_set(err, errno, "cannot write %s: %s", file->temporary,
				 strerror(errno));
	return config_read(p, file->temporary, err);
}

/* Beside the output if possible, for the profiles that are there. */
static int open_draft(const struct init *i, struct new_file *file, struct error *err)
{
	int rc = new_file_open_shared(file, i->output, err);

	return rc && i->dry_run ? new_file_open_shared(file, "/tmp/allowxdp.yaml", err) : rc;
}

static int write_config(struct init *i, struct policy *p, struct error *err)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	int rc = i->dry_run ? 0 : make_parent(i->output, err);

	if (!rc)
		rc = open_draft(i, &file, err);
	if (!rc)
		rc = write_checked(i, &file, p, err);
	if (!rc && !i->dry_run)
		rc = new_file_commit_new(&file, err);
	return rc;
}

/* ---- what is said of it ---- */

static bool is_empty_service(const struct policy *p, const struct service *s)
{
	struct list_size sizes[POLICY_MAX_LISTS];

	policy_list_samples(p, sizes);
	return policy_service_empty(p, s, sizes);
}

static void print_text(const struct init *i, const struct policy *p)
{
	const char *c = i->starter.config ? " -c " : "";
	const char *config = i->starter.config ? i->starter.config : "";

	printf("%s: written, mode monitor: nothing will be dropped yet\n", i->output);
	for (size_t k = 0; k < p->n_services; k++) {
		const struct service *s = &p->services[k];
		char ports[64 * 24];
		struct ports all = { .n = s->n_ports };

		memcpy(all.v, s->ports, s->n_ports * sizeof(all.v[0]));
		printf("  service %s: %s%s%s\n", s->name, ports_text(&all, ports, sizeof(ports)),
		       s->direction == AXP_OUT ? ", to where this host may talk" : "",
		       is_empty_service(p, s) ? "; its lists are still empty" : "");
	}
	printf("Next: fill the lists in it, then\n    allowxdp%s%s load --confirm 2m\n", c, config);
}

static struct json_object *service_json(const struct service *s, const struct policy *p)
{
	struct json_object *o = json_object_new_object(), *array = json_object_new_array();
	char text[24];

	json_add_text(o, "name", s->name);
	for (uint32_t k = 0; k < s->n_ports; k++)
		json_object_array_add(array,
				      json_object_new_string(port_range_text(&s->ports[k], text)));
	json_object_object_add(o, "ports", array);
	json_add_text(o, "direction", s->direction == AXP_OUT ? "out" : "in");
	json_object_object_add(o, "empty", json_object_new_boolean(is_empty_service(p, s)));
	return o;
}

static struct json_object *listeners_json(const struct init *i)
{
	struct json_object *array = json_object_new_array();

	for (size_t k = 0; k < i->listeners.n; k++) {
		const struct listener *l = &i->listeners.v[k];
		struct json_object *o = json_object_new_object();

		json_add_text(o, "protocol", l->protocol == AXP_TCP ? "tcp" : "udp");
		json_object_object_add(o, "port", json_object_new_int64(l->port));
		json_add_text(o, "program", l->program);
		json_add_text(o, "service", starter_guards(&i->starter, l));
		json_object_array_add(array, o);
	}
	return array;
}

/* What would be written. */
static void add_text(struct json_object *o, const struct init *i)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		return;
	starter_write(f, &i->starter);
	if (!fclose(f))
		json_add_text(o, "text", text);
}

static int print_object(const struct init *i, const struct policy *p)
{
	struct json_object *o = json_object_new_object(), *array = json_object_new_array();

	json_add_text(o, "config", i->output);
	json_object_object_add(o, "dry_run", json_object_new_boolean(i->dry_run));
	json_add_text(o, "mode", "monitor");
	for (size_t k = 0; k < p->n_interfaces; k++)
		json_object_array_add(array, json_object_new_string(p->interfaces[k]));
	json_object_object_add(o, "interfaces", array);
	array = json_object_new_array();
	for (size_t k = 0; k < i->n_profiles; k++)
		json_object_array_add(array, json_object_new_string(i->names[k]));
	json_object_object_add(o, "include", array);
	array = json_object_new_array();
	for (size_t k = 0; k < p->n_services; k++)
		json_object_array_add(array, service_json(&p->services[k], p));
	json_object_object_add(o, "services", array);
	json_object_object_add(o, "found", listeners_json(i));
	if (i->dry_run)
		add_text(o, i);
	return print_json(o);
}

static int init(struct init *i)
{
	_cleanup_policy_ struct policy p = { 0 };
	char date[16];
	struct error err;
	time_t now = time(NULL);
	struct tm tm;
	int rc = check_output(i->output, &err);

	if (!rc && !i->dry_run)
		rc = refuse_existing(i->output, &err);
	strftime(date, sizeof(date), "%Y-%m-%d", localtime_r(&now, &tm));
	i->starter.date = date;
	if (!rc)
		rc = choose(i, &err);
	if (!rc)
		rc = write_config(i, &p, &err);
	if (rc)
		return fail(&err);
	if (i->app->json)
		return print_object(i, &p);
	if (i->dry_run)
		starter_write(stdout, &i->starter);
	else
		print_text(i, &p);
	return EXIT_DONE;
}

int cmd_init(struct app *app, int argc, char **argv)
{
	struct init *i __attribute__((cleanup(cleanup_free))) = calloc(1, sizeof(*i));
	const char *output = NULL;
	int first, status;

	if (!i)
		return EXIT_FAILED;
	{
		const struct option_spec specs[] = {
			{ "interface", OPTION_TEXTS, &i->interfaces, "IFACE,...",
			  "to guard (default: that of the default route)" },
			{ "service", OPTION_TEXTS, &i->services, "NAME,...",
			  "https, http, sip, rtp, turn, or NAME=tcp/PORT+... (default: what is "
			  "found)" },
			{ "provider", OPTION_TEXTS, &i->providers, "NAME,...",
			  "profiles to include: see `allowxdp profile list`" },
			{ "office", OPTION_TEXTS, &i->offices, "PREFIX,...", "your own addresses" },
			{ "output", OPTION_TEXT, &output, "FILE",
			  "where to (default: -c, or " DEFAULT_CONFIG ")" },
			{ "yes", OPTION_FLAG, &i->yes, NULL, "ask nothing, take the defaults" },
			{ "dry-run", OPTION_FLAG, &i->dry_run, NULL, "print it, write nothing" },
		};

		status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);
	}
	if (status >= 0)
		return status;
	if (first < argc)
		return usage(app, "init does not take '%.64s'", argv[first]);
	i->app = app;
	i->output = output ? output : app->config ? app->config : DEFAULT_CONFIG;
	i->asks = !i->yes && !app->json && questions_possible();
	status = init(i);
	init_free(i);
	return status;
}
