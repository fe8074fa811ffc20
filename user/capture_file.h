/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A capture on its way to a file or pipe: whole blocks, or none. */
#ifndef ALLOWXDP_CAPTURE_FILE_H
#define ALLOWXDP_CAPTURE_FILE_H

#include <sys/types.h>
#include "pcapng.h"
#include "watch_run.h"

enum { CAPTURE_INTERFACES_MAX = 256, VLAN_TAG_SIZE = 4 };

struct capture_file {
	const char *path; /* "-": stdout */
	FILE *f;
	bool regular;
	off_t whole; /* up to here there are only whole blocks */
	uint32_t snaplen;
	uint32_t ifindex[CAPTURE_INTERFACES_MAX]; /* in the order of the file */
	uint32_t interfaces;
	uint8_t frame[WATCH_SNAPLEN_MAX + VLAN_TAG_SIZE];
};

#define _cleanup_capture_file_ __attribute__((cleanup(capture_file_close)))

/*
 * Makes the file and writes its beginning. One that is there already is refused unless `force`; a
 * terminal always is.
 */
int capture_file_open(struct capture_file *c, const char *path, bool force, uint32_t snaplen,
		      struct error *err);

int capture_file_interface(struct capture_file *c, const char *name, uint32_t ifindex);

/* Into a buffer; what goes wrong is found by capture_file_flush(). */
void capture_file_packet(struct capture_file *c, const struct seen_packet *p);
void capture_file_end(struct capture_file *c, const struct watch_counts *counts);

/*
 * What was written is in the file now. If that fails, the file ends with the last block that is
 * whole, and err says so; -EPIPE, without a word: nobody reads it any more.
 */
int capture_file_flush(struct capture_file *c, struct error *err);

void capture_file_close(struct capture_file *c);

#endif
