// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "cleanup.h"
#include "http.h"

enum { ACCEPT_AT_ONCE = 16, WHOLE_READING_S = 5 };

#define TEXT_PLAIN   "text/plain; charset=utf-8"
#define TEXT_METRICS "text/plain; version=0.0.4; charset=utf-8"

struct client {
	int fd; /* -1: a free place */
	uint8_t network[16];
	uint64_t since;                    /* ms */
	struct MHD_Connection *connection; /* NULL until libmicrohttpd has told */
	bool suspended;                    /* until the reading `needs` is here */
	uint64_t needs;
	uint64_t sends; /* of the one that it is sent; 0: none */
	bool over;      /* thrown out */
};

struct server {
	int listener, source;
	struct MHD_Daemon *daemon;
	struct client clients[HTTP_CLIENTS];
	uint64_t asked;   /* number of the last reading that was asked for */
	uint64_t got;     /* of the one that is here */
	uint64_t not_yet; /* ms: before that no other is asked for */
	struct MHD_Response *metrics, *health;
	unsigned int metrics_status, health_status;
	struct MHD_Response *start, *not_found, *bad_method;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* One request a connection: so a connection's life is bounded, and its place is free again. */
static struct MHD_Response *make_response(void *text, size_t size, const char *type,
					  enum MHD_ResponseMemoryMode whose)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(size, text, whose);

	if (!r)
		return NULL;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	return r;
}

static struct MHD_Response *make_static(const char *text)
{
	return make_response((void *)text, strlen(text), TEXT_PLAIN, MHD_RESPMEM_PERSISTENT);
}

static void resume(struct client *c)
{
	if (c->suspended)
		MHD_resume_connection(c->connection);
	c->suspended = false;
}

/* The kernel does not keep for him what was not sent yet. */
static void throw_out(struct client *c)
{
	static const struct linger at_once = { .l_onoff = 1 };

	if (c->over)
		return;
	c->over = true;
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	shutdown(c->fd, SHUT_RDWR);
	resume(c);
}

static enum MHD_Result send_reading(struct server *s, struct client *c, bool metrics)
{
	c->sends = s->got;
	if (metrics)
		return MHD_queue_response(c->connection, s->metrics_status, s->metrics);
	return MHD_queue_response(c->connection, s->health_status, s->health);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct client *c = info ? info->socket_context : NULL;
	bool metrics = !strcmp(url, "/metrics");
	struct server *s = arg;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)request;
	if (!c || c->over)
		return MHD_NO;
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, s->bad_method);
	if (!strcmp(url, "/"))
		return MHD_queue_response(connection, MHD_HTTP_OK, s->start);
	if (!metrics && strcmp(url, "/healthz"))
		return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, s->not_found);
	if (c->needs && c->needs <= s->got)
		return send_reading(s, c, metrics);
	c->needs = s->asked + 1;
	c->suspended = true;
	MHD_suspend_connection(connection);
	return MHD_YES;
}

static struct client *find_client(struct server *s, int fd)
{
	for (size_t i = 0; i < HTTP_CLIENTS; i++) {
		if (s->clients[i].fd == fd)
			return &s->clients[i];
	}
	return NULL;
}

static void notify(void *arg, struct MHD_Connection *connection, void **context,
		   enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		c = info ? find_client(arg, info->connect_fd) : NULL;
		*context = c;
		if (c)
			c->connection = connection;
	} else if (c) {
		*c = (struct client){ .fd = -1 };
	}
}

/* Whom the address belongs to: IPv6 hands out /64s. */
static void network_of(const struct sockaddr_storage *address, uint8_t network[static 16])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

	memset(network, 0, 16);
	if (address->ss_family == AF_INET)
		memcpy(network, &v4->sin_addr, sizeof(v4->sin_addr));
	else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		memcpy(network, v6->sin6_addr.s6_addr + 12, 4);
	else
		memcpy(network, v6->sin6_addr.s6_addr, 8);
}

static size_t crowd(const struct server *s, const struct client *c)
{
	size_t n = 0;

	for (size_t i = 0; i < HTTP_CLIENTS; i++)
		n += s->clients[i].fd >= 0 && !memcmp(s->clients[i].network, c->network, 16);
	return n;
}

/* The oldest one of the network that has the most. */
static struct client *who_must_go(struct server *s)
{
	struct client *oldest = NULL;
	size_t most = 0;

	for (size_t i = 0; i < HTTP_CLIENTS; i++) {
		struct client *c = &s->clients[i];
		size_t n = crowd(s, c);

		if (n > most || (n == most && c->since < oldest->since)) {
			oldest = c;
			most = n;
		}
	}
	return oldest;
}

static struct client *make_place(struct server *s)
{
	struct client *c = find_client(s, -1);

	if (c)
		return c;
	throw_out(who_must_go(s));
	MHD_run(s->daemon);
	return find_client(s, -1);
}

/* false: nobody is waiting, or there is no place just now. */
static bool accept_one(struct server *s)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);
	struct client *c;
	int fd;

	fd = accept4(s->listener, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return false;
	c = make_place(s);
	if (!c) {
		close(fd);
		return false;
	}
	*c = (struct client){ .fd = fd, .since = now_ms() };
	network_of(&address, c->network);
	/* It closes the socket if it fails. */
	if (MHD_add_connection(s->daemon, fd, (struct sockaddr *)&address, size) != MHD_YES)
		*c = (struct client){ .fd = -1 };
	return true;
}

