// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "cleanup.h"
#include "import_output.h"
#include "listfile.h"
#include "text.h"
#include "writefile.h"

void import_files_free(struct import_files *f)
{
	for (size_t i = 0; f->paths && i < f->n; i++)
		free(f->paths[i]);
	free(f->paths);
	*f = (struct import_files){ 0 };
}

/* Names alone, and sets that are only referred to, have no file of their own to be written. */
static bool is_written(const struct import *im, size_t list)
{
	const struct import_list *l = &im->lists[list];

	return !l->elsewhere && (l->entries || !l->names.n);
}

/* Files that the config is going to name: of those that are elsewhere too. */
static size_t count_files(const struct import *im)
{
	size_t n = 0;

	for (size_t i = 0; i < im->policy.n_lists; i++)
		n += is_written(im, i) + 2 * im->lists[i].elsewhere;
	return n;
}

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "out of memory");
}

/* Is it a directory to write into? Makes the one that shall be. 1: yes, 0: no. */
static int is_directory(const char *into, size_t files, struct error *err)
{
	size_t n = strlen(into);
	struct stat st;

	if (!stat(into, &st)) {
		if (S_ISDIR(st.st_mode))
			return 1;
		if (files == 1 && into[n - 1] != '/')
			return 0;
		return error_set(err, ENOTDIR,
				 "--into %s is a file, and there is more than one list: name a "
				 "directory",
				 into);
	}
	if (files == 1 && into[n - 1] != '/')
		return 0;
	if (mkdir(into, 0755))
		return error_set(err, errno, "cannot make the directory %s: %s", into,
				 strerror(errno));
	return 1;
}

int import_files_name(struct import_files *f, const struct import *im, const char *into,
		      struct error *err)
{
	_cleanup_free_ char *base = NULL;
	int directory = into && *into ? is_directory(into, count_files(im), err) : 1;

	if (directory < 0)
		return directory;
	f->n = im->policy.n_lists;
	f->paths = calloc(f->n + 1, sizeof(*f->paths));
	base = into && directory ? realpath(into, NULL) : strdup(into ? into : "lists");
	if (!f->paths || !base)
		return no_memory(err);
	for (size_t i = 0; i < f->n; i++) {
		int n;

		if (!is_written(im, i) && !im->lists[i].elsewhere)
			continue;
		if (directory)
			n = asprintf(&f->paths[i], "%s/%s.list", base, im->policy.lists[i].name);
		else
			n = (f->paths[i] = strdup(base)) ? 0 : -1;
		if (n < 0) {
			f->paths[i] = NULL;
			return no_memory(err);
		}
	}
	return 0;
}

static int write_head(FILE *f, const struct import *im, size_t list, const char *format)
{
	char date[32] = "", shown[TEXT_SHOWN_MAX];
	time_t now = im->now;
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return fprintf(f, "# %s: imported by allowxdp on %s\n# from %s (%s): %s\n\n",
		       im->policy.lists[list].name, date,
		       text_shown(im->file, strlen(im->file), shown), format,
		       im->lists[list].origin);
}

static int write_entries(FILE **files, const struct import *im, const char *format)
{
	const struct policy *p = &im->policy;
	int rc = 0;

	for (size_t i = 0; i < p->n_lists; i++) {
		if (files[i] && write_head(files[i], im, i, format) < 0)
			return -EIO;
	}
	for (size_t i = 0; i < p->base.n && !rc; i++) {
		const struct entry *e = &p->base.v[i];

		if (files[e->list])
			rc = list_line_write(files[e->list], p, e);
	}
	return rc;
}

static int refuse_existing(const struct import_files *f, const struct import *im, struct error *err)
{
	struct stat st;

	for (size_t i = 0; i < f->n; i++) {
		if (is_written(im, i) && !lstat(f->paths[i], &st))
			return error_set(err, EEXIST,
					 "%s is there already: name another --into, or overwrite "
					 "it with --force",
					 f->paths[i]);
	}
	return 0;
}

static int put_all(const struct import_files *f, struct new_file *files, const struct import *im,
		   bool force, struct error *err)
{
	size_t done = 0;
	int rc = 0;

	for (size_t i = 0; i < f->n && !rc; i++, done = i) {
		if (is_written(im, i))
			rc = new_file_commit(&files[i], err);
	}
	for (size_t i = 0; rc && !force && i + 1 < done; i++) {
		if (is_written(im, i))
			unlink(f->paths[i]); /* all or none */
	}
	return rc;
}

int import_files_write(struct import_files *f, const struct import *im, const char *format,
		       bool force, struct error *err)
{
	_cleanup_free_ struct new_file *files = calloc(f->n + 1, sizeof(*files));
	_cleanup_free_ FILE **streams = calloc(f->n + 1, sizeof(*streams));
	int rc = 0;

	if (!files || !streams)
		return no_memory(err);
	if (!force)
		rc = refuse_existing(f, im, err);
	for (size_t i = 0; i < f->n && !rc; i++) {
		if (!is_written(im, i))
			continue;
		rc = new_file_open_shared(&files[i], f->paths[i], err);
		streams[i] = files[i].f;
	}
	if (!rc) {
		rc = write_entries(streams, im, format);
		if (rc)
			error_set(err, -rc, "cannot write the list files: %s", strerror(-rc));
	}
	if (!rc)
		rc = put_all(f, files, im, force, err);
	for (size_t i = 0; i < f->n; i++)
		new_file_abandon(&files[i]);
	f->written = !rc;
	return rc;
}
