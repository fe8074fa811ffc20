// SPDX-License-Identifier: GPL-2.0-or-later
/* Real sockets on loopback, which the kernel must list with exactly their addresses. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "unit.h"
#include "abi.h"
#include "sockets.h"

static struct sockaddr_in6 mapped_or_not(const char *address, uint16_t port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET6, address, &a.sin6_addr), 1);
	return a;
}

static struct sockaddr_in v4(const char *address, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
	return a;
}

/* A socket bound to any port of this address; an address with ':' makes an IPv6 socket. */
static int bound(int type, const char *address)
{
	bool six = strchr(address, ':');
	struct sockaddr_in6 a6;
	struct sockaddr_in a4;
	int fd = socket(six ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (six) {
		a6 = mapped_or_not(address, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&a6, sizeof(a6)), 0);
	} else {
		a4 = v4(address, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&a4, sizeof(a4)), 0);
	}
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	/* the port is in the same place in both families' addresses */
	return ntohs(((const struct sockaddr_in *)&a)->sin_port);
}

static void connect_to(int fd, const char *address, uint16_t port)
{
	struct sockaddr_in6 a6;
	struct sockaddr_in a4;

	if (strchr(address, ':')) {
		a6 = mapped_or_not(address, port);
		assert_int_equal(connect(fd, (struct sockaddr *)&a6, sizeof(a6)), 0);
	} else {
		a4 = v4(address, port);
		assert_int_equal(connect(fd, (struct sockaddr *)&a4, sizeof(a4)), 0);
	}
}

static struct sockets read_all(void)
{
	struct sockets all = { 0 };
	struct error err = { "" };

	if (sockets_read(&all, &err))
		fail_msg("%s", err.text);
	return all;
}

static bool is_wanted(const struct socket_info *s, const struct socket_info *wanted)
{
	return !prefix_compare(&s->local, &wanted->local) &&
	       !prefix_compare(&s->remote, &wanted->remote) &&
	       s->local_port == wanted->local_port && s->remote_port == wanted->remote_port &&
	       s->protocol == wanted->protocol && s->listening == wanted->listening &&
	       s->tcp_state == wanted->tcp_state;
}

static struct prefix address(const char *text)
{
	struct error err = { "" };
	struct prefix p;

	if (prefix_parse(text, strlen(text), &p, &err))
		fail_msg("%s", err.text);
	return p;
}

static unsigned int times_listed(uint8_t protocol, const char *local, uint16_t local_port,
				 const char *remote, uint16_t remote_port, uint8_t state)
{
	const struct socket_info wanted = { .local = address(local),
					    .remote = address(remote),
					    .local_port = local_port,
					    .remote_port = remote_port,
					    .protocol = protocol,
					    .tcp_state = state,
					    .listening = !remote_port };
	_cleanup_sockets_ struct sockets all = read_all();
	unsigned int found = 0;

	for (size_t i = 0; i < all.n; i++)
		found += is_wanted(&all.v[i], &wanted);
	return found;
}

