// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Can the driver run XDP natively as the interface is set up now? Since 6.3 the kernel says what
 * the driver can do; what a driver refuses all the same is known from its source (the kernel's
 * drivers/net, 5.10 to 6.18), and stands in a table here. Nothing is attached to find out.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cleanup.h"
#include "doctor.h"

enum {
	/* one page of 4096, less XDP's headroom, struct skb_shared_info and the headers */
	PAGE_MTU = 3506,
	GENERAL_MTU = 3498,
	FRAGS_PAGE = 4096, /* the sizes here are for such pages */
};

/*
 * `mtu`: the largest with a program in one buffer, 0 if that is not known. A violation is a problem
 * where the driver's refusal makes `load` fail, a warning where it makes `load` fall back to
 * generic mode.
 */
struct driver {
	const char *name;
	uint32_t mtu;
	bool frags; /* a multi-buffer program lifts the limit, whatever the kernel says of it */
	enum finding_level refused;
};

static const struct driver drivers[] = {
	{ "veth", PAGE_MTU, true, FINDING_PROBLEM },       /* veth_xdp_set(): ERANGE */
	{ "virtio_net", PAGE_MTU, true, FINDING_PROBLEM }, /* virtnet_xdp_set(): EINVAL */
	{ "ena", GENERAL_MTU, false, FINDING_PROBLEM },    /* ENA_XDP_MAX_MTU: EINVAL */
	{ "hv_netvsc", PAGE_MTU, false, FINDING_WARNING }, /* netvsc_xdp_set(): EOPNOTSUPP */
	{ "gve", 2032, false, FINDING_WARNING },           /* GQI: EOPNOTSUPP */
	{ "ixgbe", 3050, false, FINDING_PROBLEM },         /* 3 KiB buffers: EINVAL */
	{ "i40e", 3046, false, FINDING_PROBLEM },          /* 3 KiB buffers: EINVAL */
	{ "ice", 3046, false, FINDING_WARNING },           /* 3 KiB buffers: EOPNOTSUPP */
};

static const struct driver *find_driver(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (!strcmp(drivers[i].name, name))
			return &drivers[i];
	}
	return NULL;
}

/* Frames to a veth are as long as its peer's MTU allows. */
static uint32_t frame_mtu(const struct device *dev)
{
	uint32_t peer = !strcmp(dev->driver, "veth") ? device_below_mtu(dev) : 0;

	return peer ? peer : dev->mtu;
}

static void fix_mtu(struct doctor *d, const struct device *dev, uint32_t mtu)
{
	char peer[16];

	if (strcmp(dev->driver, "veth") != 0)
		finding_fix(d, "ip link set dev %s mtu %u", dev->name, mtu);
	else if (device_below_name(dev, peer))
		finding_fix(d, "ip link set dev %s mtu %u", peer, mtu);
}

void doctor_mtu(struct doctor *d, const struct device *dev)
{
	const struct driver *known = find_driver(dev->driver);
	uint32_t limit = known ? known->mtu : GENERAL_MTU, mtu = frame_mtu(dev);
	bool spread = d->frags && ((known && known->frags) || dev->xdp_features & DEVICE_XDP_RX_SG);

	if (sysconf(_SC_PAGESIZE) != FRAGS_PAGE || mtu <= limit || spread)
		return;
	if (!known && !(dev->xdp_features & DEVICE_XDP_BASIC))
		return; /* generic mode takes any */
	finding(d, known ? known->refused : FINDING_WARNING, "mtu", dev->name,
		"frames of MTU %u do not fit into one buffer: driver %s %s native XDP above %u%s",
		mtu, dev->driver[0] ? dev->driver : "unknown", known ? "refuses" : "may refuse",
		limit,
		known && known->refused == FINDING_WARNING ? ", and the slower generic mode is used"
							   : "");
	fix_mtu(d, dev, limit);
	d->refused |= known != NULL;
}

/* virtio: bit n of the features that host and guest agreed on. */
static bool virtio_features(const struct device *dev, char bits[static 65])
{
	char path[128];
	_cleanup_fclose_ FILE *f = NULL;

	if (strcmp(dev->parent_bus, "virtio") != 0)
		return false;
	snprintf(path, sizeof(path), "/sys/bus/virtio/devices/%s/features", dev->parent);
	f = fopen(path, "re");
	return f && fscanf(f, "%64[01]", bits) == 1 && strlen(bits) == 64;
}

/* The host hands over frames merged or without checksums, and cannot be asked to stop. */
static void check_virtio(struct doctor *d, const struct device *dev)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} offloads[] = {
		{ 1, "guest_csum" }, { 7, "guest_tso4" },  { 8, "guest_tso6" },  { 9, "guest_ecn" },
		{ 10, "guest_ufo" }, { 54, "guest_uso4" }, { 55, "guest_uso6" },
	};
	enum { CTRL_GUEST_OFFLOADS = 2 };
	char bits[65], names[128] = "";

	if (strcmp(dev->driver, "virtio_net") != 0 || !virtio_features(dev, bits) ||
	    bits[CTRL_GUEST_OFFLOADS] == '1')
		return;
	for (size_t i = 0; i < ARRAY_SIZE(offloads); i++) {
		if (bits[offloads[i].bit] == '1')
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
				 *names ? ", " : "", offloads[i].name);
	}
	if (!*names)
		return;
	finding(d, FINDING_WARNING, "driver", dev->name,
		"virtio_net refuses native XDP: the hypervisor offers %s without "
		"ctrl_guest_offloads: the slower generic mode is used, unless those are switched "
		"off there",
		names);
	d->refused = true;
}

static const char *bond_mode_name(uint8_t mode)
{
	static const char *const names[] = { "balance-rr", "active-backup", "balance-xor",
					     "broadcast",  "802.3ad",       "balance-tlb",
					     "balance-alb" };

	return mode < ARRAY_SIZE(names) ? names[mode] : "unknown";
}

static void say_generic(struct doctor *d, const struct device *dev)
{
	char below[16];

	if (!strcmp(dev->kind, "bond"))
		finding(d, FINDING_NOTE, "driver", dev->name,
			"no native XDP in this bond (mode %s): it takes mode balance-rr, "
			"active-backup, balance-xor or 802.3ad, and members that all have it: the "
			"slower generic mode is used",
			bond_mode_name(dev->bond_mode));
	else if (device_below_name(dev, below) && below[0] && strcmp(below, dev->name) != 0)
		finding(d, FINDING_NOTE, "driver", dev->name,
			"driver %s has no native XDP: the slower generic mode is used; %s, which "
			"its frames come through, may be faster",
			dev->driver[0] ? dev->driver : "unknown", below);
	else
		finding(d, FINDING_NOTE, "driver", dev->name,
			"driver %s has no native XDP: the slower generic mode is used",
			dev->driver[0] ? dev->driver : "unknown");
}

void doctor_driver(struct doctor *d, const struct device *dev)
{
	check_virtio(d, dev);
	if (d->refused)
		return;
	if (!dev->xdp_features_known)
		finding(d, FINDING_NOTE, "driver", dev->name,
			"driver %s: this kernel does not say whether it has native XDP; `load` "
			"tries, and uses generic mode if it has none",
			dev->driver[0] ? dev->driver : "unknown");
	else if (dev->xdp_features & DEVICE_XDP_BASIC)
		finding(d, FINDING_OK, "driver", dev->name, "driver %s has native XDP%s",
			dev->driver,
			dev->xdp_features & DEVICE_XDP_RX_SG ? ", with frames of several buffers"
							     : "");
	else
		say_generic(d, dev);
}
