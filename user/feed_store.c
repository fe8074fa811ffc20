// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "feed_store.h"
#include "listfile.h"
#include "readfile.h"

#define FROM "# from "

enum { NEWS_LIMIT = 1 << 28 };

/* One source at work. */
struct store {
	const struct paths *paths;
	const struct policy *p;
	const struct news_source *s;
	const char *list, *text;
	char *shape;
	int lock;
	struct json_object *info, *of; /* of: the source's part, borrowed */
	struct news_state state;
	struct policy had; /* what the news file has of the source: labels point into it */
	struct feed_items before;
	struct error *err;
};

const char *feed_fate_name(enum feed_fate fate)
{
	static const char *const names[] = { "taken", "unchanged", "held", "failed" };

	return names[fate];
}

static uint64_t now(void)
{
	return (uint64_t)time(NULL);
}

static uint64_t jitter(uint64_t seconds)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return 0;
	return random % (seconds / 10 + 1);
}

static int take_lock(struct store *st)
{
	char path[PATH_MAX];
	int rc = make_directory(st->paths->run, st->err);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/feeds", st->paths->run);
	st->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (st->lock < 0 || flock(st->lock, LOCK_EX))
		return error_set(st->err, errno, "cannot lock %s: %s", path, strerror(errno));
	return 0;
}

/* Entries as items: labels stay where they are. Sorted. */
static int items_of(const struct policy *p, struct feed_items *items, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < p->base.n && !rc; i++) {
		const char *label = policy_string(p, p->base.v[i].label);
		struct feed_item item = { p->base.v[i].prefix, *label ? label : NULL,
					  strlen(label) };

		rc = feed_items_push(items, &item, err);
	}
	feed_items_sort(items);
	return rc;
}

/* A policy of nothing but this source, to read its news into. */
static int empty_policy(const struct store *st, struct policy *out)
{
	struct news_source source = { .kind = st->s->kind };

	out->lists = calloc(1, sizeof(*out->lists));
	if (!out->lists)
		return -ENOMEM;
	strcpy(out->lists[0].name, st->list);
	out->n_lists = 1;
	return policy_add_source(out, &source, st->text);
}

static int open_store(struct store *st, const struct paths *paths, const struct policy *p,
		      const struct news_source *s, struct error *err)
{
	int rc;

	*st = (struct store){ .paths = paths, .p = p, .s = s, .lock = -1, .err = err };
	st->list = p->lists[s->list].name;
	st->text = policy_string(p, s->text);
	st->shape = feed_shape_text(p, s);
	if (!st->shape || empty_policy(st, &st->had))
		return error_set(err, ENOMEM, "out of memory");
	rc = take_lock(st);
	if (rc)
		return rc;
	st->info = news_info_read(paths, st->list, s->kind);
	st->of = news_info_of(st->info, st->text);
	news_state_get(st->of, &st->state);
	rc = news_read_list(paths, &st->had, 0, err);
	return rc ? rc : items_of(&st->had, &st->before, err);
}

static void close_store(struct store *st)
{
	json_object_put(st->info);
	feed_items_free(&st->before);
	policy_free(&st->had);
	free(st->shape);
	if (st->lock >= 0)
		close(st->lock);
}

