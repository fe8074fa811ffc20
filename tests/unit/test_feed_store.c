// SPDX-License-Identifier: GPL-2.0-or-later
/* What becomes of answers: kept, held, refused; files that were lost, cut or meant for another. */
#include <time.h>
#include "unit.h"
#include "config.h"
#include "feed_store.h"
#include "running.h"

#define SERVICE "services: [{name: s, ports: [tcp/443], allow: [l]}]\n"
#define LIST    SERVICE "lists:\n  - name: l\n    url: https://a.example/\n"

struct fixture {
	struct scratch *s;
	struct paths paths;
	struct policy policy;
	struct feed_report report;
};

static void open_config(struct fixture *f, const char *yaml)
{
	struct error err = { "" };

	policy_free(&f->policy);
	scratch_write(f->s, "c.yaml", yaml);
	if (config_read(&f->policy, scratch_path(f->s, "c.yaml"), &err))
		fail_msg("%s", err.text);
	assert_int_equal(f->policy.n_sources, 1);
}

static struct fixture fixture_of(void **state)
{
	struct fixture f = { .s = *state };

	strcpy(f.paths.instance, "default");
	snprintf(f.paths.state, sizeof(f.paths.state), "%s/state", f.s->dir);
	snprintf(f.paths.run, sizeof(f.paths.run), "%s/run", f.s->dir);
	open_config(&f, LIST);
	return f;
}

/* "1.0.0.1 1.0.0.2": as if it had been fetched. */
static enum feed_fate take_with(struct fixture *f, const char *prefixes, const char *etag)
{
	struct feed_answer a _cleanup_feed_answer_ = { .outcome = FEED_NEW };
	struct error err = { "" };

	for (size_t n; *prefixes; prefixes += n + (prefixes[n] == ' ')) {
		n = strcspn(prefixes, " ");
		assert_int_equal(feed_items_add(&a.items, prefixes, n, &err), 0);
	}
	feed_items_sort(&a.items);
	strcpy(a.etag, etag);
	if (feed_store_take(&f->paths, &f->policy, f->policy.sources, &a, &f->report, &err))
		fail_msg("%s", err.text);
	return f->report.fate;
}

static enum feed_fate take(struct fixture *f, const char *prefixes)
{
	return take_with(f, prefixes, "");
}

static enum feed_fate fail_with(struct fixture *f, const char *why, enum feed_outcome outcome)
{
	struct feed_answer a = { .outcome = outcome };
	struct error err = { "" };

	strcpy(a.reason, why);
	if (feed_store_take(&f->paths, &f->policy, f->policy.sources, &a, &f->report, &err))
		fail_msg("%s", err.text);
	return f->report.fate;
}

/* The feed's entries, as every command reads them from the files. */
static void assert_news(struct fixture *f, const char *wanted)
{
	_cleanup_policy_ struct policy p = { 0 };
	char text[1000] = "", buf[PREFIX_TEXT_MAX];
	struct error err = { "" };
	size_t n = 0;

	assert_int_equal(policy_read_files(&f->paths, scratch_path(f->s, "c.yaml"), &p, &err), 0);
	for (size_t i = 0; i < p.base.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "",
				      prefix_text(&p.base.v[i].prefix, buf));
	assert_string_equal(text, wanted);
}

static const char *etag_sent(struct fixture *f)
{
	static struct feed_conditions c;

	feed_store_recall(&f->paths, &f->policy, f->policy.sources, &c);
	return c.etag;
}

static uint64_t held_entries(struct fixture *f)
{
	struct feed_held held;

	feed_store_held(&f->paths, &f->policy, f->policy.sources, &held);
	return held.since ? held.entries : 0;
}

static void good_ones_are_kept(void **state)
{
	struct fixture f = fixture_of(state);

	assert_int_equal(take(&f, "1.0.0.1 1.0.0.2"), FATE_TAKEN);
	assert_int_equal(f.report.came, 2);
	assert_news(&f, "1.0.0.1/32 1.0.0.2/32");
	assert_int_equal(take(&f, "1.0.0.1 1.0.0.2"), FATE_UNCHANGED);
	assert_int_equal(f.report.entries, 2);
	assert_int_equal(take(&f, "1.0.0.2 1.0.0.3 1.0.0.4"), FATE_TAKEN);
	assert_int_equal(f.report.came, 2);
	assert_int_equal(f.report.went, 1);
	assert_news(&f, "1.0.0.2/32 1.0.0.3/32 1.0.0.4/32");
	policy_free(&f.policy);
}

