// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <time.h>
#include "cleanup.h"
#include "cmd.h"
#include "duration.h"
#include "hits.h"
#include "review_text.h"
#include "subject.h"

enum { UNUSED_DAYS = 90, EXPIRING_DAYS = 30, DAY = 86400 };

struct asked {
	bool csv, fail;
	struct review_rules rules;
};

static int duration_option(const struct app *app, const char *name, const char *text, uint32_t *out)
{
	struct error err;

	return text && duration_parse(text, out, &err) ? usage(app, "--%s: %s", name, err.text)
						       : -1;
}

static int print(const struct app *app, const struct asked *q, const struct review_about *a)
{
	int status = EXIT_DONE;

	if (app->json)
		status = print_json(review_json(a));
	else if (q->csv)
		review_csv(stdout, a);
	else
		review_print(stdout, a);
	if (fflush(stdout))
		return EXIT_DONE; /* main() says so */
	return status == EXIT_DONE && q->fail && a->review->n ? EXIT_FAILED : status;
}

static int review(struct app *app, const struct asked *q)
{
	struct subject s _cleanup_subject_ = SUBJECT_EMPTY;
	struct review found _cleanup_review_ = { 0 };
	struct hits hits _cleanup_hits_ = { 0 };
	struct hits_view view;
	struct error err;
	bool known;
	struct review_about about = { .review = &found, .rules = &q->rules };

	if (subject_open_with_hits(&s, app, &hits, &known, &err))
		return fail(&err);
	view = hits_view(&hits, &s.running.policy);
	about.instance = app->paths.instance;
	about.policy = &s.running.policy;
	about.loaded = s.loaded;
	about.hits = known ? &hits : NULL;
	about.view = known ? &view : NULL;
	if (review_make(&found, about.policy, about.view, &q->rules)) {
		error_set(&err, 0, "out of memory");
		return fail(&err);
	}
	return print(app, q, &about);
}

int cmd_review(struct app *app, int argc, char **argv)
{
	struct asked q = { .rules = { .now = (uint32_t)time(NULL),
				      .unused = UNUSED_DAYS * DAY,
				      .expiring = EXPIRING_DAYS * DAY } };
	const char *unused = NULL, *expiring = NULL;
	const struct option_spec specs[] = {
		{ "unused", OPTION_TEXT, &unused, "DUR",
		  "name entries that were not hit for so long (default 90d)" },
		{ "expiring", OPTION_TEXT, &expiring, "DUR",
		  "name entries that expire so soon (default 30d)" },
		{ "csv", OPTION_FLAG, &q.csv, NULL, "for a spreadsheet" },
		{ "fail", OPTION_FLAG, &q.fail, NULL, "exit status 1 where there are findings" },
	};
	int first, status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);

	if (status < 0)
		status = duration_option(app, "unused", unused, &q.rules.unused);
	if (status < 0)
		status = duration_option(app, "expiring", expiring, &q.rules.expiring);
	if (status >= 0)
		return status;
	if (first < argc)
		return usage(app, "review does not take '%.64s'", argv[first]);
	if (q.csv && app->json)
		return usage(app, "--csv and --json are two forms of the same: choose one");
	return review(app, &q);
}
