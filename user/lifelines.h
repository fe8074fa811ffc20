/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The peers that must not be cut off: who typed the command, the way out, and the resolvers. */
#ifndef ALLOWXDP_LIFELINES_H
#define ALLOWXDP_LIFELINES_H

#include "prefix.h"

struct lifeline {
	enum lifeline_kind { LIFELINE_SSH, LIFELINE_GATEWAY, LIFELINE_RESOLVER } kind;
	struct prefix address; /* of the peer, full length */
	uint16_t local_port;   /* the SSH server's; else 0 */
	uint16_t remote_port;  /* the SSH client's, a resolver's 53; else 0 */
	char interface[16];    /* that it is reached through; "" where that is not known */
};

/*
 * All of them: the SSH session that the command runs in (also under sudo, which hides its
 * environment), the default gateways of the main routing table, both families, and the resolvers.
 * Those of `resolv_conf`; if it is NULL, of /etc/resolv.conf, or what systemd-resolved asks where
 * that names nothing but it. Loopback addresses are left out: no interface carries them. What
 * cannot be read holds none. Returns 0, -E2BIG if there are more than `max`, or another negative
 * errno.
 */
int lifelines_read(struct lifeline *out, size_t max, size_t *n, const char *resolv_conf,
		   struct error *err);

/* Pure: SSH_CONNECTION's "CLIENT PORT SERVER PORT", an IPv6 address with "%SCOPE" perhaps. 0 or
 * -EINVAL. */
int ssh_connection_parse(const char *text, struct lifeline *out);

/* Pure: a line of resolv.conf, n bytes. false if it names no resolver. */
bool resolver_line_parse(const char *line, size_t n, struct lifeline *out);

/* Pure: the value of a variable in what /proc/PID/environ holds (n bytes, and a NUL behind them),
 * or NULL. */
const char *environment_find(const char *environment, size_t n, const char *name);

#endif
