/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services that an allowlist is made for, and how they are told by what listens. Pure. */
#ifndef ALLOWXDP_SERVICE_KINDS_H
#define ALLOWXDP_SERVICE_KINDS_H

#include "listeners.h"
#include "policy.h"

enum service_kind { KIND_HTTPS, KIND_HTTP, KIND_SIP, KIND_RTP, KIND_TURN, SERVICE_KINDS };

struct ports {
	struct port_range v[POLICY_MAX_PORT_RANGES];
	size_t n;
};

/* "https", "sip"... */
const char *kind_name(enum service_kind kind);
/* Of the list that it starts with. */
const char *kind_list(enum service_kind kind);
/* What it is for, for a comment. */
const char *kind_about(enum service_kind kind);
/* Guarded wherever it is found? Else only where it is asked for. */
bool kind_usual(enum service_kind kind);

/* SERVICE_KINDS: none of these. */
enum service_kind kind_by_name(const char *name, size_t n);
enum service_kind kind_of_listener(const struct listener *l);
/* By name and ports, as profiles have them. */
enum service_kind kind_of_service(const char *name, const struct ports *ports);

/* Does one of the listeners belong to it? Media need a signalling: there may be no call just now.
 */
bool kind_found(enum service_kind kind, const struct listeners *l);

/* What to guard: the kind's usual ports, and those where it was found. */
void kind_ports(enum service_kind kind, const struct listeners *l, struct ports *out);

#endif
