// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "paths.h"
#include "trust.h"

enum { LOCK_WAIT_MS = 30000, LOCK_POLL_MS = 20 };

static bool instance_name_ok(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	size_t n = strlen(name);

	return n && n <= INSTANCE_NAME_MAX && strspn(name, allowed) == n && name[0] != '-';
}

static int base_directory(char *out, const char *variable, const char *fallback, struct error *err)
{
	const char *dir = getenv(variable);
	size_t n;

	if (!dir || !*dir)
		dir = fallback;
	if (dir[0] != '/')
		return error_set(err, EINVAL, "%s=%s is not an absolute path: begin it with /",
				 variable, dir);
	n = strlen(dir);
	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (n + INSTANCE_NAME_MAX + 2 >= PATHS_DIR_MAX)
		return error_set(err, ENAMETOOLONG, "%s is too long: choose a shorter path",
				 variable);
	memcpy(out, dir, n);
	out[n] = '\0';
	return 0;
}

static int instance_directory(char *out, const char *variable, const char *fallback,
			      const char *instance, struct error *err)
{
	int rc = base_directory(out, variable, fallback, err);

	if (rc)
		return rc;
	strcat(out, "/");
	strcat(out, instance);
	return 0;
}

int paths_init(struct paths *p, const char *instance, struct error *err)
{
	int rc;

	memset(p, 0, sizeof(*p));
	if (!instance_name_ok(instance))
		return error_set(
			err, EINVAL,
			"'%.64s' cannot name an instance: use 1 to %d letters, digits, '_' or '-'",
			instance, INSTANCE_NAME_MAX);
	strcpy(p->instance, instance);
	rc = base_directory(p->bpffs, "ALLOWXDP_BPFFS", "/sys/fs/bpf/allowxdp", err);
	if (!rc)
		rc = instance_directory(p->pins, "ALLOWXDP_BPFFS", "/sys/fs/bpf/allowxdp", instance,
					err);
	if (!rc)
		rc = instance_directory(p->state, "ALLOWXDP_STATE_DIR", "/var/lib/allowxdp",
					instance, err);
	if (!rc)
		rc = instance_directory(p->run, "ALLOWXDP_RUN_DIR", "/run/allowxdp", instance, err);
	if (!rc)
		rc = trust_tree(p->pins, err);
	if (!rc)
		rc = trust_tree(p->state, err);
	return rc ? rc : trust_tree(p->run, err);
}

int make_directory(const char *path, struct error *err)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return error_set(err, ENAMETOOLONG, "%.64s...: path is too long", path);
	memcpy(part, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (part[i] != '/' && part[i])
			continue;
		part[i] = '\0';
		if (mkdir(part, 0700) && errno != EEXIST)
			return error_set(err, errno, "cannot make the directory %s: %s", part,
					 strerror(errno));
		part[i] = i < n ? '/' : '\0';
	}
	return 0;
}

int lock_instance(const struct paths *p, struct error *err)
{
	return lock_instance_within(p, LOCK_WAIT_MS, err);
}

int lock_instance_within(const struct paths *p, int milliseconds, struct error *err)
{
	const struct timespec pause = { .tv_nsec = LOCK_POLL_MS * 1000000L };
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int rc;

	rc = make_directory(p->run, err);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/lock", p->run);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(err, errno, "cannot open %s: %s", path, strerror(errno));
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB); waited += LOCK_POLL_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(err, errno, "cannot lock %s: %s", path, strerror(errno));
		if (waited >= milliseconds)
			return error_set(
				err, EBUSY,
				"another allowxdp command has held %s for %d s: wait for it, or "
				"see who holds it with `fuser -v %s`",
				path, milliseconds / 1000, path);
		nanosleep(&pause, NULL);
	}
	return TAKE_FD(fd);
}
