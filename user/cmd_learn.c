// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "cmd.h"
#include "duration.h"
#include "learn_output.h"
#include "privileges.h"
#include "running.h"
#include "text.h"
#include "watch_options.h"

#define NANOSECONDS 1000000000LL

/* Of each frame enough for the headers of a SIP message. */
enum { WATCH_RATE = 10000, WATCH_SNAPLEN = 2048 };

enum format { FORMAT_TEXT, FORMAT_LIST, FORMAT_JSON };

struct request {
	struct app *app;
	const char *service, *list; /* NULL: any */
	enum format format;
	uint32_t since, watch; /* seconds; 0: not given */
	struct learn_options options;
	struct learn_about about;
	struct sip_agents agents;
};

static int begin(void *arg)
{
	const struct request *q = arg;
	char text[DURATION_TEXT_MAX];

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "allowxdp: looking at SIP agents for %s; Ctrl-C ends it earlier\n",
			duration_text(q->watch, text));
	return 0;
}

static int take_agent(const struct seen_packet *p, void *arg)
{
	struct prefix source = { .family = p->e->family };
	struct request *q = arg;
	char agent[TEXT_SHOWN_MAX];
	const uint8_t *payload;
	size_t n;

	if (p->e->direction != AXP_IN || p->e->family == AXP_FAMILY_NONE)
		return 0;
	payload = frame_payload(p->frame, p->e->captured, &n);
	if (!payload || !sip_agent(payload, n, agent))
		return 0;
	memcpy(source.addr, p->e->src, sizeof(source.addr));
	source.len = prefix_max_len(source.family);
	return sip_agents_note(&q->agents, &source, agent);
}

static int pause_watch(const struct watch_counts *counts, void *arg)
{
	(void)counts;
	(void)arg;
	return 0;
}

static int watch(struct request *q, struct error *err)
{
	struct watch_run run = {
		.filter = { .kinds = AXP_WATCH_DROPS,
			    .reasons = 1u << AXP_REASON_UNLISTED,
			    .snaplen = WATCH_SNAPLEN,
			    .rate = WATCH_RATE },
		.services = q->service,
		.seconds = q->watch,
		.output = -1,
		.begin = begin,
		.show = take_agent,
		.pause = pause_watch,
		.arg = q,
	};
	time_t began = time(NULL);
	int rc = watch_run(&run, &q->app->paths, err);

	q->about.watched = (uint32_t)(time(NULL) - began) + 1; /* begun ones */
	q->about.counts = run.counts;
	q->about.not_noted = q->agents.not_noted;
	if (!rc && run.end == WATCH_ENDED_UNLOADED)
		return error_set(err, ENOENT, "the instance was unloaded meanwhile");
	return rc;
}

static int find_service(struct request *q, const struct policy *p, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];

	q->options.service = -1;
	if (!q->service)
		return 0;
	q->options.service = policy_find_service(p, q->service);
	if (q->options.service >= 0)
		return 0;
	return error_set(err, ENOENT,
			 "there is no service '%s' in what is loaded: see `allowxdp stats`",
			 text_shown(q->service, strlen(q->service), shown));
}

static int find_list(struct request *q, const struct policy *p, struct error *err)
{
	const struct service *s;
	char shown[TEXT_SHOWN_MAX];
	int list;

	q->about.list = -1;
	if (!q->list)
		return 0;
	s = &p->services[q->options.service];
	list = policy_find_list(p, q->list);
	q->about.list = list;
	if (list >= 0 && s->allow[list / 64] >> (list % 64) & 1)
		return 0;
	return error_set(
		err, EINVAL,
		"--list: service %s does not allow a list '%s': add it to its `allow:`, or "
		"name another",
		s->name, text_shown(q->list, strlen(q->list), shown));
}

static int print(const struct request *q, const struct learn *l)
{
	if (q->format == FORMAT_JSON)
		return print_json(learn_json(l, &q->about, &q->options));
	learn_print(l, &q->about, q->format == FORMAT_TEXT);
	return EXIT_DONE;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NANOSECONDS + ts.tv_nsec;
}

/* What runs when it has been watched: a reload may have come. */
static int tell(struct request *q, struct error *err)
{
	struct top_source *sources __attribute__((cleanup(cleanup_free))) =
		calloc(TOP_SOURCES_MAX, sizeof(*sources));
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	struct learn l _cleanup_learn_ = { 0 };
	int rc = running_open(&r, &q->app->paths, err), n;

	if (!rc)
		rc = find_service(q, &r.policy, err);
	if (!rc)
		rc = find_list(q, &r.policy, err);
	if (rc)
		return rc;
	if (!sources)
		return error_set(err, ENOMEM, "out of memory");
	n = top_sources_read(&r.instance, sources, TOP_SOURCES_MAX, err);
	if (n < 0)
		return n;
	q->about.policy = &r.policy;
	q->about.instance = q->app->paths.instance;
	q->about.mode = AXP_ACTIVE_MODE(r.active);
	q->about.now = now_ns();
	if (q->since)
		q->options.since = q->about.now - q->since * NANOSECONDS;
	if (learn(&r.policy, sources, (size_t)n, &q->agents, &q->options, &l))
		return error_set(err, ENOMEM, "out of memory");
	return print(q, &l) == EXIT_DONE ? 0 : error_set(err, EIO, "cannot write the JSON");
}

