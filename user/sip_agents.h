/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which SIP agents sources say they are: a table of bounded size. Pure. */
#ifndef ALLOWXDP_SIP_AGENTS_H
#define ALLOWXDP_SIP_AGENTS_H

#include "prefix.h"
#include "sip_agent.h"

enum { SIP_AGENTS_MAX = 16384 };

struct sip_agent_of {
	struct prefix source; /* /32 or /128 */
	bool scans;
	char text[TEXT_SHOWN_MAX]; /* the first one; a scanner's name stays */
};

struct sip_agents {
	struct sip_agent_of *v; /* sorted by source */
	size_t n, cap;
	uint64_t not_noted; /* messages of sources for whom there was no room */
};

#define _cleanup_sip_agents_ __attribute__((cleanup(sip_agents_free)))
void sip_agents_free(struct sip_agents *a);

/* 0 or -ENOMEM. */
int sip_agents_note(struct sip_agents *a, const struct prefix *source, const char *agent);

/* NULL: it was not seen to say. */
const struct sip_agent_of *sip_agents_find(const struct sip_agents *a, const struct prefix *source);

#endif
