// SPDX-License-Identifier: GPL-2.0-or-later
#include <sched.h>
#include "unit.h"
#include "abi.h"
#include "lifelines.h"

static void assert_ssh(const char *text, const char *client, uint16_t port, uint16_t server_port,
		       const char *interface)
{
	char buf[PREFIX_TEXT_MAX];
	struct lifeline l;

	if (ssh_connection_parse(text, &l))
		fail_msg("refused: %s", text);
	assert_int_equal(l.kind, LIFELINE_SSH);
	assert_string_equal(prefix_text(&l.address, buf), client);
	assert_int_equal(l.remote_port, port);
	assert_int_equal(l.local_port, server_port);
	assert_string_equal(l.interface, interface);
}

static void reads_ssh_connection(void **state)
{
	(void)state;
	assert_ssh("203.0.113.9 50022 192.0.2.10 22", "203.0.113.9/32", 50022, 22, "");
	assert_ssh("2001:db8::9 1 2001:db8:1::10 65535", "2001:db8::9/128", 1, 65535, "");
	assert_ssh("fe80::1%eth0 50022 fe80::2%eth0 22", "fe80::1/128", 50022, 22, "eth0");
	assert_ssh("::ffff:203.0.113.9 50022 ::ffff:192.0.2.10 2222", "203.0.113.9/32", 50022, 2222,
		   "");
}

static void refuses_what_is_no_ssh_connection(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"UNKNOWN 65535 UNKNOWN 65535",
		"203.0.113.9",
		"203.0.113.9 50022",
		"203.0.113.9 50022 192.0.2.10",
		"203.0.113.9 50022 192.0.2.10 ",
		"203.0.113.9 50022 192.0.2.10 22 ",
		"203.0.113.9 50022 192.0.2.10 22 x",
		"203.0.113.9  50022 192.0.2.10 22",
		" 203.0.113.9 50022 192.0.2.10 22",
		"203.0.113.9\t50022\t192.0.2.10\t22",
		"203.0.113.9 0 192.0.2.10 22",
		"203.0.113.9 65536 192.0.2.10 22",
		"203.0.113.9 -1 192.0.2.10 22",
		"203.0.113.9 +1 192.0.2.10 22",
		"203.0.113.9 022 192.0.2.10 22",
		"203.0.113.9 50022 192.0.2.10 22a",
		"203.0.113.9 50022 192.0.2.10 99999999999999999999",
		"203.0.113.9/32 50022 192.0.2.10 22",
		"203.0.113.0/24 50022 192.0.2.10 22",
		"203.0.113.9 50022 2001:db8::1 22",
		"203.0.113.9%eth0 50022 192.0.2.10 22",
		"fe80::1% 50022 fe80::2%eth0 22",
		"fe80::1%an-interface-name-too-long 50022 fe80::2%eth0 22",
		"host.example 50022 192.0.2.10 22",
	};
	struct lifeline l;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (ssh_connection_parse(bad[i], &l) != -EINVAL)
			fail_msg("taken: '%s'", bad[i]);
	}
}

static void assert_resolver(const char *line, const char *address, const char *interface)
{
	char buf[PREFIX_TEXT_MAX];
	struct lifeline l;

	if (!resolver_line_parse(line, strlen(line), &l))
		fail_msg("not taken: %s", line);
	assert_int_equal(l.kind, LIFELINE_RESOLVER);
	assert_string_equal(prefix_text(&l.address, buf), address);
	assert_int_equal(l.remote_port, 53);
	assert_int_equal(l.local_port, 0);
	assert_string_equal(l.interface, interface);
}

static void reads_resolver_lines(void **state)
{
	(void)state;
	assert_resolver("nameserver 192.0.2.53", "192.0.2.53/32", "");
	assert_resolver("nameserver\t \t192.0.2.53 \t", "192.0.2.53/32", "");
	assert_resolver("nameserver 192.0.2.53\r", "192.0.2.53/32", "");
	assert_resolver("nameserver 192.0.2.53 # the first", "192.0.2.53/32", "");
	assert_resolver("nameserver 2001:db8::53", "2001:db8::53/128", "");
	assert_resolver("nameserver fe80::53%eth1.5", "fe80::53/128", "eth1.5");
	assert_resolver("nameserver fe80::53%2", "fe80::53/128", "2");
	assert_resolver("nameserver ::ffff:192.0.2.53", "192.0.2.53/32", "");
}

static void passes_over_other_lines(void **state)
{
	static const char *const other[] = {
		"",
		"#nameserver 192.0.2.53",
		"; nameserver 192.0.2.53",
		" nameserver 192.0.2.53",
		"nameserver",
		"nameserver ",
		"nameserver192.0.2.53",
		"nameservers 192.0.2.53",
		"Nameserver 192.0.2.53",
		"nameserver 192.0.2",
		"nameserver 192.0.2.53:5353",
		"nameserver 192.0.2.0/24",
		"nameserver 192.0.2.53/32",
		"nameserver 192.0.2.53%eth0",
		"nameserver fe80::53%",
		"nameserver dns.example",
		"search example.org",
		"options edns0",
	};
	struct lifeline l;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		if (resolver_line_parse(other[i], strlen(other[i]), &l))
			fail_msg("taken: '%s'", other[i]);
	}
	/* not past the end of the line */
	assert_false(resolver_line_parse("nameserver 192.0.2.53", 12, &l));
	assert_false(resolver_line_parse("nameserver 192.0.2.53", 11, &l));
	assert_true(resolver_line_parse("nameserver 192.0.2.53", 20, &l));
	assert_int_equal(l.address.addr[3], 5);
}