static const char *get_text(struct json_object *of, const char *key)
{
	struct json_object *value = json_object_object_get(of, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static void put_text(struct json_object *of, const char *key, const char *text)
{
	json_object_object_add(of, key, *text ? json_object_new_string(text) : NULL);
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

static bool same_shape(const struct store *st)
{
	return !strcmp(get_text(st->of, "shape"), st->shape);
}

/* ---- the files ---- */

/* Of another source, which the policy that runs may still have, or the one to come: one is kept. */
static char *other_section(const struct store *st)
{
	_cleanup_free_ char *data = NULL;
	const char *start = NULL, *line, *next;
	char path[PATH_MAX];
	struct error ignored;
	size_t size, n;

	news_path(st->paths, st->list, st->s->kind, path, sizeof(path));
	if (file_read_all(path, NEWS_LIMIT, &data, &size, &ignored))
		return NULL;
	for (line = data; *line; line = next) {
		n = strcspn(line, "\n");
		next = line + n + (line[n] == '\n');
		if (strncmp(line, FROM, strlen(FROM)))
			continue;
		if (start)
			break;
		line += strlen(FROM);
		n -= strlen(FROM);
		if (strlen(st->text) != n || memcmp(line, st->text, n))
			start = line - strlen(FROM);
	}
	return start ? strndup(start, (size_t)(line - start)) : NULL;
}

static void write_items(struct new_file *file, const struct feed_items *items)
{
	for (size_t i = 0; i < items->n; i++) {
		char label[POLICY_LABEL_MAX + 1] = "";
		const struct feed_item *item = &items->v[i];

		if (item->label_len && item->label_len < sizeof(label))
			memcpy(label, item->label, item->label_len);
		news_entry(file, &item->prefix, label);
	}
}

static int write_news(const struct store *st, const struct feed_items *items)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	_cleanup_free_ char *other = other_section(st);
	int rc;

	rc = news_open(&file, st->paths, st->list, st->s->kind, st->err);
	if (rc)
		return rc;
	news_section(&file, st->text);
	write_items(&file, items);
	if (other)
		fputs(other, file.f);
	return new_file_commit(&file, st->err);
}

static void held_path(const struct store *st, char *out, size_t n)
{
	char path[PATH_MAX - 8];

	news_path(st->paths, st->list, st->s->kind, path, sizeof(path));
	snprintf(out, n, "%s.held", path);
}

static int write_held(const struct store *st, const struct feed_items *items)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	char path[PATH_MAX];
	int rc;

	held_path(st, path, sizeof(path));
	rc = new_file_open(&file, path, st->err);
	if (rc)
		return rc;
	fprintf(file.f, "# Held until `allowxdp fetch --accept %s`.\n", st->list);
	news_section(&file, st->text);
	write_items(&file, items);
	return new_file_commit(&file, st->err);
}

static void drop_held(const struct store *st)
{
	char path[PATH_MAX];

	json_object_object_del(st->of, "held");
	held_path(st, path, sizeof(path));
	unlink(path);
}

/* ---- what becomes of an answer ---- */

static int finish(struct store *st, uint64_t wait, struct feed_report *report)
{
	st->state.next_try = report->next_try = now() + wait + jitter(wait);
	news_state_put(st->of, &st->state);
	return news_info_write(st->paths, st->list, st->s->kind, st->info, st->err);
}

/* Which of both was last is told from these, which are of whole seconds. */
static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static int finish_well(struct store *st, struct feed_report *report)
{
	st->state.last_success = later(now(), st->state.last_failure);
	st->state.failure[0] = '\0';
	put_number(st->of, "in_a_row", 0);
	return finish(st, st->s->numbers[FEED_NUMBER_REFRESH], report);
}

static int finish_badly(struct store *st, struct feed_report *report)
{
	uint64_t refresh = st->s->numbers[FEED_NUMBER_REFRESH];
	uint64_t in_a_row = get_number(st->of, "in_a_row") + 1;

	st->state.last_failure = later(now(), st->state.last_success + 1);
	st->state.failures++;
	snprintf(st->state.failure, sizeof(st->state.failure), "%.499s", report->reason);
	put_number(st->of, "in_a_row", in_a_row);
	report->entries = st->before.n;
	/* The server is well, where something is held. */
	return finish(st, report->fate == FATE_HELD ? refresh : feed_backoff(in_a_row, refresh),
		      report);
}

static int failed(struct store *st, const char *reason, struct feed_report *report)
{
	report->fate = FATE_FAILED;
	snprintf(report->reason, sizeof(report->reason), "%.511s", reason);
	return finish_badly(st, report);
}

/* How many of `these` are not among `those`. */
static size_t not_among(const struct feed_items *these, const struct feed_items *those)
{
	size_t n = 0, at = 0;

	for (size_t i = 0; i < these->n; i++) {
		while (at < those->n &&
		       prefix_compare(&those->v[at].prefix, &these->v[i].prefix) < 0)
			at++;
		n += at == those->n || prefix_compare(&those->v[at].prefix, &these->v[i].prefix);
	}
	return n;
}

static bool same_items(const struct feed_items *a, const struct feed_items *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct feed_item *x = &a->v[i], *y = &b->v[i];

		if (prefix_compare(&x->prefix, &y->prefix) || x->label_len != y->label_len ||
		    (x->label_len && memcmp(x->label, y->label, x->label_len)))
			return false;
	}
	return true;
}

/* Entries first, then what would make the server say that they are still the same. */
static int keep(struct store *st, const struct feed_items *items, const char *etag,
		const char *modified, struct feed_report *report)
{
	bool same = same_items(items, &st->before);
	int rc = same ? 0 : write_news(st, items);

	if (rc)
		return rc;
	report->fate = same ? FATE_UNCHANGED : FATE_TAKEN;
	report->entries = items->n;
	put_text(st->of, "etag", etag);
	put_text(st->of, "modified", modified);
	put_text(st->of, "shape", st->shape);
	drop_held(st);
	return finish_well(st, report);
}

static int hold(struct store *st, const struct feed_answer *a, const char *why,
		struct feed_report *report)
{
	struct json_object *held = json_object_object_get(st->of, "held");
	uint64_t since = held ? get_number(held, "since") : now();
	int rc = write_held(st, &a->items);

	if (rc)
		return rc;
	report->fate = FATE_HELD;
	snprintf(report->reason, sizeof(report->reason),
		 "%.300s: held until it grows again, or `allowxdp fetch --accept %s`", why,
		 st->list);
	held = json_object_new_object();
	put_number(held, "since", since);
	put_number(held, "entries", a->items.n);
	put_text(held, "etag", a->etag);
	put_text(held, "modified", a->modified);
	put_text(held, "shape", st->shape);
	json_object_object_add(st->of, "held", held);
	return finish_badly(st, report);
}

