// SPDX-License-Identifier: GPL-2.0-or-later
/* Which sources pass, and under which service they count. */
#include <stdio.h>
#include <string.h>
#include "cases.h"

/* Ports that are open to one service alone. */
#define TO_SIP   UDP(9, 5060)
#define TO_HTTPS TCP(9, 443)
#define TO_RTP   UDP(9, 12000)
/* Ports of two services (rtp first) and of three (trunk first). */
#define TO_RTP_TRUNK     UDP(9, 20050)
#define TO_TRUNK_SIP_RTP UDP(9, 20150)

#define FROM4(address, port, want) PKT(ETH(), IPV4(address), port), want
#define FROM6(address, port, want) PKT(ETH(), IPV6(address), port), want

static const struct test_case prefixes[] = {
	{ "first address of a /24", FROM4("192.0.2.0", TO_SIP, PASS(LISTED, SIP, V4)) },
	{ "last address of a /24", FROM4("192.0.2.255", TO_SIP, PASS(LISTED, SIP, V4)) },
	{ "address below a /24", FROM4("192.0.1.255", TO_SIP, DROP(UNLISTED, SIP, V4)) },
	{ "address above a /24", FROM4("192.0.3.0", TO_SIP, DROP(UNLISTED, SIP, V4)) },
	{ "listed, but for another service",
	  FROM4("192.0.2.10", TO_HTTPS, DROP(UNLISTED, HTTPS, V4)) },
	{ "listed for the other service too", FROM4("192.0.2.10", TO_RTP, PASS(LISTED, RTP, V4)) },
	{ "nested prefix: its own service",
	  FROM4("192.0.2.128", TO_HTTPS, PASS(LISTED, HTTPS, V4)) },
	{ "nested prefix: the service of the one around it",
	  FROM4("192.0.2.129", TO_SIP, PASS(LISTED, SIP, V4)) },
	{ "just outside the nested prefix",
	  FROM4("192.0.2.127", TO_HTTPS, DROP(UNLISTED, HTTPS, V4)) },
	{ "a /32 that opens less than what is around it: closed",
	  FROM4("192.0.2.200", TO_HTTPS, DROP(UNLISTED, HTTPS, V4)) },
	{ "a /32 that opens less than what is around it: open",
	  FROM4("192.0.2.200", TO_SIP, PASS(LISTED, SIP, V4)) },
	{ "a /32 that opens nothing", FROM4("192.0.2.201", TO_SIP, DROP(UNLISTED, SIP, V4)) },
	{ "beside the /32s", FROM4("192.0.2.202", TO_HTTPS, PASS(LISTED, HTTPS, V4)) },
	{ "first address of a /15", FROM4("198.18.0.0", TO_RTP_TRUNK, PASS(LISTED, TRUNK, V4)) },
	{ "last address of a /15", FROM4("198.19.255.255", TO_RTP_TRUNK, PASS(LISTED, TRUNK, V4)) },
	{ "address below a /15", FROM4("198.17.255.255", TO_RTP_TRUNK, DROP(UNLISTED, RTP, V4)) },
	{ "address above a /15", FROM4("198.20.0.0", TO_RTP_TRUNK, DROP(UNLISTED, RTP, V4)) },
	{ "the listed address's bytes swapped",
	  FROM4("10.2.0.192", TO_SIP, DROP(UNLISTED, SIP, V4)) },
	{ "source 0.0.0.0", FROM4("0.0.0.0", TO_SIP, DROP(UNLISTED, SIP, V4)) },
	{ "source 255.255.255.255", FROM4("255.255.255.255", TO_SIP, DROP(UNLISTED, SIP, V4)) },
	{ "listed is the destination, not the source",
	  PKT(ETH(), IPV4(.dst = "192.0.2.10"), TO_SIP), DROP(UNLISTED, SIP, V4) },
	{ "listed is the destination, not the source, IPv6",
	  PKT(ETH(), IPV6(.dst = "2001:db8:1::10"), TO_SIP), DROP(UNLISTED, SIP, V6) },

	{ "first address of a /48", FROM6("2001:db8:1::", TO_SIP, PASS(LISTED, SIP, V6)) },
	{ "last address of a /48",
	  FROM6("2001:db8:1:ffff:ffff:ffff:ffff:ffff", TO_SIP, PASS(LISTED, SIP, V6)) },
	{ "address below a /48",
	  FROM6("2001:db8:0:ffff:ffff:ffff:ffff:ffff", TO_SIP, DROP(UNLISTED, SIP, V6)) },
	{ "address above a /48, in another list",
	  FROM6("2001:db8:2::", TO_SIP, DROP(UNLISTED, SIP, V6)) },
	{ "a /57: first address", FROM6("2001:db8:1:80::", TO_HTTPS, PASS(LISTED, HTTPS, V6)) },
	{ "a /57: last address",
	  FROM6("2001:db8:1:ff:ffff:ffff:ffff:ffff", TO_HTTPS, PASS(LISTED, HTTPS, V6)) },
	{ "a /57: address below",
	  FROM6("2001:db8:1:7f:ffff:ffff:ffff:ffff", TO_HTTPS, DROP(UNLISTED, HTTPS, V6)) },
	{ "a /57: address above", FROM6("2001:db8:1:100::", TO_HTTPS, DROP(UNLISTED, HTTPS, V6)) },
	{ "a /57: the service of the one around it",
	  FROM6("2001:db8:1:80::1", TO_RTP, PASS(LISTED, RTP, V6)) },
	{ "a /128 that opens less: closed",
	  FROM6("2001:db8:1:80::200", TO_HTTPS, DROP(UNLISTED, HTTPS, V6)) },
	{ "a /128 that opens less: open",
	  FROM6("2001:db8:1:80::200", TO_SIP, PASS(LISTED, SIP, V6)) },
	{ "a /128 that opens nothing",
	  FROM6("2001:db8:1:80::201", TO_SIP, DROP(UNLISTED, SIP, V6)) },
	{ "beside the /128s", FROM6("2001:db8:1:80::202", TO_HTTPS, PASS(LISTED, HTTPS, V6)) },
	{ "source ::", FROM6("::", TO_SIP, DROP(UNLISTED, SIP, V6)) },
	{ "an IPv4-mapped source on the wire is an IPv6 address",
	  FROM6("::ffff:192.0.2.10", TO_SIP, DROP(UNLISTED, SIP, V6)) },
	{ "an IPv6 source that begins like a listed IPv4 one",
	  FROM6("c000:020a::", TO_SIP, DROP(UNLISTED, SIP, V6)) },
	{ "an IPv4 source that begins like a listed IPv6 one",
	  FROM4("32.1.13.184", TO_SIP, DROP(UNLISTED, SIP, V4)) },
};