static void finds_a_variable(void **state)
{
	static const char environment[] = "A=1\0SSH_CONNECTION_OLD=x\0XSSH_CONNECTION=y\0"
					  "SSH_CONNECTION=203.0.113.9 1 192.0.2.10 22\0Z=";
	const char *found =
		environment_find(environment, sizeof(environment) - 1, "SSH_CONNECTION");

	(void)state;
	assert_string_equal(found, "203.0.113.9 1 192.0.2.10 22");
	assert_string_equal(environment_find(environment, sizeof(environment) - 1, "Z"), "");
	assert_null(environment_find(environment, sizeof(environment) - 1, "SSH"));
	assert_null(environment_find("", 0, "A"));
	assert_null(environment_find("A", 1, "A"));
}

/* Among what the machine itself has: gateways. */
static size_t of_kind(const struct lifeline *v, size_t n, enum lifeline_kind kind)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += v[i].kind == kind;
	return found;
}

static void reads_them_all(void **state)
{
	struct lifeline v[64], one[1];
	struct error err = { "" };
	const char *path;
	size_t n = 0;

	scratch_write(*state, "resolv.conf",
		      "# by hand\nsearch example.org\nnameserver 192.0.2.53\n"
		      "nameserver 127.0.0.53\nnameserver 192.0.2.53\nnameserver ::1\n"
		      "nameserver fe80::53%1\nnameserver nonsense\nnameserver 2001:db8::53");
	path = scratch_path(*state, "resolv.conf");
	setenv("SSH_CONNECTION", "203.0.113.9 50022 192.0.2.10 22", 1);
	assert_int_equal(lifelines_read(v, ARRAY_SIZE(v), &n, path, &err), 0);
	assert_int_equal(of_kind(v, n, LIFELINE_SSH), 1);
	assert_int_equal(v[0].kind, LIFELINE_SSH);
	assert_int_equal(v[0].local_port, 22);
	/* loopback and the one given twice are left out; scope 1 is lo */
	assert_int_equal(of_kind(v, n, LIFELINE_RESOLVER), 3);
	assert_string_equal(v[n - 2].interface, "lo");
	for (size_t i = 0; i < n; i++) {
		if (v[i].kind == LIFELINE_GATEWAY)
			assert_true(v[i].interface[0]);
	}
	assert_int_equal(lifelines_read(one, 1, &n, path, &err), -E2BIG);
	assert_int_equal(n, 1);
	assert_non_null(strstr(err.text, "more than 1 "));

	setenv("SSH_CONNECTION", "not one", 1);
	assert_int_equal(lifelines_read(v, ARRAY_SIZE(v), &n, scratch_path(*state, "none"), &err),
			 0);
	assert_int_equal(of_kind(v, n, LIFELINE_SSH), 0);
	assert_int_equal(of_kind(v, n, LIFELINE_RESOLVER), 0);
	unsetenv("SSH_CONNECTION");
}

static bool has_gateway(const struct lifeline *v, size_t n, const char *address,
			const char *interface)
{
	char buf[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		if (v[i].kind == LIFELINE_GATEWAY && !strcmp(v[i].interface, interface) &&
		    !strcmp(prefix_text(&v[i].address, buf), address))
			return true;
	}
	return false;
}

/* In a network namespace of its own, where this process stays: the last test. */
static void reads_default_gateways(void **state)
{
	static const char setup[] =
		"ip link set lo up && ip link add one type veth peer name two && "
		"ip link set one up && ip link set two up && "
		"ip address add 192.0.2.10/24 dev one && ip address add 198.51.100.10/24 dev two "
		"&& "
		"ip address add 2001:db8:1::10/64 dev one nodad && "
		"ip route add default via 192.0.2.1 && "
		"ip route add default metric 20 nexthop via 192.0.2.2 dev one "
		"nexthop via 198.51.100.1 dev two && "
		"ip route add default via inet6 fe80::7 dev two metric 30 && "
		"ip route add default dev two metric 40 && "
		"ip -6 route add default via 2001:db8:1::1 && "
		"ip -6 route add default via fe80::1 dev two metric 20 && "
		"ip route add default via 192.0.2.99 table 99 && "
		"ip route add 203.0.113.0/24 via 192.0.2.98 && "
		"ip route add unreachable default metric 50";
	struct lifeline v[64];
	struct error err = { "" };
	size_t n = 0;

	(void)state;
	if (unshare(CLONE_NEWNET))
		skip(); /* not root */
	assert_int_equal(system(setup), 0);
	if (lifelines_read(v, ARRAY_SIZE(v), &n, "/nonexistent", &err))
		fail_msg("%s", err.text);
	assert_true(has_gateway(v, n, "192.0.2.1/32", "one"));
	assert_true(has_gateway(v, n, "192.0.2.2/32", "one"));
	assert_true(has_gateway(v, n, "198.51.100.1/32", "two"));
	assert_true(has_gateway(v, n, "fe80::7/128", "two"));
	assert_true(has_gateway(v, n, "2001:db8:1::1/128", "one"));
	assert_true(has_gateway(v, n, "fe80::1/128", "two"));
	assert_int_equal(of_kind(v, n, LIFELINE_GATEWAY), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_ssh_connection),
		cmocka_unit_test(refuses_what_is_no_ssh_connection),
		cmocka_unit_test(reads_resolver_lines),
		cmocka_unit_test(passes_over_other_lines),
		cmocka_unit_test(finds_a_variable),
		scratch_test(reads_them_all),
		cmocka_unit_test(reads_default_gateways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
