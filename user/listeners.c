// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "abi.h"
#include "cleanup.h"
#include "listeners.h"
#include "text.h"

void listeners_free(struct listeners *l)
{
	free(l->v);
	*l = (struct listeners){ 0 };
}

static bool is_loopback(const struct prefix *p)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	if (p->family == AXP_IPV4)
		return p->addr[0] == 127;
	return !memcmp(p->addr, loopback6, sizeof(loopback6));
}

static struct listener *find(struct listeners *l, uint8_t protocol, uint16_t port)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].protocol == protocol && l->v[i].port == port)
			return &l->v[i];
	}
	return NULL;
}

static int note(struct listeners *l, const struct socket_info *s)
{
	struct listener *known;

	if (!s->listening || !s->local_port || is_loopback(&s->local))
		return 0;
	known = find(l, s->protocol, s->local_port);
	if (known) {
		if (!known->inode)
			known->inode = s->inode;
		return 0;
	}
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct listener *v = reallocarray(l->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = (struct listener){ .protocol = s->protocol,
					  .port = s->local_port,
					  .inode = s->inode };
	return 0;
}

/* The name of a process, made safe to be shown; "" where it has gone. */
static void read_program(const char *pid, char out[static 16])
{
	char path[64], shown[TEXT_SHOWN_MAX];
	_cleanup_fclose_ FILE *f = NULL;

	out[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(out, 16, f))
		return;
	out[strcspn(out, "\n")] = '\0';
	text_shown(out, strlen(out), shown);
	snprintf(out, 16, "%.15s", shown);
}

/* Gives the process's name to those whose sockets it holds. */
static void look_at_process(struct listeners *l, const char *pid)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *d;
	char path[64], target[64], program[16] = "";

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), d->d_name, target, sizeof(target) - 1);
		unsigned long inode;

		target[n > 0 ? n : 0] = '\0';
		if (n <= 0 || sscanf(target, "socket:[%lu]", &inode) != 1)
			continue;
		for (size_t i = 0; i < l->n; i++) {
			if (l->v[i].inode != inode || l->v[i].program[0])
				continue;
			if (!program[0])
				read_program(pid, program);
			memcpy(l->v[i].program, program, sizeof(program));
		}
	}
}

static void find_programs(struct listeners *l)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	const struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (isdigit((unsigned char)d->d_name[0]))
			look_at_process(l, d->d_name);
	}
}

static int by_port(const void *a, const void *b)
{
	const struct listener *x = a, *y = b;

	return x->protocol != y->protocol ? (int)x->protocol - (int)y->protocol
					  : (int)x->port - (int)y->port;
}

int listeners_find(struct listeners *out, struct error *err)
{
	_cleanup_sockets_ struct sockets sockets = { 0 };
	int rc = sockets_read(&sockets, err);

	for (size_t n = 0; !rc && n < sockets.n; n++) {
		if (note(out, &sockets.v[n]))
			rc = error_set(err, ENOMEM, "out of memory");
	}
	if (rc)
		return rc;
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_port);
	find_programs(out);
	return 0;
}
