// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "abi.h"
#include "cleanup.h"
#include "netlink.h"
#include "sockets.h"

enum {
	DUMP_TRIES = 5,
	STATE_NEW_SYN_RECV = 12, /* of connections half open, since 4.4; in no header */
	/* TCP_CLOSE is a socket that is neither connected nor listening. */
	TCP_STATES = ((1 << (STATE_NEW_SYN_RECV + 1)) - 2) & ~(1 << TCP_CLOSE),
	UDP_STATES = 1 << TCP_ESTABLISHED | 1 << TCP_CLOSE,
};

/* One dump: what it asks for, and where what comes goes. */
struct dump {
	uint8_t family, protocol; /* AF_INET or AF_INET6, enum axp_protocol */
	struct sockets *out;
};

void sockets_free(struct sockets *s)
{
	free(s->v);
	memset(s, 0, sizeof(*s));
}

static int push(struct sockets *out, const struct socket_info *s)
{
	size_t cap = out->cap ? out->cap * 2 : 256;
	struct socket_info *v;

	if (out->n == out->cap) {
		v = reallocarray(out->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		out->v = v;
		out->cap = cap;
	}
	out->v[out->n++] = *s;
	return 0;
}

static bool is_mapped(const void *address)
{
	static const uint8_t start[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(address, start, sizeof(start));
}

static bool is_any(const void *address)
{
	static const uint8_t any[16];

	return !memcmp(address, any, sizeof(any));
}

static struct prefix full_prefix(const void *address, uint8_t family)
{
	struct prefix p = { .family = family, .len = prefix_max_len(family) };

	memcpy(p.addr, address, p.len / 8);
	return p;
}

static void set_addresses(const struct inet_diag_msg *m, struct socket_info *s)
{
	const uint8_t *src = (const uint8_t *)m->id.idiag_src,
		      *dst = (const uint8_t *)m->id.idiag_dst;
	/* An IPv6 socket that is bound to an IPv4 address may have no peer, which is "::". */
	bool mapped = m->idiag_family == AF_INET6 && (is_mapped(src) || is_mapped(dst)) &&
		      (is_mapped(src) || is_any(src)) && (is_mapped(dst) || is_any(dst));
	uint8_t family = mapped || m->idiag_family == AF_INET ? AXP_IPV4 : AXP_IPV6;

	s->local = full_prefix(mapped ? src + 12 : src, family);
	s->remote = full_prefix(mapped ? dst + 12 : dst, family);
}

static int keep_socket(const struct nlmsghdr *message, void *arg)
{
	const struct inet_diag_msg *m = NLMSG_DATA(message);
	struct socket_info s = { 0 };
	const struct dump *d = arg;

	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    message->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || m->idiag_family != d->family)
		return 0;
	set_addresses(m, &s);
	s.local_port = ntohs(m->id.idiag_sport);
	s.remote_port = ntohs(m->id.idiag_dport);
	s.protocol = d->protocol;
	s.inode = m->idiag_inode;
	s.tcp_state = m->idiag_state == STATE_NEW_SYN_RECV ? TCP_SYN_RECV : m->idiag_state;
	s.listening = m->idiag_state == (d->protocol == AXP_TCP ? TCP_LISTEN : TCP_CLOSE);
	return push(d->out, &s);
}

static int read_dump(struct netlink *nl, struct dump *d)
{
	const struct inet_diag_req_v2 ask = {
		.sdiag_family = d->family,
		.sdiag_protocol = d->protocol == AXP_TCP ? IPPROTO_TCP : IPPROTO_UDP,
		.idiag_states = d->protocol == AXP_TCP ? TCP_STATES : UDP_STATES,
	};
	size_t before = d->out->n;
	struct netlink_request r;
	int rc = -EAGAIN;

	for (int n = 0; rc == -EAGAIN && n < DUMP_TRIES; n++) {
		d->out->n = before;
		netlink_begin(&r, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &ask, sizeof(ask));
		rc = netlink_ask(nl, &r, keep_socket, d);
	}
	return rc == -EAGAIN ? 0 : rc;
}

static int refuse(const struct dump *d, int rc, struct error *err)
{
	const char *name = d->protocol == AXP_TCP ? "tcp" : "udp";

	if (rc == -ENOENT)
		return error_set(err, -rc,
				 "this kernel cannot list %s sockets (%s_diag is missing): run "
				 "`modprobe %s_diag`",
				 name, name, name);
	return error_set(err, -rc, "cannot list the %s sockets: %s: see the kernel's log", name,
			 strerror(-rc));
}

int sockets_read(struct sockets *out, struct error *err)
{
	static const struct {
		uint8_t family, protocol;
	} dumps[] = { { AF_INET, AXP_TCP },
		      { AF_INET, AXP_UDP },
		      { AF_INET6, AXP_TCP },
		      { AF_INET6, AXP_UDP } };
	_cleanup_netlink_ struct netlink nl = NETLINK_EMPTY;
	int rc = netlink_open(&nl, NETLINK_SOCK_DIAG);

	if (rc)
		return error_set(err, -rc,
				 "cannot ask the kernel for its sockets: %s: see that it has "
				 "CONFIG_INET_DIAG",
				 strerror(-rc));
	for (size_t i = 0; i < ARRAY_SIZE(dumps); i++) {
		struct dump d = { dumps[i].family, dumps[i].protocol, out };

		rc = read_dump(&nl, &d);
		if (rc)
			return refuse(&d, rc, err);
	}
	return 0;
}
