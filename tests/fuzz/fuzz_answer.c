// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What comes through the pipe from the process that fetches, which has met strangers. The first
 * byte: what became of it, and whether the size is right; the next two lines go into the head.
 */
#include "feed_child.h"
#include "feed_fetch.h"
#include "target.h"

enum { SIZE_IS_WRONG = 1 << 7, LIMIT = 1 << 20 };

/* No process is started here. */
void feed_child_run(const struct feed_job *job, const struct account *account, int fd)
{
	(void)job;
	(void)account;
	(void)fd;
	abort();
}

static void check_printable(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	fuzz_check(n < size);
	for (size_t i = 0; i < n; i++)
		fuzz_check(text[i] >= ' ' && text[i] < 0x7f);
}

static void check_answer(const struct feed_answer *a)
{
	struct error err = { "" };

	fuzz_check(a->outcome <= FEED_NEW);
	check_printable(a->reason, sizeof(a->reason));
	check_printable(a->etag, sizeof(a->etag));
	check_printable(a->modified, sizeof(a->modified));
	fuzz_check(a->outcome == FEED_NEW || !a->items.n);
	for (size_t i = 0; i < a->items.n; i++) {
		const struct feed_item *item = &a->items.v[i];

		fuzz_check(item->prefix.len <= prefix_max_len(item->prefix.family));
		fuzz_check(!list_label_check(item->label, item->label_len, &err));
		fuzz_check(!i || prefix_compare(&item[-1].prefix, &item->prefix) < 0);
	}
}

static void fill(char *field, size_t size, const char **text, size_t *n)
{
	const char *line = *text;
	size_t length = fuzz_first_line(text, n);

	memcpy(field, line, length < size ? length : size);
}

void fuzz_answer(const uint8_t *data, size_t n)
{
	struct feed_fetch f = FEED_FETCH_NONE;
	struct feed_head head = { 0 };
	struct feed_answer answer;
	const char *text = (const char *)data;
	uint8_t how = n ? data[0] : 0;

	if (n)
		text++, n--;
	head.outcome = how & 3;
	fill(head.etag, sizeof(head.etag), &text, &n);
	fill(head.reason, sizeof(head.reason), &text, &n);
	head.size = how & SIZE_IS_WRONG ? how : (uint32_t)n;
	f.limit = LIMIT;
	f.n = f.cap = sizeof(head) + n;
	f.data = malloc(f.n);
	fuzz_check(f.data);
	memcpy(f.data, &head, sizeof(head));
	memcpy(f.data + sizeof(head), text, n);
	feed_fetch_finish(&f, &answer);
	check_answer(&answer);
	feed_answer_free(&answer);
}