/* A TCP connection between two addresses, as seen by both of its ends and by the listener. */
static void check_tcp(const char *bind_to, const char *connect_from, const char *connect_address,
		      const char *listed_any, const char *server, const char *client)
{
	int listener = bound(SOCK_STREAM, bind_to), fd = bound(SOCK_STREAM, connect_from), accepted;
	uint16_t port = port_of(listener), from = port_of(fd);

	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(times_listed(AXP_TCP, listed_any, port,
				      strchr(listed_any, ':') ? "::" : "0.0.0.0", 0, TCP_LISTEN),
			 1);
	connect_to(fd, connect_address, port);
	accepted = accept(listener, NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(times_listed(AXP_TCP, client, from, server, port, TCP_ESTABLISHED), 1);
	assert_int_equal(times_listed(AXP_TCP, server, port, client, from, TCP_ESTABLISHED), 1);
	close(fd);
	close(accepted);
	close(listener);
}

static void lists_tcp(void **state)
{
	(void)state;
	check_tcp("127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2");
	check_tcp("0.0.0.0", "127.0.0.3", "127.0.0.1", "0.0.0.0", "127.0.0.1", "127.0.0.3");
	check_tcp("::1", "::1", "::1", "::1", "::1", "::1");
}

/* An IPv6 socket that speaks IPv4: what is on the wire counts. */
static void mapped_is_ipv4(void **state)
{
	int fd;

	(void)state;
	check_tcp("::", "::ffff:127.0.0.2", "::ffff:127.0.0.1", "::", "127.0.0.1", "127.0.0.2");
	check_tcp("::ffff:127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.1", "127.0.0.1",
		  "127.0.0.2");
	fd = bound(SOCK_DGRAM, "::ffff:127.0.0.1");
	assert_int_equal(times_listed(AXP_UDP, "127.0.0.1", port_of(fd), "0.0.0.0", 0, TCP_CLOSE),
			 1);
	close(fd);
}

static void check_udp(const char *from, const char *to, const char *listed_from,
		      const char *listed_to, const char *any)
{
	int fd = bound(SOCK_DGRAM, from), peer = bound(SOCK_DGRAM, to);
	uint16_t port = port_of(fd), peer_port = port_of(peer);

	assert_int_equal(times_listed(AXP_UDP, listed_from, port, any, 0, TCP_CLOSE), 1);
	connect_to(fd, to, peer_port);
	assert_int_equal(times_listed(AXP_UDP, listed_from, port, any, 0, TCP_CLOSE), 0);
	assert_int_equal(
		times_listed(AXP_UDP, listed_from, port, listed_to, peer_port, TCP_ESTABLISHED), 1);
	assert_int_equal(times_listed(AXP_UDP, listed_to, peer_port, any, 0, TCP_CLOSE), 1);
	close(fd);
	close(peer);
}

static void lists_udp(void **state)
{
	(void)state;
	check_udp("127.0.0.2", "127.0.0.1", "127.0.0.2", "127.0.0.1", "0.0.0.0");
	check_udp("::1", "::1", "::1", "::1", "::");
	check_udp("::ffff:127.0.0.2", "::ffff:127.0.0.1", "127.0.0.2", "127.0.0.1", "0.0.0.0");
}

/* One end has closed, and its peer's kernel has taken note within a second. */
static void await_listed(const char *local, uint16_t local_port, const char *remote,
			 uint16_t remote_port, uint8_t tcp_state)
{
	for (int n = 0; n < 100; n++) {
		if (times_listed(AXP_TCP, local, local_port, remote, remote_port, tcp_state) == 1)
			return;
		usleep(10000);
	}
	fail_msg("no %s:%u in state %u", local, local_port, tcp_state);
}

/* The peer of a connection that this end has closed is still a peer. */
static void lists_connections_that_end(void **state)
{
	int listener = bound(SOCK_STREAM, "127.0.0.1"), fd = bound(SOCK_STREAM, "127.0.0.2");
	uint16_t port = port_of(listener), from = port_of(fd);
	int accepted;

	(void)state;
	assert_int_equal(listen(listener, 1), 0);
	connect_to(fd, "127.0.0.1", port);
	accepted = accept(listener, NULL, NULL);
	assert_true(accepted >= 0);
	close(fd);
	await_listed("127.0.0.2", from, "127.0.0.1", port, TCP_FIN_WAIT2);
	await_listed("127.0.0.1", port, "127.0.0.2", from, TCP_CLOSE_WAIT);
	close(accepted);
	await_listed("127.0.0.2", from, "127.0.0.1", port, TCP_TIME_WAIT);
	close(listener);
}

enum { MANY = 3000 };

struct many {
	bool opened[65536]; /* by port */
	size_t found;
};

static void count_opened(struct many *m, const struct socket_info *s)
{
	assert_true(s->listening || s->remote_port);
	assert_int_equal(s->local.family, s->remote.family);
	assert_int_equal(s->local.len, prefix_max_len(s->local.family));
	assert_int_equal(s->remote.len, prefix_max_len(s->remote.family));
	if (s->protocol == AXP_UDP && s->local.family == AXP_IPV4 && s->local.addr[0] == 127 &&
	    s->local.addr[1] == 9)
		m->found += m->opened[s->local_port];
}

/* Far more than one piece of a dump holds. */
static void lists_many(void **state)
{
	struct many *m = calloc(1, sizeof(*m));
	int *fds = calloc(MANY, sizeof(*fds));
	struct sockets all;
	size_t n;

	(void)state;
	assert_non_null(m);
	assert_non_null(fds);
	for (n = 0; n < MANY; n++) {
		struct sockaddr_in a = v4("127.9.0.1", 0);

		fds[n] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fds[n] < 0)
			break; /* as many as this process may have */
		assert_int_equal(bind(fds[n], (struct sockaddr *)&a, sizeof(a)), 0);
		m->opened[port_of(fds[n])] = true;
	}
	assert_true(n > 500);
	all = read_all();
	for (size_t i = 0; i < all.n; i++)
		count_opened(m, &all.v[i]);
	sockets_free(&all);
	assert_int_equal(all.n, 0);
	assert_int_equal(m->found, n);
	while (n)
		close(fds[--n]);
	free(fds);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_tcp),  cmocka_unit_test(mapped_is_ipv4),
		cmocka_unit_test(lists_udp),  cmocka_unit_test(lists_connections_that_end),
		cmocka_unit_test(lists_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
