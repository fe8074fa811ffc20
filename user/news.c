// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <json-c/json_tokener.h>
#include <json-c/json_util.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cleanup.h"
#include "listfile.h"
#include "news.h"
#include "readfile.h"

#define FROM        "# from "
#define NEW_SUFFIX  ".new" /* writefile.c */
#define INFO_SUFFIX ".json"

enum { NEWS_LIMIT = 1 << 28, WARNINGS_MAX = 5 };

void news_path(const struct paths *paths, const char *list, enum source_kind kind, char *out,
	       size_t n)
{
	snprintf(out, n, "%s/news/%s.%s", paths->state, list, source_kind_name(kind));
}

static void info_path(const struct paths *paths, const char *list, enum source_kind kind, char *out,
		      size_t n)
{
	snprintf(out, n, "%s/news/%s.%s" INFO_SUFFIX, paths->state, list, source_kind_name(kind));
}

/* One file that is being read. */
struct reading {
	struct policy *p;
	const char *path;
	size_t list;
	enum source_kind kind;
	const struct news_source *source; /* of the section; NULL: of none that the policy has */
	uint32_t line;
	unsigned int warnings;
};

static const struct news_source *find_source(const struct reading *r, const char *text, size_t n)
{
	for (size_t i = 0; i < r->p->n_sources; i++) {
		const struct news_source *s = &r->p->sources[i];
		const char *own = policy_string(r->p, s->text);

		if (s->list == r->list && s->kind == r->kind && strlen(own) == n &&
		    !memcmp(own, text, n))
			return s;
	}
	return NULL;
}

static int read_line(struct reading *r, const char *line, size_t n)
{
	struct entry e = { .list = (uint16_t)r->list, .flags = ENTRY_NEWS };
	struct list_line parsed;
	struct error why;

	if (n >= strlen(FROM) && !memcmp(line, FROM, strlen(FROM))) {
		r->source = find_source(r, line + strlen(FROM), n - strlen(FROM));
		return 0;
	}
	if (!r->source)
		return 0;
	if (list_line_parse(line, n, &parsed, &why)) {
		if (r->warnings++ < WARNINGS_MAX)
			warn_line("%s:%u: %s (this line is left away)", r->path, r->line, why.text);
		return 0;
	}
	if (parsed.blank)
		return 0;
	e.prefix = parsed.prefix;
	e.until = parsed.until;
	e.source = r->source->origin;
	e.flags |= parsed.carve ? ENTRY_CARVE : 0;
	if (policy_intern(r->p, parsed.label, parsed.label_len, &e.label))
		return -ENOMEM;
	return entries_push(&r->p->base, &e);
}

static int read_file(struct reading *r, struct error *err)
{
	_cleanup_free_ char *data = NULL;
	const char *line, *end;
	size_t n;
	int rc = file_read_all(r->path, NEWS_LIMIT, &data, &n, err);

	if (rc) {
		if (rc != -ENOENT && rc != -ENOTDIR)
			warn_line("%s", err->text);
		return rc == -ENOMEM ? rc : 0;
	}
	end = data + n;
	for (line = data; line < end && !rc; line++) {
		const char *next = memchr(line, '\n', (size_t)(end - line));

		if (!next)
			next = end;
		r->line++;
		rc = read_line(r, line, (size_t)(next - line));
		line = next;
	}
	return rc ? error_set(err, -rc, "%s: not enough memory to read it", r->path) : 0;
}

static bool has_kind(const struct policy *p, size_t list, enum source_kind kind)
{
	for (size_t i = 0; i < p->n_sources; i++) {
		if (p->sources[i].list == list && p->sources[i].kind == kind)
			return true;
	}
	return false;
}

int news_read_list(const struct paths *paths, struct policy *p, size_t list, struct error *err)
{
	char path[PATH_MAX];
	int rc = 0;

	for (enum source_kind kind = 0; kind < SOURCE_KINDS && !rc; kind++) {
		struct reading r = { .p = p, .path = path, .list = list, .kind = kind };

		if (!has_kind(p, list, kind))
			continue;
		news_path(paths, p->lists[list].name, kind, path, sizeof(path));
		rc = read_file(&r, err);
	}
	return rc;
}

