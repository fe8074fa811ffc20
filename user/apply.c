// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "apply.h"
#include "cleanup.h"
#include "counters.h"
#include "counters_layout.h"
#include "flows.h"
#include "generation.h"
#include "snapshot.h"
#include "top_sources.h"
#include "totals.h"

#define NANOSECONDS 1000000000ULL

enum { LEARN_MS = 300 /* some packets of every call: RTP comes every 20 to 60 ms */ };

/* Says that the state files may be ahead of the kernel; gone when they agree again. */
static void marker_path(const struct paths *paths, char *out, size_t n)
{
	snprintf(out, n, "%s/changing", paths->run);
}

int marker_set(const struct paths *paths, struct error *err)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;

	marker_path(paths, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? error_set(err, errno, "cannot write %s: %s", path, strerror(errno)) : 0;
}

bool marker_is_set(const struct paths *paths)
{
	char path[PATH_MAX];

	marker_path(paths, path, sizeof(path));
	return !access(path, F_OK);
}

void marker_clear(const struct paths *paths)
{
	char path[PATH_MAX];

	marker_path(paths, path, sizeof(path));
	unlink(path);
}

/* Sets the word, and what to fall back to if it must be confirmed. */
static void set_word(struct instance *i, uint64_t word, uint64_t fallback, uint32_t confirm)
{
	if (confirm)
		instance_set_pending(i, word, fallback, boot_time() + confirm * NANOSECONDS);
	else
		instance_set_active(i, word);
}

/*
 * Before enforcing: for a moment nothing is dropped, and whomever this host sends to is taken for a
 * peer of its own choice, also one who sent first; and what the socket tables know is entered. So
 * calls in progress go on. Who began a UDP flow that is there already, nobody can tell: one who
 * talks with this host in that very moment goes on until it falls silent.
 */
static void learn_flows(struct instance *i, const struct policy *p, uint64_t word)
{
	const struct timespec moment = { .tv_nsec = LEARN_MS * 1000000L };
	uint64_t learn =
		AXP_ACTIVE(AXP_ACTIVE_GENERATION(word), AXP_MODE_LEARN, AXP_ACTIVE_SLOT(word));
	struct error why;

	instance_set_active(i, learn);
	if (flows_seed(i, p, &why))
		warn_line("connections that this host has open now may be cut off: %s", why.text);
	nanosleep(&moment, NULL);
}

static bool begins_to_enforce(uint64_t before, uint32_t mode)
{
	return mode == AXP_MODE_ENFORCE && AXP_ACTIVE_MODE(before) != AXP_MODE_ENFORCE;
}

/* Fills and flips a generation; the slots of `next` are assigned. */
int policy_install(struct instance *i, const struct policy *next, const struct apply *how,
		   bool first, struct error *err)
{
	uint64_t before = instance_active(i), fallback, word;
	int slot = generation_fill(i, next, err);
	int rc;

	if (slot < 0)
		return slot;
	word = generation_word(i, (uint32_t)slot, how->mode);
	fallback = before;
	if (first) /* everything passes, and this is the policy that can be enforced again */
		fallback = word_with_mode(word, AXP_MODE_OFF);
	rc = snapshot_write(i->paths, AXP_ACTIVE_GENERATION(word), next, err);
	if (rc) {
		generation_prune(i);
		return rc;
	}
	if (begins_to_enforce(before, how->mode))
		learn_flows(i, next, word);
	set_word(i, word, fallback, how->confirm);
	marker_clear(i->paths);
	snapshot_prune(i->paths, AXP_ACTIVE_GENERATION(word),
		       how->confirm ? AXP_ACTIVE_GENERATION(fallback) : 0);
	generation_prune(i);
	return 0;
}

void mode_apply(struct running *r, const struct apply *how)
{
	uint64_t word = word_with_mode(r->active, how->mode);

	if (begins_to_enforce(r->active, how->mode))
		learn_flows(&r->instance, &r->policy, word);
	/* A change that waits to be confirmed must not bring another mode back later. */
	if (r->deadline)
		instance_set_fallback_mode(&r->instance, how->mode);
	set_word(&r->instance, word, r->active, how->confirm);
}

int refuse_pending(const struct running *r, struct error *err)
{
	uint64_t now = boot_time();

	if (!r->deadline)
		return 0;
	return error_set(
		err, EBUSY,
		"a change waits to be confirmed (%llu s are left): run `allowxdp confirm` or "
		"`allowxdp rollback` first",
		(unsigned long long)(r->deadline > now ? (r->deadline - now) / NANOSECONDS : 0));
}

/* Counters of a slot that changes its owner begin at zero. */
static int reset_counters(const struct instance *i, const struct policy *next,
			  const struct policy *previous, struct error *err)
{
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(i->paths, names, ARRAY_SIZE(names));

	for (size_t s = 0; s < next->n_services; s++) {
		int was = policy_find_service(previous, next->services[s].name), rc;

		if (was >= 0 && previous->services[was].slot == next->services[s].slot)
			continue;
		for (size_t k = 0; k < n; k++) {
			rc = counters_reset_service(i->paths, names[k], next->services[s].slot,
						    err);
			if (rc)
				return rc;
		}
		if (top_sources_forget(i, next->services[s].slot, err))
			return -EIO;
		rc = totals_reset_service(i, next->services[s].slot, err);
		if (rc)
			return rc;
	}
	return 0;
}

int policy_apply(struct instance *i, struct policy *next, const struct policy *previous,
		 const struct apply *how, struct error *err)
{
	int rc = policy_assign_slots(next, previous, err);

	if (!rc && previous && previous->config &&
	    previous->settings.flow_capacity != next->settings.flow_capacity)
		warn_line("flows: capacity: %u is taken when the instance is next unloaded and "
			  "loaded",
			  next->settings.flow_capacity);
	if (!rc && previous)
		rc = reset_counters(i, next, previous, err);
	if (!rc)
		rc = counters_layout_write(i->paths, next, previous, err);
	if (rc || policy_change_entries(i, next, previous, how, &rc, err))
		return rc;
	return policy_install(i, next, how, !previous, err);
}
