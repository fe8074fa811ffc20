// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cleanup.h"
#include "large_pages.h"
#include "readfile.h"

static int open_failed(const char *path, int errnum, struct error *err)
{
	switch (errnum) {
	case ENOENT:
		return error_set(err, errnum, "%s: no such file: create it or correct the path",
				 path);
	case ENOTDIR:
		return error_set(err, errnum,
				 "%s: a part of the path is not a directory: correct the path",
				 path);
	case EACCES:
	case EPERM:
		return error_set(err, errnum,
				 "%s: permission denied: make it readable for this user", path);
	default:
		/* callers take EINVAL for bad content */
		return error_set(err, errnum == EINVAL ? EIO : errnum,
				 "%s: cannot open it (%s): correct the path", path,
				 strerror(errnum));
	}
}

static int check_kind(const char *path, const struct stat *st, size_t limit, struct error *err)
{
	if (S_ISDIR(st->st_mode))
		return error_set(err, EISDIR, "%s: is a directory: name a file in it", path);
	if (!S_ISREG(st->st_mode))
		return error_set(err, ENODEV,
				 "%s: is not a regular file: copy its content into one", path);
	if ((unsigned long long)st->st_size > limit)
		return error_set(err, EFBIG, "%s: is larger than %zu MiB: split it or shorten it",
				 path, limit >> 20);
	return 0;
}

/* Reads to the end, one byte more than expected so that a file that grows meanwhile is noticed. */
static int read_to_end(int fd, char *buf, size_t size, size_t *n)
{
	ssize_t got;

	*n = 0;
	while (*n < size) {
		got = read(fd, buf + *n, size - *n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		*n += (size_t)got;
	}
	return 0;
}

int file_read_all(const char *path, size_t limit, char **data, size_t *n, struct error *err)
{
	_cleanup_free_ char *buf = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	size_t size;
	int ret;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return open_failed(path, errno, err);
	if (fstat(fd, &st))
		return open_failed(path, errno, err);
	ret = check_kind(path, &st, limit, err);
	if (ret)
		return ret;

	size = (size_t)st.st_size + 1;
	buf = malloc(size);
	if (!buf)
		return error_set(err, ENOMEM, "%s: not enough memory to read it", path);
	large_pages(buf, size);
	ret = read_to_end(fd, buf, size, n);
	if (ret)
		return error_set(err, ret == -EINVAL ? EIO : -ret, "%s: cannot read it: %s", path,
				 strerror(-ret));
	if (*n == size)
		return error_set(err, EAGAIN, "%s: changed while it was being read: try again",
				 path);
	buf[*n] = '\0';
	*data = TAKE_PTR(buf);
	return 0;
}
