// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "cmd.h"
#include "hits.h"
#include "metrics.h"
#include "privileges.h"
#include "writefile.h"

/* node_exporter, which runs as another user, reads all of the file's old text or all of the new. */
static int write_file(const char *path, const struct metrics *m, struct error *err)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	int rc = new_file_open_shared(&file, path, err);

	if (rc)
		return rc;
	fwrite(m->text, 1, m->size, file.f);
	return new_file_commit(&file, err);
}

int cmd_metrics(struct app *app, int argc, char **argv)
{
	struct metrics m _cleanup_metrics_ = { 0 };
	const char *file = NULL;
	const struct option_spec specs[] = {
		{ "textfile", OPTION_TEXT, &file, "FILE",
		  "write them there, for node_exporter's textfile collector" },
	};
	struct error err;
	int first, status;

	status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);
	if (status >= 0)
		return status;
	if (first < argc)
		return usage(app, "metrics does not take '%.64s'", argv[first]);
	if (file && !*file)
		return usage(app, "--textfile needs the name of a file");
	if (privileges_check(&err) || paths_init(&app->paths, app->instance, &err))
		return fail(&err);
	if (file) /* a timer does this: hits are kept over a boot */
		hits_refresh(&app->paths);
	if (metrics_make(&app->paths, &m, &err) || (file && write_file(file, &m, &err)))
		return fail(&err);
	if (!file)
		fwrite(m.text, 1, m.size, stdout);
	return EXIT_DONE;
}
