// SPDX-License-Identifier: GPL-2.0-or-later
/* What `run` remembers of names: "=== json" divides LIST.name from LIST.name.json, as for news. */
#include "../../user/names.c"
#include "target.h"

#define DIVIDES "=== json\n"

enum { NOW = 1700000000 };

/* There is no daemon. */
void daemon_news_changed(struct daemon *d, const char *list)
{
	(void)d;
	(void)list;
}

uint64_t daemon_now(void)
{
	return NOW;
}

uint64_t daemon_jitter(uint64_t seconds)
{
	return seconds;
}

void journal_line(int priority, const char *fmt, ...)
{
	(void)priority;
	(void)fmt;
}

static void policy_with_names(struct policy *p)
{
	const struct news_source s = { .list = 0, .kind = SOURCE_NAME };

	fuzz_policy(p);
	fuzz_check(!policy_add_source(p, &s, "a.example.com"));
	fuzz_check(!policy_add_source(p, &s, "b.example.com"));
}

static void check_history(const struct name_history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct name_address *a = &h->v[i];
		int order = i ? prefix_compare(&a[-1].prefix, &a->prefix) : -1;

		fuzz_check(memchr(a->host, '\0', sizeof(a->host)));
		fuzz_check(order < 0 || (!order && strcmp(a[-1].host, a->host) < 0));
	}
}

static void same_history(const struct name_history *a, const struct name_history *b)
{
	fuzz_check(a->n == b->n);
	for (size_t i = 0; i < a->n; i++) {
		fuzz_check(!prefix_compare(&a->v[i].prefix, &b->v[i].prefix));
		fuzz_check(!strcmp(a->v[i].host, b->v[i].host));
		fuzz_check(a->v[i].missing_since == b->v[i].missing_since);
	}
}

/* All names of the list, as the files have them; to be freed by forget(). */
static void read_names(struct daemon *d, struct names *all)
{
	struct name *none = NULL;

	*all = (struct names){ .daemon = d };
	follow_list(all, &none, 0, &all->first);
	fuzz_check(all->first && all->first->next && !all->first->next->next);
	for (const struct name *n = all->first; n; n = n->next)
		check_history(&n->history);
}

void fuzz_names(const uint8_t *data, size_t n)
{
	const uint8_t *json = memmem(data, n, DIVIDES, strlen(DIVIDES));
	struct daemon d = { .paths = fuzz_paths() };
	struct name_round nothing = { .omitted = 0 };
	struct names before, after;
	struct error err = { "" };

	policy_with_names(&d.policy);
	fuzz_write("news/office.name", data, json ? (size_t)(json - data) : n);
	if (json)
		json += strlen(DIVIDES);
	fuzz_write("news/office.name.json", json ? json : data,
		   json ? (size_t)(data + n - json) : 0);
	read_names(&d, &before);
	fuzz_check(!write_news(&before, before.first, &err));
	fuzz_check(!write_info(&before, before.first, &err));
	read_names(&d, &after);
	for (struct name *a = before.first, *b = after.first; a; a = a->next, b = b->next) {
		same_history(&a->history, &b->history);
		fuzz_check(name_history_merge(&a->history, &nothing, NOW, 600) == 0);
	}
	forget(before.first);
	forget(after.first);
	policy_free(&d.policy);
}
