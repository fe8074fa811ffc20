// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cleanup.h"
#include "kernel.h"

enum {
	LOOPBACK_IFINDEX = 1, /* in every network namespace */
	ATTACH_TCX_INGRESS = 46,
	BATCH = 2,
	KERNEL_ENOTSUPP = 524, /* the kernel's own, which slips out now and then */
};

enum { NO = 0, YES = 1 };

/* How a kernel answers to what it does not know; else (no memory, no right) nobody can tell. */
static bool says_no(int err)
{
	return err == EINVAL || err == ENOSYS || err == EOPNOTSUPP || err == KERNEL_ENOTSUPP ||
	       err == E2BIG;
}

/* Of an fd or a negative errno. */
static int verdict(int fd)
{
	if (fd >= 0)
		return YES;
	return says_no(-fd) ? NO : fd;
}

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

	return verdict(fd);
}

static int probe_boot_clock(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_ktime_get_boot_ns, NULL);
}

static int probe_coarse_clock(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_ktime_get_coarse_ns, NULL);
}

int kernel_probe_frags(void)
{
	_cleanup_close_ int fd = load_trivial(BPF_PROG_TYPE_XDP, BPF_F_XDP_HAS_FRAGS, XDP_PASS);

	return verdict(fd);
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

	/* Where it cannot be told, the rest will. */
	return link < 0 && says_no(-link) ? NO : YES;
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

#define USE_OLDEST ": use Linux " KERNEL_OLDEST "+"

const struct kernel_feature kernel_features[] = {
	{ "XDP programs", probe_xdp, true, "nothing can be filtered" USE_OLDEST },
	{ "tc programs", probe_tc, true,
	  "replies cannot be told: use a kernel with CONFIG_NET_CLS_BPF" },
	{ "prefix tries", probe_lpm, true, "lists cannot be held" USE_OLDEST },
	{ "maps in maps", probe_map_in_map, true,
	  "lists cannot be exchanged in one step" USE_OLDEST },
	{ "per-CPU arrays", probe_percpu, true, "packets cannot be counted" USE_OLDEST },
	{ "LRU hashes", probe_lru, true, "flows cannot be kept" USE_OLDEST },
	{ "arrays mapped into memory", probe_mmap, true,
	  "a policy cannot come into force in one step" USE_OLDEST },
	{ "bpf_ktime_get_boot_ns", probe_boot_clock, true,
	  "entries cannot expire by themselves" USE_OLDEST },
	{ "bpf_ktime_get_coarse_ns", probe_coarse_clock, true,
	  "flows cannot end by themselves" USE_OLDEST },
	{ "XDP links", probe_xdp_link, true,
	  "a program cannot stay when the command ends" USE_OLDEST },
	{ "XDP on frames of several buffers", kernel_probe_frags, false,
	  "with jumbo frames most drivers have no native XDP (Linux 5.18+ has it)" },
	{ "bpf_xdp_load_bytes", probe_load_bytes, false,
	  "headers are read from a frame's first buffer only (Linux 5.18+ has it)" },
	{ "bpf_xdp_get_buff_len", probe_buff_len, false,
	  "only a frame's first buffer is counted in bytes (Linux 5.18+ has it)" },
	{ "TCX", probe_tcx, false, "clsact is used for egress instead (Linux 6.6+ has it)" },
	{ "batch updates of tries", probe_lpm_batch, false,
	  "long lists take about twice as long to load" },
	{ "BTF", probe_btf, false, "the filter does without; tools that look into it may not" },
};

const size_t kernel_feature_count = ARRAY_SIZE(kernel_features);

/* What is needed and not there, separated by commas; returns whether there is any such. */
static bool what_lacks(char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < kernel_feature_count && n < size; i++) {
		const struct kernel_feature *f = &kernel_features[i];

		if (f->needed && f->probe() == NO)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", f->what);
	}
	return n > 0;
}

int kernel_blame(int rc, struct error *err)
{
	struct utsname host = { 0 };
	char lacks[512];

	if (!says_no(-rc))
		return rc;
	uname(&host);
	if (rc == -ENOSYS)
		return error_set(err, ENOSYS,
				 "this kernel (Linux %s) has no BPF (CONFIG_BPF_SYSCALL): use "
				 "Linux " KERNEL_OLDEST " or newer; nothing was attached",
				 host.release);
	if (!what_lacks(lacks, sizeof(lacks)))
		return rc;
	return error_set(
		err, -rc,
		"this kernel (Linux %s) lacks what allowxdp needs (%s): use Linux " KERNEL_OLDEST
		" or newer; nothing was attached",
		host.release, lacks);
}
