// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include "service_names.h"
#include "snapshot.h"

void service_names_free(struct service_names *n)
{
	for (size_t i = 0; i < SERVICE_NAMES_KEPT; i++)
		policy_free(&n->v[i].policy);
}

const struct policy *service_names_policy(struct service_names *n, uint64_t generation)
{
	struct error err;
	unsigned int at;

	for (at = 0; at < SERVICE_NAMES_KEPT; at++) {
		if (n->v[at].generation == generation)
			return n->v[at].known ? &n->v[at].policy : NULL;
	}
	at = n->next++ % SERVICE_NAMES_KEPT;
	policy_free(&n->v[at].policy);
	n->v[at].policy = (struct policy){ 0 };
	n->v[at].generation = generation;
	n->v[at].known = !snapshot_read(n->paths, generation, &n->v[at].policy, &err);
	return n->v[at].known ? &n->v[at].policy : NULL;
}

const char *service_name(struct service_names *n, uint64_t generation, uint32_t slot)
{
	const struct policy *p;

	if (slot == AXP_NO_SERVICE)
		return "-";
	p = service_names_policy(n, generation);
	for (size_t i = 0; p && i < p->n_services; i++) {
		if (p->services[i].slot == slot)
			return p->services[i].name;
	}
	return "?";
}
