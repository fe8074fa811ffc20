// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "allowxdp.skel.h"
#include "attach_record.h"
#include "cleanup.h"
#include "policy.h"
#include "renew.h"

_Static_assert(ARRAY_SIZE(((struct renewals *)0)->v) == POLICY_MAX_INTERFACES, "room for all");

void renewals_free(struct renewals *r)
{
	for (size_t i = 0; i < r->n; i++) {
		allowxdp_bpf__destroy(r->v[i].skel);
		cleanup_close(&r->v[i].link);
		cleanup_close(&r->v[i].old_in);
		cleanup_close(&r->v[i].old_out);
	}
	r->n = 0;
}

static const char *egress_pin(const struct paths *pins, const struct renewal *r,
			      char buf[static INSTANCE_PIN_MAX])
{
	return instance_pin(pins, "egress_", r->interface, buf);
}

int renewals_add(struct renewals *all, const struct instance *i, const struct paths *pins,
		 const char *interface, bool carry, struct error *err)
{
	struct renewal *r = &all->v[all->n];
	char pin[INSTANCE_PIN_MAX];
	struct attachment a;
	uint32_t out;

	if (attach_query(pins, interface, &a))
		return error_set(err, EIO, "cannot read the link of %s", interface);
	if (a.place == ATTACH_GONE)
		return 0;
	*r = (struct renewal){ .link = -1, .old_in = -1, .old_out = -1 };
	snprintf(r->interface, sizeof(r->interface), "%s", interface);
	snprintf(r->now, sizeof(r->now), "%s", a.now);
	all->n++;
	r->link = bpf_obj_get(instance_pin(pins, "link_", interface, pin));
	r->old_in = bpf_prog_get_fd_by_id(a.prog_id);
	out = egress_program(r->now, egress_pin(pins, r, pin));
	if (out)
		r->old_out = bpf_prog_get_fd_by_id(out);
	if (r->link < 0)
		return error_set(err, EIO, "cannot open what is attached to %s", interface);
	r->skel = attach_load(i, instance_pin(i->paths, "counters_", interface, pin), carry,
			      &r->have_counters, err);
	return r->skel ? 0 : -EIO;
}

static int swap(const struct renewal *r, const struct paths *pins, int in, int out,
		struct error *err)
{
	char pin[INSTANCE_PIN_MAX];
	int rc = 0;

	/* Egress first: what it remembers must be there when replies come. */
	if (out >= 0)
		rc = egress_replace(out, r->now, egress_pin(pins, r, pin), err);
	if (rc)
		return rc;
	rc = in < 0 ? 0 : bpf_link_update(r->link, in, NULL);
	return rc ? error_set(err, -rc, "cannot replace the program of %s: %s", r->interface,
			      strerror(-rc))
		  : 0;
}

int renewals_swap(struct renewals *all, const struct paths *pins, struct error *err)
{
	struct error ignored;

	for (size_t i = 0; i < all->n; i++) {
		struct allowxdp_bpf *skel = all->v[i].skel;
		int rc = swap(&all->v[i], pins, bpf_program__fd(skel->progs.allowxdp_in),
			      bpf_program__fd(skel->progs.allowxdp_out), err);

		if (!rc)
			continue;
		for (size_t k = 0; k <= i; k++)
			swap(&all->v[k], pins, all->v[k].old_in, all->v[k].old_out, &ignored);
		return rc;
	}
	return 0;
}

void renewals_record(const struct renewals *all, const struct paths *pins)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct renewal *r = &all->v[i];
		struct attach_record record;

		attach_record_read(pins, r->interface, &record);
		record.program = program_id(bpf_program__fd(r->skel->progs.allowxdp_in));
		record.object = program_identity();
		attach_record_write(pins, r->interface, &record);
	}
}

static bool is_of_this_build(const struct paths *paths, const char *interface)
{
	struct attach_record record;
	struct attachment a;

	return attach_query(paths, interface, &a) || a.place == ATTACH_GONE ||
	       (attach_record_read(paths, interface, &record) &&
		record.object == program_identity() && record.program == a.prog_id);
}

int programs_renew(const struct instance *i, struct error *err)
{
	struct renewals all _cleanup_renewals_ = { .n = 0 };
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(i->paths, names, ARRAY_SIZE(names));
	int rc = 0;

	for (size_t k = 0; !rc && k < n; k++) {
		if (!is_of_this_build(i->paths, names[k]))
			rc = renewals_add(&all, i, i->paths, names[k], false, err);
	}
	if (!rc)
		rc = renewals_swap(&all, i->paths, err);
	if (!rc)
		renewals_record(&all, i->paths);
	return rc;
}
