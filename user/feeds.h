/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Feeds, kept up to date by `allowxdp run`. */
#ifndef ALLOWXDP_FEEDS_H
#define ALLOWXDP_FEEDS_H

#include "daemon.h"

#define FEED_USER "nobody"

extern const struct bringer feeds_bringer;

#endif
