// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "feed_child.h"
#include "feed_fetch.h"
#include "listfile.h"

enum { SPARE_MS = 10000 /* to read and sort what came */, CHUNK = 65536 };

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void feed_answer_free(struct feed_answer *a)
{
	feed_items_free(&a->items);
	free(a->text);
	*a = (struct feed_answer){ 0 };
}

int feed_fetch_start(struct feed_fetch *f, const struct feed_job *job,
		     const struct account *account, struct error *err)
{
	int ends[2];

	*f = (struct feed_fetch)FEED_FETCH_NONE;
	if (pipe2(ends, O_CLOEXEC))
		return error_set(err, errno, "cannot make a pipe: %s", strerror(errno));
	fflush(NULL); /* nothing of ours is to be written twice */
	f->child = fork();
	if (f->child < 0) {
		close(ends[0]);
		close(ends[1]);
		return error_set(err, errno, "cannot start a process: %s", strerror(errno));
	}
	if (!f->child)
		feed_child_run(job, account, ends[1]);
	close(ends[1]);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	f->fd = ends[0];
	f->deadline = now_ms() + job->seconds * 1000ULL + SPARE_MS;
	/* "::1" comes back as "::1/128". */
	f->limit = sizeof(struct feed_head) + CHUNK + 2 * (size_t)job->max_size;
	return 0;
}

static bool make_room(struct feed_fetch *f)
{
	size_t cap = f->cap ? f->cap * 2 : CHUNK;
	char *data;

	if (f->cap - f->n)
		return true;
	if (f->n >= f->limit)
		return false;
	data = realloc(f->data, cap);
	if (!data)
		return false;
	f->data = data;
	f->cap = cap;
	return true;
}

bool feed_fetch_read(struct feed_fetch *f)
{
	ssize_t n;

	for (;;) {
		if (!make_room(f))
			return false;
		n = read(f->fd, f->data + f->n, f->cap - f->n);
		if (n < 0)
			return errno == EINTR || errno == EAGAIN;
		if (!n)
			return false;
		f->n += (size_t)n;
	}
}

/*
 * Its process group holds what a command may have started, and is still its own until it has been
 * waited for. Where it has ended by itself, its status stays what it was.
 */
static int end_child(struct feed_fetch *f)
{
	int status = 0;

	if (f->child <= 0)
		return 0;
	kill(-f->child, SIGKILL);
	kill(f->child, SIGKILL);
	waitpid(f->child, &status, 0);
	f->child = 0;
	return status;
}

void feed_fetch_stop(struct feed_fetch *f)
{
	end_child(f);
	if (f->fd >= 0)
		close(f->fd);
	free(f->data);
	*f = (struct feed_fetch)FEED_FETCH_NONE;
}

/* Not all of the bytes were made by somebody we trust. */
static void copy_printable(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; i + 1 < size && from[i]; i++)
		to[i] = from[i] >= 0x20 && from[i] < 0x7f ? from[i] : '?';
	to[i] = '\0';
}

static int read_lines(struct feed_answer *out, size_t n, struct error *err)
{
	const char *line = out->text, *end = line + n, *next;
	struct list_line parsed;
	struct feed_item item;
	int rc = 0;

	for (; !rc && line < end; line = next + 1) {
		next = memchr(line, '\n', (size_t)(end - line));
		if (!next)
			next = end;
		rc = list_line_parse(line, (size_t)(next - line), &parsed, err);
		if (rc || parsed.blank)
			continue;
		if (parsed.carve || parsed.until)
			return error_set(err, EINVAL, "what came is no plain list");
		item = (struct feed_item){ parsed.prefix, parsed.label, parsed.label_len };
		rc = feed_items_push(&out->items, &item, err);
	}
	return rc;
}

static void fails(struct feed_answer *out, const char *reason)
{
	feed_answer_free(out);
	copy_printable(out->reason, sizeof(out->reason), reason);
}

/* The process did not say a whole thing. */
static void ended_early(struct feed_answer *out, int status)
{
	char reason[FEED_REASON_MAX];

	if (WIFSIGNALED(status))
		snprintf(reason, sizeof(reason),
			 "the process that fetches was ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(reason, sizeof(reason), "the process that fetches ended early");
	fails(out, reason);
}

static void read_answer(struct feed_fetch *f, const struct feed_head *head, struct feed_answer *out)
{
	struct error err = { "" };

	copy_printable(out->reason, sizeof(out->reason), head->reason);
	copy_printable(out->etag, sizeof(out->etag), head->etag);
	copy_printable(out->modified, sizeof(out->modified), head->modified);
	out->outcome = (enum feed_outcome)head->outcome;
	if (out->outcome != FEED_NEW)
		return;
	memmove(f->data, f->data + sizeof(*head), head->size);
	out->text = TAKE_PTR(f->data);
	if (read_lines(out, head->size, &err))
		fails(out, err.text);
	else
		feed_items_sort(&out->items);
}

void feed_fetch_finish(struct feed_fetch *f, struct feed_answer *out)
{
	struct feed_head head = { 0 };
	bool whole = f->n >= sizeof(head);
	int status = 0;

	*out = (struct feed_answer){ 0 };
	if (whole) {
		memcpy(&head, f->data, sizeof(head));
		head.reason[sizeof(head.reason) - 1] = '\0';
		head.etag[sizeof(head.etag) - 1] = '\0';
		head.modified[sizeof(head.modified) - 1] = '\0';
		whole = head.outcome <= FEED_NEW && f->n == sizeof(head) + head.size;
	}
	if (f->n >= f->limit)
		fails(out, "more came than was asked for");
	else if (whole)
		read_answer(f, &head, out);
	else {
		status = end_child(f);
		ended_early(out, status);
	}
	feed_fetch_stop(f);
}

void feed_fetch(const struct feed_job *job, const struct account *account, struct feed_answer *out)
{
	struct feed_fetch f = FEED_FETCH_NONE;
	struct error err = { "" };

	*out = (struct feed_answer){ 0 };
	if (feed_fetch_start(&f, job, account, &err)) {
		fails(out, err.text);
		return;
	}
	for (;;) {
		struct pollfd p = { .fd = f.fd, .events = POLLIN };
		uint64_t now = now_ms();

		if (now >= f.deadline) {
			feed_fetch_stop(&f);
			fails(out, "the process that fetches did not end in time");
			return;
		}
		if (poll(&p, 1, (int)(f.deadline - now)) > 0 && !feed_fetch_read(&f))
			break;
	}
	feed_fetch_finish(&f, out);
}
