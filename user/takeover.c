// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "allowxdp.skel.h"
#include "cleanup.h"
#include "counters.h"
#include "counters_layout.h"
#include "flows.h"
#include "generation.h"
#include "kept_counters.h"
#include "renew.h"
#include "snapshot.h"
#include "takeover.h"
#include "totals.h"

#define ASIDE "/next"

enum { TAKEN = 0 /* no version's ABI */ };

struct takeover {
	const struct paths *paths;
	struct paths aside; /* the same, with pins elsewhere */
	struct instance fresh;
	uint64_t word; /* what fresh goes by when it is filled */
	const struct policy *previous;
	struct policy *next;
	char interfaces[POLICY_MAX_INTERFACES][16];
	size_t n_interfaces;
	bool alike[POLICY_MAX_INTERFACES]; /* the counters go on as they are */
	struct renewals renewals;
};

static void takeover_free(struct takeover *t)
{
	renewals_free(&t->renewals);
	instance_close(&t->fresh);
	if (!t->aside.pins[0])
		return;
	instance_destroy(&t->aside);
	rmdir(t->aside.pins);
}

int takeover_check(const struct running *r, uint32_t confirm, struct error *err)
{
	const char *instance = r->instance.paths->instance;

	if (!r->other)
		return 0;
	if (r->deadline && !r->rolled_back)
		return error_set(err, EBUSY,
				 "instance %s waits for a change to be confirmed, by the version "
				 "of allowxdp that made it (ABI %u): wait until it is, or is "
				 "rolled back",
				 instance, r->instance.shared->abi);
	if (confirm)
		return error_set(err, EINVAL,
				 "instance %s is run by another version of allowxdp (ABI %u): that "
				 "cannot be gone back to by --confirm: leave that away this time",
				 instance, r->instance.shared->abi);
	return 0;
}

static int make_maps(struct takeover *t, const struct running *r, struct error *err)
{
	const uint64_t was = r->active;
	int rc;

	rc = make_directory(t->aside.pins, err);
	if (!rc)
		rc = instance_create(&t->fresh, &t->aside, t->next->settings.flow_capacity,
				     t->paths, err);
	if (!rc) /* the next generation of the same instance */
		instance_set_active(
			&t->fresh, AXP_ACTIVE(AXP_ACTIVE_GENERATION(was), AXP_ACTIVE_MODE(was), 0));
	return rc;
}

/* Not shown to any packet yet. */
static int fill(struct takeover *t, struct error *err)
{
	int slot = generation_fill(&t->fresh, t->next, err);

	if (slot < 0)
		return slot;
	t->word = generation_word(&t->fresh, (uint32_t)slot,
				  AXP_ACTIVE_MODE(instance_active(&t->fresh)));
	instance_set_active(&t->fresh, t->word);
	return snapshot_write(t->paths, AXP_ACTIVE_GENERATION(t->word), t->next, err);
}

static int counters_of(const struct takeover *t, size_t n)
{
	char pin[INSTANCE_PIN_MAX];

	return bpf_obj_get(instance_pin(t->paths, "counters_", t->interfaces[n], pin));
}

/* Those that stay are pinned aside too: from there they get to the programs. */
static int keep_counters(struct takeover *t, size_t n, struct error *err)
{
	_cleanup_close_ int map = counters_of(t, n);
	char pin[INSTANCE_PIN_MAX];
	int rc;

	t->alike[n] = map >= 0 && counters_layout_fits(t->paths, map);
	if (!t->alike[n])
		return 0;
	instance_pin(&t->aside, "counters_", t->interfaces[n], pin);
	rc = bpf_obj_pin(map, pin);
	return rc ? error_set(err, -rc, "cannot pin %s: %s", pin, strerror(-rc)) : 0;
}

/* New ones, empty until the old ones have been counted to their end. */
static int pin_counters(const struct takeover *t, const struct renewal *r, struct error *err)
{
	char pin[INSTANCE_PIN_MAX];
	int rc;

	if (r->have_counters)
		return 0;
	instance_pin(&t->aside, "counters_", r->interface, pin);
	rc = bpf_obj_pin(bpf_map__fd(r->skel->maps.counters), pin);
	return rc ? error_set(err, -rc, "cannot pin %s: %s", pin, strerror(-rc)) : 0;
}

