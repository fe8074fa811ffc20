/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal: shows a grid, reads keys, and gives the terminal back as it was whatever ends the
 * command: a key, a signal, a crash; all but SIGKILL. There is but one.
 */
#ifndef ALLOWXDP_TOP_SCREEN_H
#define ALLOWXDP_TOP_SCREEN_H

#include <stdbool.h>
#include "error.h"
#include "grid.h"

/* Takes the terminal of stdin and stdout. */
int screen_open(struct error *err);
void screen_close(void);

/* Does it show Unicode (by the locale)? */
bool screen_utf8(void);

void screen_size(int *rows, int *columns);
void screen_show(const struct grid *g);

/* Waits for a key, a new size or a signal, for at most so many milliseconds. */
void screen_wait(int milliseconds);

/* The next key that was pressed (as in top_keys.h), 0 for one that means nothing; -1: none. */
int screen_key(void);

/* The signal that asks to end (SIGINT, SIGTERM, SIGHUP, SIGQUIT); 0: none did. */
int screen_signal(void);

#endif