static int judge(struct store *st, const struct feed_answer *a, struct feed_report *report)
{
	struct feed_limits limits = feed_limits_of(st->s);
	struct error why;
	int rc;

	if (feed_guard_content(&a->items, &limits, &why))
		return failed(st, why.text, report);
	report->came = not_among(&a->items, &st->before);
	report->went = not_among(&st->before, &a->items);
	rc = same_shape(st) ? feed_guard_shrink(&st->before, &a->items, &limits, &why) : 0;
	return rc ? hold(st, a, why.text, report)
		  : keep(st, &a->items, a->etag, a->modified, report);
}

int feed_store_take(const struct paths *paths, const struct policy *p, const struct news_source *s,
		    const struct feed_answer *a, struct feed_report *report, struct error *err)
{
	struct store st;
	int rc = open_store(&st, paths, p, s, err);

	*report = (struct feed_report){ .fate = FATE_FAILED };
	if (rc)
		snprintf(report->reason, sizeof(report->reason), "%.500s", err->text);
	else if (a->outcome == FEED_NEW)
		rc = judge(&st, a, report);
	else if (a->outcome == FEED_SAME && st.before.n)
		rc = keep(&st, &st.before, get_text(st.of, "etag"), get_text(st.of, "modified"),
			  report);
	else
		rc = failed(&st, *a->reason ? a->reason : "nothing came", report);
	close_store(&st);
	return rc;
}

void feed_store_recall(const struct paths *paths, const struct policy *p,
		       const struct news_source *s, struct feed_conditions *out)
{
	struct error ignored;
	struct store st;

	*out = (struct feed_conditions){ 0 };
	if (!open_store(&st, paths, p, s, &ignored) && st.before.n && same_shape(&st)) {
		snprintf(out->etag, sizeof(out->etag), "%s", get_text(st.of, "etag"));
		snprintf(out->modified, sizeof(out->modified), "%s", get_text(st.of, "modified"));
	}
	close_store(&st);
}

uint64_t feed_store_wait(const struct paths *paths, const struct policy *p,
			 const struct news_source *s)
{
	uint64_t time = now(), wait = 0;
	struct error ignored;
	struct store st;

	if (!open_store(&st, paths, p, s, &ignored) && same_shape(&st) && st.state.next_try > time)
		wait = st.state.next_try - time;
	close_store(&st);
	/* The clock may have been set back. */
	return wait > 2 * s->numbers[FEED_NUMBER_REFRESH] ? 0 : wait;
}

/* ---- what is held ---- */

static int nothing_held(const struct store *st)
{
	return error_set(st->err, ENOENT,
			 "nothing is held of list \"%s\": see `allowxdp status` for what is",
			 st->list);
}

static int accept(struct store *st, struct feed_report *report)
{
	struct json_object *held = json_object_object_get(st->of, "held");
	struct feed_items items _cleanup_feed_items_ = { 0 };
	struct policy news _cleanup_policy_ = { 0 };
	char path[PATH_MAX], etag[FEED_ETAG_MAX], modified[FEED_MODIFIED_MAX];
	int rc;

	if (!held)
		return nothing_held(st);
	if (strcmp(get_text(held, "shape"), st->shape))
		return error_set(st->err, ESTALE,
				 "what is held of list \"%s\" was read with other options: run "
				 "`allowxdp fetch %s`",
				 st->list, st->list);
	held_path(st, path, sizeof(path));
	rc = list_file_read(&news, &news.base, path, 0, 0, st->err);
	if (!rc)
		rc = items_of(&news, &items, st->err);
	if (rc)
		return rc;
	report->came = not_among(&items, &st->before);
	report->went = not_among(&st->before, &items);
	snprintf(etag, sizeof(etag), "%s", get_text(held, "etag"));
	snprintf(modified, sizeof(modified), "%s", get_text(held, "modified"));
	return keep(st, &items, etag, modified, report);
}

int feed_store_accept(const struct paths *paths, const struct policy *p,
		      const struct news_source *s, struct feed_report *report, struct error *err)
{
	struct store st;
	int rc = open_store(&st, paths, p, s, err);

	*report = (struct feed_report){ .fate = FATE_FAILED };
	if (!rc)
		rc = accept(&st, report);
	close_store(&st);
	return rc;
}

void feed_store_held(const struct paths *paths, const struct policy *p, const struct news_source *s,
		     struct feed_held *out)
{
	struct json_object *info = news_info_read(paths, p->lists[s->list].name, s->kind), *held;

	held = json_object_object_get(news_info_of(info, policy_string(p, s->text)), "held");
	*out = (struct feed_held){ 0 };
	if (held)
		*out = (struct feed_held){ get_number(held, "since"), get_number(held, "entries") };
	json_object_put(info);
}
