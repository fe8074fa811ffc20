// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "cleanup.h"
#include "generation.h"
#include "slot.h"
#include "trie.h"

/* A change under way in one slot and family. */
struct work {
	const struct instance *instance;
	const struct policy *policy;
	const struct prefix *prefixes; /* of both families */
	size_t n;
	const struct changes *changes; /* likewise */
	uint32_t slot;
	uint8_t family;
	struct directory_pages pages;
	struct directory directory; /* mapped from the pages */
	int trie;                   /* -1: not opened, or there is none */
	uint32_t *old;              /* keys of map `timed` that no node has any more */
	size_t n_old;
};

static void work_free(struct work *w)
{
	directory_unmap(&w->directory);
	directory_pages_close(&w->pages);
	cleanup_close(&w->trie);
	free(w->old);
}

static int map_again(struct work *w)
{
	directory_unmap(&w->directory);
	return directory_map(&w->directory, &w->pages);
}

/* IPv6's first prefix. */
static int start_directory(struct work *w)
{
	_cleanup_directory_ struct directory empty = { .family = AXP_IPV6 };
	const struct nodes none = { .n = 0 };
	int rc = directory_build(&empty, &none, 0, 0);

	if (!rc)
		rc = directory_pages_fill(&w->pages, &empty);
	return rc ? rc : slot_put_pages(w->instance, &w->pages, 0);
}

static int open_directory(struct work *w)
{
	int rc = slot_open_pages(w->instance, &w->pages);

	if (!rc && w->family == AXP_IPV6 && !w->pages.n)
		rc = start_directory(w);
	return rc ? rc : map_again(w);
}

static int open_trie(struct work *w, bool make)
{
	if (w->trie < 0)
		w->trie = slot_open_trie(w->instance, w->family, w->slot, make);
	return w->trie < 0 ? w->trie : 0;
}

static bool is_asked(const struct work *w, const struct change *c)
{
	return c->node.prefix.family == w->family && !c->remove &&
	       directory_asks(&w->directory, &c->node);
}

static bool was_asked(const struct work *w, const struct change *c)
{
	return c->node.prefix.family == w->family && c->known &&
	       directory_asks(&w->directory, &c->old);
}

static void note_old(struct work *w, const struct prefix *prefix)
{
	uint32_t key = trie_timed(w->trie, prefix);

	if (key)
		w->old[w->n_old++] = key;
}

/* What the directory will ask about must be there before it does. */
static int set_nodes(struct work *w)
{
	int rc = 0;

	for (size_t n = 0; !rc && n < w->changes->n; n++) {
		const struct change *c = &w->changes->v[n];

		if (!is_asked(w, c))
			continue;
		rc = open_trie(w, true);
		if (!rc && was_asked(w, c))
			note_old(w, &c->node.prefix);
		if (!rc)
			rc = trie_set(w->instance, w->trie, &c->node, c->steps);
	}
	return rc;
}

static int change_within(struct work *w, const struct prefix *prefix)
{
	int rc;

	while ((rc = directory_change(&w->directory, w->policy, prefix)) == -ENOSPC) {
		rc = slot_add_pages(w->instance, w->pages.n ? w->pages.n : 1, &w->pages);
		if (!rc)
			rc = map_again(w);
		if (rc)
			return rc;
	}
	return rc;
}

static int change_directory(struct work *w)
{
	int rc = 0;

	for (size_t n = 0; !rc && n < w->n; n++) {
		if (w->prefixes[n].family == w->family)
			rc = change_within(w, &w->prefixes[n]);
	}
	return rc;
}

/* What the directory asks about no more; packets under way may have been sent here by it still. */
static int delete_nodes(struct work *w)
{
	bool waited = false;
	int rc = 0;

	for (size_t n = 0; !rc && n < w->changes->n; n++) {
		const struct change *c = &w->changes->v[n];

		if (is_asked(w, c) || !was_asked(w, c))
			continue;
		rc = open_trie(w, false);
		if (!rc && !waited)
			rc = wait_for_packets(w->instance);
		waited = true;
		if (rc)
			return rc == -ENOENT ? 0 : rc;
		note_old(w, &c->node.prefix);
		rc = trie_delete(w->trie, &c->node.prefix);
	}
	return rc;
}

static void delete_old_steps(struct work *w)
{
	if (!w->n_old || wait_for_packets(w->instance))
		return;
	for (size_t n = 0; n < w->n_old; n++)
		bpf_map_delete_elem(w->instance->maps[MAP_TIMED], &w->old[n]);
}

static bool concerns(const struct prefix *prefixes, size_t n, uint8_t family)
{
	for (size_t i = 0; i < n; i++) {
		if (prefixes[i].family == family)
			return true;
	}
	return false;
}

struct works {
	struct work v[2]; /* one for each family that is concerned */
	size_t n;
};

static void works_free(struct works *all)
{
	for (size_t k = 0; k < all->n; k++)
		work_free(&all->v[k]);
}

static int prepare(struct work *w)
{
	int rc = w->old ? open_directory(w) : -ENOMEM;

	return rc ? rc : set_nodes(w);
}

static int clean_up(struct work *w, bool *wasteful)
{
	int rc = delete_nodes(w);

	if (rc)
		return rc;
	delete_old_steps(w);
	*wasteful |= directory_wasteful(&w->directory);
	return 0;
}

/* Directories change together, with no system call in between where one could be killed. */
static int change_all(struct works *all, bool *wasteful)
{
	int rc = 0;

	for (size_t k = 0; !rc && k < all->n; k++)
		rc = prepare(&all->v[k]);
	for (size_t k = 0; !rc && k < all->n; k++)
		rc = change_directory(&all->v[k]);
	for (size_t k = 0; !rc && k < all->n; k++)
		rc = clean_up(&all->v[k], wasteful);
	return rc;
}

int generation_change(struct instance *i, uint32_t slot, const struct policy *p,
		      const struct prefix *prefixes, size_t n, const struct changes *changes,
		      bool *wasteful, struct error *err)
{
	static const uint8_t families[] = { AXP_IPV4, AXP_IPV6 };
	struct works all _cleanup_(works_free) = { .n = 0 };
	int rc;

	for (size_t k = 0; k < ARRAY_SIZE(families); k++) {
		if (!concerns(prefixes, n, families[k]))
			continue;
		all.v[all.n++] = (struct work){
			.instance = i,
			.policy = p,
			.prefixes = prefixes,
			.n = n,
			.changes = changes,
			.slot = slot,
			.family = families[k],
			.pages = slot_pages(i, families[k], slot),
			.trie = -1,
			.old = calloc(changes->n + 1, sizeof(uint32_t)),
		};
	}
	rc = change_all(&all, wasteful);
	return rc ? error_set(err, -rc, "cannot change what is loaded: %s", strerror(-rc)) : 0;
}
