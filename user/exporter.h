/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two processes of the exporter, so that the one that strangers talk to holds nothing worth
 * having. The child serves HTTP (http.h): an unprivileged user, no capability, no file, two
 * sockets. Its parent reads pins and state and hands over text; all that it ever takes from the
 * child is one byte that says "read". An event loop may hold `fd` and call exporter_answer() when
 * it is readable.
 */
#ifndef ALLOWXDP_EXPORTER_H
#define ALLOWXDP_EXPORTER_H

#include <sys/types.h>
#include "drop.h"
#include "endpoint.h"
#include "paths.h"

#define EXPORTER_LISTEN "127.0.0.1:19790"

struct exporter {
	int fd;
	pid_t child;
	char complaint[256]; /* what went wrong at the last reading: said once */
};

/* Listens, and starts the child; *at becomes what it is bound to. */
int exporter_start(struct exporter *e, struct endpoint *at, const struct account *account,
		   struct error *err);

/*
 * Answers one request of the child's; blocks until there is one. -EPIPE: the child has ended, or
 * does not take the answer.
 */
int exporter_answer(struct exporter *e, const struct paths *paths);

/* Ends the child, if it has not ended yet. Returns a negative errno: what became of it. */
int exporter_end(struct exporter *e, struct error *err);

/*
 * Gives up root, but for what reading takes: CAP_DAC_OVERRIDE because pins and state are closed to
 * all but root, and links can be opened for reading and writing only; CAP_BPF because Linux before
 * 5.19 wants it for any look at a map.
 */
int exporter_drop_root(const struct account *account, struct error *err);

#endif
