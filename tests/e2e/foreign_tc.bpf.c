// SPDX-License-Identifier: GPL-2.0-only
/* Somebody else's programs on egress, which allowxdp must leave alone. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

/* Lets the next one decide. */
SEC("tc")
int somebody_next(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_UNSPEC;
}

/* Ends the chain. */
SEC("tc")
int somebody_ok(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
