// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "exporter.h"
#include "http.h"
#include "metrics.h"

enum { SEND_SECONDS = 5, END_TRIES = 50, HTTP_OK = 200, HTTP_FAILED = 500, HTTP_UNAVAILABLE = 503 };

static void limit(int resource, rlim_t most)
{
	const struct rlimit l = { most, most };

	setrlimit(resource, &l);
}

/* Never returns. */
static void run_child(int listener, int source, const struct account *account)
{
	pid_t parent = getppid();
	struct error err;

	limit(RLIMIT_NOFILE, HTTP_FILES);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NPROC, 0);
	if (drop_root(account, NULL, 0, false, &err)) {
		fprintf(stderr, "allowxdp: %s\n", err.text);
		_exit(EXIT_FAILURE);
	}
	/* Behind the change of user, which clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	_exit(http_serve(listener, source));
}

int exporter_start(struct exporter *e, struct endpoint *at, const struct account *account,
		   struct error *err)
{
	const struct timeval patience = { .tv_sec = SEND_SECONDS };
	_cleanup_close_ int listener = endpoint_listen(at, err);
	int ends[2];

	*e = (struct exporter){ .fd = -1 };
	if (listener < 0)
		return listener;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return error_set(err, errno, "cannot make a pair of sockets: %s", strerror(errno));
	e->child = fork();
	if (e->child < 0) {
		close(ends[0]);
		close(ends[1]);
		return error_set(err, errno, "cannot start a process: %s", strerror(errno));
	}
	if (!e->child) {
		close(ends[0]);
		run_child(listener, ends[1], account);
	}
	close(ends[1]);
	e->fd = ends[0];
	/* A child in a stranger's hands must not hold us up. */
	setsockopt(e->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return 0;
}

static void complain(struct exporter *e, const char *text)
{
	if (!strncmp(e->complaint, text, sizeof(e->complaint) - 1))
		return;
	snprintf(e->complaint, sizeof(e->complaint), "%s", text);
	if (*text)
		warn_line("%s", text);
}

static int send_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return -EPIPE;
		p += sent;
		n -= (size_t)sent;
	}
	return 0;
}

static int send_reading(int fd, const struct http_reading *head, const char *metrics,
			const char *health)
{
	int rc = send_all(fd, head, sizeof(*head));

	if (!rc)
		rc = send_all(fd, metrics, head->metrics_size);
	return rc ? rc : send_all(fd, health, head->health_size);
}

int exporter_answer(struct exporter *e, const struct paths *paths)
{
	static const char failed[] = "the instance cannot be read: the exporter's log says why\n";
	struct metrics m _cleanup_metrics_ = { 0 };
	struct http_reading head = { .metrics_status = HTTP_OK, .health_status = HTTP_OK };
	const char *metrics = failed, *health = failed;
	struct error err = { "" };
	ssize_t n;
	char byte;

	do
		n = recv(e->fd, &byte, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -EPIPE;
	if (!metrics_make(paths, &m, &err) && m.size <= HTTP_READING_MAX) {
		err.text[0] = '\0';
		metrics = m.text;
		health = m.health.text;
		head.metrics_size = (uint32_t)m.size;
		head.health_size = (uint32_t)strlen(m.health.text);
		if (!m.health.well)
			head.health_status = HTTP_UNAVAILABLE;
	} else {
		head.metrics_status = HTTP_FAILED;
		head.metrics_size = head.health_size = sizeof(failed) - 1;
		head.health_status = HTTP_UNAVAILABLE;
	}
	complain(e, err.text);
	return send_reading(e->fd, &head, metrics, health);
}

/* By itself, within a second of being told. */
static bool child_ended(pid_t child, int *status)
{
	const struct timespec moment = { .tv_nsec = 20000000 };

	for (int n = 0; n < END_TRIES; n++) {
		if (waitpid(child, status, WNOHANG))
			return true;
		nanosleep(&moment, NULL);
	}
	return false;
}

int exporter_end(struct exporter *e, struct error *err)
{
	int status = 0;

	close(TAKE_FD(e->fd)); /* that tells it */
	if (!child_ended(e->child, &status)) {
		kill(e->child, SIGKILL);
		waitpid(e->child, &status, 0);
		return error_set(err, ETIMEDOUT, "the HTTP process did not take what it asked for");
	}
	if (WIFSIGNALED(status))
		return error_set(err, ECHILD, "the HTTP process was ended by signal %d (%s)",
				 WTERMSIG(status), strsignal(WTERMSIG(status)));
	return error_set(err, ECHILD, "the HTTP process ended with status %d", WEXITSTATUS(status));
}

int exporter_drop_root(const struct account *account, struct error *err)
{
	static const unsigned int keep[] = { CAP_BPF, CAP_DAC_OVERRIDE };

	return drop_root(account, keep, ARRAY_SIZE(keep), true, err);
}
