/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says of an interface. */
#ifndef ALLOWXDP_DOCTOR_DEVICE_H
#define ALLOWXDP_DOCTOR_DEVICE_H

#include <linux/ethtool.h>
#include <stdbool.h>
#include <stdint.h>
#include "error.h"

/* Bits of xdp_features, as the kernel's netdev family has them (since 6.3). */
enum { DEVICE_XDP_BASIC = 1 << 0, DEVICE_XDP_RX_SG = 1 << 5 };

struct device {
	char name[16];
	int ifindex;
	uint32_t mtu, flags;              /* IFF_* */
	uint16_t type;                    /* ARPHRD_* */
	char kind[16];                    /* "veth", "bridge", "vlan"...; "" for hardware */
	char master[16], master_kind[16]; /* that it belongs to; "" if to none */
	char driver[32];                  /* "" if it does not say */
	char parent[64], parent_bus[16];  /* the device below it, on this bus; "" if unknown */
	uint32_t below;                   /* ifindex of the lower device, or the peer; 0: none */
	bool below_elsewhere;             /* in another network namespace... */
	int below_netns;                  /* ...that has this id here; -1: none */
	uint8_t bond_mode;                /* of kind "bond" */
	bool xdp_features_known;
	uint64_t xdp_features; /* DEVICE_XDP_* */
	bool channels_known;
	struct ethtool_channels channels;
	bool lro, gro_hw, rx_vlan; /* these offloads are on */
};

/* -ENODEV (err set) if there is no such interface. What cannot be told is left zero. */
int device_read(const char *name, struct device *out, struct error *err);

/* Do its frames begin with an Ethernet header, as XDP reads them? */
bool device_is_ethernet(const struct device *dev);

/* MTU of the lower device or peer; 0 if that is out of sight. */
uint32_t device_below_mtu(const struct device *dev);

/* Its name here; false if it is in another namespace. */
bool device_below_name(const struct device *dev, char name[static 16]);

/* Channels of an interface by name, as `ethtool -l` shows them. */
bool device_channels(const char *name, struct ethtool_channels *out);

/* Names of the Ethernet interfaces that are up, at most `max`, without loopback; returns how many.
 */
size_t device_names_up(char (*names)[16], size_t max);

#endif
