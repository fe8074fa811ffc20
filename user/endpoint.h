/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a server listens: "127.0.0.1:19790", "[::1]:19790". */
#ifndef ALLOWXDP_ENDPOINT_H
#define ALLOWXDP_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "error.h"

enum { ENDPOINT_TEXT_MAX = 64 };

struct endpoint {
	struct sockaddr_storage address;
	socklen_t size;
};

/* Pure. 0, or -EINVAL; port 0 is any that is free. */
int endpoint_parse(const char *text, struct endpoint *out);

const char *endpoint_text(const struct endpoint *e, char buf[static ENDPOINT_TEXT_MAX]);
uint16_t endpoint_port(const struct endpoint *e);

/* 127.0.0.0/8, ::1: reached over lo alone. */
bool endpoint_is_loopback(const struct endpoint *e);

/* Returns a listening TCP socket; *e becomes what it is bound to. */
int endpoint_listen(struct endpoint *e, struct error *err);

#endif
