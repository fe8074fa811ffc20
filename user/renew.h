/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * This version's programs in place of those that run: links are updated, so that every packet meets
 * the one or the other.
 */
#ifndef ALLOWXDP_RENEW_H
#define ALLOWXDP_RENEW_H

#include "attach.h"

struct renewal {
	char interface[16], now[16];
	struct allowxdp_bpf *skel;
	int link;            /* -1: the interface is gone */
	int old_in, old_out; /* programs to go back to; -1: not known, which takes CAP_SYS_ADMIN */
	bool have_counters;  /* else skel has new ones */
};

struct renewals {
	struct renewal v[16]; /* POLICY_MAX_INTERFACES */
	size_t n;
};

#define _cleanup_renewals_ __attribute__((cleanup(renewals_free)))
void renewals_free(struct renewals *r);

/*
 * Loads the programs for an interface of the instance that is pinned at `pins`, with the maps of i,
 * and the counters pinned at i->paths.
 */
int renewals_add(struct renewals *r, const struct instance *i, const struct paths *pins,
		 const char *interface, bool carry, struct error *err);

/* All of them, or none, where it is known what ran before. */
int renewals_swap(struct renewals *r, const struct paths *pins, struct error *err);

/* Notes which build's programs run now. */
void renewals_record(const struct renewals *r, const struct paths *pins);

/*
 * Where programs of another build run, with maps like ours, ours take their place. The caller holds
 * the lock.
 */
int programs_renew(const struct instance *i, struct error *err);

#endif