static const struct test_case two_services[] = {
	{ "port of two services: listed for the first",
	  FROM4("192.0.2.10", TO_RTP_TRUNK, PASS(LISTED, RTP, V4)) },
	{ "port of two services: listed for the second",
	  FROM4("198.18.0.1", TO_RTP_TRUNK, PASS(LISTED, TRUNK, V4)) },
	{ "port of two services: listed for neither",
	  FROM4("10.0.0.1", TO_RTP_TRUNK, DROP(UNLISTED, RTP, V4)) },
	{ "port of two services, IPv6: listed for the first",
	  FROM6("2001:db8:1::1", TO_RTP_TRUNK, PASS(LISTED, RTP, V6)) },
	{ "port of two services, IPv6: listed for the second",
	  FROM6("2001:db8:3::1", TO_RTP_TRUNK, PASS(LISTED, TRUNK, V6)) },
	{ "port of two services, IPv6: listed for neither",
	  FROM6("fd00::1", TO_RTP_TRUNK, DROP(UNLISTED, RTP, V6)) },
	{ "port of three services: listed for the first, of the highest slot",
	  FROM4("198.18.0.1", TO_TRUNK_SIP_RTP, PASS(LISTED, TRUNK, V4)) },
	{ "port of three services: listed for the two others",
	  FROM4("192.0.2.10", TO_TRUNK_SIP_RTP, PASS(LISTED, SIP, V4)) },
	{ "port of three services: listed for all",
	  FROM4("198.18.7.1", TO_TRUNK_SIP_RTP, PASS(LISTED, TRUNK, V4)) },
	{ "port of three services: listed for none",
	  FROM4("10.0.0.1", TO_TRUNK_SIP_RTP, DROP(UNLISTED, TRUNK, V4)) },
};

