/* SPDX-License-Identifier: (GPL-2.0-only OR GPL-2.0-or-later) */
/*
 * Why a packet passed or was dropped: the one list that the BPF programs, the command line, JSON
 * and Prometheus share. X(SYMBOL, "name", "help"). The names are part of the contract: never rename
 * one.
 *
 * Reasons that drop come first, so that a counter block needs a second, "would have been dropped"
 * counter for those alone (monitor mode). To add a reason, append it to its half, document it in
 * README.md, and raise AXP_ABI_VERSION.
 */
#ifndef ALLOWXDP_REASONS_H
#define ALLOWXDP_REASONS_H

#define AXP_DROP_REASON_LIST(X)                                                                    \
	X(UNLISTED, "unlisted", "no entry of the service's lists covers the address")              \
	X(TRUNCATED, "truncated", "the frame ends inside a header that it announces")              \
	X(BAD_HEADER, "bad-header", "an IP header that contradicts itself (version, IHL, length)") \
	X(EXT_CHAIN, "ext-chain", "more IPv6 extension headers than are followed")                 \
	X(VLAN_DEPTH, "vlan-depth", "more than two VLAN tags")                                     \
	X(TINY_FRAGMENT, "tiny-fragment",                                                          \
	  "a first fragment without its whole header chain, or TCP going on at offset 1")          \
	X(FRAGMENT_DROPPED, "fragment-dropped", "a later fragment of a packet that was dropped")   \
	X(FRAGMENT_REFUSED, "fragment-refused",                                                    \
	  "a later fragment without a known first one, unlisted, and fragments are set to drop")

#define AXP_PASS_REASON_LIST(X)                                                           \
	X(LISTED, "listed", "an entry of one of the service's lists covers the address")  \
	X(OFF, "off", "the mode is off, nothing is looked at")                            \
	X(NOT_IP, "not-ip", "neither IPv4 nor IPv6: ARP, LLDP, LACP, EAPOL and the like") \
	X(OTHER_PROTOCOL, "other-protocol",                                               \
	  "IP but neither TCP nor UDP: ICMP, ND, ESP and the like")                       \
	X(NOT_GUARDED, "not-guarded", "TCP or UDP to a port that no service guards")      \
	X(DHCP, "dhcp", "DHCP or DHCPv6, by both of its ports")                           \
	X(REPLY, "reply", "belongs to a flow that this host opened")                      \
	X(ANSWER, "answer", "answers a flow that was let in")                             \
	X(FRAGMENT, "fragment", "a later fragment of a packet that passed")               \
	X(FRAGMENT_LISTED, "fragment-listed",                                             \
	  "a later fragment without a known first one, from a listed source")             \
	X(FRAGMENT_UNMATCHED, "fragment-unmatched",                                       \
	  "a later fragment without a known first one, and fragments are set to pass")

#define AXP_REASON_LIST(X)      \
	AXP_DROP_REASON_LIST(X) \
	AXP_PASS_REASON_LIST(X)

#endif
