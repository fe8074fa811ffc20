// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cleanup.h"
#include "profile_copy.h"
#include "readfile.h"
#include "writefile.h"

enum { FILE_LIMIT = 64 << 20 };

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* In the same directory, so that the copy's relative path holds as well? */
static bool beside(const char *a, const char *b)
{
	size_t n = (size_t)(name_of(a) - a);

	return n == (size_t)(name_of(b) - b) && !strncmp(a, b, n);
}

static int target_path(const char *from, const char *to, char out[static PATH_MAX],
		       struct error *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", to, name_of(from)) >= PATH_MAX)
		return error_set(err, ENAMETOOLONG, "%.64s...: path is too long", to);
	return 0;
}

static int refuse_existing(const char *from, const char *to, struct error *err)
{
	char path[PATH_MAX];
	struct stat st;
	int rc = target_path(from, to, path, err);

	if (rc || lstat(path, &st))
		return rc;
	return error_set(err, EEXIST,
			 "%s is there already and is not overwritten: edit it, or remove it first",
			 path);
}

static int copy_file(const char *from, const char *to, struct error *err)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	size_t n;
	int rc = target_path(from, to, path, err);

	if (!rc)
		rc = file_read_all(from, FILE_LIMIT, &text, &n, err);
	if (!rc)
		rc = new_file_open_shared(&file, path, err);
	if (rc)
		return rc;
	fwrite(text, 1, n, file.f);
	return new_file_commit_new(&file, err);
}

/* Calls fn for the list files, then for the profile: it is the one that is looked for. */
static int each_file(const struct policy *p, const char *path, const char *to,
		     int (*fn)(const char *from, const char *to, struct error *err),
		     struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < p->n_lists && !rc; i++) {
		const char *file = policy_string(p, p->lists[i].file);

		if (*file && beside(file, path))
			rc = fn(file, to, err);
	}
	return rc ? rc : fn(path, to, err);
}

int profile_copy(const struct policy *p, const char *path, const char *to, struct error *err)
{
	int rc = each_file(p, path, to, refuse_existing, err);

	if (rc)
		return rc;
	if (mkdir(to, 0755) && errno != EEXIST)
		return error_set(err, errno, "cannot make the directory %s: %s", to,
				 strerror(errno));
	return each_file(p, path, to, copy_file, err);
}