static const struct rules everything = {
	.guards = GUARDS({ AXP_UDP, 5060, 5060, BIT(SIP), SIP },
			 { AXP_TCP, 443, 443, BIT(HTTPS), HTTPS }),
	.nodes = NODES({ "0.0.0.0/0", BIT(SIP) }, { "203.0.113.0/24", BIT(SIP) | BIT(HTTPS) },
		       { "255.255.255.255/32", 0 }, { "::/0", BIT(HTTPS) },
		       { "2001:db8::/32", BIT(HTTPS) | BIT(SIP) }, { "::1/128", 0 }),
};

static const struct rules only4 = {
	.guards = GUARDS({ AXP_UDP, 5060, 5060, BIT(SIP), SIP }),
	.nodes = NODES({ "0.0.0.0/0", BIT(SIP) }),
};

static const struct rules only6 = {
	.guards = GUARDS({ AXP_UDP, 5060, 5060, BIT(SIP), SIP }),
	.nodes = NODES({ "::/0", BIT(SIP) }),
};

static const struct rules neither = {
	.guards = GUARDS({ AXP_UDP, 5060, 5060, BIT(SIP), SIP }),
	.nodes = NODES({ .prefix = NULL }),
};

static const struct rules every_port = {
	.guards = GUARDS({ AXP_UDP, 0, 65535, BIT(SIP), SIP },
			 { AXP_TCP, 0, 65535, BIT(HTTPS), HTTPS }),
	.nodes = NODES({ "192.0.2.0/24", BIT(SIP) }),
};

static const struct test_case extremes[] = {
	{ "/0 opens", FROM4("198.51.100.1", TO_SIP, PASS(LISTED, SIP, V4)), &everything },
	{ "/0 opens its own service alone",
	  FROM4("198.51.100.1", TO_HTTPS, DROP(UNLISTED, HTTPS, V4)), &everything },
	{ "/24 within /0", FROM4("203.0.113.9", TO_HTTPS, PASS(LISTED, HTTPS, V4)), &everything },
	{ "/32 hole in /0", FROM4("255.255.255.255", TO_SIP, DROP(UNLISTED, SIP, V4)),
	  &everything },
	{ "0.0.0.0 in /0", FROM4("0.0.0.0", TO_SIP, PASS(LISTED, SIP, V4)), &everything },
	{ "IPv6 /0 opens", FROM6("fe80::1", TO_HTTPS, PASS(LISTED, HTTPS, V6)), &everything },
	{ "IPv6 /0 opens its own service alone", FROM6("fe80::1", TO_SIP, DROP(UNLISTED, SIP, V6)),
	  &everything },
	{ "/32 within IPv6's /0", FROM6("2001:db8:9::1", TO_SIP, PASS(LISTED, SIP, V6)),
	  &everything },
	{ "/128 hole in IPv6's /0", FROM6("::1", TO_HTTPS, DROP(UNLISTED, HTTPS, V6)),
	  &everything },
	{ "all ones in IPv6's /0",
	  FROM6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", TO_HTTPS, PASS(LISTED, HTTPS, V6)),
	  &everything },
	{ "no IPv6 prefix, hence no trie: IPv6",
	  FROM6("2001:db8:1::10", TO_SIP, DROP(UNLISTED, SIP, V6)), &only4 },
	{ "no IPv6 prefix, hence no trie: IPv4",
	  FROM4("198.51.100.1", TO_SIP, PASS(LISTED, SIP, V4)), &only4 },
	{ "no IPv4 prefix, hence no trie: IPv4",
	  FROM4("192.0.2.10", TO_SIP, DROP(UNLISTED, SIP, V4)), &only6 },
	{ "no IPv4 prefix, hence no trie: IPv6", FROM6("fe80::1", TO_SIP, PASS(LISTED, SIP, V6)),
	  &only6 },
	{ "no prefix at all: IPv4", FROM4("192.0.2.10", TO_SIP, DROP(UNLISTED, SIP, V4)),
	  &neither },
	{ "no prefix at all: IPv6", FROM6("2001:db8:1::10", TO_SIP, DROP(UNLISTED, SIP, V6)),
	  &neither },
	{ "no prefix at all: not guarded",
	  FROM6("2001:db8:1::10", TO_RTP, PASS(NOT_GUARDED, NONE, V6)), &neither },
	{ "every port guarded: port 0", FROM4("198.51.100.1", UDP(9, 0), DROP(UNLISTED, SIP, V4)),
	  &every_port },
	{ "every port guarded: port 65535",
	  FROM4("198.51.100.1", TCP(9, 65535), DROP(UNLISTED, HTTPS, V4)), &every_port },
	{ "every port guarded: listed", FROM4("192.0.2.1", UDP(9, 33333), PASS(LISTED, SIP, V4)),
	  &every_port },
	{ "every port guarded: DHCP", FROM4("198.51.100.1", UDP(67, 68), PASS(DHCP, NONE, V4)),
	  &every_port },
	{ "every port guarded: ICMP",
	  FROM4("198.51.100.1", ICMP(8), PASS(OTHER_PROTOCOL, NONE, V4)), &every_port },
};

