// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attaches again to an interface that comes back under its name, and lets pins follow one that is
 * renamed.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "attach_record.h"
#include "cleanup.h"
#include "daemon.h"
#include "interfaces.h"
#include "journal.h"
#include "netlink.h"
#include "running.h"

enum { LOCK_MS = 1000, RETRY_MS = 500, RETRY_MOST_MS = 10000, ACCURACY_US = 10000 };

struct links {
	struct daemon *daemon;
	int fd; /* netlink: tells when an interface comes, goes or changes */
	sd_event_source *io, *timer;
	unsigned int failed; /* times in a row */
	struct error said;
	char gone[POLICY_MAX_INTERFACES][16]; /* it has been told */
};

/*
 * A new device of that name. Where it is the old one, somebody took the program off by force, and
 * will know why.
 */
static bool is_new(const struct paths *paths, const struct attachment *a)
{
	struct attach_record record;

	return interface_is_back(a) && attach_record_read(paths, a->interface, &record) &&
	       record.ifindex != (int)if_nametoindex(a->interface);
}

static void tell_gone(struct links *l, size_t n, const struct attachment *a)
{
	bool gone = a->place == ATTACH_GONE && !a->another;

	if (gone && strcmp(l->gone[n], a->interface) != 0)
		journal_line(LOG_WARNING,
			     "interface %s is gone: it is guarded again as soon as it is back",
			     a->interface);
	snprintf(l->gone[n], sizeof(l->gone[n]), "%s", gone ? a->interface : "");
}

static bool anything_to_do(struct links *l)
{
	const struct paths *paths = l->daemon->paths;
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(paths, names, ARRAY_SIZE(names));
	bool found = false;
	struct attachment a;

	for (size_t i = 0; i < n; i++) {
		if (attach_query(paths, names[i], &a))
			continue;
		tell_gone(l, i, &a);
		found |= attach_renamed(&a) || is_new(paths, &a);
	}
	return found;
}

static int attach_back(const struct running *r, const char *interface, struct error *err)
{
	struct attachment a;
	char note[128];
	int rc;

	if (attach_query(r->instance.paths, interface, &a) || !is_new(r->instance.paths, &a))
		return 0;
	rc = attach_again(&r->instance, &r->policy, interface, note, sizeof(note), err);
	if (!rc)
		journal_line(LOG_WARNING, "interface %s is back: guarded again%s%s%s", interface,
			     note[0] ? " (" : "", note, note[0] ? ")" : "");
	return rc;
}

static int act(const struct paths *paths, struct error *err)
{
	struct running r _cleanup_running_ = RUNNING_EMPTY;
	_cleanup_close_ int lock = lock_instance_within(paths, LOCK_MS, err);
	char names[POLICY_MAX_INTERFACES][16];
	int rc = lock < 0 ? lock : running_open_to_change(&r, paths, err), failed = 0;
	size_t n;

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	n = instance_interfaces(paths, names, ARRAY_SIZE(names));
	for (size_t i = 0; i < n; i++) {
		rc = attach_back(&r, names[i], err);
		if (rc)
			failed = rc;
	}
	return failed;
}

static void look_in(struct links *l, uint64_t milliseconds)
{
	if (sd_event_source_set_time_relative(l->timer, milliseconds * 1000) >= 0)
		sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct links *l = arg;
	uint64_t wait = (uint64_t)RETRY_MS << (l->failed < 5 ? l->failed : 5);
	struct error why;

	(void)s;
	(void)usec;
	if (!anything_to_do(l) || !act(l->daemon->paths, &why)) {
		l->failed = 0;
		l->said.text[0] = '\0';
		return 0;
	}
	if (strcmp(why.text, l->said.text) != 0)
		journal_line(LOG_ERR, "%s", why.text);
	l->said = why;
	l->failed++;
	look_in(l, wait < RETRY_MOST_MS ? wait : RETRY_MOST_MS);
	return 0;
}

static int on_netlink(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	char buf[8192];

	(void)s;
	(void)events;
	/* What it says is looked up: some of it may be lost (ENOBUFS). */
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0 || errno == ENOBUFS || errno == EINTR)
		;
	look_in(arg, 0);
	return 0;
}

static int open_netlink(void)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)))
		return -errno;
	return TAKE_FD(fd);
}

static int start(struct daemon *d, void **state, struct error *err)
{
	struct links *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return error_set(err, ENOMEM, "out of memory");
	*state = l;
	l->daemon = d;
	rc = l->fd = open_netlink();
	if (rc >= 0)
		rc = sd_event_add_io(d->event, &l->io, l->fd, EPOLLIN, on_netlink, l);
	if (rc >= 0)
		rc = sd_event_add_time_relative(d->event, &l->timer, CLOCK_MONOTONIC, 0,
						ACCURACY_US, on_timer, l);
	return rc < 0 ? error_set(err, -rc, "cannot follow the interfaces: %s", strerror(-rc)) : 0;
}

static void look(struct daemon *d, void *state)
{
	(void)d;
	look_in(state, 0);
}

static void stop(struct daemon *d, void *state)
{
	struct links *l = state;

	(void)d;
	sd_event_source_disable_unref(l->io);
	sd_event_source_disable_unref(l->timer);
	cleanup_close(&l->fd);
	free(l);
}

const struct bringer links_bringer = { start, look, look, stop };
