// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "daemon_claim.h"

enum { CLAIM_TRIES = 50 };

static int open_claim(const struct paths *paths, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/daemon", paths->run);
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int daemon_claim(const struct paths *paths, struct error *err)
{
	const struct timespec moment = { .tv_nsec = 10000000 };
	_cleanup_close_ int fd = -1;
	int rc = make_directory(paths->run, err);

	if (rc)
		return rc;
	fd = open_claim(paths, O_RDWR | O_CREAT);
	if (fd < 0)
		return error_set(err, errno, "cannot write %s/daemon: %s", paths->run,
				 strerror(errno));
	/* One who looks whether there is a daemon holds it for a moment. */
	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) && tries < CLAIM_TRIES; tries++)
		nanosleep(&moment, NULL);
	if (flock(fd, LOCK_EX | LOCK_NB))
		return error_set(err, EBUSY,
				 "another `allowxdp run` serves instance %s: end that first, see "
				 "`fuser -v %s/daemon`",
				 paths->instance, paths->run);
	return TAKE_FD(fd);
}

bool daemon_runs(const struct paths *paths)
{
	_cleanup_close_ int fd = open_claim(paths, O_RDONLY);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}