/* Service n has port 1000 + n, 10.n.0.0/16 and fd00:n::/32. All of them share port 2000. */
static struct guard guards64[AXP_MAX_SERVICES + 2];
static struct node nodes64[2 * AXP_MAX_SERVICES + 1];
static const struct rules rules64 = { .guards = guards64, .nodes = nodes64 };

static void fill64(void)
{
	for (__u32 n = 0; n < AXP_MAX_SERVICES; n++) {
		guards64[n] = (struct guard){ AXP_UDP, 1000 + n, 1000 + n, BIT(n), n };
		nodes64[2 * n] = (struct node){ case_name("10.%u.0.0/16", n), BIT(n) };
		nodes64[2 * n + 1] = (struct node){ case_name("fd00:%x::/32", n), BIT(n) };
	}
	guards64[AXP_MAX_SERVICES] = (struct guard){ AXP_UDP, 2000, 2000, ~0ULL, 40 };
}

static void run64(const char *source, __u32 port, struct expect expect)
{
	struct layer ip =
		strchr(source, ':') ? (struct layer)IPV6(source) : (struct layer)IPV4(source);
	struct layer layers[] = { ETH(), ip, UDP(9, port), { LAYER_END } };
	struct test_case c = { .layers = layers, .expect = expect, .rules = &rules64 };

	check_case(&c);
}

static void test_slot(void **state)
{
	__u32 n = *(const __u32 *)*state, other = (n + 1) % AXP_MAX_SERVICES;
	char own4[16], own6[16], other4[16], other6[16];

	snprintf(own4, sizeof(own4), "10.%u.1.2", n);
	snprintf(own6, sizeof(own6), "fd00:%x::1", n);
	snprintf(other4, sizeof(other4), "10.%u.1.2", other);
	snprintf(other6, sizeof(other6), "fd00:%x::1", other);
	run64(own4, 1000 + n, (struct expect)PASS(LISTED, n, V4));
	run64(own6, 1000 + n, (struct expect)PASS(LISTED, n, V6));
	run64(other4, 1000 + n, (struct expect)DROP(UNLISTED, n, V4));
	run64(other6, 1000 + n, (struct expect)DROP(UNLISTED, n, V6));
	run64(own4, 2000, (struct expect)PASS(LISTED, n, V4));
	run64(own6, 2000, (struct expect)PASS(LISTED, n, V6));
}

static void add_slots(void)
{
	static __u32 slots[AXP_MAX_SERVICES];

	fill64();
	for (__u32 n = 0; n < AXP_MAX_SERVICES; n++) {
		slots[n] = n;
		cases_add_test(case_name("service in slot %u", n), test_slot, &slots[n]);
	}
}

int main(void)
{
	ADD_CASES(prefixes);
	ADD_CASES(two_services);
	ADD_CASES(extremes);
	add_slots();
	return cases_run("sources");
}
