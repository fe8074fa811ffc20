// SPDX-License-Identifier: GPL-2.0-or-later
/* What is known of drivers that no test machine has: findings for devices made up here. */
#include <net/if_arp.h>
#include "unit.h"
#include "doctor.h"

static struct device device_of(const char *driver, uint32_t mtu)
{
	struct device dev = { .name = "eth0", .ifindex = 2, .mtu = mtu, .type = ARPHRD_ETHER };

	snprintf(dev.driver, sizeof(dev.driver), "%s", driver);
	dev.xdp_features_known = true;
	dev.xdp_features = DEVICE_XDP_BASIC;
	return dev;
}

static struct device with_channels(struct device dev, struct ethtool_channels channels)
{
	dev.channels_known = true;
	dev.channels = channels;
	return dev;
}

static struct findings look(void (*check)(struct doctor *, const struct device *),
			    const struct device *dev, bool frags, bool *refused)
{
	struct doctor d = { .frags = frags };

	check(&d, dev);
	*refused = d.refused;
	return d.findings;
}

/* Exactly one finding, of this level, with this fix. */
static void assert_finds(void (*check)(struct doctor *, const struct device *), struct device dev,
			 bool frags, enum finding_level level, const char *fix)
{
	bool refused;
	_cleanup_findings_ struct findings f = look(check, &dev, frags, &refused);

	if (f.n != 1 || f.v[0].level != level || strcmp(f.v[0].fix, fix) != 0)
		fail_msg("%s: %zu findings: %s: %s: %s", dev.driver, f.n,
			 f.n ? finding_level_name(f.v[0].level) : "", f.n ? f.v[0].text : "",
			 f.n ? f.v[0].fix : "");
	assert_int_equal(refused, level >= FINDING_WARNING);
}

static void assert_finds_nothing(void (*check)(struct doctor *, const struct device *),
				 struct device dev, bool frags)
{
	bool refused;
	_cleanup_findings_ struct findings f = look(check, &dev, frags, &refused);

	if (findings_worst(&f) > FINDING_OK)
		fail_msg("%s: %s", dev.driver, f.v[0].text);
	assert_false(refused);
}

static void mtu_limits(void **state)
{
	static const struct {
		const char *driver;
		uint32_t limit;
		enum finding_level level;
		bool spread; /* multi-buffer programs lift it */
	} known[] = {
		{ "ena", 3498, FINDING_PROBLEM, false },
		{ "virtio_net", 3506, FINDING_PROBLEM, true },
		{ "hv_netvsc", 3506, FINDING_WARNING, false },
		{ "gve", 2032, FINDING_WARNING, false },
		{ "ixgbe", 3050, FINDING_PROBLEM, false },
		{ "i40e", 3046, FINDING_PROBLEM, false },
		{ "ice", 3046, FINDING_WARNING, false },
	};
	char fix[64];

	(void)state;
	if (sysconf(_SC_PAGESIZE) != 4096)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct device dev = device_of(known[i].driver, known[i].limit + 1);

		snprintf(fix, sizeof(fix), "ip link set dev eth0 mtu %u", known[i].limit);
		assert_finds(doctor_mtu, dev, false, known[i].level, fix);
		if (known[i].spread)
			assert_finds_nothing(doctor_mtu, dev, true);
		else
			assert_finds(doctor_mtu, dev, true, known[i].level, fix);
		dev.xdp_features |= DEVICE_XDP_RX_SG; /* later kernels */
		assert_finds_nothing(doctor_mtu, dev, true);
		assert_finds(doctor_mtu, dev, false, known[i].level, fix);
		dev = device_of(known[i].driver, known[i].limit);
		assert_finds_nothing(doctor_mtu, dev, false);
	}
}

static void mtu_of_other_drivers(void **state)
{
	struct device dev = device_of("stmmac", 9000);
	bool refused;

	(void)state;
	if (sysconf(_SC_PAGESIZE) != 4096)
		skip();
	{
		_cleanup_findings_ struct findings f = look(doctor_mtu, &dev, true, &refused);

		assert_int_equal(f.n, 1);
		assert_int_equal(f.v[0].level, FINDING_WARNING);
		assert_false(refused); /* it is not known to */
	}
	dev.xdp_features |= DEVICE_XDP_RX_SG;
	assert_finds_nothing(doctor_mtu, dev, true);
	dev.xdp_features = 0; /* generic mode takes any */
	assert_finds_nothing(doctor_mtu, dev, true);
}

static void ena_channels(void **state)
{
	struct device dev = device_of("ena", 1500);
	struct ethtool_channels c = { .max_combined = 8, .combined_count = 8 };

	(void)state;
	assert_finds(doctor_queues, with_channels(dev, c), true, FINDING_PROBLEM,
		     "ethtool -L eth0 combined 4");
	c.combined_count = 5;
	assert_finds(doctor_queues, with_channels(dev, c), true, FINDING_PROBLEM,
		     "ethtool -L eth0 combined 4");
	c.combined_count = 4;
	assert_finds_nothing(doctor_queues, with_channels(dev, c), true);
	c = (struct ethtool_channels){ .max_combined = 1, .combined_count = 1 };
	assert_finds(doctor_queues, with_channels(dev, c), true, FINDING_PROBLEM, "");
}

