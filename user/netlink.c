// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cleanup.h"
#include "netlink.h"

/* The kernel fills dumps in pieces of at most 32 KiB; single answers are far smaller. */
enum { RECEIVE_MAX = 1 << 16 };

void netlink_close(struct netlink *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

int netlink_open(struct netlink *nl, int protocol)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	const int one = 1;

	*nl = (struct netlink)NETLINK_EMPTY;
	if (fd < 0)
		return -errno;
	/* Kernels before 4.12 lack these, and then explain nothing. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	nl->fd = TAKE_FD(fd);
	return 0;
}

static void *append(struct netlink_request *r, const void *data, size_t n)
{
	size_t used = NLMSG_ALIGN(r->header.nlmsg_len), end = used + NLMSG_ALIGN(n);
	uint8_t *to = (uint8_t *)r + used;

	if (end > sizeof(*r))
		abort();
	memset(to, 0, end - used);
	if (n && data)
		memcpy(to, data, n);
	r->header.nlmsg_len = (uint32_t)end;
	return to;
}

void netlink_begin(struct netlink_request *r, uint16_t type, uint16_t flags, const void *head,
		   size_t n)
{
	r->header = (struct nlmsghdr){ .nlmsg_len = NLMSG_HDRLEN,
				       .nlmsg_type = type,
				       .nlmsg_flags = flags | NLM_F_REQUEST };
	append(r, head, n);
}

void netlink_put(struct netlink_request *r, uint16_t type, const void *data, size_t n)
{
	const struct rtattr a = { .rta_len = (uint16_t)RTA_LENGTH(n), .rta_type = type };

	append(r, &a, sizeof(a));
	append(r, data, n);
}

void netlink_put_u32(struct netlink_request *r, uint16_t type, uint32_t value)
{
	netlink_put(r, type, &value, sizeof(value));
}

struct rtattr *netlink_nest(struct netlink_request *r, uint16_t type)
{
	const struct rtattr a = { .rta_len = RTA_LENGTH(0), .rta_type = type | NLA_F_NESTED };

	return append(r, &a, sizeof(a));
}

void netlink_nest_end(struct netlink_request *r, struct rtattr *nest)
{
	nest->rta_len = (uint16_t)((uint8_t *)r + r->header.nlmsg_len - (uint8_t *)nest);
}

static bool is_dump(const struct netlink_request *r)
{
	return (r->header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}

static int send_request(struct netlink *nl, struct netlink_request *r)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	r->header.nlmsg_seq = ++nl->seq;
	if (!is_dump(r))
		r->header.nlmsg_flags |= NLM_F_ACK; /* which ends the answer */
	do
		sent = sendto(nl->fd, r, r->header.nlmsg_len, 0, (struct sockaddr *)&kernel,
			      sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* From the kernel only. Returns bytes, or negative errno. */
static ssize_t receive(const struct netlink *nl, void *buf)
{
	struct sockaddr_nl from;
	struct iovec iov = { .iov_base = buf, .iov_len = RECEIVE_MAX };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_name = &from };
	ssize_t n;

	do {
		m.msg_namelen = sizeof(from);
		n = recvmsg(nl->fd, &m, 0);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid));
	if (n < 0)
		return errno == ENOBUFS ? -EAGAIN : -errno;
	return m.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

static void keep_extack(struct netlink *nl, const struct nlmsghdr *m)
{
	const struct nlmsgerr *e = NLMSG_DATA(m);
	size_t skip = sizeof(*e), len;
	const struct rtattr *first;

	if (!(m->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(m->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - NLMSG_HDRLEN; /* our request, in full */
	first = netlink_attrs(m, skip, &len);
	netlink_text(netlink_find(first, len, NLMSGERR_ATTR_MSG), nl->extack, sizeof(nl->extack));
}

struct answer {
	struct netlink *nl;
	netlink_fn fn;
	void *arg;
	bool interrupted, done;
	int rc; /* of fn */
};

/* One message; sets a->done, and returns how the kernel ended it, with the last one. */
static int take_message(struct answer *a, const struct nlmsghdr *m)
{
	int status = 0;

	if (m->nlmsg_seq != a->nl->seq)
		return 0;
	if (m->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	switch (m->nlmsg_type) {
	case NLMSG_ERROR:
		a->done = true;
		if (m->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
			return -EBADMSG;
		keep_extack(a->nl, m);
		return ((const struct nlmsgerr *)NLMSG_DATA(m))->error;
	case NLMSG_DONE:
		a->done = true;
		if (m->nlmsg_len >= NLMSG_LENGTH(sizeof(status)))
			memcpy(&status, NLMSG_DATA(m), sizeof(status));
		return status < 0 ? status : 0;
	case NLMSG_NOOP:
	case NLMSG_OVERRUN:
		return 0;
	default:
		if (a->fn && !a->rc)
			a->rc = a->fn(m, a->arg);
		return 0;
	}
}

int netlink_ask(struct netlink *nl, struct netlink_request *r, netlink_fn fn, void *arg)
{
	_cleanup_free_ struct nlmsghdr *buf = malloc(RECEIVE_MAX);
	struct answer a = { .nl = nl, .fn = fn, .arg = arg };
	int rc;

	nl->extack[0] = '\0';
	if (!buf)
		return -ENOMEM;
	rc = send_request(nl, r);
	while (!rc && !a.done) {
		ssize_t n = receive(nl, buf);

		if (n <= 0)
			return n ? (int)n : -EPIPE;
		for (const struct nlmsghdr *m = buf; !rc && !a.done && NLMSG_OK(m, (size_t)n);
		     m = NLMSG_NEXT(m, n))
			rc = take_message(&a, m);
	}
	if (rc)
		return rc;
	if (a.interrupted)
		return -EAGAIN;
	return a.rc;
}

const struct rtattr *netlink_attrs(const struct nlmsghdr *message, size_t n, size_t *len)
{
	size_t start = NLMSG_HDRLEN + NLMSG_ALIGN(n);

	*len = message->nlmsg_len > start ? message->nlmsg_len - start : 0;
	return (const struct rtattr *)((const uint8_t *)message + start);
}

const struct rtattr *netlink_find(const struct rtattr *first, size_t len, uint16_t type)
{
	for (const struct rtattr *a = first; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	}
	return NULL;
}

const struct rtattr *netlink_find_in(const struct rtattr *nest, uint16_t type)
{
	return nest ? netlink_find(RTA_DATA(nest), RTA_PAYLOAD(nest), type) : NULL;
}

uint32_t netlink_u32(const struct rtattr *a)
{
	uint32_t value = 0;

	if (a && RTA_PAYLOAD(a) >= sizeof(value))
		memcpy(&value, RTA_DATA(a), sizeof(value));
	return value;
}

uint64_t netlink_u64(const struct rtattr *a)
{
	uint64_t value = 0;

	if (a && RTA_PAYLOAD(a) >= sizeof(value))
		memcpy(&value, RTA_DATA(a), sizeof(value));
	return value;
}

const char *netlink_text(const struct rtattr *a, char *buf, size_t n)
{
	int len = a ? (int)RTA_PAYLOAD(a) : 0;

	snprintf(buf, n, "%.*s", len, len ? (const char *)RTA_DATA(a) : "");
	return buf;
}
