// SPDX-License-Identifier: GPL-2.0-or-later
/* On interfaces of a network namespace of its own, where this process stays. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include "unit.h"
#include "extack.h"

/* A program without multi-buffer support, which a veth refuses with a large MTU. */
static int load_pass(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "test_pass", "GPL", insns, ARRAY_SIZE(insns), NULL);
}

static uint32_t attached(const char *interface)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	assert_int_equal(bpf_xdp_query((int)if_nametoindex(interface), 0, &query), 0);
	return query.prog_id;
}

static int setup(void **state)
{
	static int fd;

	fd = unshare(CLONE_NEWNET) ? -1 : load_pass();
	*state = &fd;
	if (fd < 0)
		return 0; /* not root: the tests are skipped */
	return system("ip link add one type veth peer name two && "
		      "ip link add large mtu 9000 type veth peer name larger mtu 9000 && "
		      "ip link add soft type bridge");
}

static int program(void **state)
{
	int fd = *(const int *)*state;

	if (fd < 0)
		skip();
	return fd;
}

static void says_what_the_kernel_says(void **state)
{
	int fd = program(state), rc;
	char why[256];

	rc = xdp_extack((int)if_nametoindex("large"), fd, XDP_FLAGS_DRV_MODE, why, sizeof(why));
	assert_int_equal(rc, -ERANGE);
	assert_non_null(strstr(why, "MTU is too large"));
	assert_int_equal(attached("large"), 0);

	rc = xdp_extack((int)if_nametoindex("soft"), fd, XDP_FLAGS_DRV_MODE, why, sizeof(why));
	assert_int_equal(rc, -EOPNOTSUPP);
	assert_true(why[0]);
}

static void cuts_to_fit(void **state)
{
	int fd = program(state);
	char why[8];

	assert_int_equal(
		xdp_extack((int)if_nametoindex("large"), fd, XDP_FLAGS_DRV_MODE, why, sizeof(why)),
		-ERANGE);
	assert_int_equal(strlen(why), sizeof(why) - 1);
}

static void undoes_what_succeeds(void **state)
{
	static const uint32_t modes[] = { XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE, 0 };
	int fd = program(state), ifindex = (int)if_nametoindex("one");
	char why[256] = "x";

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(xdp_extack(ifindex, fd, modes[i], why, sizeof(why)), 0);
		assert_string_equal(why, "");
		assert_int_equal(attached("one"), 0);
	}
}

static void leaves_other_programs_alone(void **state)
{
	int fd = program(state), other = load_pass(), ifindex = (int)if_nametoindex("one");
	char why[256];
	uint32_t id;

	assert_true(other >= 0);
	assert_int_equal(bpf_xdp_attach(ifindex, other, XDP_FLAGS_DRV_MODE, NULL), 0);
	id = attached("one");
	assert_true(id);
	assert_int_equal(xdp_extack(ifindex, fd, XDP_FLAGS_DRV_MODE, why, sizeof(why)), -EBUSY);
	assert_int_equal(xdp_extack(ifindex, fd, XDP_FLAGS_SKB_MODE, why, sizeof(why)), -EEXIST);
	assert_true(why[0]);
	assert_int_equal(attached("one"), id);
	close(other);
}

static void no_such_interface(void **state)
{
	int fd = program(state);
	char why[256];

	assert_int_equal(xdp_extack(4242, fd, XDP_FLAGS_DRV_MODE, why, sizeof(why)), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_the_kernel_says),
		cmocka_unit_test(cuts_to_fit),
		cmocka_unit_test(undoes_what_succeeds),
		cmocka_unit_test(leaves_other_programs_alone),
		cmocka_unit_test(no_such_interface),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
