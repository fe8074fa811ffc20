/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What should become of a frame, worked out slowly from the RFCs and docs/architecture.md. It must
 * never be written from the BPF code: where the two disagree, one of them is wrong.
 */
#ifndef ALLOWXDP_TEST_MODEL_H
#define ALLOWXDP_TEST_MODEL_H

#include <stddef.h>
#include "rules.h"

struct expect model(const struct rules *rules, enum axp_mode mode, const __u8 *frame, size_t len);

#endif
