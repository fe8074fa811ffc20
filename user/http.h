/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The side of the exporter that faces the network: an HTTP server in a process that can do nothing
 * else (exporter.h). What it serves it asks for over a socket: it sends one byte, and gets a
 * struct http_reading with the texts behind it.
 *
 * What is served was read after the request came. Requests that come while one reading is under way
 * share the next. However many clients there are and whatever they do, it holds at most
 * HTTP_CLIENTS connections, a fixed amount of memory for each, none for longer than HTTP_LIFE_MS,
 * and reads no oftener than every HTTP_PAUSE_MS. A new client always gets in: for it the oldest one
 * is thrown out of the address that has the most.
 */
#ifndef ALLOWXDP_HTTP_H
#define ALLOWXDP_HTTP_H

#include <stdint.h>

enum {
	HTTP_CLIENTS = 64,
	HTTP_CLIENT_MEMORY = 16384, /* of a request's head, too */
	HTTP_LIFE_MS = 10000,
	HTTP_PAUSE_MS = 100,
	HTTP_KERNEL_BUFFER = 32768, /* each way; what was sent and not read outlives a connection */
	HTTP_READINGS = 16,         /* different texts that are being sent at once */
	HTTP_READING_MAX = 64 << 20, /* bytes of one text */
	HTTP_FILES = HTTP_CLIENTS + 32,
};

/* Followed by the text of /metrics, then that of /healthz. */
struct http_reading {
	uint32_t metrics_status; /* of HTTP */
	uint32_t metrics_size;
	uint32_t health_status;
	uint32_t health_size;
};

/* Serves until `source` is closed at its other end; returns an exit status. */
int http_serve(int listener, int source);

#endif
