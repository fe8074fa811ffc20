// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "cleanup.h"
#include "privileges.h"

#ifndef CAP_PERFMON /* Linux 5.8 */
#define CAP_PERFMON 38
#define CAP_BPF     39
#endif

static uint64_t effective(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return UINT64_MAX; /* cannot tell: the kernel will */
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

bool privileges_have(unsigned int capability)
{
	return effective() >> capability & 1;
}

/* CAP_SYS_ADMIN has the right to all of this, but for the network's. */
static const struct {
	unsigned int capability;
	bool within_admin;
	const char *name;
} needed[] = {
	{ CAP_BPF, true, "CAP_BPF" },
	{ CAP_NET_ADMIN, false, "CAP_NET_ADMIN" },
	{ CAP_PERFMON, true, "CAP_PERFMON" },
};

static int check(size_t n, struct error *err)
{
	uint64_t have = effective();
	char missing[64] = "";
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (have >> needed[i].capability & 1 ||
		    (needed[i].within_admin && have >> CAP_SYS_ADMIN & 1))
			continue;
		snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), "%s%s",
			 count ? (i + 1 == n ? " and " : ", ") : "", needed[i].name);
		count++;
	}
	if (!count)
		return 0;
	if (count == n)
		return error_set(err, EPERM, "this needs root (%s): run it with sudo", missing);
	return error_set(err, EPERM,
			 "this needs %s, which this process lacks: run it with sudo, or give it "
			 "what is missing (AmbientCapabilities= of a unit, `setpriv`)",
			 missing);
}

int privileges_check(struct error *err)
{
	return check(2, err);
}

int privileges_check_to_load(struct error *err)
{
	return check(ARRAY_SIZE(needed), err);
}
