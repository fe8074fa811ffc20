// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "feed_child.h"
#include "text.h"

enum { ARGUMENTS = FEED_ARGUMENTS, COMPLAINT_MAX = 256, CHUNK = 65536, NOT_RUN = 127 };

struct streams {
	int out, errors;
	struct feed_body *body;
	char complaint[COMPLAINT_MAX]; /* what it wrote to stderr, cut */
	size_t complaint_len;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Never returns. */
static void run(const char *command, int out, int errors)
{
	static char *const environment[] = {
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		(char *)"HOME=/", (char *)"LANG=C.UTF-8", NULL
	};
	char *copy = strdup(command), *argv[ARGUMENTS + 1] = { NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	while (copy && n < ARGUMENTS)
		argv[n++] = strsep(&copy, "\t");
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(errors, 2) < 0 || chdir("/"))
		_exit(NOT_RUN);
	close_range(3, ~0U, 0);
	execve(argv[0], argv, environment);
	dprintf(2, "cannot be run: %s\n", strerror(errno));
	_exit(NOT_RUN);
}

static void take_complaint(struct streams *s, const char *data, size_t n)
{
	size_t room = sizeof(s->complaint) - 1 - s->complaint_len;

	if (n > room)
		n = room;
	memcpy(s->complaint + s->complaint_len, data, n);
	s->complaint_len += n;
}

/* From whichever has something; false: the output is over, or too long. */
static bool take(struct streams *s, const struct pollfd polls[2])
{
	char chunk[CHUNK];
	ssize_t n;

	if (polls[1].revents) {
		n = read(s->errors, chunk, sizeof(chunk));
		if (n > 0)
			take_complaint(s, chunk, (size_t)n);
		else
			close(TAKE_FD(s->errors));
	}
	if (!polls[0].revents)
		return true;
	n = read(s->out, chunk, sizeof(chunk));
	if (n < 0)
		return errno == EINTR;
	return n && feed_body_add(s->body, chunk, (size_t)n);
}

/* false: the time was over before the output was. */
static bool read_all(struct streams *s, int64_t deadline)
{
	for (;;) {
		struct pollfd polls[2] = { { .fd = s->out, .events = POLLIN },
					   { .fd = s->errors, .events = POLLIN } };
		int64_t left = deadline - now_ms();

		if (left <= 0)
			return false;
		if (poll(polls, 2, (int)left) > 0 && !take(s, polls))
			return true;
	}
}

/* Its exit; false: not in time. */
static bool wait_for(pid_t pid, int *status, int64_t deadline)
{
	const struct timespec moment = { .tv_nsec = 10000000 };

	for (;;) {
		if (waitpid(pid, status, WNOHANG))
			return true;
		if (now_ms() >= deadline)
			return false;
		nanosleep(&moment, NULL);
	}
}

/* ": first line" of its complaint, or "". */
static const char *first_line(struct streams *s, char buf[static TEXT_SHOWN_MAX * 4])
{
	size_t n, i;

	s->complaint[s->complaint_len] = '\0';
	n = strcspn(s->complaint, "\n");
	buf[0] = '\0';
	if (!n)
		return buf;
	strcpy(buf, ": ");
	for (i = 0; i < n && i < TEXT_SHOWN_MAX * 4 - 3; i++)
		buf[i + 2] =
			s->complaint[i] >= 0x20 && s->complaint[i] < 0x7f ? s->complaint[i] : '?';
	buf[i + 2] = '\0';
	return buf;
}

static int judge(struct streams *s, int status, struct error *err)
{
	char line[TEXT_SHOWN_MAX * 4];

	first_line(s, line);
	if (WIFSIGNALED(status))
		return error_set(err, EIO, "the command was ended by signal %d (%s)%s",
				 WTERMSIG(status), strsignal(WTERMSIG(status)), line);
	if (WEXITSTATUS(status))
		return error_set(err, EIO, "the command failed with status %d%s",
				 WEXITSTATUS(status), line);
	return 0;
}

static int watch(struct streams *s, pid_t pid, const struct feed_job *job, struct error *err)
{
	int64_t deadline = now_ms() + (int64_t)job->seconds * 1000;
	bool done = read_all(s, deadline);
	int status = 0;

	if (s->body->over)
		return error_set(err, EFBIG, "it is larger than %u bytes (\"max-size\")",
				 job->max_size);
	/* What it complained of may come in behind the end of its output. */
	if (!done || !wait_for(pid, &status, deadline))
		return error_set(err, ETIMEDOUT,
				 "the command has not ended after %u s (\"timeout\")",
				 job->seconds);
	while (s->errors >= 0) {
		struct pollfd polls[2] = { { .fd = -1 }, { .fd = s->errors, .events = POLLIN } };

		if (poll(polls, 2, 0) <= 0)
			break;
		take(s, polls);
	}
	return judge(s, status, err);
}

int feed_command(const struct feed_job *job, struct feed_body *body, struct error *err)
{
	_cleanup_free_ struct streams *s = calloc(1, sizeof(*s));
	int out[2], errors[2], rc;
	pid_t pid;

	if (!s || pipe2(out, O_CLOEXEC) || pipe2(errors, O_CLOEXEC))
		return error_set(err, ENOMEM, "the command cannot be run: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return error_set(err, errno, "the command cannot be run: %s", strerror(errno));
	if (!pid)
		run(job->command, out[1], errors[1]);
	close(out[1]);
	close(errors[1]);
	s->out = out[0];
	s->errors = errors[0];
	s->body = body;
	rc = watch(s, pid, job, err);
	if (rc)
		kill(pid, SIGKILL); /* what it has started ends with our whole group */
	return rc;
}
