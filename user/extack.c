// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/if_link.h>
#include <stdio.h>
#include <sys/socket.h>
#include "extack.h"
#include "netlink.h"

enum { NO_PROGRAM = -1 };

/* Takes our program off, and no other: kernels before 5.7 do not know how to tell them apart. */
static int set_program(struct netlink *nl, int ifindex, int fd, uint32_t flags, int expected_fd)
{
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct netlink_request r;
	struct rtattr *xdp;

	netlink_begin(&r, RTM_SETLINK, 0, &link, sizeof(link));
	xdp = netlink_nest(&r, IFLA_XDP);
	netlink_put(&r, IFLA_XDP_FD, &fd, sizeof(fd));
	if (expected_fd != NO_PROGRAM) {
		netlink_put(&r, IFLA_XDP_EXPECTED_FD, &expected_fd, sizeof(expected_fd));
		flags |= XDP_FLAGS_REPLACE;
	}
	netlink_put_u32(&r, IFLA_XDP_FLAGS, flags);
	netlink_nest_end(&r, xdp);
	return netlink_ask(nl, &r, NULL, NULL);
}

int xdp_extack(int ifindex, int prog_fd, uint32_t flags, char *buf, size_t n)
{
	_cleanup_netlink_ struct netlink nl = NETLINK_EMPTY;
	int rc = netlink_open(&nl, NETLINK_ROUTE);

	snprintf(buf, n, "%s", "");
	if (rc)
		return rc;
	flags &= XDP_FLAGS_MODES;
	rc = set_program(&nl, ifindex, prog_fd, flags | XDP_FLAGS_UPDATE_IF_NOEXIST, NO_PROGRAM);
	if (rc) {
		snprintf(buf, n, "%s", nl.extack);
		return rc;
	}
	if (set_program(&nl, ifindex, NO_PROGRAM, flags, prog_fd))
		set_program(&nl, ifindex, NO_PROGRAM, flags, NO_PROGRAM);
	return 0;
}
