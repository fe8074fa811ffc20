// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "cleanup.h"
#include "config.h"
#include "counters.h"
#include "generation.h"
#include "running.h"
#include "snapshot.h"
#include "state.h"

enum { OPEN_TRIES = 20 };

void running_close(struct running *r)
{
	policy_free(&r->policy);
	instance_close(&r->instance);
}

int running_open(struct running *r, const struct paths *paths, struct error *err)
{
	int rc = -EAGAIN;

	*r = (struct running)RUNNING_EMPTY;
	for (int n = 0; rc && n < OPEN_TRIES; n++) {
		rc = instance_open(&r->instance, paths, err);
		if (rc)
			return rc;
		r->active = instance_active(&r->instance);
		rc = snapshot_read(paths, AXP_ACTIVE_GENERATION(r->active), &r->policy, err);
		if (rc)
			running_close(r);
	}
	if (rc)
		return -ENODATA;
	rc = state_read(paths, &r->policy, false, err);
	if (rc)
		running_close(r);
	return rc;
}

/* Says that the state files may be ahead of the kernel; gone when they agree again. */
static void marker_path(const struct paths *paths, char *out, size_t n)
{
	snprintf(out, n, "%s/changing", paths->run);
}

static int marker_set(const struct paths *paths, struct error *err)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;

	marker_path(paths, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? error_set(err, errno, "cannot write %s: %s", path, strerror(errno)) : 0;
}

static bool marker_is_set(const struct paths *paths)
{
	char path[PATH_MAX];

	marker_path(paths, path, sizeof(path));
	return !access(path, F_OK);
}

static void marker_clear(const struct paths *paths)
{
	char path[PATH_MAX];

	marker_path(paths, path, sizeof(path));
	unlink(path);
}

/* Fills and flips a generation; the slots of `next` are assigned. */
static int install(struct instance *i, const struct policy *next, uint32_t mode, struct error *err)
{
	uint64_t generation = AXP_ACTIVE_GENERATION(instance_active(i)) + 1;
	int slot = generation_fill(i, next, err);
	int rc;

	if (slot < 0)
		return slot;
	rc = snapshot_write(i->paths, generation, next, err);
	if (rc)
		return rc;
	generation_flip(i, (uint32_t)slot, mode);
	marker_clear(i->paths);
	snapshot_prune(i->paths, generation);
	generation_prune(i);
	return 0;
}

int running_open_to_change(struct running *r, const struct paths *paths, struct error *err)
{
	int rc = running_open(r, paths, err);

	if (rc || !marker_is_set(paths))
		return rc;
	rc = install(&r->instance, &r->policy, AXP_ACTIVE_MODE(r->active), err);
	running_close(r);
	return rc ? rc : running_open(r, paths, err);
}

int running_open_to_replace(struct running *r, const struct paths *paths, struct error *err)
{
	int rc = running_open_to_change(r, paths, err);

	if (rc != -ENODATA)
		return rc;
	warn_line("%s", err->text);
	rc = instance_open(&r->instance, paths, err);
	if (!rc)
		r->active = instance_active(&r->instance);
	return rc;
}

int policy_read_files(const struct paths *paths, const char *config, struct policy *p,
		      struct error *err)
{
	int rc = config_read(p, config, err);

	return rc ? rc : state_read(paths, p, true, err);
}

int policy_check_empty(const struct policy *p, uint32_t mode, bool force, struct error *err)
{
	struct list_size sizes[POLICY_MAX_LISTS];

	policy_list_sizes(p, sizes);
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (!policy_service_empty(p, s, sizes))
			continue;
		if (mode == AXP_MODE_ENFORCE && !force)
			return error_set(
				err, EPERM,
				"service %s has no entry in any of its lists, so that enforcing "
				"would drop everyone: add entries, use monitor mode, or --force",
				s->name);
		warn_line("service %s has no entry in any of its lists: everyone %s dropped",
			  s->name, mode == AXP_MODE_ENFORCE ? "is" : "would be");
	}
	return 0;
}

int policy_check_emptied(const struct policy *p, int list, uint32_t mode, bool force,
			 struct error *err)
{
	struct list_size sizes[POLICY_MAX_LISTS];

	if (mode != AXP_MODE_ENFORCE || force)
		return 0;
	policy_list_sizes(p, sizes);
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (s->allow[list / 64] >> (list % 64) & 1 && policy_service_empty(p, s, sizes))
			return error_set(
				err, EPERM,
				"that was the last entry of service %s, and without any it would "
				"drop everyone: add another one first, or use --force",
				s->name);
	}
	return 0;
}

/* Counters of a slot that changes its owner begin at zero. */
static int reset_counters(const struct instance *i, const struct policy *next,
			  const struct policy *previous, struct error *err)
{
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(i->paths, names, ARRAY_SIZE(names));

	for (size_t s = 0; s < next->n_services; s++) {
		int was = policy_find_service(previous, next->services[s].name);

		if (was >= 0 && previous->services[was].slot == next->services[s].slot)
			continue;
		for (size_t k = 0; k < n; k++) {
			int rc = counters_reset_service(i->paths, names[k], next->services[s].slot,
							err);

			if (rc)
				return rc;
		}
	}
	return 0;
}

int policy_apply(struct instance *i, struct policy *next, const struct policy *previous,
		 uint32_t mode, struct error *err)
{
	int rc = policy_assign_slots(next, previous, err);

	if (!rc && previous)
		rc = reset_counters(i, next, previous, err);
	return rc ? rc : install(i, next, mode, err);
}

/* The nodes at and below `prefix`, with these entries as the added ones. */
static int nodes_with(const struct policy *p, const struct entries *added,
		      const struct prefix *prefix, struct nodes *out)
{
	struct policy view = *p; /* borrows everything */

	view.added = *added;
	return compile_within(&view, prefix, out);
}

static int change_kernel(struct running *r, const struct nodes *before, const struct nodes *after,
			 struct error *err)
{
	_cleanup_changes_ struct changes forth = { 0 }, back = { 0 };
	struct error ignored;
	int rc;

	if (nodes_diff(before, after, &forth) || nodes_diff(after, before, &back))
		return error_set(err, ENOMEM, "out of memory");
	rc = generation_change(&r->instance, &forth, err);
	if (rc)
		generation_change(&r->instance, &back, &ignored);
	return rc;
}

int policy_apply_entry(struct running *r, const struct entries *before, const struct prefix *prefix,
		       int list, struct error *err)
{
	const struct paths *paths = r->instance.paths;
	_cleanup_nodes_ struct nodes old = { 0 }, new = { 0 };
	struct error ignored;
	int rc;

	if (nodes_with(&r->policy, before, prefix, &old) ||
	    nodes_with(&r->policy, &r->policy.added, prefix, &new))
		return error_set(err, ENOMEM, "out of memory");
	rc = marker_set(paths, err);
	if (rc)
		return rc;
	rc = state_write(paths, &r->policy, list, err);
	if (!rc)
		rc = change_kernel(r, &old, &new, err);
	if (rc) {
		struct policy view = r->policy; /* borrows everything */

		view.added = *before;
		if (state_write(paths, &view, list, &ignored))
			return rc; /* the marker stays: the next command converges */
	}
	marker_clear(paths);
	return rc;
}
