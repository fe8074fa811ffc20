// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "top_refusals.h"

void top_refusals_free(struct top_refusals *r)
{
	free(r->last);
	memset(r, 0, sizeof(*r));
}

void top_view_free(struct top_view *v)
{
	free(v->refused);
	v->refused = NULL;
	v->n_refused = 0;
}

/* In the terms of top_source_same(). */
static int by_identity(const void *a, const void *b)
{
	const struct top_source *x = a, *y = b;

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	if (x->direction != y->direction)
		return x->direction < y->direction ? -1 : 1;
	return prefix_compare(&x->address, &y->address);
}

static int by_rate(const void *a, const void *b)
{
	const struct top_refused *x = a, *y = b;

	if (x->flow.packets != y->flow.packets)
		return x->flow.packets < y->flow.packets ? 1 : -1;
	if (x->flow.total != y->flow.total)
		return x->flow.total < y->flow.total ? 1 : -1;
	return strcmp(x->address, y->address);
}

/* One that lost its place in the table and won it again begins anew. */
static uint64_t came(const struct top_refusals *r, const struct top_source *s)
{
	const struct top_source *before;

	if (!r->at)
		return 0;
	before = bsearch(s, r->last, r->n, sizeof(*s), by_identity);
	if (before && before->packets <= s->packets)
		return s->packets - before->packets;
	return s->packets;
}

static const char *service_name(const struct policy *p, uint32_t slot)
{
	for (size_t i = 0; i < p->n_services; i++) {
		if (p->services[i].slot == slot)
			return p->services[i].name;
	}
	return "-";
}

static void address_text(const struct prefix *address, char *buf, size_t n)
{
	char text[PREFIX_TEXT_MAX];

	if (address->family == AXP_FAMILY_NONE) {
		snprintf(buf, n, "?"); /* the packet's headers could not be read */
		return;
	}
	prefix_text(address, text);
	*strchrnul(text, '/') = '\0';
	snprintf(buf, n, "%s", text);
}

/* "udp/5060 5061 +12"; where ports were not read, the reason why. */
static void ports_text(const struct top_source *s, char *buf, size_t n)
{
	size_t used;

	if (!s->n_ports) {
		uint32_t reason = s->reasons ? (uint32_t)__builtin_ctz(s->reasons) : AXP_REASONS;

		snprintf(buf, n, "%s", reason_name(reason));
		return;
	}
	used = (size_t)snprintf(buf, n, "%s/", s->protocol == AXP_TCP ? "tcp" : "udp");
	for (uint32_t i = 0; i < s->n_ports && used < n; i++)
		used += (size_t)snprintf(buf + used, n - used, "%s%u", i ? " " : "",
					 s->ports[i].port);
	if (s->port_count > s->n_ports && used < n)
		snprintf(buf + used, n - used, " +%u%s", s->port_count - s->n_ports,
			 s->many_ports ? " or more" : "");
}

static void make_row(const struct top_refusals *r, const struct top_source *s,
		     const struct policy *p, struct top_refused *out)
{
	memset(out, 0, sizeof(*out));
	address_text(&s->address, out->address, sizeof(out->address));
	ports_text(s, out->ports, sizeof(out->ports));
	snprintf(out->service, sizeof(out->service), "%s", service_name(p, s->service));
	out->direction = direction_name(s->direction);
	out->flow.packets = came(r, s);
	out->flow.total = s->packets;
	out->error = s->error + s->missed;
	out->fate = s->dropped ? TOP_DROP : TOP_WOULD_DROP;
}

int top_refusals_update(struct top_refusals *r, struct top_source *next, size_t n, uint64_t at,
			const struct policy *p, struct top_view *v)
{
	struct top_refused *rows = calloc(n + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		make_row(r, &next[i], p, &rows[i]);
	qsort(rows, n, sizeof(*rows), by_rate);
	qsort(next, n, sizeof(*next), by_identity);
	top_refusals_free(r);
	r->last = next;
	r->n = n;
	r->at = at;
	top_view_free(v);
	v->refused = rows;
	v->n_refused = n < TOP_REFUSED_MAX ? n : TOP_REFUSED_MAX;
	return 0;
}
