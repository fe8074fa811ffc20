// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cleanup.h"
#include "listfile.h"
#include "state.h"
#include "writefile.h"

#define LIST_SUFFIX ".list"

void state_list_path(const struct paths *paths, const char *list, char *out, size_t n)
{
	snprintf(out, n, "%s/lists/%s" LIST_SUFFIX, paths->state, list);
}

static void warn_orphans(const struct paths *paths, const struct policy *p)
{
	char path[PATH_MAX], name[POLICY_NAME_MAX + 1];
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *d;

	snprintf(path, sizeof(path), "%s/lists", paths->state);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		const char *suffix = strrchr(d->d_name, '.');
		size_t n = suffix ? (size_t)(suffix - d->d_name) : 0;

		if (!n || strcmp(suffix, LIST_SUFFIX) || n >= sizeof(name))
			continue;
		memcpy(name, d->d_name, n);
		name[n] = '\0';
		if (policy_find_list(p, name) < 0)
			warn_line("%s/%s holds added entries of a list that the config no longer "
				  "has: "
				  "they are not used; remove the file if they are not wanted",
				  path, d->d_name);
	}
}

static int refuse_contradictions(const struct policy *p, struct error *err)
{
	for (size_t i = 0; i < p->added.n; i++) {
		const struct entry *a = &p->added.v[i];
		const struct entry *b = policy_find_entry(p, &a->prefix, a->list);
		char text[PREFIX_TEXT_MAX];

		if (!b || (b->flags & (ENTRY_COMMAND | ENTRY_NEWS)) ||
		    !((a->flags ^ b->flags) & ENTRY_CARVE))
			continue;
		return error_at(err, policy_string(p, b->source), b->line,
				"%s is %s here, but `allowxdp add` %s it in list %s (%s:%u): "
				"remove one of the two",
				prefix_text(&b->prefix, text),
				b->flags & ENTRY_CARVE ? "carved out" : "listed",
				a->flags & ENTRY_CARVE ? "carved out" : "listed",
				p->lists[a->list].name, policy_string(p, a->source), a->line);
	}
	return 0;
}

int state_read(const struct paths *paths, struct policy *p, bool warn, struct error *err)
{
	char path[PATH_MAX];
	struct stat st;
	int rc;

	for (size_t i = 0; i < p->n_lists; i++) {
		state_list_path(paths, p->lists[i].name, path, sizeof(path));
		if (stat(path, &st) && errno == ENOENT)
			continue;
		rc = list_file_read(p, &p->added, path, (uint16_t)i, ENTRY_COMMAND, err);
		if (rc)
			return rc;
	}
	rc = policy_sort_entries(p, &p->added, err);
	if (rc)
		return rc;
	if (warn)
		warn_orphans(paths, p);
	return refuse_contradictions(p, err);
}

void state_sweep(const struct paths *paths)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *d;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/lists", paths->state);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		const char *suffix = strstr(d->d_name, LIST_SUFFIX NEW_FILE_SUFFIX);

		if (suffix && !strcmp(suffix, LIST_SUFFIX NEW_FILE_SUFFIX))
			unlinkat(dirfd(dir), d->d_name, 0);
	}
}

static bool has_added(const struct policy *p, int list)
{
	for (size_t i = 0; i < p->added.n; i++) {
		if (p->added.v[i].list == list)
			return true;
	}
	return false;
}

int state_write(const struct paths *paths, const struct policy *p, int list, struct error *err)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	char path[PATH_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/lists", paths->state);
	rc = make_directory(path, err);
	if (rc)
		return rc;
	state_list_path(paths, p->lists[list].name, path, sizeof(path));
	if (!has_added(p, list))
		return file_remove(path, err);
	rc = new_file_open(&file, path, err);
	if (rc)
		return rc;
	fprintf(file.f, "# Entries of list %s added by `allowxdp add`. Edit with add and remove.\n",
		p->lists[list].name);
	for (size_t i = 0; i < p->added.n; i++) {
		if (p->added.v[i].list == list)
			list_line_write(file.f, p, &p->added.v[i]);
	}
	return new_file_commit(&file, err);
}
