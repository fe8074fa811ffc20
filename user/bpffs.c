// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>
#include "bpffs.h"
#include "cleanup.h"
#include "mounts.h"

/* Source name of a mount that we made at ALLOWXDP_BPFFS, so that we know it again. */
#define MOUNT_SOURCE "allowxdp"
#define SYSTEM_BPFFS "/sys/fs/bpf"

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

/* The path itself, or the nearest directory above it that exists. */
static void nearest_existing(const char *path, char *out)
{
	struct stat st;

	strcpy(out, path);
	while (stat(out, &st)) {
		char *slash = strrchr(out, '/');

		if (!slash || slash == out) {
			strcpy(out, "/");
			return;
		}
		*slash = '\0';
	}
}

static int refuse_private(const char *where, struct error *err)
{
	return error_set(
		err, EPERM,
		"no BPF filesystem at %s that outlives this command (a mount namespace of its own, "
		"as under `ip netns exec`): the filter would vanish with it: use "
		"`nsenter --net=/run/netns/NAME allowxdp ...`",
		where);
}

static int mount_bpffs(const char *where, struct error *err)
{
	int rc;

	if (mounts_are_private())
		return refuse_private(where, err);
	if (strcmp(where, SYSTEM_BPFFS)) {
		rc = make_directory(where, err);
		if (rc)
			return rc;
	}
	if (mount(MOUNT_SOURCE, where, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return error_set(err, errno,
				 "no BPF filesystem at %s, and mounting one failed (%s): run "
				 "`mount -t bpf bpf %s`",
				 where, strerror(errno), where);
	return 0;
}

int bpffs_prepare(const struct paths *paths, struct error *err)
{
	bool system = !strncmp(paths->bpffs, SYSTEM_BPFFS "/", strlen(SYSTEM_BPFFS "/"));
	char existing[PATH_MAX];
	struct stat st;
	int rc;

	nearest_existing(paths->bpffs, existing);
	if (!is_bpffs(existing)) {
		rc = mount_bpffs(system ? SYSTEM_BPFFS : paths->bpffs, err);
		if (rc)
			return rc;
		nearest_existing(paths->bpffs, existing);
	} else if (mounts_are_private() && !stat(existing, &st) && !mounts_init_has(st.st_dev)) {
		return refuse_private(existing, err);
	}
	return make_directory(paths->pins, err);
}

/* Is this a mount point whose source is ours? */
static bool mounted_by_us(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0) {
		const char *tail = strstr(line, " - bpf " MOUNT_SOURCE " ");
		char where[PATH_MAX];

		if (tail && sscanf(line, "%*d %*d %*s %*s %4095s", where) == 1 &&
		    !strcmp(where, path))
			return true;
	}
	return false;
}

void bpffs_tidy(const struct paths *paths)
{
	rmdir(paths->pins);
	if (!is_bpffs(paths->bpffs))
		return;
	if (mounted_by_us(paths->bpffs)) {
		_cleanup_closedir_ DIR *dir = opendir(paths->bpffs);
		const struct dirent *d;

		while (dir && (d = readdir(dir))) {
			if (d->d_type == DT_DIR && d->d_name[0] != '.')
				return; /* another instance */
		}
		if (dir)
			closedir(TAKE_PTR(dir));
		umount2(paths->bpffs, UMOUNT_NOFOLLOW);
		return;
	}
	/* Services have been given the system's own directory (systemd/), and would lose it. */
	if (strcmp(paths->bpffs, SYSTEM_BPFFS "/allowxdp"))
		rmdir(paths->bpffs);
}