static int load_programs(struct takeover *t, struct error *err)
{
	int rc = 0;

	for (size_t n = 0; !rc && n < t->n_interfaces; n++) {
		size_t before = t->renewals.n;

		rc = keep_counters(t, n, err);
		if (!rc)
			rc = renewals_add(&t->renewals, &t->fresh, t->paths, t->interfaces[n],
					  !t->alike[n], err);
		if (!rc && t->renewals.n > before)
			rc = pin_counters(t, &t->renewals.v[before], err);
	}
	return rc;
}

/*
 * Where flows look otherwise in this version, its table is empty: what is known of them without it
 * is entered.
 */
static void seed_flows(const struct takeover *t, const struct running *r)
{
	struct bpf_map_info was = { 0 }, is = { 0 };
	uint32_t size = sizeof(was);
	char pin[INSTANCE_PIN_MAX];
	_cleanup_close_ int old = bpf_obj_get(instance_pin(r->instance.paths, "flows", NULL, pin));
	struct error why;

	if (old >= 0 && !bpf_obj_get_info_by_fd(old, &was, &size) &&
	    !bpf_obj_get_info_by_fd(t->fresh.maps[MAP_FLOWS], &is, &size) && was.id == is.id)
		return;
	if (flows_seed(&t->fresh, t->next, &why))
		warn_line("connections that this host has open now may be cut off: %s", why.text);
}

static struct renewal *renewal_of(struct takeover *t, const char *interface)
{
	for (size_t i = 0; i < t->renewals.n; i++) {
		if (!strcmp(t->renewals.v[i].interface, interface))
			return &t->renewals.v[i];
	}
	return NULL;
}

/* Of an interface that is gone: what it counted waits for it. */
static int restore_counters(const struct takeover *t, const char *interface, struct error *err)
{
	char pin[INSTANCE_PIN_MAX];
	_cleanup_close_ int map =
		bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "counters", sizeof(uint32_t),
			       sizeof(struct axp_counts), AXP_COUNTS_ENTRIES, NULL);
	int rc = map < 0 ? map
			 : bpf_obj_pin(map, instance_pin(&t->aside, "counters_", interface, pin));

	if (rc)
		return error_set(err, -rc, "cannot make a counter map: %s", strerror(-rc));
	return counters_restore(t->paths, interface, map, t->next, err);
}

/* The swap is done: of the old counters nobody counts in any more. Nothing fails any more. */
static void carry_counters(struct takeover *t, size_t n)
{
	_cleanup_close_ int old = counters_of(t, n);
	const char *interface = t->interfaces[n];
	const struct renewal *r = renewal_of(t, interface);
	struct error why = { "they are not there" };
	int rc;

	if (t->alike[n])
		return;
	rc = old < 0 ? old : counters_keep(t->paths, interface, old, &why);
	if (!rc && r)
		rc = counters_carry(t->paths, interface,
				    bpf_program__fd(r->skel->progs.allowxdp_carry), t->next, &why);
	else if (!rc)
		rc = restore_counters(t, interface, &why);
	if (rc)
		warn_line("the counters of %s begin anew: %s", interface, why.text);
	counters_forget(t->paths, interface);
}

/* Slots of services that are new may hold what others counted that are gone. */
static void reset_new_services(const struct takeover *t)
{
	struct error ignored;

	for (size_t s = 0; s < t->next->n_services; s++) {
		const struct service *service = &t->next->services[s];

		if (policy_find_service(t->previous, service->name) >= 0)
			continue;
		for (size_t n = 0; n < t->n_interfaces; n++) {
			if (t->alike[n])
				counters_reset_service(t->paths, t->interfaces[n], service->slot,
						       &ignored);
		}
		totals_reset_service(&t->fresh, service->slot, &ignored);
	}
}

