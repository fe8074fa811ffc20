// SPDX-License-Identifier: GPL-2.0-or-later
/* confirm and rollback: known, and refused until the data path can fall back by itself. */
#include "cmd.h"

int cmd_confirm(struct app *app, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return usage(app, "confirm is not there yet in this version");
}

int cmd_rollback(struct app *app, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return usage(app, "rollback is not there yet in this version");
}