static void gve_queues(void **state)
{
	struct device dev = device_of("gve", 1460);
	struct ethtool_channels c = { .max_rx = 16, .max_tx = 16, .rx_count = 16, .tx_count = 16 };

	(void)state;
	assert_finds(doctor_queues, with_channels(dev, c), true, FINDING_PROBLEM,
		     "ethtool -L eth0 rx 8 tx 8");
	c.rx_count = 4;
	c.tx_count = 8;
	assert_finds(doctor_queues, with_channels(dev, c), true, FINDING_PROBLEM,
		     "ethtool -L eth0 rx 4 tx 4");
	c.tx_count = 4;
	assert_finds_nothing(doctor_queues, with_channels(dev, c), true);
}

static void queues_and_cpus(void **state)
{
	uint32_t cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	struct device dev = device_of("ice", 1500);
	struct ethtool_channels c = { .max_combined = cpus, .combined_count = cpus };
	char fix[64];
	bool refused;

	(void)state;
	assert_finds_nothing(doctor_queues, with_channels(dev, c), true);
	if (cpus < 2)
		return;
	snprintf(fix, sizeof(fix), "ethtool -L eth0 combined %u", cpus);
	c.combined_count = 1;
	assert_finds(doctor_queues, with_channels(dev, c), true, FINDING_NOTE, fix);
	c.max_combined = 1;
	assert_finds(doctor_queues, with_channels(dev, c), true, FINDING_NOTE, "");
	dev.channels_known = false;
	{
		_cleanup_findings_ struct findings f = look(doctor_queues, &dev, true, &refused);

		assert_int_equal(f.n, 0);
	}
}

static void lro(void **state)
{
	static const struct {
		const char *driver;
		enum finding_level level;
	} known[] = {
		{ "hv_netvsc", FINDING_WARNING }, { "gve", FINDING_WARNING },
		{ "mlx5_core", FINDING_PROBLEM }, { "ixgbe", FINDING_PROBLEM },
		{ "bnx2x", FINDING_NOTE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct device dev = device_of(known[i].driver, 1500);

		assert_finds_nothing(doctor_offload, dev, true);
		dev.lro = true;
		assert_finds(doctor_offload, dev, true, known[i].level, "ethtool -K eth0 lro off");
	}
}

static void hardware_gro(void **state)
{
	struct device dev = device_of("bnxt_en", 1500);

	(void)state;
	dev.gro_hw = true;
	assert_finds(doctor_offload, dev, true, FINDING_NOTE, "ethtool -K eth0 rx-gro-hw off");
	assert_finds_nothing(doctor_offload, device_of("virtio_net", 1500), true);
}

/* Where a check has said why native XDP fails, the last word does not contradict it. */
static void driver_verdict(void **state)
{
	struct device dev = device_of("ena", 1500);
	struct doctor d = { .refused = true };

	(void)state;
	doctor_driver(&d, &dev);
	assert_int_equal(d.findings.n, 0);
	assert_finds_nothing(doctor_driver, dev, true);
	dev.xdp_features = 0;
	assert_finds(doctor_driver, dev, true, FINDING_NOTE, "");
	dev.xdp_features_known = false;
	assert_finds(doctor_driver, dev, true, FINDING_NOTE, "");
	strcpy(dev.kind, "bond");
	dev.xdp_features_known = true;
	dev.bond_mode = 6;
	doctor_driver(&d, &dev);
	d.refused = false;
	doctor_driver(&d, &dev);
	assert_int_equal(d.findings.n, 1);
	assert_non_null(strstr(d.findings.v[0].text, "balance-alb"));
	findings_free(&d.findings);
}

static void members(void **state)
{
	struct device dev = device_of("ixgbe", 1500);
	struct doctor d = { 0 };

	(void)state;
	dev.flags = 1 | 64; /* IFF_UP, IFF_RUNNING */
	strcpy(dev.master, "bond0");
	strcpy(dev.master_kind, "bond");
	doctor_link(&d, &dev);
	assert_int_equal(findings_worst(&d.findings), FINDING_WARNING);
	assert_string_equal(d.findings.v[d.findings.n - 1].fix, "allowxdp load bond0");
	findings_free(&d.findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mtu_limits),      cmocka_unit_test(mtu_of_other_drivers),
		cmocka_unit_test(ena_channels),    cmocka_unit_test(gve_queues),
		cmocka_unit_test(queues_and_cpus), cmocka_unit_test(lro),
		cmocka_unit_test(hardware_gro),    cmocka_unit_test(driver_verdict),
		cmocka_unit_test(members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
