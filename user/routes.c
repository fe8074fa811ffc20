// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include "abi.h"
#include "cleanup.h"
#include "netlink.h"
#include "routes.h"

enum { DUMP_TRIES = 5 };

struct each {
	int (*fn)(const struct gateway *g, void *arg);
	void *arg;
};

/* RTA_GATEWAY holds an address of the route's family; RTA_VIA says which family it is of. */
static bool read_gateway(const struct rtattr *first, size_t len, uint8_t family, struct prefix *out)
{
	const struct rtattr *a = netlink_find(first, len, RTA_GATEWAY);
	const uint8_t *address;
	size_t n;

	if (a) {
		address = RTA_DATA(a);
		n = RTA_PAYLOAD(a);
	} else {
		const struct rtvia *via;

		a = netlink_find(first, len, RTA_VIA);
		if (!a || RTA_PAYLOAD(a) < sizeof(*via))
			return false;
		via = RTA_DATA(a);
		family = (uint8_t)via->rtvia_family;
		address = via->rtvia_addr;
		n = RTA_PAYLOAD(a) - sizeof(*via);
	}
	memset(out, 0, sizeof(*out));
	if (family == AF_INET && n == 4)
		out->family = AXP_IPV4;
	else if (family == AF_INET6 && n == 16)
		out->family = AXP_IPV6;
	else
		return false;
	out->len = prefix_max_len(out->family);
	memcpy(out->addr, address, n);
	return true;
}

static int show(const struct each *e, const struct rtattr *first, size_t len, uint8_t family,
		uint32_t ifindex)
{
	struct gateway g = { 0 };

	if (!read_gateway(first, len, family, &g.address))
		return 0; /* the link itself is the way out: tun, ppp */
	if (!if_indextoname(ifindex, g.interface))
		g.interface[0] = '\0';
	return e->fn(&g, e->arg);
}

static int show_paths(const struct each *e, const struct rtattr *multipath, uint8_t family)
{
	const struct rtnexthop *hop = RTA_DATA(multipath);
	size_t left = RTA_PAYLOAD(multipath);
	int rc = 0;

	while (!rc && left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) &&
	       hop->rtnh_len <= left) {
		size_t step = RTNH_ALIGN(hop->rtnh_len);

		rc = show(e, RTNH_DATA(hop), hop->rtnh_len - sizeof(*hop), family,
			  (uint32_t)hop->rtnh_ifindex);
		left -= step < left ? step : left;
		hop = RTNH_NEXT(hop);
	}
	return rc;
}

static int take_route(const struct nlmsghdr *m, void *arg)
{
	const struct rtmsg *route = NLMSG_DATA(m);
	const struct rtattr *first, *table, *multipath;
	size_t len;
	int rc;

	if (m->nlmsg_type != RTM_NEWROUTE || m->nlmsg_len < NLMSG_LENGTH(sizeof(*route)))
		return 0;
	first = netlink_attrs(m, sizeof(*route), &len);
	table = netlink_find(first, len, RTA_TABLE);
	if (route->rtm_dst_len || route->rtm_type != RTN_UNICAST ||
	    route->rtm_flags & RTM_F_CLONED ||
	    (table ? netlink_u32(table) : route->rtm_table) != RT_TABLE_MAIN)
		return 0;
	rc = show(arg, first, len, route->rtm_family,
		  netlink_u32(netlink_find(first, len, RTA_OIF)));
	multipath = netlink_find(first, len, RTA_MULTIPATH);
	return rc || !multipath ? rc : show_paths(arg, multipath, route->rtm_family);
}

int default_gateways_each(int (*fn)(const struct gateway *g, void *arg), void *arg,
			  struct error *err)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	_cleanup_netlink_ struct netlink nl = NETLINK_EMPTY;
	struct each e = { .fn = fn, .arg = arg };
	int rc = netlink_open(&nl, NETLINK_ROUTE);

	for (size_t f = 0; !rc && f < ARRAY_SIZE(families); f++) {
		const struct rtmsg ask = { .rtm_family = families[f] };
		struct netlink_request r;

		rc = -EAGAIN;
		for (int n = 0; rc == -EAGAIN && n < DUMP_TRIES; n++) {
			netlink_begin(&r, RTM_GETROUTE, NLM_F_DUMP, &ask, sizeof(ask));
			rc = netlink_ask(&nl, &r, take_route, &e);
		}
		if (rc == -EAGAIN)
			rc = 0; /* routes change all the time: what was seen is what there is */
	}
	if (rc < 0)
		return error_set(err, -rc, "cannot read the routes: %s: see `ip route`",
				 strerror(-rc));
	return rc;
}
