// SPDX-License-Identifier: GPL-2.0-or-later
/* Is this the interface to guard, and is it there to carry traffic? */
#include <net/if.h>
#include <string.h>
#include "doctor.h"

static void check_header(struct doctor *d, const struct device *dev)
{
	char below[16];

	if (device_is_ethernet(dev))
		return;
	finding(d, FINDING_PROBLEM, "link", dev->name,
		"it carries no Ethernet frames (tun, ppp, wireguard...): load on the interface "
		"below it");
	if (device_below_name(dev, below))
		finding_fix(d, "allowxdp load %s", below);
}

static void check_state(struct doctor *d, const struct device *dev)
{
	if (!(dev->flags & IFF_UP)) {
		finding(d, FINDING_WARNING, "link", dev->name, "it is down: no packet comes in");
		finding_fix(d, "ip link set dev %s up", dev->name);
	} else if (!(dev->flags & IFF_RUNNING)) {
		finding(d, FINDING_WARNING, "link", dev->name,
			"it is up, but has no carrier: see that the other end is connected and up");
	} else {
		finding(d, FINDING_OK, "link", dev->name, "up, MTU %u, driver %s", dev->mtu,
			dev->driver[0] ? dev->driver : "unknown");
	}
}

static void check_master(struct doctor *d, const struct device *dev)
{
	if (!dev->master[0])
		return;
	if (!strcmp(dev->master_kind, "bond") || !strcmp(dev->master_kind, "team")) {
		finding(d, FINDING_WARNING, "link", dev->name,
			"it is a member of the %s %s: the others would stay unguarded: load on %s",
			dev->master_kind, dev->master, dev->master);
		finding_fix(d, "allowxdp load %s", dev->master);
	} else {
		finding(d, FINDING_NOTE, "link", dev->name,
			"it is a port of %s%s%s: what passes through to other ports is filtered "
			"too",
			dev->master, dev->master_kind[0] ? ", a " : "", dev->master_kind);
	}
}

void doctor_link(struct doctor *d, const struct device *dev)
{
	check_header(d, dev);
	check_state(d, dev);
	check_master(d, dev);
}
