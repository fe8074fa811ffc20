/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a command that may take long is doing, for whoever sits at a terminal. */
#ifndef ALLOWXDP_PROGRESS_H
#define ALLOWXDP_PROGRESS_H

/*
 * Shows the step that begins now in place of the last one; NULL: all done, nothing is left on the
 * line. On a terminal only (stderr); nothing is written anywhere else.
 */
void progress_show(const char *step);

#endif
