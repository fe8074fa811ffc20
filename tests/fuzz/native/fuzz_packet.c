// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames that coverage leads to, through programs and model (versus.h). Input: a byte of what
 * holds for all of them (below), then of each frame a byte of flags, its length in two, its bytes.
 */
#include <stdlib.h>
#include <string.h>
#include "versus.h"

enum {
	/* the first byte: bits 0-1 mode, and */
	REFUSES_FRAGMENTS = 1 << 2,
	HAS_FRAGS = 1 << 3,
	/* of a frame: bits 0-5 bytes in the first buffer, if not all, and */
	LEAVES = 1 << 6,
	IS_SPLIT = 1 << 7,
	FRAME_MAX = 2048,
	FIRST_BUFFER_MASK = 0x3f,
	WHOLE_BUFFER = 60, /* a first buffer that is longer counts as the frame */
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const __u8 *data, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	versus_open();
	return 0;
}

static void begin(__u8 flags)
{
	static struct rules rules[2];
	static __u8 last = 0xff;
	struct rules *r = &rules[!!(flags & REFUSES_FRAGMENTS)];
	enum axp_mode mode = flags & 3;

	if (flags == last) { /* the same rules are there already: making them anew takes long */
		versus_forget(flags);
		return;
	}
	last = flags;
	*r = standard_rules;
	r->limits = (struct limits){ 15, 35, 9 };
	r->refuse_fragments = flags & REFUSES_FRAGMENTS;
	versus_fill(r, flags & 3);
	versus_use(r, mode, flags & 3);
	versus_forget(flags);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int first_buffer(__u8 flags, size_t len)
{
	size_t first = flags & FIRST_BUFFER_MASK;

	if (!(flags & IS_SPLIT) || len < WHOLE_BUFFER || first >= WHOLE_BUFFER)
		return NATIVE_WHOLE;
	return (int)first;
}

int LLVMFuzzerTestOneInput(const __u8 *data, size_t n)
{
	__u8 all;

	if (n < 1)
		return 0;
	all = *data++ & 0xf;
	n--;
	begin(all);
	for (int i = 0; n > 3 && i < VERSUS_PACKETS; i++) {
		__u8 flags = data[0];
		size_t len =
			smaller(smaller((data[1] << 8 | data[2]) % FRAME_MAX, n - 3), FRAME_MAX);
		bool frags = all & HAS_FRAGS;
		int linear = frags ? first_buffer(flags, len) : NATIVE_WHOLE;

		/* No driver hands over less. */
		if (len >= 14 && !versus_packet(data + 3, len, flags & LEAVES, linear, frags)) {
			versus_write("build/fuzz/found/packet.pcapng");
			abort();
		}
		data += 3 + len;
		n -= 3 + len;
	}
	return 0;
}
