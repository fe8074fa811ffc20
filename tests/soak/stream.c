// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Numbered packets at a bounded rate, and what became of them; docs/soak.md.
 *
 *	stream send TALLY PPS INTERFACE FRAMES
 *	stream receive TALLY ADDRESS PORT [ADDRESS PORT]...
 *
 * FRAMES is a file of u32 length, u32 numbered, and that many bytes, over and over; they are
 * sent in turn. A numbered frame ends in struct stamp, whose checksum is the same for any number.
 * TALLY is a file that is there already: struct tally, read by whoever wants to know meanwhile.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "../e2e/stopped.h"

enum {
	MAX_FRAMES = 1024,
	MAX_SOCKETS = 16,
	MAX_FILE = 4 << 20,
	RECEIVE_BUFFER = 32 << 20,
	TICK_NS = 5000000,
	MAX_BURST = 64, /* no queue on the way is shorter */
	MAGIC = 0x50AC50AC,
};

struct tally {
	uint64_t pause, paused; /* asked for; so it is: the next frame is the first */
	uint64_t n[MAX_FRAMES]; /* of each frame: sent, or received */
	uint64_t next[MAX_FRAMES], gaps[MAX_FRAMES];
};

struct stamp {
	uint32_t magic, frame;
	uint64_t number, complement;
};

struct frame {
	uint8_t *data;
	uint32_t size, numbered;
};

static struct tally *map_tally(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *map;

	if (fd < 0)
		fail(path);
	map = mmap(NULL, sizeof(struct tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		fail("mmap");
	close(fd);
	return map;
}

/* -- sending ----------------------------------------------------------------------------------- */

static unsigned int read_frames(const char *path, struct frame *frames)
{
	static uint8_t data[MAX_FILE];
	FILE *f = fopen(path, "r");
	size_t size, at = 0;
	unsigned int n = 0;

	if (!f)
		fail(path);
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	while (at + 8 <= size && n < MAX_FRAMES) {
		struct frame *frame = &frames[n++];

		memcpy(&frame->size, data + at, 4);
		memcpy(&frame->numbered, data + at + 4, 4);
		frame->data = data + at + 8;
		at += 8 + frame->size;
		if (at > size || (frame->numbered && frame->size < sizeof(struct stamp)))
			fail("a frame that is cut short");
	}
	return n;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || !at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		fail(name);
	return fd;
}

static void number(struct frame *f, uint32_t index, uint64_t n)
{
	struct stamp stamp = { MAGIC, index, n, ~n };

	if (f->numbered)
		memcpy(f->data + f->size - sizeof(stamp), &stamp, sizeof(stamp));
}

static void send_one(int fd, struct frame *f, uint32_t index, struct tally *tally)
{
	number(f, index, tally->n[index]);
	while (send(fd, f->data, f->size, 0) < 0) {
		if (errno != ENOBUFS && errno != EINTR && errno != EAGAIN)
			fail("send");
		if (stopped)
			return;
	}
	__atomic_add_fetch(&tally->n[index], 1, __ATOMIC_RELEASE);
}

static void wait_until(struct timespec *next)
{
	struct timespec now;

	next->tv_nsec += TICK_NS;
	if (next->tv_nsec >= 1000000000) {
		next->tv_nsec -= 1000000000;
		next->tv_sec++;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec > next->tv_sec + 1)
		*next = now; /* what was missed is not made up for in a flood */
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

static int send_all(struct tally *tally, int pps, const char *interface, const char *path)
{
	static struct frame frames[MAX_FRAMES];
	unsigned int n = read_frames(path, frames), at = 0;
	int burst = pps * (TICK_NS / 1000000) / 1000;
	int fd = open_interface(interface);
	struct timespec next;

	if (!n || burst < 1 || burst > MAX_BURST)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!stopped) {
		wait_until(&next);
		for (int i = 0; i < burst && !stopped; i++) {
			/* A pause begins between two rounds. */
			if (at == 0 && __atomic_load_n(&tally->pause, __ATOMIC_ACQUIRE)) {
				__atomic_store_n(&tally->paused, 1, __ATOMIC_RELEASE);
				break;
			}
			tally->paused = 0;
			send_one(fd, &frames[at], at, tally);
			at = (at + 1) % n;
		}
	}
	return 0;
}

/* -- receiving --------------------------------------------------------------------------------- */

static int open_socket(const char *address, const char *port)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
	uint16_t n = htons((uint16_t)atoi(port));
	int v6 = inet_pton(AF_INET6, address, &a6.sin6_addr) == 1;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int size = RECEIVE_BUFFER;

	a4.sin_port = a6.sin6_port = n;
	if (!v6 && inet_pton(AF_INET, address, &a4.sin_addr) != 1) {
		fprintf(stderr, "not an address: %s\n", address);
		exit(2);
	}
	if (fd < 0 || bind(fd, v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4,
			   v6 ? sizeof(a6) : sizeof(a4)))
		fail(address);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

static void receive_one(const uint8_t *data, size_t size, struct tally *tally)
{
	struct stamp s;

	if (size < sizeof(s))
		return;
	memcpy(&s, data + size - sizeof(s), sizeof(s));
	if (s.magic != MAGIC || s.frame >= MAX_FRAMES || s.number != ~s.complement)
		return;
	tally->gaps[s.frame] += s.number != tally->next[s.frame];
	tally->next[s.frame] = s.number + 1;
	__atomic_add_fetch(&tally->n[s.frame], 1, __ATOMIC_RELEASE);
}

static int receive_all(struct tally *tally, char **where, int n)
{
	struct pollfd fds[MAX_SOCKETS];
	static uint8_t data[65536];

	for (int i = 0; i < n; i++)
		fds[i] = (struct pollfd){ open_socket(where[2 * i], where[2 * i + 1]), POLLIN, 0 };
	tally->paused = 1; /* all sockets are there */
	while (!stopped) {
		if (poll(fds, (nfds_t)n, 200) <= 0)
			continue;
		for (int i = 0; i < n; i++) {
			ssize_t size;

			while ((size = recv(fds[i].fd, data, sizeof(data), 0)) >= 0)
				receive_one(data, (size_t)size, tally);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = stop };
	int sockets = (argc - 3) / 2;

	sigaction(SIGTERM, &action, NULL);
	if (argc == 6 && !strcmp(argv[1], "send"))
		return send_all(map_tally(argv[2]), atoi(argv[3]), argv[4], argv[5]);
	if (argc >= 5 && argc % 2 && !strcmp(argv[1], "receive") && sockets <= MAX_SOCKETS)
		return receive_all(map_tally(argv[2]), argv + 3, sockets);
	fprintf(stderr, "usage: stream send TALLY PPS INTERFACE FRAMES | "
			"stream receive TALLY ADDRESS PORT...\n");
	return 2;
}
