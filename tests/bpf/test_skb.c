// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames that leave, of which less than their headers lies in the first piece of memory.
 * BPF_PROG_TEST_RUN makes no such (before Linux 6.19), so the egress program is attached to a tap
 * interface in a network namespace that only this process has, and a packet socket says how much of
 * a frame of more than a page is to lie in front.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <bpf/libbpf.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include "cases.h"
#include "stack.h"

enum { PADDING = 5000, HEADERS_MAX = 160 };

static const struct rules rules = {
	.guards = GUARDS({ AXP_UDP, 7000, 7000, BIT(TRUNK), TRUNK, AXP_OUT },
			 { AXP_TCP, 7000, 7000, BIT(TRUNK), TRUNK, AXP_OUT },
			 { AXP_UDP, 40000, 40000, BIT(RTP), RTP },
			 { AXP_TCP, 40000, 40000, BIT(RTP), RTP }),
	.nodes = NODES({ "192.0.2.0/24", BIT(TRUNK) }, { "2001:db8:1::/48", BIT(TRUNK) }),
};

static struct stack stack;
static int sock = -1;

static int attach_egress(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = if_nametoindex("tap0"),
		    .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = fixture.egress);
	int err = bpf_tc_hook_create(&hook);

	return err ? err : bpf_tc_attach(&hook, &opts);
}

static int open_packet_socket(void)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex("tap0") };
	int on = 1;

	sock = socket(AF_PACKET, SOCK_RAW, 0);
	if (sock < 0 || setsockopt(sock, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    bind(sock, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	return 0;
}

static void need_tap(void)
{
	static const __u16 udp[] = { 9, 0 }, none[] = { 0 };
	static bool tried;
	static int err;

	if (!tried)
		err = stack_open(&stack, udp, none);
	if (!tried && !err)
		err = attach_egress();
	if (!tried && !err)
		err = open_packet_socket();
	tried = true;
	if (err == -EPERM || err == -EACCES || err == -ENOENT || err == -ENODEV) {
		print_message("# no namespace or no tap: %s\n", strerror(-err));
		skip();
	}
	assert_int_equal(err, 0);
}

static void send_frame(const struct packet *p, size_t linear)
{
	struct virtio_net_hdr header = { .hdr_len = linear };
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)p->data, p->len } };

	/* Stopped, a frame is reported to its sender. */
	if (writev(sock, parts, 2) < 0)
		assert_int_equal(errno, ENOBUFS);
}

/* Whether the frame came out of the interface; what the kernel sends on its own is passed by. */
static bool came_out(const struct packet *p)
{
	static __u8 buffer[PACKET_MAX];
	bool found = false;
	ssize_t n;

	while ((n = read(stack.tap, buffer, sizeof(buffer))) > 0)
		found |= (size_t)n == p->len && !memcmp(buffer, p->data, n);
	return found;
}

static bool counted(const struct expect *e, size_t bytes)
{
	struct change changes[2];
	size_t n = fixture_changes(&fixture, changes, 2);

	if (e->uncounted)
		return n == 0;
	return n == 1 && changes[0].direction == AXP_OUT && changes[0].service == e->service &&
	       changes[0].family == e->family && changes[0].reason == e->reason &&
	       changes[0].packets == 1 && changes[0].bytes == (__s64)bytes;
}

