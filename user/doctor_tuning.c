// SPDX-License-Identifier: GPL-2.0-or-later
/* Settings of the host that the filter runs faster, slower or not at all with. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include "cleanup.h"
#include "doctor.h"
#include "mounts.h"

#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/"

/* Whether programs are compiled: asked of one, since the setting is out of sight in containers. */
static void check_jit(struct doctor *d)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	_cleanup_close_ int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "axp_probe", "GPL", insns,
					       ARRAY_SIZE(insns), NULL);
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size)) {
		finding(d, FINDING_NOTE, "jit", NULL, "cannot tell: no program could be loaded");
		return;
	}
	if (info.jited_prog_len) {
		finding(d, FINDING_OK, "jit", NULL, "programs are compiled");
		return;
	}
	finding(d, FINDING_WARNING, "jit", NULL,
		"programs are interpreted, which costs several times as much CPU per packet");
	finding_fix(d, "sysctl -w net.core.bpf_jit_enable=1");
}

/* The first line of a file, without its end. */
static bool read_line(const char *path, char *buf, size_t n)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char *rest;

	return f && fgets(buf, (int)n, f) && strtok_r(buf, "\n", &rest);
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *w = words; (w = strstr(w, word)); w += len) {
		if ((w == words || w[-1] == ' ') && (!w[len] || w[len] == ' '))
			return true;
	}
	return false;
}

/* Clocks that are read by a slow port, by a trap to the hypervisor, or that tick too coarsely. */
static void check_clock(struct doctor *d)
{
	static const char *const slow[] = { "hpet", "acpi_pm", "xen", "jiffies",
					    "refined-jiffies" };
	char current[64], available[256];

	if (!read_line(CLOCKSOURCE "current_clocksource", current, sizeof(current)))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
		if (strcmp(current, slow[i]) != 0)
			continue;
		finding(d, FINDING_NOTE, "clock", NULL,
			"the clock source is %s, slow to read: replies cost more CPU", current);
		if (read_line(CLOCKSOURCE "available_clocksource", available, sizeof(available)) &&
		    has_word(available, "tsc"))
			finding_fix(d, "sh -c 'echo tsc > " CLOCKSOURCE "current_clocksource'");
		return;
	}
	finding(d, FINDING_OK, "clock", NULL, "the clock source is %s", current);
}

static void check_statistics(struct doctor *d)
{
	long on = doctor_read_number("/proc/sys/kernel/bpf_stats_enabled");

	if (on < 0)
		return;
	if (!on) {
		finding(d, FINDING_OK, "statistics", NULL, "the kernel does not time BPF programs");
		return;
	}
	finding(d, FINDING_WARNING, "statistics", NULL,
		"the kernel times every run of every BPF program: some tens of ns per packet");
	finding_fix(d, "sysctl -w kernel.bpf_stats_enabled=0");
}

void doctor_tuning(struct doctor *d)
{
	check_jit(d);
	check_clock(d);
	check_statistics(d);
}

/* The path itself, or the nearest directory above it that exists. */
static void nearest_existing(const char *path, char *out, struct stat *st)
{
	strcpy(out, path);
	while (stat(out, st)) {
		char *slash = strrchr(out, '/');

		if (!slash || slash == out) {
			strcpy(out, "/");
			stat(out, st);
			return;
		}
		*slash = '\0';
	}
}

/* The name that `ip netns` gives this network namespace, or NULL. */
static const char *netns_name(char *buf, size_t n)
{
	_cleanup_closedir_ DIR *dir = opendir("/run/netns");
	const struct dirent *d;
	struct stat own, st;

	if (!dir || stat("/proc/self/ns/net", &own))
		return NULL;
	while ((d = readdir(dir))) {
		if (fstatat(dirfd(dir), d->d_name, &st, 0) || st.st_ino != own.st_ino ||
		    st.st_dev != own.st_dev)
			continue;
		snprintf(buf, n, "%s", d->d_name);
		return buf;
	}
	return NULL;
}

void doctor_bpffs(struct doctor *d)
{
	char where[PATH_MAX], netns[NAME_MAX + 1];
	struct statfs fs;
	struct stat st;
	bool mounted;

	nearest_existing(d->paths->bpffs, where, &st);
	if (statfs(where, &fs)) {
		finding(d, FINDING_WARNING, "bpffs", NULL, "cannot look at %s: %s", where,
			strerror(errno));
		return;
	}
	mounted = fs.f_type == BPF_FS_MAGIC;
	if (mounts_are_private() && !(mounted && mounts_init_has(st.st_dev))) {
		finding(d, FINDING_PROBLEM, "bpffs", NULL,
			"no BPF filesystem for %s that outlives this mount namespace, as under `ip "
			"netns exec`: the filter would vanish with it",
			d->paths->bpffs);
		if (netns_name(netns, sizeof(netns)))
			finding_fix(d, "nsenter --net=/run/netns/%s allowxdp doctor", netns);
	} else if (!mounted) {
		finding(d, FINDING_NOTE, "bpffs", NULL,
			"no BPF filesystem is mounted for %s: `allowxdp load` will mount one",
			d->paths->bpffs);
		if (!strncmp(d->paths->bpffs, "/sys/fs/bpf/", strlen("/sys/fs/bpf/")))
			finding_fix(d, "mount -t bpf bpf /sys/fs/bpf");
	} else {
		finding(d, FINDING_OK, "bpffs", NULL, "%s is a BPF filesystem that lasts", where);
	}
}
