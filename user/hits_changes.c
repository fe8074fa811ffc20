// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cleanup.h"
#include "hits_changes.h"
#include "readfile.h"

enum {
	FILE_MAX = 128 << 10, /* bytes, then it is time to fold */
	WAIT_MAX = 3600,      /* seconds since the last fold, likewise */
	PLAN_MAX = 1000,      /* changes at once */
	LINE_MAX_BYTES = POLICY_NAME_MAX + PREFIX_TEXT_MAX + 32,
};

static void changes_path(const struct paths *paths, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/hits.changes", paths->state);
}

void hits_changes_free(struct hits_changes *c)
{
	free(c->v);
	*c = (struct hits_changes){ 0 };
}

static int push(struct hits_changes *c, const struct hits_change *change)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		struct hits_change *v = reallocarray(c->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = *change;
	return 0;
}

/* "removed LIST PREFIX SECONDS". A line that was cut is none. */
static bool parse(const char *line, struct hits_change *out)
{
	char what[8], prefix[PREFIX_TEXT_MAX + 2], end;
	struct error ignored;
	const char *text = prefix;

	_Static_assert(POLICY_NAME_MAX == 63 && PREFIX_TEXT_MAX >= 48, "widths below");
	*out = (struct hits_change){ 0 };
	if (sscanf(line, "%7s %63s %48s %u%c", what, out->list, prefix, &out->when, &end) != 5 ||
	    end != '\n')
		return false;
	out->removed = !strcmp(what, "removed");
	out->carve = *text == '!';
	text += out->carve;
	return (out->removed || !strcmp(what, "added")) &&
	       !prefix_parse(text, strlen(text), &out->prefix, &ignored);
}

int hits_changes_read(const struct paths *paths, struct hits_changes *out)
{
	_cleanup_fclose_ FILE *f = NULL;
	struct hits_change change;
	char path[PATH_MAX], line[LINE_MAX_BYTES];

	*out = (struct hits_changes){ 0 };
	changes_path(paths, path);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (parse(line, &change) && push(out, &change)) {
			hits_changes_free(out);
			return -ENOMEM;
		}
	}
	return 0;
}

static void print(FILE *f, const struct policy *p, const struct entry *e, bool removed,
		  uint32_t now)
{
	char text[PREFIX_TEXT_MAX];

	fprintf(f, "%s %s %s%s %u\n", removed ? "removed" : "added", p->lists[e->list].name,
		e->flags & ENTRY_CARVE ? "!" : "", prefix_text(&e->prefix, text), now);
}

/* All lines at once, behind what a killed command may have left of one. */
static int append(const struct paths *paths, const char *text, size_t n)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	changes_path(paths, path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	return write(fd, text, n) == (ssize_t)n ? 0 : -EIO;
}

int hits_changes_note(const struct paths *paths, const struct policy *p, const struct entry *e,
		      bool removed, uint32_t now)
{
	_cleanup_free_ char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		return -ENOMEM;
	fputc('\n', f);
	print(f, p, e, removed, now);
	return fclose(f) ? -ENOMEM : append(paths, text, n);
}

int hits_changes_note_plan(const struct paths *paths, const struct plan *plan, uint32_t now)
{
	const struct plan_entries *added = &plan->added, *removed = &plan->removed;
	_cleanup_free_ char *text = NULL;
	size_t n;
	FILE *f;

	if (added->n + removed->n > PLAN_MAX)
		return -E2BIG;
	if (!added->n && !removed->n)
		return 0;
	f = open_memstream(&text, &n);
	if (!f)
		return -ENOMEM;
	fputc('\n', f);
	for (size_t i = 0; i < added->n; i++)
		print(f, added->v[i].policy, added->v[i].entry, false, now);
	for (size_t i = 0; i < removed->n; i++)
		print(f, removed->v[i].policy, removed->v[i].entry, true, now);
	return fclose(f) ? -ENOMEM : append(paths, text, n);
}

bool hits_changes_may_wait(const struct paths *paths, uint32_t now)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/hits", paths->state);
	if (stat(path, &st) || st.st_mtime > (time_t)now || now - st.st_mtime > WAIT_MAX)
		return false;
	changes_path(paths, path);
	return stat(path, &st) ? errno == ENOENT : st.st_size < FILE_MAX;
}

void hits_changes_forget(const struct paths *paths)
{
	char path[PATH_MAX];

	changes_path(paths, path);
	unlink(path);
}

int hits_changes_follow(const struct hits_changes *c, struct hits *h)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct hits_change *change = &c->v[i];
		struct known known = { .prefix = change->prefix, .since = change->when };
		int list;

		if (change->removed || change->carve)
			continue;
		list = hits_name(h, change->list);
		known.list = (uint16_t)list;
		if (list < 0 || hits_push_known(h, &known))
			return -ENOMEM;
	}
	hits_sort_known(h);
	return 0;
}

static int by_prefix(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	return order ? order : (int)x->list - (int)y->list;
}

int hits_changes_seen(const struct hits_changes *c, const struct policy *p, struct policy *seen)
{
	struct entries *added = &seen->added;

	*seen = *p;
	*added = (struct entries){ .cap = p->added.n + c->n + 1 };
	added->v = calloc(added->cap, sizeof(*added->v));
	if (!added->v)
		return -ENOMEM;
	if (p->added.n)
		memcpy(added->v, p->added.v, p->added.n * sizeof(*added->v));
	added->n = p->added.n;
	for (size_t i = 0; i < c->n; i++) {
		const struct hits_change *change = &c->v[i];
		int list = policy_find_list(p, change->list);

		/* In the second in which it went packets still came to it. */
		if (change->removed && list >= 0)
			added->v[added->n++] = (struct entry){
				.prefix = change->prefix,
				.list = (uint16_t)list,
				.flags = change->carve ? ENTRY_CARVE : 0,
				.until = change->when + 1,
			};
	}
	if (added->n > p->added.n)
		qsort(added->v, added->n, sizeof(*added->v), by_prefix);
	return 0;
}
