// SPDX-License-Identifier: GPL-2.0-or-later
/* How many queues there are: some drivers need spare ones for XDP, and each CPU should have one. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cleanup.h"
#include "doctor.h"

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Returns true if it has said all there is to say. */
typedef bool (*queue_rule)(struct doctor *d, const struct device *dev);

/* ena_xdp_legal_queue_count(): each channel takes a second one for XDP. */
static bool check_ena(struct doctor *d, const struct device *dev)
{
	uint32_t now = dev->channels.combined_count, max = dev->channels.max_combined;

	if (now <= max / 2)
		return true;
	finding(d, FINDING_PROBLEM, "queues", dev->name,
		"ena refuses native XDP with more than half of its channels in use (%u of %u)%s",
		now, max, max < 2 ? ": this machine type has too few, use --mode generic" : "");
	if (max >= 2)
		finding_fix(d, "ethtool -L %s combined %u", dev->name, max / 2);
	d->refused = true;
	return true;
}

/* gve_verify_xdp_configuration(): as many transmit as receive queues, at most half of them. */
static bool check_gve(struct doctor *d, const struct device *dev)
{
	const struct ethtool_channels *c = &dev->channels;
	uint32_t best = smaller(smaller(c->rx_count, c->max_rx), c->max_tx / 2);

	if (c->rx_count == c->tx_count && c->tx_count * 2 <= c->max_tx)
		return true;
	finding(d, FINDING_PROBLEM, "queues", dev->name,
		"gve refuses native XDP unless it has as many transmit as receive queues, at most "
		"half of what there are (receive %u, transmit %u, at most %u)",
		c->rx_count, c->tx_count, c->max_tx);
	if (best)
		finding_fix(d, "ethtool -L %s rx %u tx %u", dev->name, best, best);
	d->refused = true;
	return true;
}

/* virtnet_xdp_set(): without a transmit queue for each CPU, XDP_TX takes a lock. */
static bool check_virtio(struct doctor *d, const struct device *dev)
{
	const struct ethtool_channels *c = &dev->channels;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	if (c->combined_count + (uint32_t)cpus > c->max_combined)
		finding(d, FINDING_NOTE, "queues", dev->name,
			"no spare transmit queues for XDP (%u of %u pairs in use, %ld CPUs): of no "
			"matter to this filter, which sends nothing from XDP",
			c->combined_count, c->max_combined, cpus);
	return false;
}

/* veth_xdp_set(): ENOSPC. */
static bool check_veth(struct doctor *d, const struct device *dev)
{
	struct ethtool_channels peer;
	char name[16];

	if (!device_below_name(dev, name) || !device_channels(name, &peer) ||
	    dev->channels.rx_count >= peer.tx_count)
		return true;
	finding(d, FINDING_PROBLEM, "queues", dev->name,
		"veth refuses native XDP with fewer receive queues (%u) than its peer %s has "
		"transmit queues (%u)",
		dev->channels.rx_count, name, peer.tx_count);
	if (peer.tx_count <= dev->channels.max_rx)
		finding_fix(d, "ethtool -L %s rx %u", dev->name, peer.tx_count);
	else
		finding_fix(d, "ethtool -L %s tx %u", name, dev->channels.rx_count);
	d->refused = true;
	return true;
}

static const struct {
	const char *driver;
	queue_rule rule;
} rules[] = {
	{ "ena", check_ena },
	{ "gve", check_gve },
	{ "virtio_net", check_virtio },
	{ "veth", check_veth },
};

/* One CPU filters what arrives on one queue. */
static void check_spread(struct doctor *d, const struct device *dev)
{
	const struct ethtool_channels *c = &dev->channels;
	uint32_t now = c->rx_count + c->combined_count, max = c->max_rx + c->max_combined;
	uint32_t cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN), best = smaller(cpus, max);

	if (!now)
		return;
	finding(d, now < cpus ? FINDING_NOTE : FINDING_OK, "queues", dev->name,
		"%u receive queue%s for %u CPU%s%s", now, now > 1 ? "s" : "", cpus,
		cpus > 1 ? "s" : "", now < cpus ? ": no more CPUs than that can filter" : "");
	if (best > now && !c->rx_count)
		finding_fix(d, "ethtool -L %s combined %u", dev->name, best);
	else if (best > now && !c->combined_count && best <= c->max_rx)
		finding_fix(d, "ethtool -L %s rx %u", dev->name, best);
}

void doctor_queues(struct doctor *d, const struct device *dev)
{
	bool done = false;

	if (!dev->channels_known)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!strcmp(rules[i].driver, dev->driver))
			done |= rules[i].rule(d, dev);
	}
	if (!done)
		check_spread(d, dev);
}