int news_read(const struct paths *paths, struct policy *p, struct error *err)
{
	size_t before = p->base.n;
	int rc = 0;

	for (size_t i = 0; i < p->n_lists && p->n_sources && !rc; i++)
		rc = news_read_list(paths, p, i, err);
	return rc || p->base.n == before ? rc : policy_sort_entries(p, &p->base, err);
}

/* What the administrator carves out of lists: in the config, and by `add`. */
struct holes {
	struct entries base, added;
	bool lengths[2][129]; /* by family: is there one that long? */
};

static int note_holes(struct holes *h, const struct entries *from, struct entries *to)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct entry *e = &from->v[i];

		if (!(e->flags & ENTRY_CARVE) || e->flags & ENTRY_NEWS)
			continue;
		if (entries_push(to, e))
			return -ENOMEM;
		h->lengths[e->prefix.family == AXP_IPV6][e->prefix.len] = true;
	}
	return 0;
}

static bool is_hole(const struct entries *holes, const struct prefix *prefix, uint16_t list)
{
	for (size_t i = entries_lower_bound(holes, prefix);
	     i < holes->n && !prefix_compare(&holes->v[i].prefix, prefix); i++) {
		if (holes->v[i].list == list)
			return true;
	}
	return false;
}

/* A hole is not filled by what others say, however long their prefixes. */
static bool carved_out(const struct holes *h, const struct entry *e)
{
	for (int len = e->prefix.len; len >= 0; len--) {
		struct prefix outer;

		if (!h->lengths[e->prefix.family == AXP_IPV6][len])
			continue;
		outer = prefix_shorten(&e->prefix, (uint8_t)len);
		if (is_hole(&h->base, &outer, e->list) || is_hole(&h->added, &outer, e->list))
			return true;
	}
	return false;
}

int news_give_way(struct policy *p, struct error *err)
{
	struct entries *e = &p->base;
	struct holes h = { 0 };
	size_t n = 0;
	int rc = 0;

	if (p->mapped || !p->n_sources)
		return 0;
	if (note_holes(&h, e, &h.base) || note_holes(&h, &p->added, &h.added))
		rc = error_set(err, ENOMEM, "out of memory");
	for (size_t i = 0; !rc && h.base.n + h.added.n && i < e->n; i++) {
		if (!(e->v[i].flags & ENTRY_NEWS) || !carved_out(&h, &e->v[i]))
			e->v[n++] = e->v[i];
	}
	if (!rc && h.base.n + h.added.n)
		e->n = n;
	free(h.base.v);
	free(h.added.v);
	return rc;
}

size_t news_within(const struct policy *p, const struct prefix *prefix, int list)
{
	size_t n = 0;

	for (size_t i = entries_lower_bound(&p->base, prefix);
	     i < p->base.n && prefix_covers(prefix, &p->base.v[i].prefix); i++)
		n += p->base.v[i].list == list && p->base.v[i].flags & ENTRY_NEWS;
	return n;
}

static int make_news_directory(const struct paths *paths, struct error *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/news", paths->state);
	return make_directory(path, err);
}

int news_open(struct new_file *file, const struct paths *paths, const char *list,
	      enum source_kind kind, struct error *err)
{
	char path[PATH_MAX];
	int rc = make_news_directory(paths, err);

	if (rc)
		return rc;
	news_path(paths, list, kind, path, sizeof(path));
	rc = new_file_open(file, path, err);
	if (!rc)
		fprintf(file->f,
			"# What `allowxdp run` brought into list %s. It is written anew with every "
			"change: do not edit.\n",
			list);
	return rc;
}

void news_section(struct new_file *file, const char *text)
{
	fprintf(file->f, FROM "%s\n", text);
}

