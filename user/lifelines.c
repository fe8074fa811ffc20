// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "abi.h"
#include "cleanup.h"
#include "lifelines.h"
#include "readfile.h"
#include "routes.h"

enum { RESOLV_CONF_LIMIT = 1 << 20, ENVIRONMENT_MAX = 1 << 21, ANCESTORS_MAX = 64, DNS_PORT = 53 };

#define RESOLV_CONF          "/etc/resolv.conf"
#define RESOLVED_RESOLV_CONF "/run/systemd/resolve/resolv.conf"

/* "ADDRESS" or "ADDRESS%SCOPE". */
static bool parse_address(const char *text, size_t n, struct lifeline *out)
{
	const char *percent = n ? memchr(text, '%', n) : NULL;
	size_t address_len = percent ? (size_t)(percent - text) : n;
	size_t scope_len = percent ? n - address_len - 1 : 0;
	struct error ignored;

	if (memchr(text, '/', n) || prefix_parse(text, address_len, &out->address, &ignored))
		return false;
	if (!percent)
		return true;
	if (!scope_len || scope_len >= sizeof(out->interface) || out->address.family != AXP_IPV6)
		return false;
	memcpy(out->interface, percent + 1, scope_len);
	out->interface[scope_len] = '\0';
	return true;
}

/* Digits only, 1 to 65535; 0 if it is anything else. */
static uint16_t parse_port(const char *text, size_t n)
{
	unsigned int value = 0;

	if (!n || n > 5 || text[0] == '0')
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		value = value * 10 + (unsigned int)(text[i] - '0');
	}
	return value <= UINT16_MAX ? (uint16_t)value : 0;
}

int ssh_connection_parse(const char *text, struct lifeline *out)
{
	struct lifeline client = { .kind = LIFELINE_SSH }, server = { 0 };
	const char *field[4];
	size_t len[4];

	for (size_t i = 0; i < 4; i++) {
		field[i] = text;
		len[i] = strcspn(text, " ");
		text += len[i];
		if (*text != (i < 3 ? ' ' : '\0'))
			return -EINVAL;
		text++;
	}
	client.remote_port = parse_port(field[1], len[1]);
	client.local_port = parse_port(field[3], len[3]);
	if (!parse_address(field[0], len[0], &client) ||
	    !parse_address(field[2], len[2], &server) ||
	    client.address.family != server.address.family || !client.remote_port ||
	    !client.local_port)
		return -EINVAL;
	*out = client;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* As the resolver reads it: the keyword begins the line; what follows the address is not looked at.
 */
bool resolver_line_parse(const char *line, size_t n, struct lifeline *out)
{
	static const char keyword[] = "nameserver";
	struct lifeline l = { .kind = LIFELINE_RESOLVER, .remote_port = DNS_PORT };
	size_t start = sizeof(keyword) - 1, end;

	if (n <= start || memcmp(line, keyword, start) != 0 || !is_blank(line[start]))
		return false;
	while (start < n && is_blank(line[start]))
		start++;
	for (end = start; end < n && !is_blank(line[end]);)
		end++;
	if (!parse_address(line + start, end - start, &l))
		return false;
	*out = l;
	return true;
}

const char *environment_find(const char *environment, size_t n, const char *name)
{
	size_t len = strlen(name), step;

	for (const char *v = environment; v < environment + n; v += step) {
		step = strlen(v) + 1;
		if (!strncmp(v, name, len) && v[len] == '=')
			return v + len + 1;
	}
	return NULL;
}

struct collection {
	struct lifeline *v;
	size_t n, max;
	bool full;
};

static bool is_loopback(const struct prefix *p)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	if (p->family == AXP_IPV4)
		return p->addr[0] == 127;
	return !memcmp(p->addr, loopback6, sizeof(loopback6));
}

/* An index in place of a name, as some write scopes. */
static void name_interface(struct lifeline *l)
{
	char *end, name[IF_NAMESIZE];
	unsigned long index = strtoul(l->interface, &end, 10);

	if (l->interface[0] && !*end && index <= INT32_MAX &&
	    if_indextoname((unsigned int)index, name))
		snprintf(l->interface, sizeof(l->interface), "%s", name);
}

