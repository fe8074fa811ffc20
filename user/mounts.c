// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <sys/sysmacros.h>
#include "cleanup.h"
#include "mounts.h"

/* A line of /proc/PID/mountinfo: the mount's id, which no two mounts of the system share. */
struct mount_line {
	int id;
	dev_t dev;
};

/* Is there a mount for which `match` holds? -1 if the file cannot be read. */
static int any_mount(const char *mountinfo, bool (*match)(const struct mount_line *m, void *arg),
		     void *arg)
{
	_cleanup_fclose_ FILE *f = fopen(mountinfo, "re");
	_cleanup_free_ char *line = NULL;
	unsigned int major_nr, minor_nr;
	struct mount_line m;
	bool found = false;
	size_t cap = 0;

	while (f && !found && getline(&line, &cap, f) > 0) {
		if (sscanf(line, "%d %*d %u:%u ", &m.id, &major_nr, &minor_nr) != 3)
			continue;
		m.dev = makedev(major_nr, minor_nr);
		found = match(&m, arg);
	}
	return f ? found : -1;
}

static bool keep_id(const struct mount_line *m, void *arg)
{
	*(int *)arg = m->id;
	return true;
}

static bool has_id(const struct mount_line *m, void *arg)
{
	return m->id == *(const int *)arg;
}

static bool is_on(const struct mount_line *m, void *arg)
{
	return m->dev == *(const dev_t *)arg;
}

bool mounts_are_private(void)
{
	int id;

	if (any_mount("/proc/self/mountinfo", keep_id, &id) != 1)
		return false;
	return any_mount("/proc/1/mountinfo", has_id, &id) == 0;
}

bool mounts_init_has(dev_t dev)
{
	return any_mount("/proc/1/mountinfo", is_on, &dev) != 0;
}
