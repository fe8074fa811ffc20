// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cleanup.h"
#include "policy.h"
#include "profiles.h"
#include "text.h"

#define LOCAL_DIR     "profiles"
#define INSTALLED_DIR "../share/allowxdp/profiles"

static int too_long(struct error *err)
{
	return error_set(err, ENAMETOOLONG, "the path of a profile is too long: shorten it");
}

/* Writes "DIR/NAME" with a suffix; false: it does not fit. */
static bool join(char out[static PATH_MAX], const char *dir, const char *name, const char *suffix)
{
	return snprintf(out, PATH_MAX, "%s/%s%s", strcmp(dir, "/") == 0 ? "" : dir, name, suffix) <
	       PATH_MAX;
}

/* Without its last component; "/" stays. */
static void cut_name(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		slash[slash == path] = '\0';
}

/* Beside the program, so that it is found wherever the whole was installed to. */
static int installed_dir(char out[static PATH_MAX], struct error *err)
{
	const char *given = getenv("ALLOWXDP_PROFILE_DIR");
	char program[PATH_MAX];
	ssize_t n;

	if (given && *given) {
		if (given[0] != '/')
			return error_set(
				err, EINVAL,
				"ALLOWXDP_PROFILE_DIR=%s is not an absolute path: begin it "
				"with /",
				given);
		return snprintf(out, PATH_MAX, "%s", given) < PATH_MAX ? 0 : too_long(err);
	}
	n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (n < 0)
		return error_set(err, errno, "/proc/self/exe: %s: mount /proc", strerror(errno));
	program[n] = '\0';
	cut_name(program); /* the program's directory, and the one above it */
	cut_name(program);
	return join(out, program, INSTALLED_DIR + strlen("../"), "") ? 0 : too_long(err);
}

int profile_dirs_init(struct profile_dirs *d, const char *config, struct error *err)
{
	_cleanup_free_ char *cwd = NULL;

	while (strncmp(config, "./", 2) == 0)
		config += 2;
	if (config[0] != '/') {
		cwd = getcwd(NULL, 0);
		if (!cwd)
			return error_set(err, errno, "the current directory is not known: %s",
					 strerror(errno));
		if (!join(d->config, cwd, config, ""))
			return too_long(err);
	} else if (snprintf(d->config, sizeof(d->config), "%s", config) >= PATH_MAX) {
		return too_long(err);
	}
	cut_name(d->config);
	if (!join(d->local, d->config, LOCAL_DIR, ""))
		return too_long(err);
	return installed_dir(d->installed, err);
}

static bool is_path(const char *item)
{
	size_t n = strlen(item), suffix = strlen(PROFILE_SUFFIX);

	return strchr(item, '/') || (n > suffix && !strcmp(item + n - suffix, PROFILE_SUFFIX));
}

static bool there(const char *path)
{
	return !access(path, F_OK) || errno != ENOENT;
}

static int find_path(const struct profile_dirs *d, const char *item, char out[static PATH_MAX],
		     struct error *err)
{
	bool fits = item[0] == '/' ? snprintf(out, PATH_MAX, "%s", item) < PATH_MAX
				   : join(out, d->config, item, "");
	char shown[TEXT_SHOWN_MAX];

	if (!fits)
		return too_long(err);
	if (there(out))
		return 0;
	if (strncmp(item, LOCAL_DIR "/", strlen(LOCAL_DIR "/")) == 0 &&
	    !strchr(item + strlen(LOCAL_DIR "/"), '/')) {
		if (!join(out, d->installed, item + strlen(LOCAL_DIR "/"), ""))
			return too_long(err);
		if (there(out))
			return 0;
		return error_set(err, ENOENT,
				 "there is no profile %s, neither in %s nor in %s: see `allowxdp "
				 "profile list`",
				 text_shown(item, strlen(item), shown), d->config, d->installed);
	}
	return error_set(err, ENOENT,
			 "there is no profile %s: correct the path, or write the name of one that "
			 "`allowxdp profile list` shows",
			 out);
}

int profile_find(const struct profile_dirs *d, const char *item, char out[static PATH_MAX],
		 struct error *err)
{
	char shown[TEXT_SHOWN_MAX];

	if (is_path(item))
		return find_path(d, item, out, err);
	if (!policy_name_ok(item))
		return error_set(err, EINVAL,
				 "\"%s\" cannot name a profile: see `allowxdp profile list`",
				 text_shown(item, strlen(item), shown));
	if (!join(out, d->local, item, PROFILE_SUFFIX))
		return too_long(err);
	if (there(out))
		return 0;
	if (!join(out, d->installed, item, PROFILE_SUFFIX))
		return too_long(err);
	if (there(out))
		return 0;
	return error_set(err, ENOENT,
			 "there is no profile %s, neither in %s nor in %s: see `allowxdp profile "
			 "list`",
			 item, d->local, d->installed);
}

void profile_files_free(struct profile_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].name);
	free(f->v);
	*f = (struct profile_files){ 0 };
}

static bool has(const struct profile_files *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].name, name) == 0)
			return true;
	return false;
}

/* "NAME.yaml", where NAME could be included; else NULL. To be freed. */
static char *name_in(const char *file)
{
	size_t n = strlen(file), suffix = strlen(PROFILE_SUFFIX);
	_cleanup_free_ char *name = NULL;

	if (n <= suffix || strcmp(file + n - suffix, PROFILE_SUFFIX))
		return NULL;
	name = strndup(file, n - suffix);
	return name && policy_name_ok(name) ? TAKE_PTR(name) : NULL;
}

static int add_directory(struct profile_files *f, const char *path, bool local, struct error *err)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	const struct dirent *e;

	if (!dir && errno != ENOENT)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	while (dir && (e = readdir(dir))) {
		_cleanup_free_ char *name = name_in(e->d_name);
		struct profile_file *v;

		if (!name || has(f, name))
			continue;
		v = reallocarray(f->v, f->n + 1, sizeof(*v));
		if (!v)
			return error_set(err, ENOMEM, "out of memory");
		f->v = v;
		f->v[f->n++] = (struct profile_file){ TAKE_PTR(name), local };
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct profile_file *)a)->name,
		      ((const struct profile_file *)b)->name);
}

int profile_files_find(const struct profile_dirs *d, struct profile_files *out, struct error *err)
{
	int rc = add_directory(out, d->local, true, err);

	if (!rc)
		rc = add_directory(out, d->installed, false, err);
	if (!rc && out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return rc;
}
