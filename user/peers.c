// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "explain.h"
#include "flows.h"
#include "lifelines.h"
#include "peers.h"
#include "sockets.h"

enum { MAX_LIFELINES = 64, DNS_PORT = 53 };

struct search {
	const struct policy *old, *next;
	bool enforced; /* the old one */
	uint64_t listening[AXP_PROTOCOLS][65536 / 64];
	struct peers *out;
	struct error *err;
};

void peers_free(struct peers *p)
{
	free(p->v);
	memset(p, 0, sizeof(*p));
}

static bool known(const struct peers *peers, const struct peer *peer)
{
	for (size_t i = 0; i < peers->n; i++) {
		if (!prefix_compare(&peers->v[i].address, &peer->address) &&
		    peers->v[i].direction == peer->direction &&
		    !strcmp(peers->v[i].service, peer->service))
			return true;
	}
	return false;
}

static int push(struct search *s, const struct peer *peer)
{
	struct peers *out = s->out;

	if (known(out, peer))
		return 0;
	if (out->n == out->cap) {
		size_t cap = out->cap ? out->cap * 2 : 16;
		struct peer *v = reallocarray(out->v, cap, sizeof(*v));

		if (!v)
			return error_set(s->err, ENOMEM, "out of memory");
		out->v = v;
		out->cap = cap;
	}
	out->v[out->n++] = *peer;
	return 0;
}

/* Enters the peer if the new policy drops what goes to or comes from it. */
static int judge_peer(struct search *s, const struct prefix *address, enum axp_direction direction,
		      uint8_t protocol, uint16_t port, bool opened)
{
	struct peer peer = {
		.address = *address,
		.direction = direction,
		.protocol = protocol,
		.port = port,
	};
	struct explanation now, then;

	explain(s->next, address, direction, protocol, port, &then);
	if (then.verdict == AXP_PASS || (opened && then.service->replies))
		return 0;
	snprintf(peer.service, sizeof(peer.service), "%s", then.service->name);
	explain(s->old, address, direction, protocol, port, &now);
	if (s->enforced && now.verdict == AXP_DROP && !(opened && now.service->replies))
		return 0; /* it is cut off already */
	if (now.verdict == AXP_PASS && now.entry)
		snprintf(peer.label, sizeof(peer.label), "%s",
			 policy_string(s->old, now.entry->label));
	if (now.verdict == AXP_PASS && now.entry && !peer.label[0])
		prefix_text(&now.entry->prefix, peer.label);
	return push(s, &peer);
}

static void note_listening(struct search *s, const struct socket_info *i)
{
	if (i->listening)
		s->listening[i->protocol][i->local_port / 64] |= 1ULL << (i->local_port % 64);
}

/* Between two sockets of this host: no interface sees it. */
static bool stays_inside(const struct socket_info *i)
{
	static const struct prefix loopback4 = { .addr = { 127 }, .family = AXP_IPV4, .len = 8 };
	static const struct prefix loopback6 = { .addr = { [15] = 1 },
						 .family = AXP_IPV6,
						 .len = 128 };

	return prefix_covers(&loopback4, &i->remote) || prefix_covers(&loopback6, &i->remote) ||
	       !prefix_compare(&i->local, &i->remote);
}

static int judge_socket(struct search *s, const struct socket_info *i)
{
	bool accepted;
	int rc;

	if (i->listening || !i->remote_port || stays_inside(i))
		return 0;
	accepted = s->listening[i->protocol][i->local_port / 64] >> (i->local_port % 64) & 1;
	rc = judge_peer(s, &i->remote, AXP_IN, i->protocol, i->local_port, !accepted);
	if (rc || accepted)
		return rc; /* answers to a flow that was let in pass outbound */
	return judge_peer(s, &i->remote, AXP_OUT, i->protocol, i->remote_port, false);
}

static int judge_flow(const struct flow_info *f, void *arg)
{
	if (!f->alive)
		return 0;
	return judge_peer(arg, &f->remote, AXP_IN, f->protocol, f->local_port, f->opened);
}

