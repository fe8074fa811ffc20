// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/if_tun.h>
#include "stack.h"

#define TAP          "tap0"
#define ADDRESS4     "203.0.113.1" /* what packet.c writes as destination */
#define ADDRESS6     "2001:db8:ffff::1"
#define NO_CHECK6_RX 102 /* UDP_NO_CHECK6_RX: <linux/udp.h> and <netinet/udp.h> clash */

static void setting(const char *path, const char *value)
{
	char name[128];
	FILE *f;

	snprintf(name, sizeof(name), "/proc/sys/net/%s", path);
	f = fopen(name, "w");
	if (!f)
		return; /* not in every kernel */
	fputs(value, f);
	fclose(f);
}

/* As open as a host can be: what a careful host would refuse is to be refused by the filter. */
static void be_open(void)
{
	setting("ipv6/conf/default/accept_dad", "0");
	setting("ipv6/conf/default/dad_transmits", "0");
	setting("ipv4/conf/all/rp_filter", "0");
	setting("ipv4/conf/default/rp_filter", "0");
	setting("ipv4/conf/all/accept_source_route", "1");
	setting("ipv4/conf/default/accept_source_route", "1");
	setting("ipv4/conf/default/route_localnet", "1");
	setting("ipv6/conf/all/accept_source_route", "1");
	setting("ipv6/conf/default/accept_source_route", "1");
	setting("ipv4/tcp_syncookies", "2");
	setting("ipv4/ipfrag_max_dist", "0");
	setting("ipv4/ipfrag_high_thresh", "268435456");
	setting("ipv6/ip6frag_high_thresh", "268435456");
	setting("ipv4/icmp_ratelimit", "0");
}

static int open_tap(void)
{
	struct ifreq request = { .ifr_name = TAP, .ifr_flags = IFF_TAP | IFF_NO_PI };
	int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	if (tap < 0)
		return -errno;
	if (ioctl(tap, TUNSETIFF, &request)) {
		int err = -errno;

		close(tap);
		return err;
	}
	return tap;
}

static int set_link(int sock)
{
	struct ifreq request = { .ifr_name = TAP };

	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(request.ifr_hwaddr.sa_data, "\x02\0\0\0\0\x01", 6);
	if (ioctl(sock, SIOCSIFHWADDR, &request))
		return -errno;
	request.ifr_mtu = 9000;
	if (ioctl(sock, SIOCSIFMTU, &request))
		return -errno;
	request.ifr_flags = IFF_UP | IFF_NOARP | IFF_BROADCAST | IFF_MULTICAST;
	return ioctl(sock, SIOCSIFFLAGS, &request) ? -errno : 0;
}

static int set_ipv4(int sock)
{
	struct ifreq request = { .ifr_name = TAP };
	struct rtentry route = { .rt_flags = RTF_UP, .rt_dev = (char *)TAP };
	struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;

	address->sin_family = AF_INET;
	inet_pton(AF_INET, ADDRESS4, &address->sin_addr);
	if (ioctl(sock, SIOCSIFADDR, &request))
		return -errno;
	route.rt_dst.sa_family = AF_INET;
	route.rt_genmask.sa_family = AF_INET;
	return ioctl(sock, SIOCADDRT, &route) ? -errno : 0;
}

/* As <linux/ipv6.h> and <linux/ipv6_route.h> have them, which clash with libc's headers. */
struct in6_request {
	struct in6_addr addr;
	__u32 prefixlen;
	int ifindex;
};

struct in6_route {
	struct in6_addr dst, src, gateway;
	__u32 type;
	__u16 dst_len, src_len;
	__u32 metric;
	unsigned long info;
	__u32 flags;
	int ifindex;
};

static int set_ipv6(void)
{
	struct in6_request request = { .prefixlen = 64, .ifindex = if_nametoindex(TAP) };
	struct in6_route route = { .metric = 1, .flags = RTF_UP, .ifindex = request.ifindex };
	int sock = socket(AF_INET6, SOCK_DGRAM, 0), err = 0;

	if (sock < 0)
		return -errno;
	inet_pton(AF_INET6, ADDRESS6, &request.addr);
	if (ioctl(sock, SIOCSIFADDR, &request) || ioctl(sock, SIOCADDRT, &route))
		err = -errno;
	close(sock);
	return err;
}

static int set_interface(void)
{
	int sock = socket(AF_INET, SOCK_DGRAM, 0), err;

	if (sock < 0)
		return -errno;
	err = set_link(sock);
	if (!err)
		err = set_ipv4(sock);
	close(sock);
	return err ? err : set_ipv6();
}

/* One socket for both families. */
static int open_socket(int type, __u16 port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int sock = socket(AF_INET6, type | SOCK_NONBLOCK, 0), off = 0, on = 1;

	if (sock < 0)
		return -errno;
	setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(sock, IPPROTO_UDP, NO_CHECK6_RX, &on, sizeof(on));
	if (bind(sock, (struct sockaddr *)&any, sizeof(any)) ||
	    (type == SOCK_STREAM && listen(sock, 16))) {
		int err = -errno;

		close(sock);
		return err;
	}
	return sock;
}

static int open_sockets(struct stack *s, int type, const __u16 *ports)
{
	for (; *ports; ports++) {
		int sock = open_socket(type, *ports);

		if (sock < 0)
			return sock;
		s->ports[s->all] = *ports;
		s->sockets[s->all++] = sock;
	}
	return 0;
}

