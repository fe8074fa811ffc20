// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linked into `allowxdp` alone: in place of the subcommands that need the network's or the
 * terminal's libraries stand these, which have allowxdpd run them, the same program linked whole.
 * Those libraries would cost every `add` of a script more time than all that it does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cmd.h"

#define WHOLE_NAME "allowxdpd"

/* Beside this program, wherever that is. */
static int whole_path(char path[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof(WHOLE_NAME));

	if (n <= 0)
		return -1;
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, WHOLE_NAME);
	return 0;
}

static int hand_over(struct app *app)
{
	char path[PATH_MAX] = WHOLE_NAME;
	struct error err;

	if (!whole_path(path))
		execv(path, app->argv);
	error_set(&err, errno, "cannot run %s, which belongs beside this program: %s: install both",
		  path, strerror(errno));
	return fail(&err);
}

#define HANDED_OVER(command)                                \
	int command(struct app *app, int argc, char **argv) \
	{                                                   \
		(void)argc;                                 \
		(void)argv;                                 \
		return hand_over(app);                      \
	}

HANDED_OVER(cmd_exporter)
HANDED_OVER(cmd_top)
HANDED_OVER(cmd_run)
HANDED_OVER(cmd_fetch)
