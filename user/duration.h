/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Durations as people write them: 90s, 2m, 1h30m, 7d. Pure. */
#ifndef ALLOWXDP_DURATION_H
#define ALLOWXDP_DURATION_H

#include <stdint.h>
#include "error.h"

#define DURATION_TEXT_MAX 48

enum { DURATION_MAX = 3650 * 86400 /* seconds: ten years */ };

/* Seconds, 1 to DURATION_MAX. A number needs a unit: s, m, h or d. 0 or -EINVAL. */
int duration_parse(const char *text, uint32_t *seconds, struct error *err);

/* Writes it back, as in 1h30m; returns buf. */
const char *duration_text(uint64_t seconds, char buf[static DURATION_TEXT_MAX]);

#endif
