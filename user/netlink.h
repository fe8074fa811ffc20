/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests to the kernel over a netlink socket, and its own words when it refuses one. */
#ifndef ALLOWXDP_NETLINK_H
#define ALLOWXDP_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

enum { NETLINK_EXTACK_MAX = 256, NETLINK_BODY_MAX = 496 };

struct netlink {
	int fd;
	uint32_t seq;
	char extack[NETLINK_EXTACK_MAX]; /* what the kernel said of the last request; "" if nothing
					  */
};

#define NETLINK_EMPTY    \
	{                \
		.fd = -1 \
	}
#define _cleanup_netlink_ __attribute__((cleanup(netlink_close)))
void netlink_close(struct netlink *nl);

/* `protocol` is NETLINK_ROUTE and the like. 0 or negative errno. */
int netlink_open(struct netlink *nl, int protocol);

struct netlink_request {
	struct nlmsghdr header;
	uint8_t body[NETLINK_BODY_MAX];
};

/* Begins a request with the fixed header that its type has; attributes follow. */
void netlink_begin(struct netlink_request *r, uint16_t type, uint16_t flags, const void *head,
		   size_t n);

/* Appends an attribute; what does not fit is a fault of the caller and aborts. */
void netlink_put(struct netlink_request *r, uint16_t type, const void *data, size_t n);
void netlink_put_u32(struct netlink_request *r, uint16_t type, uint32_t value);

/* Attributes put between the two are inside this one. */
struct rtattr *netlink_nest(struct netlink_request *r, uint16_t type);
void netlink_nest_end(struct netlink_request *r, struct rtattr *nest);

/*
 * Sends the request and calls `fn` (which may be NULL) for each message of the answer, until it
 * returns non-zero; the rest of the answer is read and dropped. Returns what `fn` did, 0, or a
 * negative errno: the kernel's refusal (nl->extack may say more), or -EAGAIN for a dump that
 * something changed in meanwhile, so that it may lack entries or have them twice: ask again.
 */
typedef int (*netlink_fn)(const struct nlmsghdr *message, void *arg);
int netlink_ask(struct netlink *nl, struct netlink_request *r, netlink_fn fn, void *arg);

/* The first attribute behind a message's fixed header of n bytes; *len: bytes of attributes. */
const struct rtattr *netlink_attrs(const struct nlmsghdr *message, size_t n, size_t *len);

/* The attribute of this type, or NULL. */
const struct rtattr *netlink_find(const struct rtattr *first, size_t len, uint16_t type);

/* The same inside an attribute, which may be NULL. */
const struct rtattr *netlink_find_in(const struct rtattr *nest, uint16_t type);

/* An attribute's value; 0 or "" when it is NULL or too short. Texts are cut to fit; returns buf. */
uint32_t netlink_u32(const struct rtattr *a);
uint64_t netlink_u64(const struct rtattr *a);
const char *netlink_text(const struct rtattr *a, char *buf, size_t n);

#endif
