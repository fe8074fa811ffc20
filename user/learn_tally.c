// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <string.h>
#include "learn_tally.h"

enum { SWEEP_PORTS = 16, SWEEP_PACKETS = 8 };

uint64_t learn_error(const struct learn_tally *t)
{
	return (uint64_t)ceil(2 * sqrt(t->variance));
}

struct learn_tally learn_tally_of(const struct top_source *s)
{
	double deviation = (double)s->error / 2;
	struct learn_tally t = {
		.packets = s->packets,
		.bytes = s->bytes,
		.dropped = s->dropped,
		.missed = s->missed,
		.variance = deviation * deviation,
		.first = s->first,
		.last = s->last,
		.n_ports = s->n_ports,
		.port_count = s->port_count,
		.many_ports = s->many_ports,
	};

	for (uint32_t i = 0; i < s->n_ports; i++)
		t.ports[i] = (struct learn_port){ (uint8_t)s->protocol, s->ports[i].port,
						  s->ports[i].packets };
	return t;
}

static void add_port(struct learn_tally *t, const struct learn_port *port)
{
	struct learn_port sum = *port;
	uint32_t at;

	for (at = 0; at < t->n_ports; at++) {
		if (t->ports[at].port != port->port || t->ports[at].protocol != port->protocol)
			continue;
		sum.packets += t->ports[at].packets;
		t->n_ports--;
		memmove(&t->ports[at], &t->ports[at + 1], (t->n_ports - at) * sizeof(sum));
		break;
	}
	for (at = 0; at < t->n_ports && t->ports[at].packets >= sum.packets;)
		at++;
	if (at == LEARN_PORTS)
		return;
	if (t->n_ports == LEARN_PORTS)
		t->n_ports--;
	memmove(&t->ports[at + 1], &t->ports[at], (t->n_ports - at) * sizeof(sum));
	t->ports[at] = sum;
	t->n_ports++;
}

void learn_tally_add(struct learn_tally *t, const struct learn_tally *more)
{
	t->packets += more->packets;
	t->bytes += more->bytes;
	t->dropped += more->dropped;
	t->missed += more->missed;
	t->variance += more->variance;
	if (more->first < t->first)
		t->first = more->first;
	if (more->last > t->last)
		t->last = more->last;
	for (uint32_t i = 0; i < more->n_ports; i++)
		add_port(t, &more->ports[i]);
	if (more->port_count > t->port_count)
		t->port_count = more->port_count;
	if (t->n_ports > t->port_count)
		t->port_count = t->n_ports;
	t->many_ports |= more->many_ports;
}

/*
 * Media goes to many ports too, but with many packets to each. How many ports there were cannot be
 * told where the sketch is full; then the most frequent one tells: its count is about the square
 * root of half of all packets times those that come to a port in a row (bpf/sources.h).
 */
bool learn_sweeps(const struct learn_tally *t)
{
	double packets = (double)t->packets, per_port, weight;

	if (t->port_count < SWEEP_PORTS || !t->n_ports)
		return false;
	weight = 1 + t->variance / packets; /* packets that a sample stood for */
	per_port = packets / t->port_count;
	if (t->many_ports) {
		double top = (double)t->ports[0].packets;

		per_port = 2 * top * top / packets;
	}
	return per_port < SWEEP_PACKETS * weight;
}
