// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "endpoint.h"

enum { BACKLOG = 128 };

/* "19790": all digits, to the end. */
static int parse_port(const char *text)
{
	size_t n = strspn(text, "0123456789");
	long port;

	if (!n || n > 5 || text[n])
		return -1;
	port = strtol(text, NULL, 10);
	return port > UINT16_MAX ? -1 : (int)port;
}

int endpoint_parse(const char *text, struct endpoint *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&out->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->address;
	const char *colon = strrchr(text, ':');
	char address[INET6_ADDRSTRLEN + 2];
	size_t n;
	int port;

	memset(out, 0, sizeof(*out));
	if (!colon || (size_t)(colon - text) >= sizeof(address))
		return -EINVAL;
	port = parse_port(colon + 1);
	if (port < 0)
		return -EINVAL;
	n = (size_t)(colon - text);
	memcpy(address, text, n);
	address[n] = '\0';
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		out->size = sizeof(*v4);
		return 0;
	}
	if (n < 2 || address[0] != '[' || address[n - 1] != ']')
		return -EINVAL;
	address[n - 1] = '\0';
	if (inet_pton(AF_INET6, address + 1, &v6->sin6_addr) != 1)
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	out->size = sizeof(*v6);
	return 0;
}

uint16_t endpoint_port(const struct endpoint *e)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&e->address;

	return ntohs(v4->sin_port); /* at the same place in both */
}

const char *endpoint_text(const struct endpoint *e, char buf[static ENDPOINT_TEXT_MAX])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&e->address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&e->address;
	char address[INET6_ADDRSTRLEN] = "";

	if (e->address.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, address, sizeof(address));
		snprintf(buf, ENDPOINT_TEXT_MAX, "[%s]:%u", address, endpoint_port(e));
	} else {
		inet_ntop(AF_INET, &v4->sin_addr, address, sizeof(address));
		snprintf(buf, ENDPOINT_TEXT_MAX, "%s:%u", address, endpoint_port(e));
	}
	return buf;
}

bool endpoint_is_loopback(const struct endpoint *e)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&e->address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&e->address;

	if (e->address.ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

int endpoint_listen(struct endpoint *e, struct error *err)
{
	_cleanup_close_ int fd =
		socket(e->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr *address = (struct sockaddr *)&e->address;
	char text[ENDPOINT_TEXT_MAX];
	int one = 1;

	endpoint_text(e, text);
	if (fd < 0)
		return error_set(err, errno, "cannot open a socket for %s: %s", text,
				 strerror(errno));
	/* A server that was stopped just now must not keep the next one from its port. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address, e->size) || listen(fd, BACKLOG))
		return error_set(err, errno,
				 "cannot listen on %s: %s: choose another with --listen", text,
				 strerror(errno));
	if (getsockname(fd, address, &e->size))
		return error_set(err, errno, "cannot tell what %s is: %s", text, strerror(errno));
	return TAKE_FD(fd);
}
