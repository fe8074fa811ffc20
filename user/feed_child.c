// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "cleanup.h"
#include "feed_child.h"

enum { PIPE = 3, FILES = 64, MEMORY = 1 << 30, SPARE_SECONDS = 10 };

bool feed_body_add(struct feed_body *b, const void *data, size_t n)
{
	size_t cap = b->cap ? b->cap : 65536;
	char *more;

	if (n > b->limit - b->n) {
		b->over = true;
		return false;
	}
	while (cap < b->n + n)
		cap *= 2;
	if (cap != b->cap) {
		more = realloc(b->data, cap);
		if (!more)
			return false;
		b->data = more;
		b->cap = cap;
	}
	if (n)
		memcpy(b->data + b->n, data, n);
	b->n += n;
	return true;
}

static void limit(int resource, rlim_t most)
{
	const struct rlimit l = { most, most };

	setrlimit(resource, &l);
}

static void set_limits(const struct feed_job *job)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, FILES);
	limit(RLIMIT_CPU, job->seconds + SPARE_SECONDS);
#ifndef __SANITIZE_ADDRESS__ /* which takes terabytes, of no real memory */
	limit(RLIMIT_DATA, MEMORY);
#endif
}

/* A command may want to write and run files; what it can do without being root, it may. */
static int become_nobody(const struct feed_job *job, const struct account *account,
			 struct error *err)
{
	pid_t parent = getppid();
	int rc;

	rc = job->command ? drop_root_only(account, err) : drop_root(account, NULL, 0, true, err);
	if (rc)
		return rc;
	/* Behind the change of user, which clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	return 0;
}

/* The same lines as in a list file. */
static char *lines_of(const struct feed_items *items, size_t *size)
{
	char prefix[PREFIX_TEXT_MAX], *text = NULL;
	FILE *f = open_memstream(&text, size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < items->n; i++) {
		const struct feed_item *item = &items->v[i];

		fprintf(f, "%s%s%.*s\n", prefix_text(&item->prefix, prefix),
			item->label_len ? " # " : "", (int)item->label_len,
			item->label ? item->label : "");
	}
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static int get(const struct feed_job *job, struct feed_body *body, struct feed_head *head,
	       struct error *err)
{
	if (job->command)
		return feed_command(job, body, err);
	return feed_curl(job, body, head, err);
}

/* What came, as text for the pipe; NULL: none, head->outcome says why. */
static char *work(const struct feed_job *job, struct feed_head *head)
{
	struct feed_body body = { .limit = job->max_size };
	struct feed_items items = { 0 };
	struct error err = { "" };
	char *text = NULL;
	size_t size = 0;
	int rc = get(job, &body, head, &err);

	if (!rc)
		rc = feed_parse(&job->shape, body.data, body.n, &items, &err);
	if (!rc) {
		feed_items_sort(&items);
		text = lines_of(&items, &size);
		if (!text || size > UINT32_MAX)
			rc = error_set(&err, ENOMEM, "not enough memory for its entries");
	}
	/* Memory is given back by _exit(). */
	head->outcome = rc < 0 ? FEED_FAILED : rc ? FEED_SAME : FEED_NEW;
	head->size = head->outcome == FEED_NEW ? (uint32_t)size : 0;
	snprintf(head->reason, sizeof(head->reason), "%s", rc < 0 ? err.text : "");
	return text;
}

static void put(int fd, const void *data, size_t n)
{
	const char *p = data;
	ssize_t written;

	while (n) {
		written = write(fd, p, n);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			_exit(EXIT_FAILURE);
		p += written;
		n -= (size_t)written;
	}
}

void feed_child_run(const struct feed_job *job, const struct account *account, int fd)
{
	struct feed_head head = { .outcome = FEED_FAILED };
	struct error err = { "" };
	char *text = NULL;
	sigset_t none;

	setsid(); /* so that all that a command starts can be killed at once */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (fd != PIPE && dup2(fd, PIPE) < 0)
		_exit(EXIT_FAILURE);
	/* Maps and links of the filter are not for this process. */
	if (close_range(PIPE + 1, ~0U, 0))
		_exit(EXIT_FAILURE);
	set_limits(job);
	if (become_nobody(job, account, &err))
		snprintf(head.reason, sizeof(head.reason), "%.500s", err.text);
	else
		text = work(job, &head);
	put(PIPE, &head, sizeof(head));
	put(PIPE, text, head.size);
	_exit(EXIT_SUCCESS);
}
