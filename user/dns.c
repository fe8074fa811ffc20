// SPDX-License-Identifier: GPL-2.0-or-later
#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/stat.h>
#include "abi.h"
#include "cleanup.h"
#include "dns.h"

#define RESOLV_CONF "/etc/resolv.conf"

enum {
	TIMEOUT_MS = 1500, /* of the first try; c-ares doubles it */
	TRIES = 2,
	SOCKETS_MAX = 64,
	TARGETS_MAX = 32,
	ADDRESSES_MAX = 256,
	DNS_ACCURACY_US = 10000,
};

struct dns_socket {
	ares_socket_t fd;
	sd_event_source *source;
};

struct dns {
	ares_channel channel;
	sd_event *event;
	sd_event_source *timer;
	struct dns_socket sockets[SOCKETS_MAX];
	bool system; /* goes by /etc/resolv.conf, as it was then: */
	struct timespec changed;
	ino_t inode;
};

struct query {
	dns_done done;
	void *arg;
};

static void arm_timer(struct dns *d)
{
	struct timeval tv, *next = ares_timeout(d->channel, NULL, &tv);

	if (!next) {
		sd_event_source_set_enabled(d->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time_relative(d->timer, (uint64_t)next->tv_sec * 1000000 +
							    (uint64_t)next->tv_usec + 1000);
	sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct dns *d = arg;

	(void)s;
	(void)usec;
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm_timer(d);
	return 0;
}

static int on_socket(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct dns *d = arg;
	bool in = events & (EPOLLIN | EPOLLERR | EPOLLHUP), out = events & EPOLLOUT;

	(void)s;
	ares_process_fd(d->channel, in ? fd : ARES_SOCKET_BAD, out ? fd : ARES_SOCKET_BAD);
	arm_timer(d);
	return 0;
}

/* What c-ares wants to know of a socket of its own; neither: it is about to be closed. */
static void socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	uint32_t events = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U);
	struct dns_socket *s = NULL, *room = NULL;
	struct dns *d = arg;

	for (size_t i = 0; i < SOCKETS_MAX; i++) {
		if (d->sockets[i].source && d->sockets[i].fd == fd)
			s = &d->sockets[i];
		else if (!d->sockets[i].source)
			room = &d->sockets[i];
	}
	if (s && !events)
		s->source = sd_event_source_disable_unref(s->source);
	else if (s)
		sd_event_source_set_io_events(s->source, events);
	else if (events && room) {
		room->fd = fd;
		if (sd_event_add_io(d->event, &room->source, fd, events, on_socket, d) < 0)
			room->source = NULL; /* the query ends by its time-out */
	}
}

static int failed(int status, struct error *err)
{
	return error_set(err, status == ARES_ENOMEM ? ENOMEM : EIO, "the resolver: %s",
			 ares_strerror(status));
}

static int make_channel(struct dns *d, const char *servers, struct error *err)
{
	static char dns_only[] = "b";
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = TIMEOUT_MS,
		.tries = TRIES,
		.sock_state_cb = socket_state,
		.sock_state_cb_data = d,
		.lookups = dns_only,
	};
	int status = ares_init_options(&d->channel, &options,
				       ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					       ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS |
					       ARES_OPT_DOMAINS);

	if (status != ARES_SUCCESS) {
		d->channel = NULL;
		return failed(status, err);
	}
	if (*servers)
		status = ares_set_servers_ports_csv(d->channel, servers);
	return status == ARES_SUCCESS ? 0 : failed(status, err);
}

int dns_open(struct dns **out, sd_event *event, const char *servers, struct error *err)
{
	struct dns *d = calloc(1, sizeof(*d));
	struct stat st;
	int rc;

	*out = NULL;
	if (!d)
		return error_set(err, ENOMEM, "out of memory");
	d->event = event;
	d->system = !*servers;
	if (!stat(RESOLV_CONF, &st)) {
		d->changed = st.st_mtim;
		d->inode = st.st_ino;
	}
	rc = sd_event_add_time_relative(event, &d->timer, CLOCK_MONOTONIC, 0, DNS_ACCURACY_US,
					on_timer, d);
	if (rc < 0)
		error_set(err, -rc, "cannot set a timer: %s", strerror(-rc));
	else
		rc = sd_event_source_set_enabled(d->timer, SD_EVENT_OFF);
	if (rc >= 0)
		rc = make_channel(d, servers, err);
	if (rc < 0)
		dns_close(d);
	else
		*out = d;
	return rc < 0 ? rc : 0;
}

void dns_close(struct dns *d)
{
	if (!d)
		return;
	if (d->channel)
		ares_destroy(d->channel); /* calls back for what is under way */
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		sd_event_source_disable_unref(d->sockets[i].source);
	sd_event_source_disable_unref(d->timer);
	free(d);
}

bool dns_outdated(const struct dns *d)
{
	struct stat st;

	if (!d->system || stat(RESOLV_CONF, &st))
		return false;
	return st.st_ino != d->inode || st.st_mtim.tv_sec != d->changed.tv_sec ||
	       st.st_mtim.tv_nsec != d->changed.tv_nsec;
}

static enum dns_status status_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return DNS_ANSWERED;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_ENONAME:
		return DNS_NOTHING;
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
		return DNS_CANCELLED;
	default:
		return DNS_FAILED;
	}
}

/* In the words that people look for. */
static const char *why_text(int status)
{
	switch (status) {
	case ARES_ENODATA:
		return "it has no address";
	case ARES_ENOTFOUND:
	case ARES_ENONAME:
		return "there is no such name (NXDOMAIN)";
	case ARES_ESERVFAIL:
		return "the resolver failed (SERVFAIL)";
	case ARES_EREFUSED:
		return "the resolver refuses (REFUSED)";
	case ARES_ETIMEOUT:
		return "the resolver does not answer in time";
	case ARES_ECONNREFUSED:
		/* what older c-ares says when all of them have failed, however */
		return "no resolver can be reached, or they fail (SERVFAIL, REFUSED)";
	default:
		return ares_strerror(status);
	}
}