/* Asked before the time to watch: what is wrong is better said at once. */
static int check(struct request *q, struct error *err)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	int rc = running_open(&r, &q->app->paths, err);

	if (!rc)
		rc = find_service(q, &r.policy, err);
	return rc ? rc : find_list(q, &r.policy, err);
}

static int run(struct request *q)
{
	struct error err;
	int rc = privileges_check(&err);

	if (!rc)
		rc = paths_init(&q->app->paths, q->app->instance, &err);
	if (!rc)
		rc = check(q, &err);
	if (!rc && q->watch)
		rc = watch(q, &err);
	if (!rc)
		rc = tell(q, &err);
	return rc ? fail(&err) : EXIT_DONE;
}

struct texts {
	const char *format, *since, *min_packets, *watch, *min_sources, *widest4, *widest6;
};

static int read_format(struct request *q, const char *text)
{
	if (text && q->app->json && strcmp(text, "json"))
		return usage(q->app, "--json and --format %.16s: one of them", text);
	if (q->app->json || (text && !strcmp(text, "json")))
		q->format = FORMAT_JSON;
	else if (text && !strcmp(text, "list"))
		q->format = FORMAT_LIST;
	else if (text && strcmp(text, "text"))
		return usage(q->app, "--format: text, list or json");
	return -1;
}

static int read_number(const struct app *app, const char *name, const char *text, uint64_t min,
		       uint64_t max, uint64_t *out)
{
	if (text && !number_parse(text, min, max, out))
		return usage(app, "--%s: a number from %llu to %llu is wanted", name,
			     (unsigned long long)min, (unsigned long long)max);
	return -1;
}

static int read_duration(const struct app *app, const char *name, const char *text,
			 uint32_t *seconds)
{
	struct error err;

	if (text && duration_parse(text, seconds, &err))
		return usage(app, "--%s: %s", name, err.text);
	return -1;
}

static int read_rules(struct request *q, const struct texts *t)
{
	uint64_t packets = 3, sources = 8, widest4 = 24, widest6 = 64;
	int status = read_number(q->app, "min-packets", t->min_packets, 1, UINT32_MAX, &packets);

	if (status < 0)
		status = read_number(q->app, "min-sources", t->min_sources, 2, TOP_SOURCES_MAX,
				     &sources);
	if (status < 0)
		status = read_number(q->app, "widest4", t->widest4, 8, 32, &widest4);
	if (status < 0)
		status = read_number(q->app, "widest6", t->widest6, 16, 128, &widest6);
	q->options.min_packets = packets;
	q->options.rules.min_sources = (uint32_t)sources;
	q->options.rules.widest[AXP_IPV4] = (uint8_t)widest4;
	q->options.rules.widest[AXP_IPV6] = (uint8_t)widest6;
	return status;
}

static int read_texts(struct request *q, const struct texts *t)
{
	int status = read_format(q, t->format);

	if (status < 0)
		status = read_duration(q->app, "since", t->since, &q->since);
	if (status < 0)
		status = read_duration(q->app, "watch", t->watch, &q->watch);
	return status < 0 ? read_rules(q, t) : status;
}

int cmd_learn(struct app *app, int argc, char **argv)
{
	struct request q = { .app = app };
	struct texts t = { 0 };
	const struct option_spec specs[] = {
		{ "list", OPTION_TEXT, &q.list, "LIST",
		  "of the service's lists the one to add to" },
		{ "since", OPTION_TEXT, &t.since, "DUR", "only who was seen so lately" },
		{ "min-packets", OPTION_TEXT, &t.min_packets, "N",
		  "only who sent so many (default 3)" },
		{ "watch", OPTION_TEXT, &t.watch, "DUR", "look for scanners' SIP agents so long" },
		{ "min-sources", OPTION_TEXT, &t.min_sources, "N",
		  "so many addresses stand for their network (default 8)" },
		{ "widest4", OPTION_TEXT, &t.widest4, "LEN", "no wider than this (default 24)" },
		{ "widest6", OPTION_TEXT, &t.widest6, "LEN", "no wider than this (default 64)" },
		{ "format", OPTION_TEXT, &t.format, "text|list|json",
		  "commands (the default), lines of a list file, or as --json" },
	};
	int first, status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);

	if (status < 0 && argc - first > 1)
		status = usage(app, "learn does not take '%.64s'", argv[first + 1]);
	if (status < 0 && first < argc)
		q.service = argv[first];
	if (status < 0 && q.list && !q.service)
		status = usage(app, "--list needs a service: allowxdp learn SERVICE --list LIST");
	if (status < 0)
		status = read_texts(&q, &t);
	if (status >= 0)
		return status;
	status = run(&q);
	sip_agents_free(&q.agents);
	return status;
}
