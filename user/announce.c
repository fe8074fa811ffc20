// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "announce.h"
#include "cleanup.h"

static int open_file(const struct paths *paths, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/exporter", paths->run);
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int announce(const struct paths *paths, const struct endpoint *at, struct error *err)
{
	_cleanup_close_ int fd = -1;
	char text[ENDPOINT_TEXT_MAX];
	int rc = make_directory(paths->run, err);
	size_t n;

	if (rc)
		return rc;
	endpoint_text(at, text);
	n = strlen(text);
	fd = open_file(paths, O_RDWR | O_CREAT);
	/* Shared: of two exporters the one that was started last is spoken of. */
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) || ftruncate(fd, 0) ||
	    pwrite(fd, text, n, 0) != (ssize_t)n)
		return error_set(err, errno, "cannot write %s/exporter: %s", paths->run,
				 strerror(errno));
	return TAKE_FD(fd);
}

bool announced(const struct paths *paths, struct endpoint *at)
{
	_cleanup_close_ int fd = open_file(paths, O_RDONLY);
	char text[ENDPOINT_TEXT_MAX] = "";

	if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
		return false;
	return read(fd, text, sizeof(text) - 1) > 0 && !endpoint_parse(text, at);
}

static bool guards(const struct service *s, uint16_t port)
{
	for (size_t n = 0; s->direction == AXP_IN && n < s->n_ports; n++) {
		const struct port_range *r = &s->ports[n];

		if (r->protocol == AXP_TCP && r->low <= port && port <= r->high)
			return true;
	}
	return false;
}

const struct service *endpoint_guarded(const struct endpoint *at, const struct policy *p)
{
	if (endpoint_is_loopback(at))
		return NULL; /* its packets come by no interface that is guarded */
	for (size_t i = 0; i < p->n_services; i++) {
		if (guards(&p->services[i], endpoint_port(at)))
			return &p->services[i];
	}
	return NULL;
}

void warn_guarded_exporter(const struct paths *paths, const struct policy *p)
{
	const struct service *s;
	char text[ENDPOINT_TEXT_MAX];
	struct endpoint at;

	if (!announced(paths, &at))
		return;
	s = endpoint_guarded(&at, p);
	if (s)
		warn_line("the exporter listens on %s, a port that service %s guards: only "
			  "addresses on its lists can scrape it",
			  endpoint_text(&at, text), s->name);
}
