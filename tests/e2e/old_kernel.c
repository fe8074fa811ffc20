// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * To be preloaded: bpf(2) answers like a kernel that lacks what KERNEL_LACKS names. What it knows
 * it hands on to the real one.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <linux/bpf.h>

static int lacks(const char *what)
{
	const char *names = getenv("KERNEL_LACKS");

	return names && strstr(names, what) != NULL;
}

static int calls(const union bpf_attr *attr, int helper)
{
	const struct bpf_insn *insns = (const void *)(size_t)attr->insns;

	for (unsigned int i = 0; i < attr->insn_cnt; i++) {
		if (insns[i].code == (BPF_JMP | BPF_CALL) && !insns[i].src_reg &&
		    insns[i].imm == helper)
			return 1;
	}
	return 0;
}

static int unknown_helper(const union bpf_attr *attr)
{
	if (attr->log_buf && attr->log_size > 64)
		sprintf((char *)(size_t)attr->log_buf, "invalid func unknown#%d\n",
			BPF_FUNC_ktime_get_coarse_ns);
	return EINVAL;
}

/* 0, or the errno to fail with */
static int refuses(int command, const union bpf_attr *attr)
{
	if (lacks("bpf"))
		return ENOSYS;
	if (command == BPF_LINK_CREATE && attr->link_create.attach_type == BPF_XDP && lacks("link"))
		return EINVAL;
	if (command == BPF_MAP_CREATE && attr->map_type == BPF_MAP_TYPE_LPM_TRIE && lacks("tries"))
		return EINVAL;
	if (command == BPF_MAP_CREATE && attr->map_flags & BPF_F_MMAPABLE && lacks("mmap"))
		return EINVAL;
	if (command == BPF_PROG_LOAD && attr->prog_flags & BPF_F_XDP_HAS_FRAGS && lacks("frags"))
		return EINVAL;
	if (command == BPF_PROG_LOAD && lacks("clock") && calls(attr, BPF_FUNC_ktime_get_coarse_ns))
		return unknown_helper(attr);
	return 0;
}

long syscall(long number, ...)
{
	static long (*next)(long, ...);
	long a[6];
	va_list args;
	int err;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (!next)
		next = dlsym(RTLD_NEXT, "syscall");
	err = number == SYS_bpf ? refuses((int)a[0], (const union bpf_attr *)a[1]) : 0;
	if (err) {
		errno = err;
		return -1;
	}
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
