// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cleanup.h"
#include "config.h"
#include "config_reader.h"
#include "profiles.h"
#include "readfile.h"
#include "text.h"
#include "trust.h"

enum { DOCUMENT_LIMIT = 64 << 20, INCLUDES_MAX = 64 };

void document_close(struct document *d)
{
	config_yaml_free(&d->yaml);
	yaml_lines_close(&d->lines);
	free(d->path);
	*d = (struct document){ 0 };
}

/* The path that stays true when the command is run from elsewhere; symlinks are left as they are.
 */
static char *absolute_path(const char *path)
{
	_cleanup_free_ char *dir = NULL;
	char *out;

	if (path[0] == '/')
		return strdup(path);
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	dir = getcwd(NULL, 0);
	if (!dir || asprintf(&out, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, path) < 0)
		return NULL;
	return out;
}

int document_open(struct document *d, struct policy *p, enum config_kind kind, const char *path,
		  struct error *err)
{
	_cleanup_free_ char *data = NULL, *absolute = NULL;
	size_t n;
	int ret;

	ret = trust_file(path, err);
	if (!ret)
		ret = file_read_all(path, DOCUMENT_LIMIT, &data, &n, err);
	if (ret)
		return ret;
	d->path = strdup(path);
	absolute = absolute_path(path);
	if (!d->path || !absolute || policy_intern(p, absolute, strlen(absolute), &d->r.source))
		return error_set(err, ENOMEM, "%s: not enough memory to read it", path);
	ret = yaml_lines_open(&d->lines, path, data, n, err);
	if (ret)
		return ret;
	ret = config_yaml_load(&d->yaml, kind, &d->lines, path, data, n, err);
	if (ret)
		return ret;
	d->r.p = p;
	d->r.l = &d->lines;
	d->r.c = d->yaml;
	d->r.path = d->path;
	d->r.err = err;
	return 0;
}

void includes_close(struct includes *in)
{
	for (size_t i = 0; i < in->n; i++) {
		document_close(in->v[i]);
		free(in->v[i]);
	}
	free(in->v);
	*in = (struct includes){ 0 };
}

static bool is_date(const char *text)
{
	for (size_t i = 0; i < strlen("2026-11-21"); i++) {
		bool dash = i == 4 || i == 7;

		if (dash ? text[i] != '-' : text[i] < '0' || text[i] > '9')
			return false;
	}
	return !text[strlen("2026-11-21")];
}

/* The file's name is what it is included, shown and copied by. */
static int check_provenance(const struct document *d, struct error *err)
{
	int node = yaml_lines_key(d->r.l, yaml_lines_root(d->r.l), "profile");
	const struct config_profile *h = d->yaml->profile;
	const char *file = strrchr(d->path, '/');
	char shown[TEXT_SHOWN_MAX];
	size_t n = strlen(h->name);

	file = file ? file + 1 : d->path;
	if (strncmp(file, h->name, n) || strcmp(file + n, PROFILE_SUFFIX))
		return error_at(err, d->path, yaml_lines_of_key(d->r.l, node, "name"),
				"the profile is named \"%s\", but its file %s: rename one of them",
				text_shown(h->name, n, shown), file);
	if (!is_date(h->date))
		return error_at(err, d->path, yaml_lines_of_key(d->r.l, node, "date"),
				"\"%s\" is no date: write when the source was read, like date: "
				"2026-11-21",
				text_shown(h->date, strlen(h->date), shown));
	if (h->missing_count > PROVENANCE_MISSING_MAX)
		return error_at(err, d->path, yaml_lines_of_key(d->r.l, node, "missing"),
				"%u things missing are more than %d: put some of them together",
				h->missing_count, PROVENANCE_MISSING_MAX);
	return 0;
}

int profile_document_open(struct document *d, struct policy *p, const char *path, struct error *err)
{
	int ret = document_open(d, p, CONFIG_PROFILE, path, err);

	return ret ? ret : check_provenance(d, err);
}

static bool is_same(const char *path, const struct stat *st)
{
	struct stat other;

	return !stat(path, &other) && other.st_ino == st->st_ino && other.st_dev == st->st_dev;
}

/* By whatever path it is named. */
static int refuse_again(const struct includes *in, const struct document *config, const char *path,
			unsigned int line, struct error *err)
{
	struct stat st;

	if (stat(path, &st))
		return 0; /* opening it says why */
	if (is_same(config->path, &st))
		return error_at(err, config->path, line,
				"the config includes itself: name a profile instead");
	for (size_t i = 0; i < in->n; i++)
		if (is_same(in->v[i]->path, &st))
			return error_at(err, config->path, line,
					"%s is included twice: remove one of the two", path);
	return 0;
}

/* What is wrong in the file is said of its lines; that it cannot be read, of the config's. */
static int include(struct includes *in, const struct document *config,
		   const struct profile_dirs *dirs, const char *item, unsigned int line,
		   struct error *err)
{
	struct document *d;
	char path[PATH_MAX];
	struct error why;
	int ret;

	ret = profile_find(dirs, item, path, &why);
	if (ret)
		return error_at(err, config->path, line, "%s", why.text);
	ret = refuse_again(in, config, path, line, err);
	if (ret)
		return ret;
	d = in->v[in->n] = calloc(1, sizeof(*d));
	if (!d)
		return error_set(err, ENOMEM, "not enough memory for the config");
	in->n++;
	ret = profile_document_open(d, config->r.p, path, &why);
	d->r.err = err;
	if (!ret)
		return 0;
	if (ret != -EINVAL && ret != -ENOMEM)
		return error_at(err, config->path, line, "%s", why.text);
	*err = why;
	return ret;
}

int includes_open(struct includes *in, const struct document *config, struct error *err)
{
	struct yaml_lines *l = config->r.l;
	int node = yaml_lines_key(l, yaml_lines_root(l), "include"), ret;
	size_t n = config->yaml->include_count;
	struct profile_dirs dirs;

	if (!n)
		return 0;
	if (n > INCLUDES_MAX)
		return error_at(err, config->path,
				yaml_lines_of(l, yaml_lines_item(l, node, INCLUDES_MAX)),
				"%zu profiles are more than %d: remove some", n, INCLUDES_MAX);
	in->v = calloc(n, sizeof(*in->v));
	if (!in->v)
		return error_set(err, ENOMEM, "not enough memory for the config");
	ret = profile_dirs_init(&dirs, config->path, err);
	for (size_t i = 0; i < n && !ret; i++)
		ret = include(in, config, &dirs, config->yaml->include[i],
			      yaml_lines_of(l, yaml_lines_item(l, node, i)), err);
	return ret;
}
