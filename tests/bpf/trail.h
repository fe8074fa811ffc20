/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packets up to one on which program and model disagree, as a capture (pcapng): each with what
 * the model says of it as its comment, the last one also with what the program did.
 */
#ifndef ALLOWXDP_TEST_TRAIL_H
#define ALLOWXDP_TEST_TRAIL_H

#include <stddef.h>
#include "rules.h"

struct trail_packet {
	size_t at, len;
	__u64 ms;
	struct expect expect;
};

/* Zero is an empty one. */
struct trail {
	struct trail_packet *packets;
	__u8 *bytes;
	size_t n, cap, n_bytes, cap_bytes;
};

void trail_forget(struct trail *t);
void trail_add(struct trail *t, __u64 ms, const struct expect *e, const __u8 *frame, size_t len);

/* False, with a line on stderr: it could not be written. */
bool trail_write(const struct trail *t, const char *path, const char *program);

enum { EXPECT_TEXT_MAX = 128 };
const char *expect_text(const struct expect *e, char buf[EXPECT_TEXT_MAX]);

#endif
