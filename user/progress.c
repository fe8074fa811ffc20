// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <unistd.h>
#include "progress.h"

#define BEGIN_LINE "\r\033[K" /* and erase it (ECMA-48 EL) */

void progress_show(const char *step)
{
	if (!isatty(STDERR_FILENO))
		return;
	fputs(BEGIN_LINE, stderr);
	if (step)
		fprintf(stderr, "%s ...", step);
	fflush(stderr);
}
