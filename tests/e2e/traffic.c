// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Numbered UDP packets, and what became of them.
 *
 *	traffic send PPS DESTINATION PORT SOURCE...	one packet from each source, PPS times a
 *second traffic receive ADDRESS PORT			until SIGTERM
 *
 * Both end at SIGTERM and print a line for each source: "SOURCE PACKETS FIRST LAST GAPS", where a
 *gap is a number that is not the one before plus one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "stopped.h"

enum { MAX_SOURCES = 8, RECEIVE_BUFFER = 64 << 20 };

struct tally {
	struct in_addr source;
	uint64_t packets, first, last, gaps;
};

static struct sockaddr_in address(const char *text, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
		fprintf(stderr, "not an IPv4 address: %s\n", text);
		exit(2);
	}
	return a;
}

static int bound_socket(const struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int size = RECEIVE_BUFFER;

	if (fd < 0 || bind(fd, (const struct sockaddr *)a, sizeof(*a)))
		fail("bind");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

static void print(const struct tally *t)
{
	char text[INET_ADDRSTRLEN];

	printf("%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
	       inet_ntop(AF_INET, &t->source, text, sizeof(text)), t->packets, t->first, t->last,
	       t->gaps);
}

static void send_all(int pps, const struct sockaddr_in *to, char **sources, int n)
{
	struct tally tallies[MAX_SOURCES] = { 0 };
	int fds[MAX_SOURCES];
	struct timespec next;

	for (int i = 0; i < n; i++) {
		struct sockaddr_in from = address(sources[i], "0");

		fds[i] = bound_socket(&from);
		tallies[i].source = from.sin_addr;
	}
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!stopped) {
		for (int i = 0; i < n; i++) {
			struct tally *t = &tallies[i];

			if (sendto(fds[i], &t->packets, sizeof(t->packets), 0,
				   (const struct sockaddr *)to, sizeof(*to)) != sizeof(t->packets))
				fail("sendto");
			t->last = t->packets++;
		}
		next.tv_nsec += 1000000000 / pps;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	for (int i = 0; i < n; i++)
		print(&tallies[i]);
}

static void receive_all(const struct sockaddr_in *at)
{
	struct tally tallies[MAX_SOURCES] = { 0 };
	struct timeval often = { .tv_usec = 100000 };
	int fd = bound_socket(at), n = 0;

	/* A signal may come right before the call. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &often, sizeof(often));
	for (;;) {
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		uint64_t number;
		struct tally *t;
		ssize_t got = recvfrom(fd, &number, sizeof(number), stopped ? MSG_DONTWAIT : 0,
				       (struct sockaddr *)&from, &size);

		if (got < 0 && stopped)
			break; /* the queue is empty */
		if (got != sizeof(number)) {
			if (got < 0 && errno != EINTR && errno != EAGAIN)
				fail("recvfrom");
			continue;
		}
		for (t = tallies; t < tallies + n; t++) {
			if (t->source.s_addr == from.sin_addr.s_addr)
				break;
		}
		if (t == tallies + MAX_SOURCES)
			continue;
		if (t == tallies + n) {
			n++;
			t->source = from.sin_addr;
			t->first = number;
		} else if (number != t->last + 1) {
			t->gaps++;
		}
		t->last = number;
		t->packets++;
	}
	for (int i = 0; i < n; i++)
		print(&tallies[i]);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = stop };
	struct sockaddr_in a;

	sigaction(SIGTERM, &action, NULL);
	if (argc == 4 && !strcmp(argv[1], "receive")) {
		a = address(argv[2], argv[3]);
		receive_all(&a);
	} else if (argc > 5 && argc <= 5 + MAX_SOURCES && !strcmp(argv[1], "send")) {
		a = address(argv[3], argv[4]);
		send_all(atoi(argv[2]), &a, argv + 5, argc - 5);
	} else {
		fprintf(stderr, "usage: traffic send PPS DESTINATION PORT SOURCE... | receive "
				"ADDRESS PORT\n");
		return 2;
	}
	return 0;
}
