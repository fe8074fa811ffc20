// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames of strangers, down to their SIP headers. */
#include "sip_agent.h"
#include "target.h"

void fuzz_sip(const uint8_t *data, size_t n)
{
	_cleanup_free_ uint8_t *frame = malloc(n ? n : 1);
	char agent[TEXT_SHOWN_MAX];
	const uint8_t *payload;
	size_t size = 0;

	fuzz_check(frame);
	memcpy(frame, data, n);
	payload = frame_payload(frame, n, &size);
	fuzz_check(!payload || (payload >= frame && size <= (size_t)(frame + n - payload)));
	if (payload && sip_agent(payload, size, agent))
		sip_agent_scans(agent);
	if (!sip_agent(frame, n, agent))
		return;
	fuzz_check(memchr(agent, '\0', sizeof(agent)));
	for (const char *c = agent; *c; c++)
		fuzz_check(*c >= ' ' && *c < 0x7f);
	sip_agent_scans(agent);
}
