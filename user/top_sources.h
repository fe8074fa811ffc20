/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is refused most, and where: read from map `sources` (bpf/sources.h), which belongs to the
 * instance and outlives reloads. A source stands there once for each service, direction and
 * protocol.
 */
#ifndef ALLOWXDP_TOP_SOURCES_H
#define ALLOWXDP_TOP_SOURCES_H

#include "instance.h"
#include "prefix.h"

enum { TOP_SOURCES_MAX = AXP_SOURCES };

struct top_port {
	uint16_t port;
	uint64_t packets; /* near: a port that came late lacks those before it won its place */
};

struct top_source {
	struct prefix address; /* /32 or /128; family AXP_FAMILY_NONE where it could not be read */
	uint32_t direction;    /* enum axp_direction: for AXP_OUT the address is the destination */
	uint32_t service;      /* slot, or AXP_NO_SERVICE */
	uint32_t protocol;     /* enum axp_protocol, or AXP_NO_PROTOCOL */
	uint64_t packets, bytes; /* refused: dropped, or in monitor mode would have been */
	uint64_t dropped;        /* those of them that really were */
	/* The true number of packets is within [packets - error, packets + error + missed], 19
	 * times of 20; both are 0 while every refused packet was recorded, which then is exact. */
	uint64_t error;
	uint64_t missed;     /* about as many were refused before it won a place in the table */
	int64_t first, last; /* when, ns since 1970, exact to some milliseconds */
	uint32_t reasons;    /* bit n: enum axp_reason n */
	uint32_t ifindex;    /* where the last one came in */
	uint32_t port_count; /* how many different ports it tried, about; exact for one */
	bool many_ports;     /* more than can be told: port_count is the least it may be */
	uint32_t n_ports;    /* the most frequent ones, most packets first; 0: not known */
	struct top_port ports[AXP_SOURCE_PORTS];
};

/*
 * The sources of most packets, most first, at most `n` of them. Returns how many, or negative
 * errno. Take TOP_SOURCES_MAX for all of them.
 */
int top_sources_read(const struct instance *i, struct top_source *out, size_t n, struct error *err);

/* Are these the same line of the table, seen at two times? */
bool top_source_same(const struct top_source *a, const struct top_source *b);

/* Forgets what was seen of a service slot (AXP_NO_SERVICE too), or of all. */
int top_sources_forget(const struct instance *i, uint32_t slot, struct error *err);
int top_sources_forget_all(const struct instance *i, struct error *err);

#endif