static const struct test_case shapes[] = {
	{ "ARP", PKT(ETH(), ARP(1), PAYLOAD(PADDING)), GOES_UNSEEN },
	{ "IPv4, listed", PKT(ETH(), IPV4(.dst = "192.0.2.9"), UDP(9, 7000), PAYLOAD(PADDING)),
	  GOES(LISTED, TRUNK, V4) },
	{ "IPv4, unlisted", PKT(ETH(), IPV4(.dst = "198.51.100.9"), UDP(9, 7000), PAYLOAD(PADDING)),
	  STOPPED(UNLISTED, TRUNK, V4) },
	{ "IPv4, not guarded, from a guarded port",
	  PKT(ETH(), IPV4(.dst = "198.51.100.9"), UDP(40000, 53), PAYLOAD(PADDING)), GOES_UNSEEN },
	{ "IPv4 with options, tagged, TCP, unlisted",
	  PKT(ETH(), VLAN(.vid = 5), IPV4(.dst = "198.51.100.9", .options = 40),
	      TCP(9, 7000, .options = 12), PAYLOAD(PADDING)),
	  STOPPED(UNLISTED, TRUNK, V4) },
	{ "IPv4, TCP, SYN from a guarded port",
	  PKT(ETH(), IPV4(.dst = "198.51.100.9"), TCP(40000, 443, 0x02), PAYLOAD(PADDING)),
	  GOES_UNSEEN },
	{ "IPv4, TCP, acknowledgement from a guarded port",
	  PKT(ETH(), IPV4(.dst = "198.51.100.10"), TCP(40000, 443, 0x10), PAYLOAD(PADDING)),
	  GOES_UNSEEN },
	{ "IPv4, first fragment, unlisted",
	  PKT(ETH(), IPV4(.dst = "198.51.100.9", .id = 7, .frag = 0x2000), UDP(9, 7000),
	      PAYLOAD(PADDING)),
	  STOPPED(UNLISTED, TRUNK, V4) },
	{ "IPv4, the later fragment",
	  PKT(ETH(), IPV4(.dst = "198.51.100.9", .id = 7, .frag = 900), NEXT(17), PAYLOAD(PADDING)),
	  STOPPED(FRAGMENT_DROPPED, TRUNK, V4) },
	{ "IPv4, ports in the padding",
	  PKT(ETH(), IPV4(.dst = "198.51.100.9"), IP_END(), UDP(9, 7000), PAYLOAD(PADDING)),
	  GOES_UNSEEN },
	{ "IPv6, listed", PKT(ETH(), IPV6(.dst = "2001:db8:1::9"), TCP(9, 7000), PAYLOAD(PADDING)),
	  GOES(LISTED, TRUNK, V6) },
	{ "IPv6, every kind of header, unlisted",
	  PKT(ETH(), IPV6(.dst = "2001:db8:bad::9"), EXT(0), EXT(43, 2), FRAG(), AH(.words = 3),
	      EXT(60), UDP(9, 7000), PAYLOAD(PADDING)),
	  STOPPED(UNLISTED, TRUNK, V6) },
	{ "IPv6, from a guarded port, tagged twice",
	  PKT(ETH(), VLAN(.tpid = 0x88a8, .vid = 5), VLAN(.vid = 6), IPV6(.dst = "2001:db8:bad::9"),
	      EXT(60), UDP(40000, 53), PAYLOAD(PADDING)),
	  GOES_UNSEEN },
	{ "IPv6, neighbour solicitation",
	  PKT(ETH(), IPV6(.dst = "ff02::1"), ICMPV6(135), PAYLOAD(PADDING)), GOES_UNSEEN },
	{ "IPv6, options of 2 KB, unlisted",
	  PKT(ETH(), IPV6(.dst = "2001:db8:bad::9"), EXT(60, 255), EXT(60, 255), UDP(9, 7000),
	      PAYLOAD(1000)),
	  STOPPED(UNLISTED, TRUNK, V6) },
};

/* The first piece ends at every byte of the headers. */
static void test_pieces(void **state)
{
	const struct test_case *c = *state;
	static struct packet p;

	need_tap();
	fixture_rules(&fixture, 0, &rules);
	fixture_active(&fixture, AXP_MODE_ENFORCE, 0);
	packet_build(&p, c->layers);
	for (size_t linear = 14; linear <= HEADERS_MAX; linear++) {
		struct expect modelled =
			model_out(&memory, &rules, AXP_MODE_ENFORCE, p.data, p.len);
		bool out;

		send_frame(&p, linear);
		out = came_out(&p);
		if (counted(&c->expect, p.len) && out == (c->expect.verdict == AXP_PASS) &&
		    modelled.verdict == c->expect.verdict)
			continue;
		print_error("# the first %zu bytes in front: it %s\n", linear,
			    out ? "came out" : "did not come out");
		packet_dump(&p);
		fail();
	}
	check_memory(); /* flows and fragments are those of the model */
}

int main(void)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		cases_add_test(case_name("first piece ends at each byte: %s", shapes[i].name),
			       test_pieces, &shapes[i]);
	return cases_run("skb");
}
