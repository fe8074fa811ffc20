/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One packet after the other through the programs and through the model (tests/bpf/model.h), and
 * whether they agree: what is done with it, and the one counter that moves.
 */
#ifndef ALLOWXDP_NATIVE_VERSUS_H
#define ALLOWXDP_NATIVE_VERSUS_H

#include "model.h"
#include "native.h"

enum { VERSUS_PACKETS = 1500 /* before all is forgotten again: the model's memory is small */ };

void versus_open(void);

/* Puts rules into a slot; then, packets go by them. What came before is still known. */
void versus_fill(const struct rules *rules, __u32 slot);
void versus_use(const struct rules *rules, enum axp_mode mode, __u32 slot);

/* Nothing came before. The seed is of the programs' random numbers. */
void versus_forget(__u32 seed);
void versus_age(__u32 ms);

/* `linear`, `frags`: native.h. False, with two lines on stderr, where they do not agree. */
bool versus_packet(const __u8 *frame, size_t len, bool out, int linear, bool frags);

/* Exactly the packets that should be counted are, of all since versus_open(). */
bool versus_counted(void);

/* The packets since all was forgotten (trail.h): the last one is what they do not agree on. */
bool versus_write(const char *path);

/* What the model said of the last packet. */
struct expect versus_expected(void);

#endif
