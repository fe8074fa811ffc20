// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "event_queue.h"
#include "running.h"
#include "text.h"
#include "watch_run.h"

#define NANOSECONDS 1000000000LL

/* How often we look by ourselves; and how old a record is when none can come before it any more. */
enum { POLL_MS = 100, SETTLED_MS = 5 };

/* Clocks that differ by less than this have not been set. */
enum { CLOCK_SET_NS = 1000000, CLOCK_TRIES = 4 };

struct session {
	struct watch_run *run;
	struct running running;
	struct watch watch;
	struct event_queue queue;
	struct service_names names;
	int signals;
	int64_t began, ticked; /* CLOCK_MONOTONIC ns */
	int64_t offset;        /* from CLOCK_BOOTTIME to the time of people */
	uint64_t generation;
	bool over;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NANOSECONDS + ts.tv_nsec;
}

/* From CLOCK_BOOTTIME to the time of people: what is read with the least in between. */
static int64_t clock_offset(void)
{
	int64_t best = INT64_MAX, offset = 0;

	for (int n = 0; n < CLOCK_TRIES; n++) {
		int64_t before = clock_ns(CLOCK_BOOTTIME), now = clock_ns(CLOCK_REALTIME);
		int64_t took = clock_ns(CLOCK_BOOTTIME) - before;

		if (took >= best)
			continue;
		best = took;
		offset = now - before - took / 2;
	}
	return offset;
}

/* Anew only after the clock was set: or times would run backwards by some microseconds. */
static void follow_clock(struct session *s)
{
	int64_t offset = clock_offset();

	if (llabs(offset - s->offset) > CLOCK_SET_NS)
		s->offset = offset;
}

static void session_close(struct session *s)
{
	watch_close(&s->watch);
	event_queue_free(&s->queue);
	service_names_free(&s->names);
	running_close(&s->running);
	cleanup_close(&s->signals);
}

/* The name before the next comma, and `rest` set to what follows it; false: there is none. */
static bool next_name(const char **rest, char name[static POLICY_NAME_MAX + 1])
{
	const char *comma = strchrnul(*rest, ',');
	size_t n = (size_t)(comma - *rest);

	if (!**rest)
		return false;
	snprintf(name, POLICY_NAME_MAX + 1, "%.*s",
		 (int)(n > POLICY_NAME_MAX ? POLICY_NAME_MAX : n), *rest);
	*rest = *comma ? comma + 1 : comma;
	return true;
}

static bool names_service(const char *services, const char *service)
{
	char name[POLICY_NAME_MAX + 1];

	if (!services)
		return true;
	while (next_name(&services, name)) {
		if (!strcmp(name, service))
			return true;
	}
	return false;
}

/* Slots of the services that are wanted, in this policy. Unknown names are let go. */
static uint64_t slots_wanted(const char *services, const struct policy *p)
{
	uint64_t set = 0;

	for (size_t i = 0; i < p->n_services; i++) {
		if (names_service(services, p->services[i].name))
			set |= 1ULL << p->services[i].slot;
	}
	return set;
}

static int check_names(const char *services, const struct policy *p, struct error *err)
{
	char name[POLICY_NAME_MAX + 1], shown[TEXT_SHOWN_MAX];

	while (services && next_name(&services, name)) {
		if (strcmp(name, "-") && policy_find_service(p, name) < 0)
			return error_set(err, EINVAL,
					 "there is no service '%s' in what is loaded: see "
					 "`allowxdp stats`",
					 text_shown(name, strlen(name), shown));
	}
	return 0;
}

static int take(const struct axp_event *e, const uint8_t *frame, void *arg)
{
	struct session *s = arg;

	return event_queue_push(&s->queue, e, frame);
}

static int show(const struct axp_event *e, const uint8_t *frame, void *arg)
{
	struct session *s = arg;
	struct seen_packet p = {
		.e = e,
		.frame = frame,
		.time = (int64_t)e->time + s->offset,
		.service = service_name(&s->names, e->generation, e->service),
	};
	int rc;

	/* A slot that was given to another service a moment ago. */
	if (s->over || !names_service(s->run->services, p.service))
		return 0;
	rc = s->run->show(&p, s->run->arg);
	if (rc)
		return rc;
	s->run->shown++;
	if (s->run->count && s->run->shown >= s->run->count) {
		s->run->end = WATCH_ENDED_COUNT;
		s->over = true;
	}
	return 0;
}

/* Shows what has come; what came this very moment may still have to wait for earlier ones. */
static int drain(struct session *s, bool all)
{
	uint64_t until = boot_time() - SETTLED_MS * 1000000ULL;
	int rc = watch_drain(&s->watch);

	follow_clock(s);
	if (rc >= 0)
		rc = event_queue_pop(&s->queue, all ? UINT64_MAX : until, show, s);
	return rc;
}

static bool is_unloaded(const struct session *s)
{
	char path[INSTANCE_PIN_MAX];
	_cleanup_close_ int fd =
		bpf_obj_get(instance_pin(s->running.instance.paths, "control", NULL, path));
	struct bpf_map_info now = { 0 }, then = { 0 };
	uint32_t size = sizeof(now);

	if (fd < 0)
		return true;
	if (bpf_obj_get_info_by_fd(fd, &now, &size) ||
	    bpf_obj_get_info_by_fd(s->running.instance.maps[MAP_CONTROL], &then, &size))
		return false;
	return now.id != then.id;
}

