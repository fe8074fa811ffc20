// SPDX-License-Identifier: GPL-2.0-or-later
/* The state files of hits: "=== changes" divides STATE/hits from STATE/hits.changes. */
#include <errno.h>
#include "hits_changes.h"
#include "hits_state.h"
#include "readfile.h"
#include "target.h"

#define DIVIDES "=== changes\n"

static void check_hits(const struct hits *h)
{
	for (size_t i = 0; i < h->n; i++)
		fuzz_check(h->v[i].list < h->n_names && h->v[i].service < h->n_names &&
			   h->v[i].prefix.len <= prefix_max_len(h->v[i].prefix.family));
	for (size_t i = 1; i < h->n; i++)
		fuzz_check(prefix_compare(&h->v[i - 1].prefix, &h->v[i].prefix) <= 0);
	for (size_t i = 0; i < h->n_known; i++)
		fuzz_check(h->known[i].list < h->n_names);
	for (size_t i = 0; i < h->n_lists; i++)
		fuzz_check(h->lists[i].list < h->n_names);
	fuzz_check(h->n_merged <= HITS_MERGED_MAX);
}

static char *written(const struct hits *h)
{
	struct error err = { "" };
	char *text = NULL;
	size_t n;

	fuzz_check(!hits_write(fuzz_paths(), h, &err));
	fuzz_check(!file_read_all(fuzz_path("hits"), 64 << 20, &text, &n, &err));
	return text;
}

/* What is written of what was read, and of that in its turn, is the same. */
static void again(const struct hits *h)
{
	_cleanup_free_ char *first = written(h), *second = NULL;
	struct hits copy _cleanup_hits_ = { 0 };
	struct error err = { "" };

	if (hits_read(fuzz_paths(), &copy, &err))
		fuzz_fails(err.text, __LINE__);
	second = written(&copy);
	fuzz_check(!strcmp(first, second));
}

static void read_changes(struct hits *h)
{
	struct hits_changes changes _cleanup_hits_changes_ = { 0 };
	struct policy p _cleanup_policy_ = { 0 };
	struct policy seen = { 0 };

	fuzz_policy(&p);
	fuzz_check(!hits_changes_read(fuzz_paths(), &changes));
	for (size_t i = 0; i < changes.n; i++)
		fuzz_check(changes.v[i].prefix.len <= prefix_max_len(changes.v[i].prefix.family));
	fuzz_check(!hits_changes_follow(&changes, h));
	fuzz_check(!hits_changes_seen(&changes, &p, &seen));
	for (size_t i = 1; i < seen.added.n; i++) /* the same one may have gone twice */
		fuzz_check(prefix_compare(&seen.added.v[i - 1].prefix, &seen.added.v[i].prefix) <=
			   0);
	free(seen.added.v);
}

void fuzz_hits(const uint8_t *data, size_t n)
{
	const uint8_t *changes = memmem(data, n, DIVIDES, strlen(DIVIDES));
	size_t n_hits = changes ? (size_t)(changes - data) : n;
	struct hits h _cleanup_hits_ = { 0 };
	struct error err = { "" };
	int rc;

	fuzz_write("hits", data, n_hits);
	if (changes)
		changes += strlen(DIVIDES);
	fuzz_write("hits.changes", changes ? changes : data,
		   changes ? (size_t)(data + n - changes) : 0);
	rc = hits_read(fuzz_paths(), &h, &err);
	if (rc) {
		fuzz_check(rc == -EINVAL);
		fuzz_one_line(&err);
		hits_free(&h);
		h = (struct hits){ 0 };
	} else {
		check_hits(&h);
		again(&h);
	}
	read_changes(&h);
}
