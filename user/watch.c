// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "watch.h"

#define NANOSECONDS 1000000000ULL

/* Of all CPUs together; each has a power of two of pages. */
enum { BUFFER_BYTES = 16 << 20, PAGES_MIN = 16, PAGES_MAX = 1024 };

/* How a record stands in a perf buffer. */
struct perf_sample {
	struct perf_event_header header;
	uint32_t size;
	uint8_t data[];
};

static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * NANOSECONDS + (uint64_t)ts.tv_nsec;
}

static void set_watching(const struct watch *w, uint8_t kinds)
{
	uint8_t *watching = (uint8_t *)&w->instance->shared->watching;

	__atomic_store_n(&watching[w->n], kinds, __ATOMIC_RELEASE);
}

/* -EBUSY: every place is taken. */
static int take_place(struct watch *w, struct error *err)
{
	const struct paths *paths = w->instance->paths;
	int rc = make_directory(paths->run, err);

	for (uint32_t n = 0; !rc && n < AXP_WATCHERS; n++) {
		char path[PATH_MAX];
		_cleanup_close_ int fd = -1;

		snprintf(path, sizeof(path), "%s/watch-%u", paths->run, n);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return error_set(err, errno, "cannot open %s: %s", path, strerror(errno));
		if (!flock(fd, LOCK_EX | LOCK_NB)) {
			w->lock = TAKE_FD(fd);
			w->n = n;
			return 0;
		}
	}
	return rc ? rc
		  : error_set(
			    err, EBUSY,
			    "%d commands watch this instance already, which is the limit: end one "
			    "of them",
			    AXP_WATCHERS);
}

static enum bpf_perf_event_ret take_sample(void *arg, int cpu, struct perf_event_header *header)
{
	const struct perf_sample *sample = (const struct perf_sample *)header;
	struct watch *w = arg;
	struct axp_event e; /* copied: it stands at any multiple of four */

	(void)cpu;
	/* What did not fit is counted where it was lost. */
	if (header->type != PERF_RECORD_SAMPLE || w->failed)
		return LIBBPF_PERF_EVENT_CONT;
	if (sample->size < sizeof(e))
		return LIBBPF_PERF_EVENT_CONT;
	memcpy(&e, sample->data, sizeof(e));
	if (sample->size - sizeof(e) >= e.captured)
		w->failed = w->show(&e, sample->data + sizeof(e), w->arg);
	return LIBBPF_PERF_EVENT_CONT;
}

static size_t pages_per_cpu(int cpus)
{
	size_t pages = PAGES_MAX;

	while (pages > PAGES_MIN &&
	       pages * (size_t)getpagesize() * (size_t)cpus > (size_t)BUFFER_BYTES)
		pages /= 2;
	return pages;
}

static struct perf_buffer *make_buffer(struct watch *w, size_t pages)
{
	/* It wakes us when a quarter is full; else we look by ourselves, some times a second. */
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1,
		.watermark = 1,
		.wakeup_watermark = (uint32_t)(pages * (size_t)getpagesize() / 4),
	};

	return perf_buffer__new_raw(w->map, pages, &attr, take_sample, w, NULL);
}

/*
 * EACCES: perf_event_open(2) without CAP_PERFMON. Debian's kernels know a
 * kernel.perf_event_paranoid of 3, their default, where that is not enough.
 */
static int no_buffer(int error, struct error *err)
{
	if (error == EPERM)
		return error_set(err, EPERM,
				 "no memory may be locked for perf buffers: give this process "
				 "CAP_IPC_LOCK, or raise its limit (`ulimit -l`)");
	if (error == EACCES)
		return error_set(
			err, EACCES,
			"the kernel lets this process make no perf buffers: run it with "
			"sudo, or give it CAP_PERFMON and set kernel.perf_event_paranoid to "
			"2 where it is higher (`sysctl kernel.perf_event_paranoid`)");
	return error_set(err, error, "cannot make perf buffers: %s", strerror(error));
}

static int open_buffer(struct watch *w, struct error *err)
{
	int cpus = libbpf_num_possible_cpus();
	size_t pages = pages_per_cpu(cpus > 0 ? cpus : 1);
	int rc;

	w->map = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "axp_watch", sizeof(uint32_t),
				sizeof(uint32_t), (uint32_t)(cpus > 0 ? cpus : 1), NULL);
	if (w->map < 0)
		return error_set(err, errno, "cannot make a perf buffer's map: %s",
				 strerror(errno));
	w->buffer = make_buffer(w, pages);
	/* Without CAP_IPC_LOCK all buffers of a user share what may be locked. */
	while (!w->buffer && errno == EPERM && pages > PAGES_MIN)
		w->buffer = make_buffer(w, pages /= 2);
	if (!w->buffer)
		return no_buffer(errno, err);
	rc = bpf_map_update_elem(w->instance->maps[MAP_WATCH_BUFFERS], &w->n, &w->map, BPF_ANY);
	return rc ? error_set(err, errno, "cannot set the perf buffers: %s", strerror(errno)) : 0;
}