/* After a reload: the services' slots may be others. */
static void follow_generation(struct session *s)
{
	uint64_t generation = AXP_ACTIVE_GENERATION(instance_effective(&s->running.instance));
	const struct policy *p;

	if (generation == s->generation)
		return;
	s->generation = generation;
	p = service_names_policy(&s->names, generation);
	if (p && s->run->services)
		watch_set_services(&s->watch, slots_wanted(s->run->services, p),
				   s->watch.filter.no_service);
}

/* Every second. */
static void tick(struct session *s, int64_t now)
{
	if (now - s->ticked < NANOSECONDS)
		return;
	s->ticked = now;
	if (is_unloaded(s)) {
		s->run->end = WATCH_ENDED_UNLOADED;
		s->over = true;
		return;
	}
	follow_generation(s);
	watch_stay(&s->watch);
}

static int wait_ms(const struct session *s, int64_t now)
{
	int64_t left = s->began + s->run->seconds * NANOSECONDS - now;

	if (!s->run->seconds || left > POLL_MS * 1000000LL)
		return POLL_MS;
	return left > 0 ? (int)(left / 1000000) + 1 : 0;
}

static void wait(struct session *s)
{
	struct pollfd fds[] = {
		{ .fd = s->signals, .events = POLLIN },
		{ .fd = s->run->output }, /* a pipe whose reader is gone says POLLERR */
		{ .fd = watch_fd(&s->watch), .events = POLLIN },
	};

	if (poll(fds, ARRAY_SIZE(fds), wait_ms(s, clock_ns(CLOCK_MONOTONIC))) <= 0)
		return;
	if (fds[0].revents) {
		s->run->end = WATCH_ENDED_SIGNAL;
		s->over = true;
	} else if (fds[1].revents & (POLLERR | POLLNVAL)) {
		s->run->end = WATCH_ENDED_READER;
		s->over = true;
	}
}

static int pause_now(struct session *s, struct error *err)
{
	int rc = watch_count(&s->watch, &s->run->counts, err);

	if (rc)
		return rc;
	err->text[0] = '\0';
	return s->run->pause(&s->run->counts, s->run->arg);
}

static int watch_until_over(struct session *s, struct error *err)
{
	int rc = 0;

	while (!rc && !s->over) {
		int64_t now;

		wait(s);
		if (s->over) /* what has come until now is for finish() */
			break;
		rc = drain(s, false);
		if (rc < 0)
			break;
		rc = pause_now(s, err);
		now = clock_ns(CLOCK_MONOTONIC);
		if (!s->over && s->run->seconds &&
		    now - s->began >= s->run->seconds * NANOSECONDS) {
			s->run->end = WATCH_ENDED_TIME;
			s->over = true;
		}
		tick(s, now);
	}
	return rc;
}

/* What was sent until now is shown, unless enough was, or nobody reads it. */
static int finish(struct session *s, struct error *err)
{
	bool more = s->run->end != WATCH_ENDED_COUNT && s->run->end != WATCH_ENDED_READER;
	int rc = 0;

	watch_stop(&s->watch);
	s->over = !more;
	if (more)
		rc = drain(s, true);
	s->over = true;
	return rc < 0 ? rc : pause_now(s, err);
}

static int take_signals(struct session *s, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return error_set(err, errno, "cannot block signals: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0
		       ? error_set(err, errno, "cannot wait for signals: %s", strerror(errno))
		       : 0;
}

static int begin(struct session *s, const struct paths *paths, struct error *err)
{
	struct watch_run *run = s->run;
	struct watch_filter *f = &run->filter;
	int rc = running_open(&s->running, paths, err);

	if (!rc)
		rc = check_names(run->services, &s->running.policy, err);
	if (!rc)
		rc = take_signals(s, err);
	if (rc)
		return rc;
	s->names.paths = paths;
	s->generation = AXP_ACTIVE_GENERATION(s->running.active);
	f->services = ~0ULL;
	f->no_service = names_service(run->services, "-");
	if (run->services)
		f->services = slots_wanted(run->services, &s->running.policy);
	s->watch.show = take;
	s->watch.arg = s;
	s->began = clock_ns(CLOCK_MONOTONIC);
	return watch_open(&s->watch, &s->running.instance, f, err);
}

int watch_run(struct watch_run *run, const struct paths *paths, struct error *err)
{
	struct session s _cleanup_(session_close) = {
		.run = run,
		.running = RUNNING_EMPTY,
		.watch = WATCH_EMPTY,
		.signals = -1,
	};
	int rc = begin(&s, paths, err);

	if (rc)
		return rc;
	err->text[0] = '\0';
	rc = run->begin(run->arg);
	if (!rc)
		rc = watch_until_over(&s, err);
	if (!rc)
		rc = finish(&s, err);
	if (rc == -EPIPE) {
		run->end = WATCH_ENDED_READER;
		return 0;
	}
	if (rc == -ENOMEM)
		return error_set(err, ENOMEM, "out of memory");
	return rc;
}

const char *watch_end_text(enum watch_end end)
{
	static const char *const texts[] = {
		[WATCH_ENDED_SIGNAL] = "ended by a signal",
		[WATCH_ENDED_TIME] = "the time is over",
		[WATCH_ENDED_COUNT] = "that many were asked for",
		[WATCH_ENDED_READER] = "nobody reads it any more",
		[WATCH_ENDED_UNLOADED] = "the instance was unloaded",
	};

	return texts[end];
}
