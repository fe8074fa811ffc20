// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cleanup.h"
#include "writefile.h"

int new_file_open(struct new_file *n, const char *path, struct error *err)
{
	int fd;

	memset(n, 0, sizeof(*n));
	if (strlen(path) >= sizeof(n->path))
		return error_set(err, ENAMETOOLONG, "%.64s...: path is too long", path);
	strcpy(n->path, path);
	snprintf(n->temporary, sizeof(n->temporary), "%s" NEW_FILE_SUFFIX, path);
	/* One left over from a killed command: the lock says that nobody else is writing it. */
	unlink(n->temporary);
	fd = open(n->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, errno, "cannot write %s: %s", n->temporary, strerror(errno));
	n->f = fdopen(fd, "w");
	if (!n->f) {
		close(fd);
		unlink(n->temporary);
		return error_set(err, ENOMEM, "out of memory");
	}
	return 0;
}

int new_file_open_shared(struct new_file *n, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	int fd;

	memset(n, 0, sizeof(*n));
	if (strlen(path) >= sizeof(n->path))
		return error_set(err, ENAMETOOLONG, "%.64s...: path is too long", path);
	if (!*name)
		return error_set(err, EISDIR, "%s is a directory: name a file", path);
	strcpy(n->path, path);
	snprintf(n->temporary, sizeof(n->temporary), "%.*s.%s.XXXXXX", (int)(name - path), path,
		 name);
	fd = mkostemp(n->temporary, O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "cannot write beside %s: %s", path, strerror(errno));
	if (fchmod(fd, 0644) || !(n->f = fdopen(fd, "w"))) {
		close(fd);
		unlink(n->temporary);
		return error_set(err, EIO, "cannot write %s: %s", n->temporary, strerror(errno));
	}
	return 0;
}

static int sync_directory(const char *path)
{
	char copy[PATH_MAX];
	_cleanup_close_ int fd = -1;

	strcpy(copy, path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) ? -errno : 0;
}

static int put_in_place(struct new_file *n, bool sync, struct error *err)
{
	int rc = 0;

	if (ferror(n->f) || fflush(n->f) || (sync && fsync(fileno(n->f))))
		rc = -errno;
	if (fclose(n->f) && !rc)
		rc = -errno;
	n->f = NULL;
	if (!rc && rename(n->temporary, n->path))
		rc = -errno;
	if (rc) {
		unlink(n->temporary);
		return error_set(err, -rc, "cannot write %s: %s", n->path, strerror(-rc));
	}
	/* The rename is done: the new file is there even if the directory could not be synced. */
	if (sync)
		sync_directory(n->path);
	return 0;
}

int new_file_commit(struct new_file *n, struct error *err)
{
	return put_in_place(n, true, err);
}

int new_file_commit_new(struct new_file *n, struct error *err)
{
	int rc = 0;

	if (ferror(n->f) || fflush(n->f) || fsync(fileno(n->f)))
		rc = -errno;
	if (fclose(n->f) && !rc)
		rc = -errno;
	n->f = NULL;
	if (!rc && link(n->temporary, n->path))
		rc = -errno;
	unlink(n->temporary);
	if (rc == -EEXIST)
		return error_set(err, EEXIST,
				 "%s is there already and is not overwritten: edit it, "
				 "or remove it first",
				 n->path);
	if (rc)
		return error_set(err, -rc, "cannot write %s: %s", n->path, strerror(-rc));
	sync_directory(n->path);
	return 0;
}

int new_file_publish(struct new_file *n, struct error *err)
{
	return put_in_place(n, false, err);
}

void new_file_abandon(struct new_file *n)
{
	if (!n->f)
		return;
	fclose(n->f);
	unlink(n->temporary);
	n->f = NULL;
}

int file_remove(const char *path, struct error *err)
{
	if (!unlink(path))
		sync_directory(path);
	else if (errno != ENOENT)
		return error_set(err, errno, "cannot remove %s: %s", path, strerror(errno));
	return 0;
}
