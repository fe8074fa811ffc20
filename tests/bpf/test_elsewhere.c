// SPDX-License-Identifier: GPL-2.0-or-later
/* Map `elsewhere`: unlisted packets from sources that other services' lists cover, and only those.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "allowxdp.skel.h"
#include "cases.h"

static __u64 count_of(__u32 index)
{
	__u64 *values = calloc((size_t)fixture.cpus, sizeof(*values)), sum = 0;

	assert_non_null(values);
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(fixture.skel->maps.elsewhere), &index, values), 0);
	for (int cpu = 0; cpu < fixture.cpus; cpu++)
		sum += values[cpu];
	free(values);
	return sum;
}

static void read_all(__u64 counts[AXP_ELSEWHERE_ENTRIES])
{
	for (__u32 i = 0; i < AXP_ELSEWHERE_ENTRIES; i++)
		counts[i] = count_of(i);
}

enum { NOWHERE = -1 };

/* The packet moves the count at `index`, and no other. */
static void moves(const struct layer *layers, struct expect expect, int index)
{
	static __u64 before[AXP_ELSEWHERE_ENTRIES], after[AXP_ELSEWHERE_ENTRIES];

	read_all(before);
	check_in(layers, expect);
	read_all(after);
	if (index != NOWHERE)
		before[index]++;
	assert_memory_equal(before, after, sizeof(after));
}

#define AT(service, family, verdict) AXP_ELSEWHERE_INDEX(service, family, AXP_##verdict)

static void test_ingress(void **state)
{
	(void)state;
	check_begins(&standard_rules, AXP_MODE_ENFORCE);
	/* 192.0.2.10 is listed for SIP and RTP, 2001:db8:1:: too. */
	moves(PKT(ETH(), IPV4("192.0.2.10"), TCP(9, 443)), (struct expect)DROP(UNLISTED, HTTPS, V4),
	      AT(HTTPS, V4, DROP));
	moves(PKT(ETH(), IPV6("2001:db8:1::"), TCP(9, 443)),
	      (struct expect)DROP(UNLISTED, HTTPS, V6), AT(HTTPS, V6, DROP));
	moves(PKT(ETH(), IPV4("192.0.2.10"), UDP(9, 5060)), (struct expect)PASS(LISTED, SIP, V4),
	      NOWHERE);
	moves(PKT(ETH(), IPV4("203.0.113.1"), TCP(9, 443)),
	      (struct expect)DROP(UNLISTED, HTTPS, V4), NOWHERE);
	/* a hole in all of its lists */
	moves(PKT(ETH(), IPV4("192.0.2.201"), TCP(9, 443)),
	      (struct expect)DROP(UNLISTED, HTTPS, V4), NOWHERE);
	moves(PKT(ETH(), IPV4("192.0.2.10"), UDP(9, 9)), (struct expect)PASS(NOT_GUARDED, NONE, V4),
	      NOWHERE);
	check_begins(&standard_rules, AXP_MODE_MONITOR);
	moves(PKT(ETH(), IPV4("192.0.2.10"), TCP(9, 443)),
	      (struct expect)MONITORED(UNLISTED, HTTPS, V4), AT(HTTPS, V4, PASS));
}

int main(void)
{
	cases_add_test("ingress", test_ingress, NULL);
	return cases_run("elsewhere");
}