/* Addresses are made ready by a worker of the kernel's, not at once. */
static int wait_until_ready(struct stack *s, enum axp_family family)
{
	struct layer ip = family == AXP_IPV4 ? (struct layer)IPV4() : (struct layer)IPV6();
	struct layer layers[] = { ETH(), ip, UDP(9, s->ports[0]), { LAYER_END } };
	static struct packet p;
	struct delivery d;

	packet_build(&p, layers);
	for (int tries = 0; tries < 300; tries++) {
		stack_send(s, &p);
		if (stack_next(s, &d)) {
			while (stack_next(s, &d))
				;
			return 0;
		}
		usleep(10000);
	}
	return -ETIMEDOUT;
}

int stack_open(struct stack *s, const __u16 *udp, const __u16 *tcp)
{
	int err;

	*s = (struct stack){ .tap = -1 };
	if (unshare(CLONE_NEWNET))
		return -errno;
	be_open();
	s->tap = open_tap();
	if (s->tap < 0)
		return s->tap;
	err = set_interface();
	if (!err)
		err = open_sockets(s, SOCK_DGRAM, udp);
	s->udp = s->all;
	if (!err)
		err = open_sockets(s, SOCK_STREAM, tcp);
	if (!err)
		err = wait_until_ready(s, AXP_IPV4);
	return err ? err : wait_until_ready(s, AXP_IPV6);
}

void stack_close(struct stack *s)
{
	for (size_t i = 0; i < s->all; i++)
		close(s->sockets[i]);
	if (s->tap >= 0)
		close(s->tap);
}

static void mend_checksum(__u8 *frame, size_t len)
{
	size_t ip = 14, header;
	__u32 sum = 0;

	while (ip + 4 <= len &&
	       (!memcmp(frame + ip - 2, "\x81\0", 2) || !memcmp(frame + ip - 2, "\x88\xa8", 2)))
		ip += 4;
	if (ip + 20 > len || memcmp(frame + ip - 2, "\x08\0", 2))
		return;
	header = (frame[ip] & 15) * 4;
	if (header < 20 || ip + header > len)
		return;
	memset(frame + ip + 10, 0, 2);
	for (size_t i = 0; i < header; i += 2)
		sum += frame[ip + i] << 8 | frame[ip + i + 1];
	sum = (sum >> 16) + (sum & 0xffff);
	sum = ~(sum + (sum >> 16));
	frame[ip + 10] = sum >> 8;
	frame[ip + 11] = sum;
}

void stack_send(struct stack *s, const struct packet *p)
{
	static __u8 frame[PACKET_MAX];

	memcpy(frame, p->data, p->len);
	mend_checksum(frame, p->len);
	if (write(s->tap, frame, p->len) < 0 && errno != EINVAL) {
		perror("stack: tap");
		exit(1);
	}
}

static bool next_datagram(struct stack *s, struct delivery *d)
{
	struct sockaddr_in6 from;
	socklen_t size = sizeof(from);
	char byte;

	for (size_t i = 0; i < s->udp; i++) {
		if (recvfrom(s->sockets[i], &byte, 1, 0, (struct sockaddr *)&from, &size) < 0)
			continue;
		d->protocol = AXP_UDP;
		d->port = s->ports[i];
		d->source_port = ntohs(from.sin6_port);
		d->family = IN6_IS_ADDR_V4MAPPED(&from.sin6_addr) ? AXP_IPV4 : AXP_IPV6;
		if (d->family == AXP_IPV4)
			inet_ntop(AF_INET, &from.sin6_addr.s6_addr[12], d->source,
				  sizeof(d->source));
		else
			inet_ntop(AF_INET6, &from.sin6_addr, d->source, sizeof(d->source));
		return true;
	}
	return false;
}

/* What a listener sends back tells whom it has heard: the addresses are the other way round. */
static bool is_answer(const struct stack *s, const __u8 *frame, size_t len, struct delivery *d)
{
	bool six = !memcmp(frame + 12, "\x86\xdd", 2);
	const __u8 *ip = frame + 14, *tcp = ip + (six ? 40 : 20);

	if (len < (six ? 74 : 54) || (!six && memcmp(frame + 12, "\x08\0", 2)) ||
	    ip[six ? 6 : 9] != IPPROTO_TCP || (tcp[13] & 0x12) != 0x12)
		return false;
	d->protocol = AXP_TCP;
	d->family = six ? AXP_IPV6 : AXP_IPV4;
	d->port = tcp[0] << 8 | tcp[1];
	d->source_port = tcp[2] << 8 | tcp[3];
	inet_ntop(six ? AF_INET6 : AF_INET, ip + (six ? 24 : 16), d->source, sizeof(d->source));
	for (size_t i = s->udp; i < s->all; i++)
		if (s->ports[i] == d->port)
			return true;
	return false;
}

bool stack_next(struct stack *s, struct delivery *d)
{
	static __u8 buffer[PACKET_MAX];
	ssize_t n;

	if (next_datagram(s, d))
		return true;
	while ((n = read(s->tap, buffer, sizeof(buffer))) > 0)
		if (is_answer(s, buffer, n, d))
			return true;
	return false;
}
