// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guarded ports that are also ephemeral ones: what this host asks from such a port is answered to a
 * guarded port, where only replies may pass.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "config.h"
#include "doctor.h"

#define PORT_RANGE  "/proc/sys/net/ipv4/ip_local_port_range"
#define FIRST_PORT  "/proc/sys/net/ipv4/ip_unprivileged_port_start"
#define RANGE_NAMED "net.ipv4.ip_local_port_range"

enum { PORTS = 65536, FEWEST_EPHEMERAL = 2000 };

struct span {
	unsigned int low, high;
};

static unsigned int span_size(const struct span *s)
{
	return s->high - s->low + 1;
}

static bool read_ephemeral(struct span *out)
{
	_cleanup_fclose_ FILE *f = fopen(PORT_RANGE, "re");

	return f && fscanf(f, "%u %u", &out->low, &out->high) == 2 && out->low <= out->high &&
	       out->high < PORTS;
}

static unsigned int overlap(const struct span *s, const struct port_range *r)
{
	unsigned int low = s->low > r->low ? s->low : r->low;
	unsigned int high = s->high < r->high ? s->high : r->high;

	return low <= high ? high - low + 1 : 0;
}

static void mark_guarded(const struct policy *p, bool *guarded)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		for (size_t n = 0; s->direction == AXP_IN && n < s->n_ports; n++) {
			const struct port_range *r = &s->ports[n];

			memset(guarded + r->low, true, (size_t)(r->high - r->low) + 1);
		}
	}
}

/*
 * The highest span of ports without a guarded one that is wide enough; high 0: there is none. High,
 * because servers listen on low ones; of its ends one is odd and one is even, as the kernel wants
 * it.
 */
static struct span highest_free(const bool *guarded)
{
	long first = doctor_read_number(FIRST_PORT);
	unsigned int lowest = first > 1024 && first < PORTS ? (unsigned int)first : 1024;
	struct span s;

	for (s.high = PORTS - 1; s.high >= lowest; s.high = s.low - 1) {
		for (s.low = s.high + 1; s.low > lowest && !guarded[s.low - 1];)
			s.low--;
		if (s.low > s.high) {
			s.low = s.high; /* this one is guarded */
			continue;
		}
		s.low += s.low % 2 == s.high % 2;
		if (s.low < s.high && span_size(&s) >= FEWEST_EPHEMERAL)
			return s;
	}
	return (struct span){ 0 };
}

/* "96 %", rounded. */
static const char *share(const struct span *ephemeral, unsigned int n, char buf[static 16])
{
	unsigned int percent = (n * 100 + span_size(ephemeral) / 2) / span_size(ephemeral);

	if (percent)
		snprintf(buf, 16, "%u %%", percent);
	else
		snprintf(buf, 16, "under 1 %%");
	return buf;
}

static void say_overlap(struct doctor *d, const struct service *s, const struct port_range *r,
			const struct span *ephemeral)
{
	char range[24], part[16];

	finding(d, s->replies ? FINDING_NOTE : FINDING_WARNING, "ports", NULL,
		s->replies
			? "%s (service %s) covers %s of the ports that this host itself asks from "
			  "(%u-%u): answers to its own %s reach it as replies, each of which costs "
			  "a look-up"
			: "%s (service %s) covers %s of the ports that this host itself asks from "
			  "(%u-%u): answers to its own %s are dropped, as `replies` is false: set "
			  "it "
			  "to true, or let the host ask from other ports",
		port_range_text(r, range), s->name, share(ephemeral, overlap(ephemeral, r), part),
		ephemeral->low, ephemeral->high,
		r->protocol == AXP_UDP ? "DNS, NTP and QUIC" : "connections");
}

void doctor_ports(struct doctor *d)
{
	_cleanup_free_ bool *guarded = calloc(PORTS, sizeof(*guarded));
	const struct policy *p = d->policy;
	struct span ephemeral, better;
	bool said = false;

	if (!p || !guarded || !read_ephemeral(&ephemeral))
		return;
	mark_guarded(p, guarded);
	better = highest_free(guarded);
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		for (size_t n = 0; s->direction == AXP_IN && n < s->n_ports; n++) {
			if (!overlap(&ephemeral, &s->ports[n]))
				continue;
			say_overlap(d, s, &s->ports[n], &ephemeral);
			if (better.high)
				finding_fix(d, "sysctl -w " RANGE_NAMED "='%u %u'", better.low,
					    better.high);
			said = true;
		}
	}
	if (!said)
		finding(d, FINDING_OK, "ports", NULL,
			"no guarded port is among those that this host itself asks from (%u-%u)",
			ephemeral.low, ephemeral.high);
}
