// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How much work the programs are for the verifier, which gives up at a million instructions, and
 * how long they are: a budget, so that neither grows unnoticed. Linux 6.1 takes up to two and a
 * half times as many steps as 6.12 and later do (tools/test-kernels), and has a budget of its own:
 * less than half of the million. Newer clangs come out up to a quarter higher than clang 14.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include "fixture.h"

struct budget {
	__u32 verified;       /* instructions, over all ways through the program */
	__u32 verified_older; /* by Linux before 6.12 */
	__u32 length;         /* bytes, as the kernel has them */
};

static struct fixture fixture;

static bool is_older(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname host;

	assert_int_equal(uname(&host), 0);
	assert_int_equal(sscanf(host.release, "%u.%u", &major, &minor), 2);
	return major < 6 || (major == 6 && minor < 12);
}

/* The kernel's info of a program has it only since 5.16. */
static __u32 verified(const char *said)
{
	const char *line = strstr(said, "processed ");
	__u32 instructions = 0;

	assert_non_null(line);
	assert_int_equal(sscanf(line, "processed %u insns", &instructions), 1);
	return instructions;
}

static void within(int program, const char *said, const struct budget *b)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info), instructions = verified(said);

	assert_int_equal(bpf_obj_get_info_by_fd(program, &info, &size), 0);
	print_message("# %s: %u instructions verified, %u bytes\n", info.name, instructions,
		      info.xlated_prog_len);
	assert_in_range(instructions, 1, is_older() ? b->verified_older : b->verified);
	assert_true(info.xlated_prog_len > 0 && info.xlated_prog_len <= b->length);
}

static void test_ingress(void **state)
{
	(void)state;
	within(fixture.program, fixture.verified[0], &(struct budget){ 100000, 350000, 60000 });
}

static void test_egress(void **state)
{
	(void)state;
	within(fixture.egress, fixture.verified[1], &(struct budget){ 150000, 400000, 46000 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ingress),
		cmocka_unit_test(test_egress),
	};
	int failed;

	if (fixture_open(&fixture))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_close(&fixture);
	return failed;
}
