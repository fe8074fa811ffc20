// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a feed said before, and what is held of it: "=== json" and "=== held" divide LIST.url,
 * LIST.url.json and LIST.url.held. Whatever is in there, the next answer is taken.
 */
#include "feed_store.h"
#include "target.h"

#define FEED "https://example.com/feed"

static void policy_with_feed(struct policy *p)
{
	const struct news_source s = {
		.list = 0,
		.kind = SOURCE_URL,
		.flags = SOURCE_ALLOW_PRIVATE,
		.numbers = { [FEED_NUMBER_REFRESH] = FEED_REFRESH,
			     [FEED_NUMBER_MAX_SHRINK] = FEED_MAX_SHRINK,
			     [FEED_NUMBER_MIN_PREFIX4] = FEED_SHORTEST_IPV4,
			     [FEED_NUMBER_MIN_PREFIX6] = FEED_SHORTEST_IPV6 },
	};

	fuzz_policy(p);
	fuzz_check(!policy_add_source(p, &s, FEED));
}

static void write_files(const char *text, size_t n)
{
	static const char *const names[] = { "news/office.url", "news/office.url.json",
					     "news/office.url.held" };
	static const char *const marks[] = { "=== json\n", "=== held\n" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *mark = NULL;
		size_t here = n;

		if (i < ARRAY_SIZE(marks) && n)
			mark = memmem(text, n, marks[i], strlen(marks[i]));
		if (mark)
			here = (size_t)(mark - text);
		fuzz_write(names[i], text, here);
		text += here;
		n -= here;
		if (mark) {
			text += strlen(marks[i]);
			n -= strlen(marks[i]);
		}
	}
}

static void check_report(const struct feed_report *report)
{
	fuzz_check(memchr(report->reason, '\0', sizeof(report->reason)));
	fuzz_check(report->fate == FATE_TAKEN || report->fate == FATE_UNCHANGED || *report->reason);
}

static void ask(const struct policy *p, const struct news_source *s)
{
	struct feed_conditions conditions;
	struct feed_held held;

	feed_store_recall(fuzz_paths(), p, s, &conditions);
	fuzz_check(memchr(conditions.etag, '\0', sizeof(conditions.etag)) &&
		   memchr(conditions.modified, '\0', sizeof(conditions.modified)));
	fuzz_check(feed_store_wait(fuzz_paths(), p, s) <= 2 * s->numbers[FEED_NUMBER_REFRESH]);
	feed_store_held(fuzz_paths(), p, s, &held);
}

static void take(const struct policy *p, const struct news_source *s, struct feed_answer *a)
{
	struct feed_report report;
	struct error err = { "" };

	if (feed_store_take(fuzz_paths(), p, s, a, &report, &err))
		fuzz_fails(err.text, __LINE__);
	check_report(&report);
	ask(p, s);
}

static void accept(const struct policy *p, const struct news_source *s)
{
	struct feed_report report;
	struct error err = { "" };

	if (feed_store_accept(fuzz_paths(), p, s, &report, &err))
		fuzz_one_line(&err);
	else
		check_report(&report);
}

void fuzz_store(const uint8_t *data, size_t n)
{
	struct feed_item item = { .prefix = {
					  .family = AXP_IPV4, .len = 24, .addr = { 192, 0, 2 } } };
	struct feed_answer fresh = { .outcome = FEED_NEW,
				     .items = { &item, 1, 1 },
				     .etag = "\"x\"" };
	struct feed_answer same = { .outcome = FEED_SAME };
	struct policy p _cleanup_policy_ = { 0 };

	policy_with_feed(&p);
	write_files((const char *)data, n);
	ask(&p, &p.sources[0]);
	accept(&p, &p.sources[0]);
	take(&p, &p.sources[0], &same);
	take(&p, &p.sources[0], &fresh);
}