int peers_cut(const struct instance *i, const struct policy *old, bool enforced,
	      const struct policy *next, struct peers *out, struct error *err)
{
	_cleanup_free_ struct search *s = calloc(1, sizeof(*s));
	_cleanup_sockets_ struct sockets sockets = { 0 };
	int rc;

	memset(out, 0, sizeof(*out));
	if (!s)
		return error_set(err, ENOMEM, "out of memory");
	s->old = old;
	s->enforced = enforced;
	s->next = next;
	s->out = out;
	s->err = err;
	rc = sockets_read(&sockets, err);
	for (size_t n = 0; n < sockets.n; n++)
		note_listening(s, &sockets.v[n]);
	for (size_t n = 0; !rc && n < sockets.n; n++)
		rc = judge_socket(s, &sockets.v[n]);
	if (!rc && i)
		rc = flows_each(i, old, judge_flow, s, err);
	return rc;
}

static int refuse(const char *what, const struct lifeline *l, const char *service,
		  struct error *err)
{
	char text[PREFIX_TEXT_MAX];

	prefix_text(&l->address, text);
	*strchrnul(text, '/') = '\0';
	return error_set(
		err, EPERM,
		"this would cut off %s (%s), which service %s does not list: add the address to "
		"one of its lists first, or use --force",
		what, text, service);
}

static int check_ssh(const struct policy *next, const struct lifeline *l, struct error *err)
{
	struct explanation x;

	explain(next, &l->address, AXP_IN, AXP_TCP, l->local_port, &x);
	if (x.verdict == AXP_PASS)
		return 0;
	return refuse("the SSH session that you are typing in", l, x.service->name, err);
}

static void ephemeral_range(uint32_t *low, uint32_t *high)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

	if (!f || fscanf(f, "%u %u", low, high) != 2) {
		*low = 32768;
		*high = 60999;
	}
}

/* The service without replies that guards a port from which this host's queries may leave. */
static const struct service *swallows_answers(const struct policy *next, uint8_t protocol)
{
	uint32_t low, high;

	ephemeral_range(&low, &high);
	for (size_t i = 0; i < next->n_services; i++) {
		const struct service *s = &next->services[i];

		if (s->direction != AXP_IN || s->replies)
			continue;
		for (size_t j = 0; j < s->n_ports; j++) {
			if (s->ports[j].protocol == protocol && s->ports[j].low <= high &&
			    s->ports[j].high >= low)
				return s;
		}
	}
	return NULL;
}

static int check_resolver(const struct policy *next, const struct lifeline *l, struct error *err)
{
	for (uint8_t protocol = 0; protocol < AXP_PROTOCOLS; protocol++) {
		const struct service *s = swallows_answers(next, protocol);
		struct explanation x;

		explain(next, &l->address, AXP_OUT, protocol, DNS_PORT, &x);
		if (x.verdict == AXP_DROP)
			return refuse("a resolver of this host", l, x.service->name, err);
		if (!s)
			continue;
		explain(next, &l->address, AXP_IN, protocol, s->ports[0].low, &x);
		if (x.verdict == AXP_DROP)
			return refuse("the answers of a resolver of this host", l, s->name, err);
	}
	return 0;
}

static int check_gateway(const struct peers *cut, const struct lifeline *l, struct error *err)
{
	for (size_t i = 0; i < cut->n; i++) {
		if (!prefix_compare(&cut->v[i].address, &l->address))
			return refuse("the default gateway", l, cut->v[i].service, err);
	}
	return 0;
}

int lifelines_check(const struct policy *next, const struct peers *cut, struct error *err)
{
	struct lifeline lines[MAX_LIFELINES];
	size_t n = 0;
	int rc = lifelines_read(lines, ARRAY_SIZE(lines), &n, NULL, err);

	for (size_t i = 0; !rc && i < n; i++) {
		if (lines[i].kind == LIFELINE_SSH)
			rc = check_ssh(next, &lines[i], err);
		else if (lines[i].kind == LIFELINE_RESOLVER)
			rc = check_resolver(next, &lines[i], err);
		else
			rc = check_gateway(cut, &lines[i], err);
	}
	return rc;
}
