// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include "abi.h"
#include "cleanup.h"
#include "engine.h"
#include "packets.h"
#include "packets.skel.h"

/* Of memory that the kernel gives a live frame, less its room in front and behind. */
enum { MAX_FRAME = 3000, BATCH = 64, SOURCE_PORT = 40000 };

struct engine {
	struct packets_bpf *bpf;
	struct source_block *sources;
	size_t sources_size;
	uint32_t n_sources;
	uint8_t family;
	int ksoftirqd; /* pid of this core's; 0: unknown */
	uint32_t size;
	uint8_t frame[MAX_FRAME];
};

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Packets that are handed over may be handled in the core's ksoftirqd: its time counts too. */
static int find_ksoftirqd(int cpu)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	char wanted[32];
	struct dirent *d;

	snprintf(wanted, sizeof(wanted), "ksoftirqd/%d\n", cpu);
	while (proc && (d = readdir(proc))) {
		_cleanup_fclose_ FILE *f = NULL;
		char path[300], name[64] = "";

		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		f = fopen(path, "re");
		if (f && fgets(name, sizeof(name), f) && !strcmp(name, wanted))
			return atoi(d->d_name);
	}
	return 0;
}

static uint64_t cpu_time(const struct engine *e)
{
	uint64_t t = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
	clockid_t clock;

	if (e->ksoftirqd && !clock_getcpuclockid(e->ksoftirqd, &clock))
		t += nanoseconds(clock);
	return t;
}

static uint64_t preemptions(void)
{
	struct rusage u = { 0 };

	getrusage(RUSAGE_THREAD, &u);
	return (uint64_t)u.ru_nivcsw;
}

static void start_clock(const struct engine *e, struct took *t)
{
	*t = (struct took){ .wall = nanoseconds(CLOCK_MONOTONIC),
			    .cpu = cpu_time(e),
			    .received = e->bpf->bss->received_ns,
			    .preemptions = preemptions() };
}

static void stop_clock(const struct engine *e, struct took *t, uint32_t packets)
{
	t->wall = nanoseconds(CLOCK_MONOTONIC) - t->wall;
	t->cpu = cpu_time(e) - t->cpu;
	t->received = e->bpf->bss->received_ns - t->received;
	t->preemptions = preemptions() - t->preemptions;
	t->packets = packets;
}

/*
 * Each run of a program that is attached nowhere puts it into the kernel's table of XDP programs
 * and takes it out again, which waits for all cores, twice. So the one that sends is attached: to
 * lo, in a namespace that only this process has.
 */
static int attach_sender(const struct engine *e)
{
	if (unshare(CLONE_NEWNET))
		return -errno;
	return bpf_xdp_attach((int)if_nametoindex("lo"), bpf_program__fd(e->bpf->progs.send),
			      XDP_FLAGS_SKB_MODE, NULL);
}

struct engine *engine_open(uint8_t family, uint32_t sources, int cpu)
{
	struct engine *e = calloc(1, sizeof(*e));
	uint32_t blocks = sources / (family == AXP_IPV4 ? SOURCES4 : SOURCES6);
	void *mapped;

	if (!e)
		return NULL;
	e->bpf = packets_bpf__open();
	if (!e->bpf)
		goto fail;
	e->family = family;
	e->n_sources = sources;
	e->sources_size = blocks * sizeof(struct source_block);
	e->ksoftirqd = find_ksoftirqd(cpu);
	e->bpf->rodata->is_ipv6 = family == AXP_IPV6;
	e->bpf->rodata->mask = sources - 1;
	bpf_map__set_max_entries(e->bpf->maps.sources, blocks);
	e->bpf->rodata->sender = (uint32_t)gettid();
	e->bpf->rodata->ksoftirqd = (uint32_t)e->ksoftirqd;
	if (packets_bpf__load(e->bpf) || packets_bpf__attach(e->bpf) || attach_sender(e))
		goto fail;
	mapped = mmap(NULL, e->sources_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      bpf_map__fd(e->bpf->maps.sources), 0);
	if (mapped == MAP_FAILED)
		goto fail;
	e->sources = mapped;
	return e;
fail:
	engine_close(e);
	return NULL;
}

void engine_close(struct engine *e)
{
	int saved = errno;

	if (!e)
		return;
	if (e->sources)
		munmap(e->sources, e->sources_size);
	packets_bpf__destroy(e->bpf);
	free(e);
	errno = saved;
}

bool engine_sources(struct engine *e, const struct list *l, enum source_kind kind, uint64_t seed)
{
	uint64_t rng = seed;
	uint32_t *word = e->sources->word;
	uint32_t words = e->family == AXP_IPV4 ? 1 : 4;

	for (uint32_t i = 0; i < e->n_sources; i++, word += words) {
		struct prefix p;

		if (!list_source(l, kind, &rng, &p))
			return false;
		memcpy(word, p.addr, words * sizeof(*word));
	}
	return true;
}

