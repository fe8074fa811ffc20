// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "cleanup.h"
#include "doctor_device.h"
#include "netlink.h"

/* Of the generic netlink family "netdev", which this system's headers may not have yet. */
enum { NETDEV_DEV_GET = 1, NETDEV_IFINDEX = 1, NETDEV_XDP_FEATURES = 3 };

enum { HERE = -1, STRINGS_MAX = 512 };

static int ask_link(struct netlink *nl, int ifindex, int netns, netlink_fn fn, void *arg)
{
	const struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct netlink_request r;

	netlink_begin(&r, RTM_GETLINK, ifindex ? 0 : NLM_F_DUMP, &head, sizeof(head));
	if (netns != HERE)
		netlink_put_u32(&r, IFLA_TARGET_NETNSID, (uint32_t)netns);
	return netlink_ask(nl, &r, fn, arg);
}

static const struct rtattr *link_attrs(const struct nlmsghdr *m, size_t *len)
{
	if (m->nlmsg_type != RTM_NEWLINK || m->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return NULL;
	return netlink_attrs(m, sizeof(struct ifinfomsg), len);
}

static int take_link(const struct nlmsghdr *m, void *arg)
{
	const struct ifinfomsg *head = NLMSG_DATA(m);
	const struct rtattr *first, *info, *bond_mode, *netns;
	struct device *dev = arg;
	uint32_t master;
	size_t len;

	first = link_attrs(m, &len);
	if (!first)
		return 0;
	info = netlink_find(first, len, IFLA_LINKINFO);
	netns = netlink_find(first, len, IFLA_LINK_NETNSID);
	master = netlink_u32(netlink_find(first, len, IFLA_MASTER));
	dev->ifindex = head->ifi_index;
	dev->type = head->ifi_type;
	dev->flags = head->ifi_flags;
	dev->mtu = netlink_u32(netlink_find(first, len, IFLA_MTU));
	dev->below = netlink_u32(netlink_find(first, len, IFLA_LINK));
	dev->below_elsewhere = netns != NULL;
	dev->below_netns = netns ? (int)netlink_u32(netns) : HERE;
	netlink_text(netlink_find_in(info, IFLA_INFO_KIND), dev->kind, sizeof(dev->kind));
	netlink_text(netlink_find_in(info, IFLA_INFO_SLAVE_KIND), dev->master_kind,
		     sizeof(dev->master_kind));
	netlink_text(netlink_find(first, len, IFLA_PARENT_DEV_NAME), dev->parent,
		     sizeof(dev->parent));
	netlink_text(netlink_find(first, len, IFLA_PARENT_DEV_BUS_NAME), dev->parent_bus,
		     sizeof(dev->parent_bus));
	if (master && !if_indextoname(master, dev->master))
		snprintf(dev->master, sizeof(dev->master), "%u", master);
	bond_mode = netlink_find_in(netlink_find_in(info, IFLA_INFO_DATA), IFLA_BOND_MODE);
	if (!strcmp(dev->kind, "bond") && bond_mode && RTA_PAYLOAD(bond_mode))
		dev->bond_mode = *(const uint8_t *)RTA_DATA(bond_mode);
	return 0;
}

static int take_family(const struct nlmsghdr *m, void *arg)
{
	size_t len;
	const struct rtattr *first = netlink_attrs(m, sizeof(struct genlmsghdr), &len);
	const struct rtattr *id = netlink_find(first, len, CTRL_ATTR_FAMILY_ID);

	if (id && RTA_PAYLOAD(id) >= sizeof(uint16_t))
		memcpy(arg, RTA_DATA(id), sizeof(uint16_t));
	return 0;
}

static int take_xdp_features(const struct nlmsghdr *m, void *arg)
{
	struct device *dev = arg;
	size_t len;
	const struct rtattr *first = netlink_attrs(m, sizeof(struct genlmsghdr), &len);
	const struct rtattr *features = netlink_find(first, len, NETDEV_XDP_FEATURES);

	if (features) {
		dev->xdp_features_known = true;
		dev->xdp_features = netlink_u64(features);
	}
	return 0;
}

static void read_xdp_features(struct device *dev)
{
	static const char family_name[] = "netdev";
	const struct genlmsghdr get_family = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	const struct genlmsghdr get_device = { .cmd = NETDEV_DEV_GET, .version = 1 };
	_cleanup_netlink_ struct netlink nl = NETLINK_EMPTY;
	struct netlink_request r;
	uint16_t family = 0;

	if (netlink_open(&nl, NETLINK_GENERIC))
		return;
	netlink_begin(&r, GENL_ID_CTRL, 0, &get_family, sizeof(get_family));
	netlink_put(&r, CTRL_ATTR_FAMILY_NAME, family_name, sizeof(family_name));
	if (netlink_ask(&nl, &r, take_family, &family) || !family)
		return;
	netlink_begin(&r, family, 0, &get_device, sizeof(get_device));
	netlink_put_u32(&r, NETDEV_IFINDEX, (uint32_t)dev->ifindex);
	netlink_ask(&nl, &r, take_xdp_features, dev);
}

static bool ethtool(int fd, const char *name, void *command)
{
	struct ifreq ifr = { .ifr_data = command };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return !ioctl(fd, SIOCETHTOOL, &ifr);
}

static int ethtool_open(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static void read_driver(int fd, struct device *dev)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	if (ethtool(fd, dev->name, &info))
		snprintf(dev->driver, sizeof(dev->driver), "%.31s", info.driver);
}

static uint32_t feature_count(int fd, const char *name)
{
	struct {
		struct ethtool_sset_info head;
		uint32_t count;
	} info = {
		.head = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES },
	};

	if (!ethtool(fd, name, &info) || !info.head.sset_mask || info.count > STRINGS_MAX)
		return 0;
	return info.count;
}

