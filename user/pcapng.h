/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Captures in pcapng (draft-ietf-opsawg-pcapng): one section of Ethernet interfaces, times in
 * nanoseconds, in this machine's byte order. libpcap writes only the older format, which has no
 * room for a comment. Pure but for the stream; what a stream refuses is found in ferror().
 */
#ifndef ALLOWXDP_PCAPNG_H
#define ALLOWXDP_PCAPNG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Whose verdict it is, and what its number means (option epb_verdict). */
enum pcapng_verdict { PCAPNG_VERDICT_TC = 1, PCAPNG_VERDICT_XDP = 2 };

struct pcapng_packet {
	uint32_t interface; /* as they were begun, from 0 */
	uint64_t time;      /* ns since 1970 */
	const uint8_t *data;
	uint32_t captured, length; /* bytes of data; of the whole frame */
	bool outbound;
	enum pcapng_verdict verdict_type;
	uint64_t verdict;
	const char *comment;
};

void pcapng_begin(FILE *f, const char *application);
void pcapng_interface(FILE *f, const char *name, uint32_t snaplen);
void pcapng_packet(FILE *f, const struct pcapng_packet *p);

/* At the end: what was dropped for want of room on the way to us. */
void pcapng_statistics(FILE *f, uint32_t interface, uint64_t time, uint64_t delivered,
		       uint64_t lost, const char *comment);

#endif