static void collect(struct collection *c, const struct lifeline *found)
{
	struct lifeline l = *found;

	if (is_loopback(&l.address))
		return;
	name_interface(&l);
	for (size_t i = 0; i < c->n; i++) {
		const struct lifeline *k = &c->v[i];

		if (k->kind == l.kind && !prefix_compare(&k->address, &l.address) &&
		    k->local_port == l.local_port && k->remote_port == l.remote_port &&
		    !strcmp(k->interface, l.interface))
			return;
	}
	if (c->n == c->max)
		c->full = true;
	else
		c->v[c->n++] = l;
}

/* Bytes of /proc/PID/NAME, at most size - 1, and a NUL behind them; 0 if it cannot be read. */
static size_t read_process_file(int pid, const char *name, char *buf, size_t size)
{
	char path[64];
	_cleanup_close_ int fd = -1;
	size_t n = 0;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && n < size - 1 && (got = read(fd, buf + n, size - 1 - n)) > 0)
		n += (size_t)got;
	buf[n] = '\0';
	return n;
}

/* Of a process; 0 if that cannot be told. */
static int parent_of(int pid)
{
	char line[512];
	size_t n = read_process_file(pid, "stat", line, sizeof(line));
	const char *after_name = n ? strrchr(line, ')') : NULL; /* the name may hold anything */
	int parent;

	return after_name && sscanf(after_name, ") %*c %d", &parent) == 1 ? parent : 0;
}

/*
 * Its own environment says so; or, where sudo or su took that away, the one that they were started
 * with.
 */
static void find_ssh(struct collection *c)
{
	_cleanup_free_ char *buf = malloc(ENVIRONMENT_MAX);
	const char *text = getenv("SSH_CONNECTION");
	int pid = getppid();
	struct lifeline l;

	for (int i = 0; buf && !text && pid > 1 && i < ANCESTORS_MAX; i++) {
		size_t n = read_process_file(pid, "environ", buf, ENVIRONMENT_MAX);

		text = environment_find(buf, n, "SSH_CONNECTION");
		pid = parent_of(pid);
	}
	if (text && !ssh_connection_parse(text, &l))
		collect(c, &l);
}

/* Returns whether the file names a resolver on this host itself. */
static bool find_resolvers(struct collection *c, const char *path)
{
	_cleanup_free_ char *data = NULL;
	struct error ignored;
	bool local = false;
	struct lifeline l;
	size_t n, len;

	if (file_read_all(path, RESOLV_CONF_LIMIT, &data, &n, &ignored))
		return false;
	for (const char *line = data; line < data + n; line += len + 1) {
		len = strcspn(line, "\n");
		if (resolver_line_parse(line, len, &l)) {
			local |= is_loopback(&l.address);
			collect(c, &l);
		}
	}
	return local;
}

static int keep_gateway(const struct gateway *g, void *arg)
{
	struct lifeline l = { .kind = LIFELINE_GATEWAY, .address = g->address };

	snprintf(l.interface, sizeof(l.interface), "%s", g->interface);
	collect(arg, &l);
	return 0;
}

int lifelines_read(struct lifeline *out, size_t max, size_t *n, const char *resolv_conf,
		   struct error *err)
{
	struct collection c = { .v = out, .max = max };
	int rc;

	find_ssh(&c);
	rc = default_gateways_each(keep_gateway, &c, err);
	if (rc)
		return rc;
	if (find_resolvers(&c, resolv_conf ? resolv_conf : RESOLV_CONF) && !resolv_conf)
		find_resolvers(&c, RESOLVED_RESOLV_CONF);
	*n = c.n;
	if (c.full)
		return error_set(err, E2BIG,
				 "more than %zu gateways and resolvers: remove what is not needed "
				 "from %s and from the default routes",
				 max, resolv_conf ? resolv_conf : RESOLV_CONF);
	return 0;
}
