// SPDX-License-Identifier: GPL-2.0-or-later
/* What names and feeds brought: "=== json" divides LIST.name from LIST.name.json. */
#include <json-c/json.h>
#include "news.h"
#include "target.h"

#define DIVIDES "=== json\n"

static void policy_with_sources(struct policy *p)
{
	static const char *const names[] = { "a.example.com", "b.example.com" };

	fuzz_policy(p);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct news_source s = { .list = 0, .kind = SOURCE_NAME };

		fuzz_check(!policy_add_source(p, &s, names[i]));
	}
}

static void check_state(const struct policy *p)
{
	struct json_object *info = news_info_read(fuzz_paths(), "office", SOURCE_NAME);
	struct news_state state = { 0 }, same = { 0 };
	struct json_object *of;
	struct error err = { "" };

	fuzz_check(info);
	of = news_info_of(info, policy_string(p, p->sources[0].text));
	fuzz_check(of);
	news_state_get(of, &state);
	fuzz_check(memchr(state.failure, '\0', sizeof(state.failure)));
	news_state_put(of, &state);
	news_state_get(of, &same);
	fuzz_check(state.last_success == same.last_success && state.failures == same.failures &&
		   state.last_failure == same.last_failure && state.next_try == same.next_try);
	if (news_info_write(fuzz_paths(), "office", SOURCE_NAME, info, &err))
		fuzz_fails(err.text, __LINE__);
	json_object_put(info);
}

void fuzz_news(const uint8_t *data, size_t n)
{
	const uint8_t *json = memmem(data, n, DIVIDES, strlen(DIVIDES));
	struct policy p _cleanup_policy_ = { 0 };
	_cleanup_free_ char *text = NULL;
	struct error err = { "" };

	policy_with_sources(&p);
	fuzz_write("news/office.name", data, json ? (size_t)(json - data) : n);
	if (json)
		json += strlen(DIVIDES);
	fuzz_write("news/office.name.json", json ? json : data,
		   json ? (size_t)(data + n - json) : 0);
	if (news_read(fuzz_paths(), &p, &err))
		fuzz_fails(err.text,
			   __LINE__); /* nothing in such a file keeps a filter from loading */
	fuzz_sorted(&p, &p.base);
	text = fuzz_entries_text(&p, &p.base);
	check_state(&p);
}
