/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking DNS from an event loop, by c-ares: without search domains, without /etc/hosts. */
#ifndef ALLOWXDP_DNS_H
#define ALLOWXDP_DNS_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include "hostname.h"
#include "prefix.h"

struct dns;

enum dns_status {
	DNS_ANSWERED,
	DNS_NOTHING,   /* the name is there, but has nothing of that kind; or is not there */
	DNS_FAILED,    /* SERVFAIL, no answer in time...: nothing is known */
	DNS_CANCELLED, /* the resolvers have changed, or the loop ends */
};

struct dns_answer {
	enum dns_status status;
	const char *why; /* what c-ares said, unless DNS_ANSWERED */
	uint32_t ttl;    /* the smallest of all that led here, CNAMEs too */
	/* of dns_addresses(): */
	struct prefix *v;
	/* of dns_srv(): the hosts; none where the service is said not to be had */
	char (*targets)[HOSTNAME_MAX + 1];
	size_t n;
};

/* The answer is the callee's only while it runs. */
typedef void (*dns_done)(const struct dns_answer *answer, void *arg);

/* `servers`: "ADDR:PORT,[ADDR]:PORT", or "" for those of the system. */
int dns_open(struct dns **out, sd_event *event, const char *servers, struct error *err);

/* Ends all queries, as DNS_CANCELLED. */
void dns_close(struct dns *d);

/* /etc/resolv.conf has changed since, and it is what is gone by. */
bool dns_outdated(const struct dns *d);

/* `family`: AXP_IPV4 or AXP_IPV6. done() may be called before these return. */
void dns_addresses(struct dns *d, const char *name, uint8_t family, dns_done done, void *arg);
void dns_srv(struct dns *d, const char *name, dns_done done, void *arg);

#endif