/* Which bit is what differs between kernels: they are found by name. */
static void read_offloads(int fd, struct device *dev)
{
	const struct {
		const char *name;
		bool *on;
	} wanted[] = {
		{ "rx-lro", &dev->lro },
		{ "rx-gro-hw", &dev->gro_hw },
		{ "rx-vlan-hw-parse", &dev->rx_vlan },
	};
	uint32_t n = feature_count(fd, dev->name), blocks = (n + 31) / 32;
	_cleanup_free_ struct ethtool_gstrings *names =
		calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	_cleanup_free_ struct ethtool_gfeatures *features =
		calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));

	if (!n || !names || !features)
		return;
	*names = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS,
					    .string_set = ETH_SS_FEATURES,
					    .len = n };
	*features = (struct ethtool_gfeatures){ .cmd = ETHTOOL_GFEATURES, .size = blocks };
	if (!ethtool(fd, dev->name, names) || !ethtool(fd, dev->name, features))
		return;
	for (uint32_t i = 0; i < n; i++) {
		const char *name = (const char *)names->data + (size_t)i * ETH_GSTRING_LEN;

		for (size_t w = 0; w < ARRAY_SIZE(wanted); w++) {
			if (!strncmp(name, wanted[w].name, ETH_GSTRING_LEN))
				*wanted[w].on = features->features[i / 32].active >> i % 32 & 1;
		}
	}
}

bool device_channels(const char *name, struct ethtool_channels *out)
{
	_cleanup_close_ int fd = ethtool_open();

	*out = (struct ethtool_channels){ .cmd = ETHTOOL_GCHANNELS };
	return fd >= 0 && ethtool(fd, name, out);
}

int device_read(const char *name, struct device *out, struct error *err)
{
	_cleanup_netlink_ struct netlink nl = NETLINK_EMPTY;
	_cleanup_close_ int fd = -1;
	unsigned int ifindex = if_nametoindex(name);
	int rc;

	memset(out, 0, sizeof(*out));
	if (!ifindex || strlen(name) >= sizeof(out->name))
		return error_set(err, ENODEV, "there is no interface %.32s: see `ip link`", name);
	snprintf(out->name, sizeof(out->name), "%s", name);
	rc = netlink_open(&nl, NETLINK_ROUTE);
	if (!rc)
		rc = ask_link(&nl, (int)ifindex, HERE, take_link, out);
	if (rc)
		return error_set(err, -rc, "cannot read the interface %s: %s: see `ip link`", name,
				 strerror(-rc));
	read_xdp_features(out);
	out->channels_known = device_channels(name, &out->channels);
	fd = ethtool_open();
	if (fd >= 0) {
		read_driver(fd, out);
		read_offloads(fd, out);
	}
	return 0;
}

bool device_is_ethernet(const struct device *dev)
{
	return dev->type == ARPHRD_ETHER || dev->type == ARPHRD_LOOPBACK;
}

static int take_mtu(const struct nlmsghdr *m, void *arg)
{
	size_t len;
	const struct rtattr *first = link_attrs(m, &len);

	if (first)
		*(uint32_t *)arg = netlink_u32(netlink_find(first, len, IFLA_MTU));
	return 0;
}

uint32_t device_below_mtu(const struct device *dev)
{
	_cleanup_netlink_ struct netlink nl = NETLINK_EMPTY;
	uint32_t mtu = 0;

	if (!dev->below || (dev->below_elsewhere && dev->below_netns < 0) ||
	    netlink_open(&nl, NETLINK_ROUTE))
		return 0;
	ask_link(&nl, (int)dev->below, dev->below_netns, take_mtu, &mtu);
	return mtu;
}

bool device_below_name(const struct device *dev, char name[static 16])
{
	return dev->below && !dev->below_elsewhere && if_indextoname(dev->below, name);
}

struct names {
	char (*v)[16];
	size_t n, max;
};

static int take_name(const struct nlmsghdr *m, void *arg)
{
	const struct ifinfomsg *head = NLMSG_DATA(m);
	struct names *names = arg;
	size_t len;
	const struct rtattr *first = link_attrs(m, &len);

	if (first && head->ifi_type == ARPHRD_ETHER && head->ifi_flags & IFF_UP &&
	    names->n < names->max)
		netlink_text(netlink_find(first, len, IFLA_IFNAME), names->v[names->n++],
			     sizeof(names->v[0]));
	return 0;
}

size_t device_names_up(char (*names)[16], size_t max)
{
	_cleanup_netlink_ struct netlink nl = NETLINK_EMPTY;
	struct names found = { .v = names, .max = max };
	int rc = netlink_open(&nl, NETLINK_ROUTE);

	for (int tries = 0; !rc && tries < 5; tries++) {
		found.n = 0;
		if (ask_link(&nl, 0, HERE, take_name, &found) != -EAGAIN)
			break;
	}
	return found.n;
}