/* Who was there before may have left counts and a rate. */
static int begin_counts(struct watch *w, struct error *err)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct axp_watch_counts *zeros = NULL;
	struct axp_watch_rate rate = { 0 };

	if (cpus > 0)
		zeros = calloc((size_t)cpus, sizeof(*zeros));
	if (!zeros)
		return error_set(err, ENOMEM, "out of memory");
	if (bpf_map_update_elem(w->instance->maps[MAP_WATCH_COUNTS], &w->n, zeros, BPF_ANY) ||
	    bpf_map_update_elem(w->instance->maps[MAP_WATCH_RATES], &w->n, &rate, BPF_ANY))
		return error_set(err, errno, "cannot clear the watcher's counts: %s",
				 strerror(errno));
	return 0;
}

static void set_prefix(struct axp_watcher *k, const struct prefix *p)
{
	uint8_t *mask = (uint8_t *)k->mask;

	k->family = p->family;
	memcpy(k->address, p->addr, sizeof(k->address));
	memset(k->mask, 0, sizeof(k->mask));
	for (unsigned int bit = 0; bit < p->len; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

static int set_filter(struct watch *w, const struct watch_filter *f, struct error *err)
{
	struct axp_watcher *k;
	void *p = mmap(NULL, sizeof(*w->table), PROT_READ | PROT_WRITE, MAP_SHARED,
		       w->instance->maps[MAP_WATCHERS], 0);

	if (p == MAP_FAILED)
		return error_set(err, errno, "cannot map the map of watchers: %s", strerror(errno));
	w->table = p;
	w->filter = *f;
	k = &w->table->watcher[w->n];
	k->interval = NANOSECONDS / f->rate;
	k->burst = NANOSECONDS;
	k->services = f->services;
	k->no_service = f->no_service;
	k->reasons = f->reasons;
	k->directions = 1 << AXP_IN | 1 << AXP_OUT;
	k->ifindex = f->ifindex;
	k->snaplen = f->snaplen;
	set_prefix(k, &f->source);
	return 0;
}

int watch_open(struct watch *w, const struct instance *i, const struct watch_filter *f,
	       struct error *err)
{
	int rc;

	w->instance = i;
	rc = take_place(w, err);
	if (rc)
		return rc;
	set_watching(w, 0);
	rc = begin_counts(w, err);
	if (!rc)
		rc = open_buffer(w, err);
	if (!rc)
		rc = set_filter(w, f, err);
	if (!rc)
		watch_stay(w);
	return rc;
}

void watch_stay(struct watch *w)
{
	__atomic_store_n(&w->table->watcher[w->n].until,
			 monotonic() + WATCH_ALIVE_SECONDS * NANOSECONDS, __ATOMIC_RELEASE);
	set_watching(w, (uint8_t)w->filter.kinds);
}

void watch_set_services(struct watch *w, uint64_t services, bool no_service)
{
	w->table->watcher[w->n].services = services;
	w->table->watcher[w->n].no_service = no_service;
}

int watch_fd(const struct watch *w)
{
	return perf_buffer__epoll_fd(w->buffer);
}

int watch_drain(struct watch *w)
{
	int rc = perf_buffer__consume(w->buffer);

	return w->failed ? w->failed : rc;
}

void watch_stop(struct watch *w)
{
	set_watching(w, 0);
	/* An update of a map of maps waits for all packets that are under way. */
	bpf_map_update_elem(w->instance->maps[MAP_WATCH_BUFFERS], &w->n, &w->map, BPF_ANY);
}

int watch_count(const struct watch *w, struct watch_counts *counts, struct error *err)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct axp_watch_counts *per_cpu = NULL;

	if (cpus > 0)
		per_cpu = calloc((size_t)cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return error_set(err, ENOMEM, "out of memory");
	if (bpf_map_lookup_elem(w->instance->maps[MAP_WATCH_COUNTS], &w->n, per_cpu))
		return error_set(err, errno, "cannot read the watcher's counts: %s",
				 strerror(errno));
	*counts = (struct watch_counts){ 0 };
	for (int cpu = 0; cpu < cpus; cpu++) {
		counts->sent += per_cpu[cpu].sent;
		counts->left_out += per_cpu[cpu].left_out;
		counts->lost += per_cpu[cpu].lost;
	}
	return 0;
}

void watch_close(struct watch *w)
{
	if (w->lock >= 0) {
		set_watching(w, 0);
		bpf_map_delete_elem(w->instance->maps[MAP_WATCH_BUFFERS], &w->n);
	}
	if (w->table)
		munmap(w->table, sizeof(*w->table));
	if (w->buffer)
		perf_buffer__free(w->buffer);
	cleanup_close(&w->map);
	cleanup_close(&w->lock); /* last: from here on the place is another's */
	*w = (struct watch)WATCH_EMPTY;
}
