// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/capability.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include "announce.h"
#include "cleanup.h"
#include "cmd.h"
#include "daemon.h"
#include "daemon_claim.h"
#include "drop.h"
#include "exporter.h"
#include "journal.h"
#include "privileges.h"
#include "running.h"

enum { LARGE = 64 << 10 };

struct run {
	struct app *app;
	const char *listen, *user;
	bool no_metrics;
	struct exporter exporter; /* .fd < 0: none */
	struct daemon daemon;
	sd_event *event;
};

static int on_end(sd_event_source *s, const struct signalfd_siginfo *info, void *arg)
{
	struct run *r = arg;

	(void)s;
	(void)info;
	sd_notify(false, "STOPPING=1");
	return sd_event_exit(r->event, 0);
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *info, void *arg)
{
	struct run *r = arg;

	(void)s;
	(void)info;
	journal_line(LOG_INFO, "asking all names and feeds now");
	daemon_refresh(&r->daemon);
	return 0;
}

static int on_request(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct run *r = arg;

	(void)s;
	(void)fd;
	(void)events;
	if (!exporter_answer(&r->exporter, &r->app->paths))
		return 0;
	return sd_event_exit(r->event, -EPIPE);
}

/* Before anything else is open: its child faces the network. */
static int start_metrics(struct run *r, int *held, struct error *err)
{
	char text[ENDPOINT_TEXT_MAX];
	struct account account;
	struct endpoint at;
	int rc;

	if (endpoint_parse(r->listen, &at))
		return error_set(err, EINVAL,
				 "--listen %.64s: write an address and a port, as in "
				 "127.0.0.1:19790, 0.0.0.0:19790 or [::1]:19790",
				 r->listen);
	rc = account_find(r->user, &account, err);
	if (!rc)
		rc = exporter_start(&r->exporter, &at, &account, err);
	if (rc)
		return rc;
	rc = *held = announce(&r->app->paths, &at, err);
	if (rc < 0)
		return rc;
	journal_line(LOG_INFO, "instance %s: http://%s/metrics", r->app->paths.instance,
		     endpoint_text(&at, text));
	return 0;
}

static int add_events(struct run *r, struct error *err)
{
	int rc = sd_event_default(&r->event);

	if (rc >= 0)
		rc = sd_event_add_signal(r->event, NULL, SIGTERM, on_end, r);
	if (rc >= 0)
		rc = sd_event_add_signal(r->event, NULL, SIGINT, on_end, r);
	if (rc >= 0)
		rc = sd_event_add_signal(r->event, NULL, SIGHUP, on_hangup, r);
	if (rc >= 0 && r->exporter.fd >= 0)
		rc = sd_event_add_io(r->event, NULL, r->exporter.fd, EPOLLIN, on_request, r);
	if (rc >= 0)
		rc = sd_event_set_watchdog(r->event, true);
	return rc < 0 ? error_set(err, -rc, "cannot make an event loop: %s", strerror(-rc)) : 0;
}

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/*
 * What is left: maps are looked at and made (BPF), interfaces that are back are guarded again
 * (NET_ADMIN, PERFMON); what faces the network becomes another user, without any capability
 * (SETUID, SETGID, SETPCAP), and is ended in time (KILL).
 */
static int drop_privileges(struct error *err)
{
	static const unsigned int keep[] = { CAP_BPF,    CAP_NET_ADMIN, CAP_PERFMON, CAP_SETUID,
					     CAP_SETGID, CAP_SETPCAP,   CAP_KILL };

	return keep_capabilities(keep, ARRAY_SIZE(keep), err);
}

static int loop(struct run *r, struct error *err)
{
	int rc = daemon_start(&r->daemon, &r->app->paths, r->event, err);

	if (rc)
		return rc;
	sd_notify(false, "READY=1");
	rc = sd_event_loop(r->event);
	if (rc >= 0)
		return 0;
	if (rc == -EPIPE)
		return exporter_end(&r->exporter, err);
	return error_set(err, -rc, "the event loop failed: %s", strerror(-rc));
}

static int run(struct run *r, struct error *err)
{
	_cleanup_close_ int claim = -1, held = -1;
	int rc = 0;

	if (!r->no_metrics)
		rc = start_metrics(r, &held, err);
	if (rc)
		return rc;
	rc = claim = daemon_claim(&r->app->paths, err);
	if (rc < 0)
		return rc;
	rc = drop_privileges(err);
	if (rc)
		return rc;
	mallopt(M_MMAP_THRESHOLD, LARGE); /* what a long list took goes back when it has gone */
	block_signals();
	rc = add_events(r, err);
	if (!rc)
		rc = loop(r, err);
	daemon_stop(&r->daemon);
	return rc;
}

int cmd_run(struct app *app, int argc, char **argv)
{
	struct run r = {
		.app = app,
		.listen = EXPORTER_LISTEN,
		.user = "nobody",
		.exporter = { .fd = -1 },
	};
	const struct option_spec specs[] = {
		{ "listen", OPTION_TEXT, &r.listen, "ADDR:PORT",
		  "serve metrics there (default " EXPORTER_LISTEN ")" },
		{ "user", OPTION_TEXT, &r.user, "NAME", "who speaks HTTP for it (default nobody)" },
		{ "no-metrics", OPTION_FLAG, &r.no_metrics, NULL, "serve none" },
	};
	struct error err, ignored;
	int first, rc, status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);

	if (status >= 0)
		return status;
	if (first < argc)
		return usage(app, "run does not take '%.64s'", argv[first]);
	rc = privileges_check(&err);
	if (!rc)
		rc = paths_init(&app->paths, app->instance, &err);
	if (!rc)
		rc = run(&r, &err);
	if (r.exporter.fd >= 0)
		exporter_end(&r.exporter, &ignored);
	sd_event_unref(r.event);
	return rc ? fail(&err) : EXIT_DONE;
}
