// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "cmd.h"
#include "feed_store.h"
#include "feeds.h"
#include "news_apply.h"
#include "output.h"
#include "privileges.h"
#include "running.h"

struct fetch {
	struct app *app;
	const char *user, *accept;
	bool from_config;
	struct account account;
	struct running running;
	struct policy config;
	const struct policy *policy; /* whose feeds they are */
	bool loaded;
	struct json_object *feeds; /* --json */
	size_t n, bad;
};

/* What runs says which feeds there are; before there is any, or on request, the config does. */
static int find_policy(struct fetch *f, struct error *err)
{
	const char *config = f->app->config ? f->app->config : DEFAULT_CONFIG;
	struct error ignored;
	int rc = running_open(&f->running, &f->app->paths, &ignored);

	f->loaded = !rc;
	f->policy = &f->running.policy;
	if (rc && rc != -ENOENT)
		return error_set(err, -rc, "%.1000s", ignored.text);
	if (f->loaded && !f->from_config)
		return 0;
	f->policy = &f->config;
	return policy_read_files(&f->app->paths, config, &f->config, err);
}

static void print_report(struct fetch *f, const struct news_source *s, const struct feed_report *r)
{
	const char *list = f->policy->lists[s->list].name;
	const char *text = policy_string(f->policy, s->text);

	switch (r->fate) {
	case FATE_TAKEN:
		printf("%s: %zu entries (+%zu -%zu) from %s\n", list, r->entries, r->came, r->went,
		       text);
		break;
	case FATE_UNCHANGED:
		printf("%s: %zu entries, unchanged, from %s\n", list, r->entries, text);
		break;
	default:
		fflush(stdout);
		warn_line("list %s: feed %s: %s: %zu entries of before are kept", list, text,
			  r->reason, r->entries);
		break;
	}
}

static void add_report(struct fetch *f, const struct news_source *s, const struct feed_report *r)
{
	struct json_object *o = json_object_new_object();

	json_add_text(o, "list", f->policy->lists[s->list].name);
	json_add_text(o, "source", policy_string(f->policy, s->text));
	json_add_text(o, "result", feed_fate_name(r->fate));
	json_object_object_add(o, "entries", json_object_new_int64((int64_t)r->entries));
	json_object_object_add(o, "added", json_object_new_int64((int64_t)r->came));
	json_object_object_add(o, "removed", json_object_new_int64((int64_t)r->went));
	json_add_text(o, "reason", r->reason);
	json_object_array_add(f->feeds, o);
}

static void report(struct fetch *f, const struct news_source *s, const struct feed_report *r)
{
	f->n++;
	f->bad += r->fate == FATE_HELD || r->fate == FATE_FAILED;
	if (f->feeds)
		add_report(f, s, r);
	else
		print_report(f, s, r);
}

static int fetch_source(struct fetch *f, const struct news_source *s, struct error *err)
{
	struct feed_answer answer _cleanup_feed_answer_ = { 0 };
	struct feed_conditions known;
	struct feed_report r;
	struct feed_job job;
	int rc;

	feed_store_recall(&f->app->paths, f->policy, s, &known);
	feed_job_of(f->policy, s, &job);
	job.etag = known.etag;
	job.modified = known.modified;
	feed_fetch(&job, &f->account, &answer);
	rc = feed_store_take(&f->app->paths, f->policy, s, &answer, &r, err);
	if (!rc)
		report(f, s, &r);
	return rc;
}

static int accept_source(struct fetch *f, const struct news_source *s, struct error *err)
{
	struct feed_report r;
	int rc = feed_store_accept(&f->app->paths, f->policy, s, &r, err);

	if (!rc)
		report(f, s, &r);
	return rc;
}

static bool named(const char *list, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], list))
			return true;
	}
	return !argc;
}

