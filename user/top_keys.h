/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keys do to the way `top` is looked at. Pure. */
#ifndef ALLOWXDP_TOP_KEYS_H
#define ALLOWXDP_TOP_KEYS_H

#include "top_view.h"

enum { TOP_KEY_ENTER = '\n', TOP_KEY_ESCAPE = 27, TOP_KEY_BACKSPACE = 127 };

/* A key is a character, or one of these. False: that was enough, quit. */
bool top_key(struct top_options *o, int key);

#endif