static void accept_some(struct server *s)
{
	for (int n = 0; n < ACCEPT_AT_ONCE && accept_one(s); n++)
		;
}

static bool anyone_waits(const struct server *s)
{
	for (size_t i = 0; i < HTTP_CLIENTS; i++) {
		if (s->clients[i].suspended)
			return true;
	}
	return false;
}

static void ask(struct server *s, uint64_t now)
{
	if (s->asked > s->got || now < s->not_yet || !anyone_waits(s))
		return;
	if (send(s->source, "r", 1, MSG_NOSIGNAL) != 1)
		return; /* its end is seen by poll() */
	s->asked++;
	s->not_yet = now + HTTP_PAUSE_MS;
}

static bool receive(int fd, void *buf, size_t n)
{
	return !n || recv(fd, buf, n, MSG_WAITALL) == (ssize_t)n;
}

static struct MHD_Response *receive_text(int fd, size_t size, const char *type)
{
	_cleanup_free_ char *text = NULL;
	struct MHD_Response *r;

	if (size > HTTP_READING_MAX)
		return NULL;
	text = malloc(size + 1);
	if (!text || !receive(fd, text, size))
		return NULL;
	r = make_response(text, size, type, MHD_RESPMEM_MUST_FREE);
	if (r)
		TAKE_PTR(text);
	return r;
}

static void replace(struct MHD_Response **old, struct MHD_Response *new)
{
	if (*old)
		MHD_destroy_response(*old); /* those that are being sent it keep it */
	*old = new;
}

static bool take_reading(struct server *s)
{
	struct http_reading head;

	if (!receive(s->source, &head, sizeof(head)))
		return false;
	replace(&s->metrics, receive_text(s->source, head.metrics_size, TEXT_METRICS));
	replace(&s->health, receive_text(s->source, head.health_size, TEXT_PLAIN));
	if (!s->metrics || !s->health)
		return false;
	s->metrics_status = head.metrics_status;
	s->health_status = head.health_status;
	s->got++;
	for (size_t i = 0; i < HTTP_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->needs <= s->got)
			resume(c);
		if (c->sends && c->sends + HTTP_READINGS <= s->got)
			throw_out(c);
	}
	return true;
}

static void throw_out_old(struct server *s, uint64_t now)
{
	for (size_t i = 0; i < HTTP_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->fd >= 0 && now >= c->since + HTTP_LIFE_MS)
			throw_out(c);
	}
}

/* Until something has to be done that no socket tells of; -1: nothing. */
static int wait_ms(const struct server *s, uint64_t now)
{
	uint64_t until = UINT64_MAX;
	MHD_UNSIGNED_LONG_LONG theirs;

	if (MHD_get_timeout(s->daemon, &theirs) == MHD_YES)
		until = now + theirs;
	if (s->asked == s->got && anyone_waits(s) && s->not_yet < until)
		until = s->not_yet;
	for (size_t i = 0; i < HTTP_CLIENTS; i++) {
		const struct client *c = &s->clients[i];

		if (c->fd >= 0 && !c->over && c->since + HTTP_LIFE_MS < until)
			until = c->since + HTTP_LIFE_MS;
	}
	if (until == UINT64_MAX)
		return -1;
	return until > now ? (int)(until - now) : 0;
}

static void serve(struct server *s, int epoll)
{
	struct pollfd fds[] = {
		{ .fd = s->source, .events = POLLIN },
		{ .fd = s->listener, .events = POLLIN },
		{ .fd = epoll, .events = POLLIN },
	};

	for (;;) {
		ask(s, now_ms());
		if (poll(fds, ARRAY_SIZE(fds), wait_ms(s, now_ms())) < 0 && errno != EINTR)
			return;
		if (fds[0].revents && !take_reading(s))
			return;
		if (fds[1].revents)
			accept_some(s);
		throw_out_old(s, now_ms());
		MHD_run(s->daemon);
	}
}

/* What accepted sockets inherit: what the kernel keeps for each, and how long. */
static void limit_kernel(int listener)
{
	const int buffer = HTTP_KERNEL_BUFFER, patience = HTTP_LIFE_MS;

	setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	setsockopt(listener, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof(patience));
}

static bool start(struct server *s)
{
	const struct timeval whole = { .tv_sec = WHOLE_READING_S };

	for (size_t i = 0; i < HTTP_CLIENTS; i++)
		s->clients[i].fd = -1;
	limit_kernel(s->listener);
	setsockopt(s->source, SOL_SOCKET, SO_RCVTIMEO, &whole, sizeof(whole));
	s->start = make_static("allowxdp: /metrics, /healthz\n");
	s->not_found = make_static("there are /metrics and /healthz\n");
	s->bad_method = make_static("use GET or HEAD\n");
	if (!s->start || !s->not_found || !s->bad_method)
		return false;
	MHD_add_response_header(s->bad_method, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
		answer, s, MHD_OPTION_NOTIFY_CONNECTION, notify, s, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)HTTP_CLIENTS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)HTTP_CLIENT_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)HTTP_LIFE_MS / 1000, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	return s->daemon != NULL;
}

int http_serve(int listener, int source)
{
	_cleanup_free_ struct server *s = calloc(1, sizeof(*s));
	const union MHD_DaemonInfo *info;

	if (!s)
		return EXIT_FAILURE;
	s->listener = listener;
	s->source = source;
	if (!start(s))
		return EXIT_FAILURE;
	info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return EXIT_FAILURE;
	serve(s, info->epoll_fd);
	return EXIT_SUCCESS;
}
