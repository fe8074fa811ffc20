// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel can do, by trying it: distributions carry features back to older versions, and
 * build newer ones without them.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cleanup.h"
#include "doctor.h"

enum {
	LOOPBACK_IFINDEX = 1, /* in every network namespace */
	ATTACH_TCX_INGRESS = 46,
	LOAD_FRAGS = 1 << 5, /* BPF_F_XDP_HAS_FRAGS */
	BATCH = 2,
};

/* As libbpf's probes: 1 yes, 0 no, negative errno when that cannot be told. */
enum { NO = 0, YES = 1 };

/* The smallest program: returns `verdict`. An fd or negative errno. */
static int load_trivial(enum bpf_prog_type type, uint32_t flags, int verdict)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = flags);

	return bpf_prog_load(type, "axp_probe", "GPL", insns, ARRAY_SIZE(insns), &opts);
}

static int probe_xdp(void)
{
	return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL);
}

static int probe_tc(void)
{
	return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SCHED_CLS, NULL);
}

static int probe_lpm(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_LPM_TRIE, NULL);
}

static int probe_map_in_map(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_ARRAY_OF_MAPS, NULL);
}

static int probe_percpu(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_PERCPU_ARRAY, NULL);
}

static int probe_lru(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_LRU_HASH, NULL);
}

static int probe_mmap(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	_cleanup_close_ int fd =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "axp_probe", sizeof(uint32_t), 8, 1, &opts);

	return fd >= 0 ? YES : NO;
}

static int probe_frags(void)
{
	_cleanup_close_ int fd = load_trivial(BPF_PROG_TYPE_XDP, LOAD_FRAGS, XDP_PASS);

	return fd >= 0 ? YES : NO;
}

static int probe_load_bytes(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL);
}

static int probe_buff_len(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_get_buff_len, NULL);
}

static int probe_lpm_batch(void)
{
	const struct {
		uint32_t len;
		uint8_t address[4];
	} keys[BATCH] = { { 32, { 192, 0, 2, 1 } }, { 32, { 192, 0, 2, 2 } } };
	const uint64_t values[BATCH] = { 1, 1 };
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	_cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "axp_probe", sizeof(keys[0]),
						sizeof(values[0]), BATCH, &opts);
	uint32_t n = BATCH;

	if (fd < 0)
		return NO;
	return bpf_map_update_batch(fd, keys, values, &n, NULL) ? NO : YES;
}

static int attach_xdp_link(void)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_SKB_MODE);
	_cleanup_close_ int prog = load_trivial(BPF_PROG_TYPE_XDP, 0, XDP_PASS);
	_cleanup_close_ int link = bpf_link_create(prog, LOOPBACK_IFINDEX, BPF_XDP, &opts);

	return link >= 0 ? YES : NO;
}

static int attach_tcx_link(void)
{
	_cleanup_close_ int prog = load_trivial(BPF_PROG_TYPE_SCHED_CLS, 0, 0);
	_cleanup_close_ int link = bpf_link_create(prog, LOOPBACK_IFINDEX,
						   (enum bpf_attach_type)ATTACH_TCX_INGRESS, NULL);

	return link >= 0 ? YES : NO;
}

/*
 * Attaching is tried on the loopback of a network namespace that only a child process has, and that
 * goes away with it.
 */
static int try_elsewhere(int (*attempt)(void))
{
	enum { CANNOT_TELL = 2 };
	int status;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (!child)
		_exit(unshare(CLONE_NEWNET) ? CANNOT_TELL : attempt());
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) == CANNOT_TELL)
		return -EPERM;
	return WEXITSTATUS(status);
}

static int probe_xdp_link(void)
{
	return try_elsewhere(attach_xdp_link);
}

static int probe_tcx(void)
{
	return try_elsewhere(attach_tcx_link);
}

static int probe_btf(void)
{
	return access("/sys/kernel/btf/vmlinux", R_OK) ? NO : YES;
}

struct feature {
	const char *what;
	int (*probe)(void);
	enum finding_level missing;
	const char *without; /* what its absence means */
};

static const struct feature features[] = {
	{ "XDP programs", probe_xdp, FINDING_PROBLEM, "nothing can be filtered: use Linux 5.10+" },
	{ "tc programs", probe_tc, FINDING_PROBLEM,
	  "replies cannot be told: use a kernel with CONFIG_NET_CLS_BPF" },
	{ "prefix tries", probe_lpm, FINDING_PROBLEM, "lists cannot be held: use Linux 5.10+" },
	{ "maps in maps", probe_map_in_map, FINDING_PROBLEM,
	  "lists cannot be exchanged in one step: use Linux 5.10+" },
	{ "per-CPU arrays", probe_percpu, FINDING_PROBLEM,
	  "packets cannot be counted: use Linux 5.10+" },
	{ "LRU hashes", probe_lru, FINDING_PROBLEM, "flows cannot be kept: use Linux 5.10+" },
	{ "arrays mapped into memory", probe_mmap, FINDING_PROBLEM,
	  "a policy cannot come into force in one step: use Linux 5.10+" },
	{ "XDP links", probe_xdp_link, FINDING_PROBLEM,
	  "a program cannot stay when the command ends: use Linux 5.10+" },
	{ "XDP on frames of several buffers", probe_frags, FINDING_NOTE,
	  "with jumbo frames most drivers have no native XDP (Linux 5.18+ has it)" },
	{ "bpf_xdp_load_bytes", probe_load_bytes, FINDING_NOTE,
	  "headers are read from a frame's first buffer only (Linux 5.18+ has it)" },
	{ "bpf_xdp_get_buff_len", probe_buff_len, FINDING_NOTE,
	  "only a frame's first buffer is counted in bytes (Linux 5.18+ has it)" },
	{ "TCX", probe_tcx, FINDING_NOTE, "clsact is used for egress instead (Linux 6.6+ has it)" },
	{ "batch updates of tries", probe_lpm_batch, FINDING_NOTE,
	  "long lists take about twice as long to load" },
	{ "BTF", probe_btf, FINDING_NOTE,
	  "the filter does without; tools that look into it may not" },
};

void doctor_kernel(struct doctor *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];
		int rc = f->probe();

		if (rc > 0)
			finding(d, FINDING_OK, "kernel", NULL, "%s: there", f->what);
		else if (!rc)
			finding(d, f->missing, "kernel", NULL, "%s: not there: %s", f->what,
				f->without);
		else
			finding(d, FINDING_NOTE, "kernel", NULL, "%s: cannot tell (%s)", f->what,
				strerror(-rc));
		if (f->probe == probe_frags)
			d->frags = rc > 0;
	}
}