static bool is_readable_table(const struct takeover *t, const char *name)
{
	char pin[INSTANCE_PIN_MAX];
	_cleanup_close_ int fd = bpf_obj_get(instance_pin(t->paths, name, NULL, pin));
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) &&
	       info.key_size == sizeof(struct axp_hit_key) &&
	       info.value_size == sizeof(struct axp_hit);
}

static bool stays(const struct takeover *t, const char *name, int aside)
{
	static const char *const kinds[] = { "link_", "egress_", "counters_" };
	struct stat st;

	if (!strncmp(name, "hits_", strlen("hits_")))
		return is_readable_table(t, name);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!strncmp(name, kinds[i], strlen(kinds[i])))
			return true;
	}
	/* replaced in one step, below */
	return !fstatat(aside, name, &st, AT_SYMLINK_NOFOLLOW);
}

/*
 * Tables of hits that are not in use any more stay, and are folded as this version's own. Tries and
 * directories that this version has no slot for go.
 */
static void sweep_old(const struct takeover *t, int pins, int aside)
{
	_cleanup_closedir_ DIR *dir = opendir(t->paths->pins);
	const struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (d->d_type != DT_DIR && !stays(t, d->d_name, aside))
			unlinkat(pins, d->d_name, 0);
	}
}

static void publish(struct takeover *t)
{
	_cleanup_close_ int pins = open(t->paths->pins, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int aside = open(t->aside.pins, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = opendir(t->aside.pins);
	const struct dirent *d;

	sweep_old(t, pins, aside);
	for (; dir && (d = readdir(dir)); rewinddir(dir)) {
		while (d && (d->d_name[0] == '.' || !strcmp(d->d_name, "control")))
			d = readdir(dir);
		if (!d || renameat(aside, d->d_name, pins, d->d_name))
			break;
	}
	renameat(aside, "control", pins, "control");
	rmdir(t->aside.pins);
}

static int prepare(struct takeover *t, const struct running *r, struct error *err)
{
	int rc = make_maps(t, r, err);

	if (!rc)
		rc = policy_assign_slots(t->next, t->previous, err);
	if (!rc)
		rc = fill(t, err);
	if (!rc)
		rc = load_programs(t, err);
	if (!rc)
		seed_flows(t, r);
	return rc;
}

int takeover(struct running *r, struct policy *next, struct error *err)
{
	struct takeover t __attribute__((cleanup(takeover_free))) = {
		.paths = r->instance.paths,
		.aside = *r->instance.paths,
		.fresh = INSTANCE_EMPTY,
		.previous = &r->policy,
		.next = next,
	};
	uint32_t abi;
	int rc;

	if (strlen(t.paths->pins) + sizeof(ASIDE) > sizeof(t.aside.pins)) {
		t.aside.pins[0] = '\0';
		return error_set(err, ENAMETOOLONG, "%s%s is too long", t.paths->pins, ASIDE);
	}
	strcat(t.aside.pins, ASIDE);
	t.n_interfaces = instance_interfaces(t.paths, t.interfaces, ARRAY_SIZE(t.interfaces));
	rc = prepare(&t, r, err);
	abi = r->instance.shared->abi;
	if (!rc) { /* from here on nobody takes what is there for his own */
		r->instance.shared->abi = TAKEN;
		rc = renewals_swap(&t.renewals, t.paths, err);
	}
	if (rc) {
		r->instance.shared->abi = abi;
		snapshot_prune(t.paths, AXP_ACTIVE_GENERATION(r->active), 0);
		return rc;
	}
	reset_new_services(&t);
	for (size_t n = 0; n < t.n_interfaces; n++)
		carry_counters(&t, n);
	rc = counters_layout_write(t.paths, next, &r->policy, err);
	if (rc)
		warn_line("%s", err->text);
	publish(&t);
	renewals_record(&t.renewals, t.paths);
	warn_line("instance %s was taken over from another version of allowxdp (ABI %u)",
		  t.paths->instance, abi);
	instance_close(&r->instance);
	r->instance = t.fresh;
	r->instance.paths = t.paths;
	t.fresh = (struct instance)INSTANCE_EMPTY;
	r->active = t.word;
	r->deadline = 0;
	r->rolled_back = false;
	r->other = false;
	return 0;
}
