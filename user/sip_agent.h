/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a SIP message says of the program that sent it. All of it is what a stranger wrote: nothing
 * past the end is read, nothing is believed, and what is given back is safe to print. Pure.
 */
#ifndef ALLOWXDP_SIP_AGENT_H
#define ALLOWXDP_SIP_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "text.h"

/* What follows the TCP or UDP header in a frame; NULL: it has none, or is cut short before it. */
const uint8_t *frame_payload(const uint8_t *frame, size_t n, size_t *size);

/*
 * The User-Agent of a SIP request (RFC 3261 section 20.41), whole or cut off at its end: as
 * text_shown() writes it. False: it is none, or has no such header.
 */
bool sip_agent(const uint8_t *payload, size_t n, char agent[static TEXT_SHOWN_MAX]);

/* Is it a program that is known for scanning? */
bool sip_agent_scans(const char *agent);

#endif