static const struct news_source *feed_of(const struct policy *p, const char *list)
{
	for (size_t i = 0; i < p->n_sources; i++) {
		if (source_is_feed(&p->sources[i]) &&
		    !strcmp(p->lists[p->sources[i].list].name, list))
			return &p->sources[i];
	}
	return NULL;
}

static int check_named(const struct fetch *f, int argc, char **argv, struct error *err)
{
	for (int i = 0; i < argc; i++) {
		if (policy_find_list(f->policy, argv[i]) < 0)
			return error_set(err, ENOENT,
					 "there is no list '%.64s': see `allowxdp list`", argv[i]);
		if (!feed_of(f->policy, argv[i]))
			return error_set(err, ENOENT,
					 "list '%.64s' has no feed: give it a \"url\" or "
					 "\"command\" in the config",
					 argv[i]);
	}
	return 0;
}

/* Also what a fetch that was killed, or came while a change waited, has left in the files. */
static int apply(const struct fetch *f, struct error *err)
{
	int rc = f->loaded ? news_apply(&f->app->paths, NULL, NULL, err) : 0;

	if (rc == -EAGAIN) {
		struct error why = *err;

		return error_set(err, EAGAIN,
				 "what was fetched is kept, but not in force yet: %.900s",
				 why.text);
	}
	return rc < 0 ? rc : 0;
}

static int fetch_all(struct fetch *f, int argc, char **argv, struct error *err)
{
	const struct policy *p = f->policy;
	int rc = check_named(f, argc, argv, err);

	for (size_t i = 0; !rc && i < p->n_sources; i++) {
		if (source_is_feed(&p->sources[i]) &&
		    named(p->lists[p->sources[i].list].name, argc, argv))
			rc = fetch_source(f, &p->sources[i], err);
	}
	return rc ? rc : apply(f, err);
}

static int accept(struct fetch *f, struct error *err)
{
	char *list = (char *)f->accept;
	int rc = check_named(f, 1, &list, err);

	if (!rc)
		rc = accept_source(f, feed_of(f->policy, list), err);
	return rc ? rc : apply(f, err);
}

static int run(struct fetch *f, int argc, char **argv, struct error *err)
{
	int rc = privileges_check(err);

	if (!rc)
		rc = paths_init(&f->app->paths, f->app->instance, err);
	if (!rc)
		rc = account_find(f->user, &f->account, err);
	if (!rc)
		rc = find_policy(f, err);
	if (rc)
		return rc;
	return f->accept ? accept(f, err) : fetch_all(f, argc, argv, err);
}

static int finish(struct fetch *f)
{
	struct json_object *o;

	if (f->feeds) {
		o = json_object_new_object();
		json_object_object_add(o, "feeds", json_object_get(f->feeds));
		if (print_json(o))
			return EXIT_FAILED;
	} else if (!f->n) {
		puts("no list has a feed (\"url\" or \"command\")");
	}
	return f->bad ? EXIT_FAILED : EXIT_DONE;
}

int cmd_fetch(struct app *app, int argc, char **argv)
{
	struct fetch f = { .app = app, .user = FEED_USER, .running = RUNNING_EMPTY };
	const struct option_spec specs[] = {
		{ "accept", OPTION_TEXT, &f.accept, "LIST",
		  "take what was held because the feed shrinks" },
		{ "from-config", OPTION_FLAG, &f.from_config, NULL,
		  "the feeds of the config, for a reload to come, not of what runs" },
		{ "user", OPTION_TEXT, &f.user, "NAME",
		  "who fetches, and runs commands (default " FEED_USER ")" },
	};
	struct error err;
	int first, status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);

	if (status >= 0)
		return status;
	if (f.accept && first < argc)
		return usage(app, "fetch --accept takes one list, and not '%.64s' too",
			     argv[first]);
	if (app->json)
		f.feeds = json_object_new_array();
	status = run(&f, argc - first, argv + first, &err) ? fail(&err) : finish(&f);
	json_object_put(f.feeds);
	policy_free(&f.config);
	running_close(&f.running);
	return status;
}