void news_entry(struct new_file *file, const struct prefix *prefix, const char *label)
{
	bool carried = label && *label;
	char text[PREFIX_TEXT_MAX];
	struct error ignored;

	if (carried && list_label_check(label, strlen(label), &ignored))
		carried = false;
	fprintf(file->f, "%s%s%s\n", prefix_text(prefix, text), carried ? " # " : "",
		carried ? label : "");
}

struct json_object *news_info_read(const struct paths *paths, const char *list,
				   enum source_kind kind)
{
	struct json_object *info = NULL;
	_cleanup_free_ char *data = NULL;
	struct error ignored;
	char path[PATH_MAX];
	size_t n;

	info_path(paths, list, kind, path, sizeof(path));
	if (!file_read_all(path, NEWS_LIMIT, &data, &n, &ignored))
		info = json_tokener_parse(data);
	if (json_object_is_type(info, json_type_object))
		return info;
	json_object_put(info);
	return json_object_new_object();
}

int news_info_write(const struct paths *paths, const char *list, enum source_kind kind,
		    struct json_object *info, struct error *err)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	char path[PATH_MAX];
	int rc = make_news_directory(paths, err);

	if (rc)
		return rc;
	info_path(paths, list, kind, path, sizeof(path));
	rc = new_file_open(&file, path, err);
	if (rc)
		return rc;
	fprintf(file.f, "%s\n",
		json_object_to_json_string_ext(info, JSON_C_TO_STRING_PRETTY |
							     JSON_C_TO_STRING_NOSLASHESCAPE));
	return new_file_publish(&file, err);
}

struct json_object *news_info_of(struct json_object *info, const char *text)
{
	struct json_object *sources = json_object_object_get(info, "sources"), *of;

	if (!json_object_is_type(sources, json_type_object)) {
		sources = json_object_new_object();
		json_object_object_add(info, "sources", sources);
	}
	of = json_object_object_get(sources, text);
	if (!json_object_is_type(of, json_type_object)) {
		of = json_object_new_object();
		json_object_object_add(sources, text, of);
	}
	return of;
}

static uint64_t get_number(struct json_object *of, const char *key)
{
	int64_t n = json_object_get_int64(json_object_object_get(of, key));

	return n > 0 ? (uint64_t)n : 0;
}

static void put_number(struct json_object *of, const char *key, uint64_t n)
{
	json_object_object_add(of, key, json_object_new_int64((int64_t)n));
}

void news_state_get(struct json_object *of, struct news_state *out)
{
	struct json_object *failure = json_object_object_get(of, "failure");

	*out = (struct news_state){
		.last_success = get_number(of, "last_success"),
		.last_failure = get_number(of, "last_failure"),
		.next_try = get_number(of, "next_try"),
		.failures = get_number(of, "failures"),
	};
	if (json_object_is_type(failure, json_type_string))
		snprintf(out->failure, sizeof(out->failure), "%s", json_object_get_string(failure));
}

void news_state_put(struct json_object *of, const struct news_state *s)
{
	put_number(of, "last_success", s->last_success);
	put_number(of, "last_failure", s->last_failure);
	put_number(of, "next_try", s->next_try);
	put_number(of, "failures", s->failures);
	json_object_object_add(of, "failure",
			       s->failure[0] ? json_object_new_string(s->failure) : NULL);
}

void news_state_read(const struct paths *paths, const struct policy *p, const struct news_source *s,
		     struct news_state *out)
{
	struct json_object *info = news_info_read(paths, p->lists[s->list].name, s->kind);

	news_state_get(news_info_of(info, policy_string(p, s->text)), out);
	json_object_put(info);
}

void news_sweep(const struct paths *paths)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *d;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/news", paths->state);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		size_t n = strlen(d->d_name), suffix = strlen(NEW_SUFFIX);

		if (n > suffix && !strcmp(d->d_name + n - suffix, NEW_SUFFIX))
			unlinkat(dirfd(dir), d->d_name, 0);
	}
}
