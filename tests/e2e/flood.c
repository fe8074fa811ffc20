// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames out of an interface as fast as they go.
 *
 *	flood INTERFACE FILE
 *
 * FILE holds frames, each after its length (32 bits, host byte order). They are sent over and over
 * until SIGTERM; then the number of frames sent is printed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "stopped.h"

enum { MAX_FRAMES = 65536, BATCH = 64, MAX_FILE = 64 << 20 };

static int open_interface(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;

	if (fd < 0 || !at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		fail(name);
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return fd;
}

static unsigned int read_frames(const char *path, struct iovec *frames)
{
	char *data = malloc(MAX_FILE);
	FILE *f = fopen(path, "r");
	unsigned int n = 0;
	size_t size, at = 0;
	uint32_t len;

	if (!data || !f)
		fail(path);
	size = fread(data, 1, MAX_FILE, f);
	fclose(f);
	for (; at + sizeof(len) <= size && n < MAX_FRAMES; at += len) {
		memcpy(&len, data + at, sizeof(len));
		at += sizeof(len);
		frames[n++] = (struct iovec){ data + at, len };
	}
	return n;
}

int main(int argc, char **argv)
{
	static struct iovec frames[MAX_FRAMES];
	struct sigaction action = { .sa_handler = stop };
	struct mmsghdr batch[BATCH];
	unsigned int n, next = 0;
	uint64_t sent = 0;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: flood INTERFACE FILE\n");
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	fd = open_interface(argv[1]);
	n = read_frames(argv[2], frames);
	while (n && !stopped) {
		int done;

		memset(batch, 0, sizeof(batch));
		for (unsigned int i = 0; i < BATCH; i++) {
			batch[i].msg_hdr.msg_iov = &frames[(next + i) % n];
			batch[i].msg_hdr.msg_iovlen = 1;
		}
		done = sendmmsg(fd, batch, BATCH, 0);
		if (done < 0 && errno != ENOBUFS && errno != EINTR && errno != EAGAIN)
			fail("sendmmsg");
		if (done > 0) {
			sent += (uint64_t)done;
			next = (next + (unsigned int)done) % n;
		}
	}
	printf("%" PRIu64 "\n", sent);
	return 0;
}