static void finish(struct query *q, const struct dns_answer *answer)
{
	dns_done done = q->done;
	void *arg = q->arg;

	free(q);
	done(answer, arg);
}

static void finish_without(struct query *q, int status)
{
	const struct dns_answer answer = { .status = status_of(status), .why = why_text(status) };

	finish(q, &answer);
}

static struct query *new_query(dns_done done, void *arg)
{
	struct query *q = calloc(1, sizeof(*q));
	const struct dns_answer answer = { .status = DNS_FAILED, .why = "out of memory" };

	if (!q) {
		done(&answer, arg);
		return NULL;
	}
	q->done = done;
	q->arg = arg;
	return q;
}

static uint32_t smaller(uint32_t ttl, int other)
{
	if (other < 0)
		other = 0;
	return (uint32_t)other < ttl ? (uint32_t)other : ttl;
}

static bool address_of(const struct ares_addrinfo_node *node, struct prefix *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const struct sockaddr_in6 *v6 = (const void *)node->ai_addr;
	const struct sockaddr_in *v4 = (const void *)node->ai_addr;

	*out = (struct prefix){ .family = AXP_IPV4, .len = 32 };
	if (node->ai_family == AF_INET) {
		memcpy(out->addr, &v4->sin_addr, 4);
		return true;
	}
	if (node->ai_family != AF_INET6)
		return false;
	if (!memcmp(&v6->sin6_addr, mapped, sizeof(mapped))) {
		memcpy(out->addr, v6->sin6_addr.s6_addr + sizeof(mapped), 4);
		return true;
	}
	*out = (struct prefix){ .family = AXP_IPV6, .len = 128 };
	memcpy(out->addr, &v6->sin6_addr, 16);
	return true;
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct dns_answer answer = { .status = DNS_ANSWERED, .ttl = UINT32_MAX };
	_cleanup_free_ struct prefix *v = calloc(ADDRESSES_MAX, sizeof(*v));
	struct query *q = arg;

	(void)timeouts;
	if (status == ARES_SUCCESS && !v)
		status = ARES_ENOMEM;
	if (status != ARES_SUCCESS) {
		ares_freeaddrinfo(info);
		finish_without(q, status);
		return;
	}
	for (const struct ares_addrinfo_cname *c = info->cnames; c; c = c->next)
		answer.ttl = smaller(answer.ttl, c->ttl);
	for (const struct ares_addrinfo_node *n = info->nodes; n; n = n->ai_next) {
		answer.ttl = smaller(answer.ttl, n->ai_ttl);
		if (answer.n < ADDRESSES_MAX && address_of(n, &v[answer.n]))
			answer.n++;
	}
	ares_freeaddrinfo(info);
	answer.v = v;
	if (answer.n)
		finish(q, &answer);
	else
		finish_without(q, ARES_ENODATA);
}

void dns_addresses(struct dns *d, const char *name, uint8_t family, dns_done done, void *arg)
{
	const struct ares_addrinfo_hints hints = {
		.ai_flags = ARES_AI_NOSORT,
		.ai_family = family == AXP_IPV4 ? AF_INET : AF_INET6,
		.ai_socktype = SOCK_DGRAM,
	};
	struct query *q = new_query(done, arg);

	if (!q)
		return;
	ares_getaddrinfo(d->channel, name, NULL, &hints, on_addresses, q);
	arm_timer(d);
}

/* c-ares does not tell the TTL of SRV records: the smallest of all in the answer. */
static uint32_t smallest_ttl(const unsigned char *message, int length)
{
	uint32_t ttl = UINT32_MAX;
	ns_msg handle;
	ns_rr rr;

	if (ns_initparse(message, length, &handle))
		return 0;
	for (int i = 0; i < ns_msg_count(handle, ns_s_an); i++) {
		if (!ns_parserr(&handle, ns_s_an, i, &rr))
			ttl = smaller(ttl, (int)(ns_rr_ttl(rr) & INT32_MAX));
	}
	return ttl;
}

static void on_srv(void *arg, int status, int timeouts, unsigned char *message, int length)
{
	char(*targets)[HOSTNAME_MAX + 1] = calloc(TARGETS_MAX, sizeof(*targets));
	_cleanup_free_ void *owned = targets;
	struct dns_answer answer = { .status = DNS_ANSWERED, .targets = targets };
	struct ares_srv_reply *replies = NULL;
	struct query *q = arg;

	(void)timeouts;
	if (status == ARES_SUCCESS)
		status = ares_parse_srv_reply(message, length, &replies);
	if (status == ARES_SUCCESS && !targets)
		status = ARES_ENOMEM;
	if (status != ARES_SUCCESS) {
		ares_free_data(replies);
		finish_without(q, status);
		return;
	}
	answer.ttl = smallest_ttl(message, length);
	for (const struct ares_srv_reply *r = replies; r && answer.n < TARGETS_MAX; r = r->next) {
		struct error ignored;

		/* "." is no host: the service is not to be had */
		if (!hostname_check(r->host, false, &ignored))
			hostname_normal(r->host, targets[answer.n++]);
	}
	ares_free_data(replies);
	finish(q, &answer);
}

void dns_srv(struct dns *d, const char *name, dns_done done, void *arg)
{
	struct query *q = new_query(done, arg);

	if (!q)
		return;
	ares_query(d->channel, name, ns_c_in, ns_t_srv, on_srv, q);
	arm_timer(d);
}