static void bad_ones_change_nothing(void **state)
{
	struct fixture f = fixture_of(state);
	struct news_state s;

	assert_int_equal(fail_with(&f, "no server", FEED_FAILED), FATE_FAILED);
	assert_int_equal(f.report.entries, 0);
	assert_int_equal(take(&f, "1.0.0.1"), FATE_TAKEN);
	assert_int_equal(take(&f, ""), FATE_FAILED);
	assert_string_equal(f.report.reason, "it is empty");
	assert_int_equal(take(&f, "1.0.0.1 10.0.0.1"), FATE_FAILED);
	assert_int_equal(take(&f, "1.0.0.1 4.0.0.0/6"), FATE_FAILED);
	assert_int_equal(fail_with(&f, "no server", FEED_FAILED), FATE_FAILED);
	assert_int_equal(f.report.entries, 1);
	assert_news(&f, "1.0.0.1/32");
	news_state_read(&f.paths, &f.policy, f.policy.sources, &s);
	assert_int_equal(s.failures, 5);
	assert_string_equal(s.failure, "no server");
	assert_true(s.last_failure > s.last_success);
	assert_int_equal(take(&f, "1.0.0.1"), FATE_UNCHANGED);
	news_state_read(&f.paths, &f.policy, f.policy.sources, &s);
	assert_string_equal(s.failure, "");
	assert_true(s.last_failure <= s.last_success);
	policy_free(&f.policy);
}

static void still_the_same_needs_something(void **state)
{
	struct fixture f = fixture_of(state);
	char path[PATH_MAX];

	assert_string_equal(etag_sent(&f), "");
	assert_int_equal(fail_with(&f, "", FEED_SAME), FATE_FAILED);
	assert_int_equal(take_with(&f, "1.0.0.1", "\"e\""), FATE_TAKEN);
	assert_string_equal(etag_sent(&f), "\"e\"");
	assert_int_equal(fail_with(&f, "", FEED_SAME), FATE_UNCHANGED);
	assert_string_equal(etag_sent(&f), "\"e\"");
	/* what it vouched for is lost; read by another rule; or of somewhere else */
	news_path(&f.paths, "l", SOURCE_URL, path, sizeof(path));
	assert_int_equal(unlink(path), 0);
	assert_string_equal(etag_sent(&f), "");
	assert_int_equal(take_with(&f, "1.0.0.1", "\"e\""), FATE_TAKEN);
	open_config(&f, LIST "    format: csv\n");
	assert_string_equal(etag_sent(&f), "");
	open_config(&f, SERVICE "lists: [{name: l, url: https://b.example/}]\n");
	assert_string_equal(etag_sent(&f), "");
	policy_free(&f.policy);
}

static void shrinking_ones_are_held(void **state)
{
	struct fixture f = fixture_of(state);
	struct error err = { "" };

	take_with(&f, "1.0.0.1 1.0.0.2 1.0.0.3", "\"old\"");
	assert_int_equal(feed_store_accept(&f.paths, &f.policy, f.policy.sources, &f.report, &err),
			 -ENOENT);
	assert_int_equal(take_with(&f, "1.0.0.1", "\"new\""), FATE_HELD);
	assert_int_equal(held_entries(&f), 1);
	assert_int_equal(f.report.entries, 3);
	assert_int_equal(f.report.went, 2);
	assert_news(&f, "1.0.0.1/32 1.0.0.2/32 1.0.0.3/32");
	assert_string_equal(etag_sent(&f), "\"old\""); /* else it would be "the same" from now on */
	/* a failure does not forget it, "as before" does */
	assert_int_equal(fail_with(&f, "no server", FEED_FAILED), FATE_FAILED);
	assert_int_equal(held_entries(&f), 1);
	assert_int_equal(fail_with(&f, "", FEED_SAME), FATE_UNCHANGED);
	assert_int_equal(held_entries(&f), 0);

	assert_int_equal(take_with(&f, "1.0.0.1", "\"new\""), FATE_HELD);
	assert_int_equal(feed_store_accept(&f.paths, &f.policy, f.policy.sources, &f.report, &err),
			 0);
	assert_int_equal(f.report.fate, FATE_TAKEN);
	assert_int_equal(f.report.went, 2);
	assert_news(&f, "1.0.0.1/32");
	assert_string_equal(etag_sent(&f), "\"new\"");
	assert_int_equal(held_entries(&f), 0);
	policy_free(&f.policy);
}

static void other_options_are_another_feed(void **state)
{
	struct fixture f = fixture_of(state);
	struct error err = { "" };

	take(&f, "1.0.0.1 1.0.0.2 1.0.0.3");
	assert_int_equal(take(&f, "1.0.0.1"), FATE_HELD);
	open_config(&f, LIST "    format: csv\n");
	assert_int_equal(feed_store_wait(&f.paths, &f.policy, f.policy.sources), 0);
	assert_int_equal(feed_store_accept(&f.paths, &f.policy, f.policy.sources, &f.report, &err),
			 -ESTALE);
	assert_int_equal(take(&f, "1.0.0.1"), FATE_TAKEN);
	assert_news(&f, "1.0.0.1/32");
	policy_free(&f.policy);
}