static uint32_t sum_words(const void *data, size_t bytes)
{
	const uint16_t *word = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < bytes / 2; i++)
		sum += word[i];
	return sum;
}

bool engine_packet(struct engine *e, uint16_t port, uint32_t size)
{
	struct ethhdr eth = { .h_dest = { 2, 0, 0, 0, 0, 2 }, .h_source = { 2, 0, 0, 0, 0, 1 } };
	uint32_t ip_size = e->family == AXP_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	struct iphdr ip4 = { .version = 4,
			     .ihl = 5,
			     .tot_len = htons((uint16_t)(size - sizeof(eth))),
			     .ttl = 64,
			     .protocol = IPPROTO_UDP,
			     .daddr = htonl(0xc000020a) }; /* 192.0.2.10 */
	struct ipv6hdr ip6 = { .version = 6,
			       .payload_len = htons((uint16_t)(size - sizeof(eth) - ip_size)),
			       .nexthdr = IPPROTO_UDP,
			       .hop_limit = 64 };
	struct udphdr udp = { .source = htons(SOURCE_PORT),
			      .dest = htons(port),
			      .len = htons((uint16_t)(size - sizeof(eth) - ip_size)) };
	uint8_t *at = e->frame;

	if (size < sizeof(eth) + ip_size + sizeof(udp) || size > MAX_FRAME)
		return false;
	memset(e->frame, 0, sizeof(e->frame));
	e->size = size;
	inet_pton(AF_INET6, "2001:db8:1::10", &ip6.daddr);
	eth.h_proto = htons(e->family == AXP_IPV4 ? ETH_P_IP : ETH_P_IPV6);
	e->bpf->bss->header_sum = sum_words(&ip4, sizeof(ip4));
	memcpy(at, &eth, sizeof(eth));
	at += sizeof(eth);
	memcpy(at, e->family == AXP_IPV4 ? (void *)&ip4 : (void *)&ip6, ip_size);
	at += ip_size;
	memcpy(at, &udp, sizeof(udp));
	return true;
}

/* This thread goes into the namespace; returns the way back, or -1. */
static int enter(const char *netns)
{
	_cleanup_close_ int there = open(netns, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (there < 0 || back < 0 || setns(there, CLONE_NEWNET))
		return -1;
	return TAKE_FD(back);
}

static void leave(int back)
{
	if (setns(back, CLONE_NEWNET))
		abort();
	close(back);
}

static int send_inside(struct engine *e, const char *interface, uint32_t n, struct took *took)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = e->frame, .data_size_in = e->size,
		    .repeat = (int)n, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	uint32_t key = 0, ifindex = if_nametoindex(interface);
	int rc;

	if (!ifindex)
		return -errno;
	rc = bpf_map_update_elem(bpf_map__fd(e->bpf->maps.out), &key, &ifindex, BPF_ANY);
	if (rc)
		return -errno;
	start_clock(e, took);
	rc = bpf_prog_test_run_opts(bpf_program__fd(e->bpf->progs.send), &opts);
	stop_clock(e, took, n);
	return rc ? -errno : 0;
}

int engine_send(struct engine *e, const char *netns, const char *interface, uint32_t n,
		struct took *took)
{
	int back = enter(netns), rc;

	if (back < 0)
		return -errno;
	rc = send_inside(e, interface, n, took);
	leave(back);
	return rc;
}

static int program_fd(const struct engine *e, const char *program)
{
	if (!strcmp(program, "empty"))
		return fcntl(bpf_program__fd(e->bpf->progs.empty_drop), F_DUPFD_CLOEXEC, 0);
	return bpf_prog_get_fd_by_id((uint32_t)strtoul(program, NULL, 10));
}

int engine_run(struct engine *e, const char *program, uint32_t n, struct took *took)
{
	_cleanup_close_ int fd = program_fd(e, program);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = e->frame, .data_size_in = e->size,
		    .repeat = (int)n);
	uint32_t key = 0;
	int rc;

	if (fd < 0 || bpf_map_update_elem(bpf_map__fd(e->bpf->maps.measured), &key, &fd, BPF_ANY))
		return -errno;
	start_clock(e, took);
	rc = bpf_prog_test_run_opts(bpf_program__fd(e->bpf->progs.jump), &opts);
	stop_clock(e, took, n);
	return rc ? -errno : 0;
}

int engine_attach(struct engine *e, const char *netns, const char *interface, const char *which)
{
	int fd = bpf_program__fd(!strcmp(which, "drop") ? e->bpf->progs.empty_drop
							: e->bpf->progs.empty_pass);
	int back = enter(netns), rc, ifindex;

	if (back < 0)
		return -errno;
	ifindex = (int)if_nametoindex(interface);
	rc = ifindex ? bpf_xdp_attach(ifindex, fd, XDP_FLAGS_DRV_MODE, NULL) : -errno;
	leave(back);
	return rc;
}
