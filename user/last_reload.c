// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "last_reload.h"
#include "writefile.h"

static const char *path_of(const struct paths *paths, char buf[static PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s/last-reload", paths->run);
	return buf;
}

void last_reload_keep(const struct paths *paths, const struct error *failure)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	uint64_t now = (uint64_t)time(NULL);
	struct last_reload before;
	struct error ignored;
	char path[PATH_MAX];

	last_reload_read(paths, &before);
	if (new_file_open(&file, path_of(paths, path), &ignored))
		return;
	fprintf(file.f, "at %" PRIu64 "\ndone %" PRIu64 "\n", now, failure ? before.done_at : now);
	if (failure)
		fprintf(file.f, "failure %s\n", failure->text);
	new_file_publish(&file, &ignored);
}

void last_reload_read(const struct paths *paths, struct last_reload *out)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX], line[sizeof(out->failure.text) + 16];

	memset(out, 0, sizeof(*out));
	f = fopen(path_of(paths, path), "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		sscanf(line, "at %" SCNu64, &out->at);
		sscanf(line, "done %" SCNu64, &out->done_at);
		if (!strncmp(line, "failure ", 8))
			snprintf(out->failure.text, sizeof(out->failure.text), "%.1000s", line + 8);
	}
	out->done = out->at && !out->failure.text[0];
}
