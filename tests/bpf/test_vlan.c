// SPDX-License-Identifier: GPL-2.0-or-later
/* Tags change nothing: every shape of frame gets the same verdict under every stack of them. */
#include "cases.h"

static const struct test_case shapes[] = {
	{ "listed", PKT(ETH(), IPV4(.src = "192.0.2.10"), UDP(7, 5060), PAYLOAD(9)),
	  PASS(LISTED, SIP, V4) },
	{ "unlisted", PKT(ETH(), IPV4(), UDP(7, 5060), PAYLOAD(9)), DROP(UNLISTED, SIP, V4) },
	{ "unlisted IPv6", PKT(ETH(), IPV6(), EXT(60), TCP(7, 443), PAYLOAD(9)),
	  DROP(UNLISTED, HTTPS, V6) },
	{ "not guarded", PKT(ETH(), IPV6(), TCP(7, 22)), PASS(NOT_GUARDED, NONE, V6) },
	{ "ARP", PKT(ETH(), ARP(1)), PASS(NOT_IP, NONE, NO_IP) },
	{ "802.3 length", PKT(ETH(.type = FORCE(38)), BYTES("\x42\x42\x03"), PAYLOAD(35)),
	  PASS(NOT_IP, NONE, NO_IP) },
	{ "ICMP", PKT(ETH(), IPV4(), ICMP(8)), PASS(OTHER_PROTOCOL, NONE, V4) },
	{ "fragment", PKT(ETH(), IPV4(.frag = 185), PAYLOAD(30)),
	  PASS(FRAGMENT_UNMATCHED, NONE, V4) },
	{ "bad header", PKT(ETH(), IPV4(.ihl = FORCE(4)), UDP(7, 5060)),
	  DROP(BAD_HEADER, NONE, V4) },
	{ "ports in the padding", PKT(ETH(), IPV4(), IP_END(), UDP(7, 5060), PAYLOAD(18)),
	  DROP(TRUNCATED, NONE, V4) },
	{ "no bytes behind the type", PKT(ETH(), NEXT(0x0800)), DROP(TRUNCATED, NONE, V4) },
};

#define TAGS(...) ((const struct layer[]){ __VA_ARGS__, { .kind = LAYER_END } })

static const struct {
	const char *name;
	const struct layer *tags;
} stacks[] = {
	{ "no tag", TAGS({ .kind = LAYER_END }) },
	{ "802.1Q", TAGS(VLAN(.vid = 100)) },
	{ "802.1Q for priority alone", TAGS(VLAN(.vid = 0, .priority = 5)) },
	{ "802.1ad", TAGS(VLAN(.tpid = 0x88a8, .vid = 4094)) },
	{ "802.1Q in 802.1Q", TAGS(VLAN(.vid = 1), VLAN(.vid = 2)) },
	{ "802.1Q in 802.1ad", TAGS(VLAN(.tpid = 0x88a8, .vid = 1), VLAN(.vid = 2)) },
	{ "802.1ad in 802.1Q", TAGS(VLAN(.vid = 1), VLAN(.tpid = 0x88a8, .vid = 2)) },
	{ "802.1ad in 802.1ad",
	  TAGS(VLAN(.tpid = 0x88a8, .vid = 1), VLAN(.tpid = 0x88a8, .vid = 2)) },
};

/* The shape with the tags after its Ethernet header, whose own type the last tag takes over. */
static void add_tagged(const struct test_case *shape, const char *stack, const struct layer *tags)
{
	struct layer layers[PACKET_LAYERS] = { shape->layers[0] }, *l = &layers[1];
	__u32 type = layers[0].eth.type;

	while (tags->kind == LAYER_VLAN)
		*l++ = *tags++;
	if (type && l[-1].kind == LAYER_VLAN) {
		layers[0].eth.type = 0;
		l[-1].vlan.type = type;
	}
	for (const struct layer *rest = shape->layers + 1; rest->kind != LAYER_END; rest++)
		*l++ = *rest;
	cases_add_copy(case_name("%s: %s", stack, shape->name), layers, shape->expect);
}

#define Q(n)  VLAN(.vid = (n))
#define AD(n) VLAN(.tpid = 0x88a8, .vid = (n))

static const struct test_case others[] = {
	{ "three tags, listed",
	  PKT(ETH(), Q(1), Q(2), Q(3), IPV4(.src = "192.0.2.10"), UDP(7, 5060)),
	  DROP(VLAN_DEPTH, NONE, NO_IP) },
	{ "three tags, 802.1ad outermost", PKT(ETH(), AD(1), Q(2), Q(3), IPV4(), TCP(7, 22)),
	  DROP(VLAN_DEPTH, NONE, NO_IP) },
	{ "three tags, 802.1ad innermost", PKT(ETH(), Q(1), Q(2), AD(3), IPV6(), TCP(7, 22)),
	  DROP(VLAN_DEPTH, NONE, NO_IP) },
	{ "three tags before ARP", PKT(ETH(), Q(1), Q(2), Q(3), ARP(1)),
	  DROP(VLAN_DEPTH, NONE, NO_IP) },
	{ "four tags", PKT(ETH(), AD(1), AD(2), Q(3), Q(4), IPV4(), TCP(7, 22)),
	  DROP(VLAN_DEPTH, NONE, NO_IP) },
	{ "a third tag of which only the type is there", PKT(ETH(), Q(1), Q(2), NEXT(0x8100)),
	  DROP(VLAN_DEPTH, NONE, NO_IP) },
	{ "first tag cut by one byte", PKT(ETH(), Q(1), ARP(1), CUT(17)),
	  DROP(TRUNCATED, NONE, NO_IP) },
	{ "first tag without its type", PKT(ETH(), Q(1), ARP(1), CUT(16)),
	  DROP(TRUNCATED, NONE, NO_IP) },
	{ "second tag cut by one byte", PKT(ETH(), AD(1), Q(2), ARP(1), CUT(21)),
	  DROP(TRUNCATED, NONE, NO_IP) },
	{ "second tag missing", PKT(ETH(), AD(1), NEXT(0x8100)), DROP(TRUNCATED, NONE, NO_IP) },
	{ "all bits of the tag set: priority 7, drop eligible, VLAN 4095",
	  PKT(ETH(), VLAN(.vid = 0x1fff, .priority = 7), IPV4(), UDP(7, 5060)),
	  DROP(UNLISTED, SIP, V4) },
	{ "0x9100 inside 802.1Q", PKT(ETH(), Q(1), NEXT(0x9100), BYTES("\0\1\x08\0"), PAYLOAD(40)),
	  PASS(NOT_IP, NONE, NO_IP) },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++)
		for (size_t j = 0; j < sizeof(shapes) / sizeof(shapes[0]); j++)
			add_tagged(&shapes[j], stacks[i].name, stacks[i].tags);
	ADD_CASES(others);
	return cases_run("vlan");
}