/* A reload to another URL, and back before the new one has brought anything. */
static void the_source_before_is_kept_too(void **state)
{
	struct fixture f = fixture_of(state);

	take(&f, "1.0.0.1");
	open_config(&f, SERVICE "lists: [{name: l, url: https://b.example/}]\n");
	assert_news(&f, "");
	take(&f, "2.0.0.1");
	assert_news(&f, "2.0.0.1/32");
	open_config(&f, LIST);
	assert_news(&f, "1.0.0.1/32");
	/* but not all of them for ever */
	open_config(&f, SERVICE "lists: [{name: l, url: https://c.example/}]\n");
	take(&f, "3.0.0.1");
	open_config(&f, LIST);
	assert_news(&f, "");
	policy_free(&f.policy);
}

static void lost_memory_is_no_harm(void **state)
{
	struct fixture f = fixture_of(state);
	char path[PATH_MAX + 8], news[PATH_MAX];
	FILE *file;

	take_with(&f, "1.0.0.1 1.0.0.2 1.0.0.3", "\"e\"");
	news_path(&f.paths, "l", SOURCE_URL, news, sizeof(news));
	snprintf(path, sizeof(path), "%s.json", news);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("{\"sources\": [3", file);
	fclose(file);
	assert_string_equal(etag_sent(&f), "");
	assert_int_equal(held_entries(&f), 0);
	assert_int_equal(feed_store_wait(&f.paths, &f.policy, f.policy.sources), 0);
	assert_int_equal(fail_with(&f, "x", FEED_FAILED), FATE_FAILED);
	assert_news(&f, "1.0.0.1/32 1.0.0.2/32 1.0.0.3/32");
	policy_free(&f.policy);
}

static void when_to_try_again(void **state)
{
	struct fixture f = fixture_of(state);
	uint64_t wait, start = (uint64_t)time(NULL);

	assert_int_equal(feed_store_wait(&f.paths, &f.policy, f.policy.sources), 0);
	take(&f, "1.0.0.1");
	wait = feed_store_wait(&f.paths, &f.policy, f.policy.sources);
	assert_true(wait <= 3600 + 360 && wait + (uint64_t)time(NULL) - start >= 3600);
	assert_int_equal(feed_backoff(1, 3600), 60);
	assert_int_equal(feed_backoff(2, 3600), 120);
	assert_int_equal(feed_backoff(6, 3600), 1920);
	assert_int_equal(feed_backoff(7, 3600), 3600);
	assert_int_equal(feed_backoff(UINT64_MAX, 86400), 61440);
	assert_int_equal(feed_backoff(1, 10), 10);
	policy_free(&f.policy);
}

static void options_of_the_config(void **state)
{
	struct fixture f = fixture_of(state);
	struct feed_limits limits;
	struct feed_job job;

	feed_job_of(&f.policy, f.policy.sources, &job);
	assert_string_equal(job.url, "https://a.example/");
	assert_null(job.command);
	assert_int_equal(job.shape.format, FEED_TEXT);
	assert_int_equal(job.seconds, 60);
	assert_int_equal(job.max_size, 16 << 20);
	assert_int_equal(f.policy.sources->numbers[FEED_NUMBER_REFRESH], 3600);
	assert_int_equal(f.policy.sources->numbers[FEED_NUMBER_STALE_AFTER], 86400);
	scratch_write(f.s, "ca.pem", "");
	open_config(&f,
		    LIST "    format: json\n    path: a[]\n    filter: b=c\n    ca-file: ca.pem\n"
			 "    refresh: 12h\n    timeout: 10s\n    max-size: 2MB\n"
			 "    max-shrink: 10%\n    min-prefix4: 16\n    min-prefix6: 32\n"
			 "    allow-private: true\n");
	feed_job_of(&f.policy, f.policy.sources, &job);
	assert_int_equal(job.shape.format, FEED_JSON);
	assert_string_equal(job.shape.path, "a[]");
	assert_string_equal(job.shape.filter, "b=c");
	assert_string_equal(job.ca_file, scratch_path(f.s, "ca.pem"));
	assert_int_equal(job.seconds, 10);
	assert_int_equal(job.max_size, 2 << 20);
	limits = feed_limits_of(f.policy.sources);
	assert_int_equal(limits.max_shrink, 10);
	assert_int_equal(limits.shortest[1], 16);
	assert_int_equal(limits.shortest[2], 32);
	assert_true(limits.allow_private);
	assert_int_equal(f.policy.sources->numbers[FEED_NUMBER_STALE_AFTER], 3 * 43200);
	open_config(&f, SERVICE "lists: [{name: l, command: [/bin/a, \"b c\"]}]\n");
	feed_job_of(&f.policy, f.policy.sources, &job);
	assert_null(job.url);
	assert_string_equal(job.command, "/bin/a\tb c");
	assert_string_equal(policy_string(&f.policy, f.policy.sources->text), "/bin/a b c");
	policy_free(&f.policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(good_ones_are_kept),
		scratch_test(bad_ones_change_nothing),
		scratch_test(still_the_same_needs_something),
		scratch_test(shrinking_ones_are_held),
		scratch_test(other_options_are_another_feed),
		scratch_test(the_source_before_is_kept_too),
		scratch_test(lost_memory_is_no_harm),
		scratch_test(when_to_try_again),
		scratch_test(options_of_the_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
