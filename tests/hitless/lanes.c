// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "hitless.h" /* the skeleton needs it */
#include "hitless.skel.h"
#include "lanes.h"

enum { REPEAT = 1 << 16, BATCH = 64, POLL_US = 50, STUCK_MS = 2000, GIVE_UP_MS = 30000 };

static void die(const char *what, int error)
{
	fprintf(stderr, "hitless: %s: %s\n", what, strerror(error));
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void enter(const char *namespace)
{
	int fd = open(namespace, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(namespace, errno);
	close(fd);
}

static uint32_t interface_index(const char *name)
{
	uint32_t index = if_nametoindex(name);

	if (!index)
		die(name, errno);
	return index;
}

static int be_silent(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, args) : 0;
}

static void attach_recorder(const struct lanes *l, uint32_t ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
			    .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(l->bpf->progs.record),
			    .handle = 1, .priority = 1);
	int rc = bpf_tc_hook_create(&hook);

	if (!rc || rc == -EEXIST)
		rc = bpf_tc_attach(&hook, &opts);
	if (rc)
		die("cannot attach the recorder", -rc);
}

/* Lanes are known by their CPU, which must be one of the first. */
static void find_cpus(struct lanes *l)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (uint32_t cpu = 0; cpu < HL_LANES; cpu++) {
		if (CPU_ISSET(cpu, &set))
			l->cpu[l->n++] = cpu;
	}
	if (!l->n)
		die("no CPU to send from", ENODEV);
}

void lanes_open(struct lanes *l, const char *net, const char *host, const char *interface,
		const struct hl_class *classes, uint32_t n_classes, struct check *check)
{
	uint32_t host_ifindex;
	int rc;

	l->check = check;
	l->classes = n_classes;
	find_cpus(l);
	libbpf_set_print(be_silent);
	l->bpf = hitless_bpf__open();
	if (!l->bpf)
		die("BPF object", errno);
	enter(host);
	host_ifindex = interface_index(interface);
	enter(net); /* live frames come from the lo of the process's own namespace */
	l->bpf->rodata->out_ifindex = interface_index(interface);
	l->bpf->rodata->n_classes = n_classes;
	rc = hitless_bpf__load(l->bpf);
	if (rc)
		die("BPF programs", -rc);
	memcpy(l->bpf->bss->classes, classes, n_classes * sizeof(*classes));
	enter(host);
	attach_recorder(l, host_ifindex);
	enter(net);
}

static struct hl_lane *lane_of(const struct lanes *l, uint32_t lane)
{
	return &l->bpf->bss->lanes[l->cpu[lane]];
}

struct sender {
	struct lanes *l;
	uint32_t cpu;
};

static void *send_frames(void *arg)
{
	_Alignas(8) static const char nothing[HL_FRAME];
	struct sender *s = arg;
	struct lanes *l = s->l;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(s->cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("affinity", errno);
	free(s);
	while (!__atomic_load_n(&l->stop, __ATOMIC_RELAXED)) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = nothing,
			    .data_size_in = sizeof(nothing), .repeat = REPEAT, .batch_size = BATCH,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
		int rc = bpf_prog_test_run_opts(bpf_program__fd(l->bpf->progs.generate), &opts);

		if (rc && rc != -EINTR && rc != -EAGAIN)
			die("cannot send live frames (Linux 5.18 or newer can)", -rc);
	}
	return NULL;
}

/* Where every fence under way was lost, the lane would wait for ever. That is a violation. */
static void unstick(struct lanes *l, uint32_t lane)
{
	struct hl_lane *at = lane_of(l, lane);
	uint64_t sent = __atomic_load_n(&at->sent, __ATOMIC_ACQUIRE);

	if (sent - at->seen < HL_AHEAD)
		return;
	check_violation(l->check, "lane %u: all fences among the last %llu packets were lost", lane,
			(unsigned long long)(sent - at->seen));
	__atomic_store_n(&at->seen, sent, __ATOMIC_RELEASE);
}

static bool has_judged(const struct lanes *l, uint32_t lane, uint32_t epoch)
{
	return __atomic_load_n(&lane_of(l, lane)->seen_epoch, __ATOMIC_ACQUIRE) == epoch;
}

static bool is_idle(const struct lanes *l, uint32_t lane, uint32_t epoch)
{
	const struct hl_lane *at = lane_of(l, lane);
	uint64_t seen = __atomic_load_n(&at->seen, __ATOMIC_ACQUIRE);

	(void)epoch;
	return !(seen % l->classes) && seen == __atomic_load_n(&at->sent, __ATOMIC_ACQUIRE);
}

static void wait_for(struct lanes *l, bool (*is_so)(const struct lanes *, uint32_t, uint32_t),
		     uint32_t epoch)
{
	uint64_t begin = now_ms(), last = begin;

	for (uint32_t lane = 0; lane < l->n;) {
		uint64_t now;

		if (is_so(l, lane, epoch)) {
			lane++;
			continue;
		}
		usleep(POLL_US);
		now = now_ms();
		if (now - begin > GIVE_UP_MS)
			die("packets to a port that is not guarded do not arrive", ETIMEDOUT);
		if (now - last > STUCK_MS) {
			unstick(l, lane);
			last = now;
		}
	}
}

void lanes_start(struct lanes *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		struct sender *s = malloc(sizeof(*s));
		int rc;

		if (!s)
			die("sender", ENOMEM);
		*s = (struct sender){ l, l->cpu[i] };
		rc = pthread_create(&l->threads[i], NULL, send_frames, s);
		if (rc)
			die("sender", rc);
	}
	l->bpf->bss->epoch = 2;
	__atomic_store_n((uint32_t *)&l->bpf->bss->flowing, 1, __ATOMIC_RELEASE);
	wait_for(l, has_judged, 2);
}

void lanes_next_epoch(struct lanes *l)
{
	uint32_t next = l->bpf->bss->epoch + 1;

	__atomic_store_n((uint32_t *)&l->bpf->bss->epoch, next, __ATOMIC_RELEASE);
	wait_for(l, has_judged, next);
}

void lanes_finish(struct lanes *l)
{
	l->bpf->bss->flowing = 0;
	wait_for(l, is_idle, 0);
	__atomic_store_n(&l->stop, true, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < l->n; i++)
		pthread_join(l->threads[i], NULL);
}

struct span lanes_span(const struct lanes *l, uint32_t lane, uint32_t epoch)
{
	const struct hl_lane *at = lane_of(l, lane);
	uint32_t first = at->start[epoch & 3];
	uint32_t end = epoch == at->epoch ? at->round : at->start[(epoch + 1) & 3];

	return (struct span){ .lane = lane,
			      .epoch = epoch,
			      .first = first,
			      .rounds = end - first,
			      .records = &l->bpf->bss->records[l->cpu[lane] * HL_CLASSES * 2] };
}

uint32_t lanes_epoch(const struct lanes *l)
{
	return l->bpf->bss->epoch;
}

uint64_t lanes_sent(const struct lanes *l)
{
	uint64_t sent = 0;

	for (uint32_t i = 0; i < l->n; i++)
		sent += __atomic_load_n(&lane_of(l, i)->sent, __ATOMIC_RELAXED);
	return sent;
}

uint64_t lanes_foreign(const struct lanes *l)
{
	return l->bpf->bss->foreign;
}
