// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "explain.h"

static bool service_has_port(const struct service *s, enum axp_direction direction,
			     enum axp_protocol protocol, uint16_t port)
{
	if (s->direction != direction)
		return false;
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct port_range *r = &s->ports[i];

		if (r->protocol == protocol && r->low <= port && port <= r->high)
			return true;
	}
	return false;
}

/* The most specific entry of the list that covers the address: in a list, it alone decides. */
static const struct entry *deciding_entry(const struct policy *p, size_t list,
					  const struct prefix *address)
{
	for (int len = address->len; len >= 0; len--) {
		struct prefix prefix = prefix_shorten(address, (uint8_t)len);
		const struct entry *e = policy_find_entry(p, &prefix, (int)list);

		if (e && !entry_expired(p, e))
			return e;
	}
	return NULL;
}

/*
 * The most specific entry that lists the address in any list of the service; or NULL, and *carved
 * is then the most specific one that carves it out, if any does.
 */
static const struct entry *listing_entry(const struct policy *p, const struct service *s,
					 const struct prefix *address, const struct entry **carved)
{
	const struct entry *best = NULL;

	for (size_t i = 0; i < p->n_lists; i++) {
		const struct entry *e, **slot;

		if (!(s->allow[i / 64] >> (i % 64) & 1))
			continue;
		e = deciding_entry(p, i, address);
		if (!e)
			continue;
		slot = e->flags & ENTRY_CARVE ? carved : &best;
		if (!*slot || e->prefix.len > (*slot)->prefix.len)
			*slot = e;
	}
	return best;
}

void explain(const struct policy *p, const struct prefix *address, enum axp_direction direction,
	     enum axp_protocol protocol, uint16_t port, struct explanation *out)
{
	const struct entry *carved = NULL;
	const struct service *first = NULL;

	memset(out, 0, sizeof(*out));
	out->verdict = AXP_PASS;
	out->reason = AXP_REASON_NOT_GUARDED;
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];
		const struct entry *e;

		if (!service_has_port(s, direction, protocol, port))
			continue;
		e = listing_entry(p, s, address, &carved);
		/* Counted under the first service of the port if that lists it, else by lowest
		 * slot. */
		if (e && (!first || !out->entry || s->slot < out->service->slot)) {
			out->service = s;
			out->entry = e;
			out->reason = AXP_REASON_LISTED;
		}
		if (e && !first)
			return;
		if (!first)
			first = s;
	}
	if (!first || out->entry)
		return;
	out->service = first;
	out->entry = carved;
	out->verdict = AXP_DROP;
	out->reason = AXP_REASON_UNLISTED;
}
