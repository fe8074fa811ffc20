// SPDX-License-Identifier: GPL-2.0-or-later
/* Offloads that change frames before XDP sees them. */
#include <string.h>
#include "cleanup.h"
#include "doctor.h"

/* Drivers that refuse native XDP while LRO is on, and what `load` makes of their answer. */
static const struct {
	const char *driver;
	enum finding_level refused;
} lro_refused[] = {
	{ "hv_netvsc", FINDING_WARNING }, /* netvsc_xdp_set(): EOPNOTSUPP, generic mode instead */
	{ "gve", FINDING_WARNING },       /* gve_verify_xdp_configuration(): EOPNOTSUPP */
	{ "mlx5_core", FINDING_PROBLEM }, /* mlx5e_xdp_allowed(): EINVAL, `load` fails */
	{ "ixgbe", FINDING_PROBLEM },     /* ixgbe_xdp_setup(): EINVAL */
};

static void check_lro(struct doctor *d, const struct device *dev)
{
	enum finding_level level = FINDING_NOTE;
	const char *what = "generic mode switches it off; some drivers refuse native XDP with it";

	if (!dev->lro)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(lro_refused); i++) {
		if (!strcmp(lro_refused[i].driver, dev->driver)) {
			level = lro_refused[i].refused;
			what = "this driver refuses native XDP with it";
			d->refused = true;
		}
	}
	finding(d, level, "offload", dev->name, "LRO merges packets before XDP sees them: %s",
		what);
	finding_fix(d, "ethtool -K %s lro off", dev->name);
}

static void check_gro_hw(struct doctor *d, const struct device *dev)
{
	if (!dev->gro_hw || !strcmp(dev->driver, "virtio_net"))
		return; /* virtio_net switches it off itself, or is told of elsewhere */
	finding(d, FINDING_NOTE, "offload", dev->name,
		"hardware GRO merges packets before XDP sees them; some drivers refuse native XDP "
		"with it");
	finding_fix(d, "ethtool -K %s rx-gro-hw off", dev->name);
}

static void check_vlan(struct doctor *d, const struct device *dev)
{
	if (dev->rx_vlan)
		finding(d, FINDING_OK, "vlan", dev->name,
			"outer VLAN tags may be taken off before XDP sees a frame: the verdict is "
			"the same with and without");
}

void doctor_offload(struct doctor *d, const struct device *dev)
{
	check_lro(d, dev);
	check_gro_hw(d, dev);
	check_vlan(d, dev);
}
