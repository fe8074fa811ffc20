// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>
#include "files.h"

#define MARK "=== "

static bool name_ok(const char *name)
{
	static const char *const directories[] = { "profiles/", "installed/" };

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		size_t n = strlen(directories[i]);

		if (!strncmp(name, directories[i], n)) {
			name += n;
			break;
		}
	}
	return *name && !strchr(name, '/') && name[0] != '.' &&
	       (strstr(name, ".yaml") || strstr(name, ".list"));
}

/* Where the next line that is a mark begins; `end`: there is none. */
static const char *find_mark(const char *at, const char *end)
{
	while (at < end) {
		if ((size_t)(end - at) > strlen(MARK) && !memcmp(at, MARK, strlen(MARK)))
			return at;
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			break;
		at++;
	}
	return end;
}

static void add(struct fuzz_files *files, const char *name, const char *text, size_t n)
{
	if (files->n == FUZZ_FILES_MAX || !name_ok(name))
		return;
	fuzz_write(name, text, n);
	snprintf(files->names[files->n++], FUZZ_FILE_NAME_MAX, "%s", name);
}

void fuzz_files_write(struct fuzz_files *files, const char *first, const char *text, size_t n)
{
	const char *end = text + n, *mark = find_mark(text, end);
	char name[FUZZ_FILE_NAME_MAX];

	add(files, first, text, (size_t)(mark - text));
	while (mark < end) {
		const char *line = mark + strlen(MARK);
		const char *start = memchr(line, '\n', (size_t)(end - line));

		if (!start)
			return;
		snprintf(name, sizeof(name), "%.*s", (int)(start - line), line);
		start++;
		mark = find_mark(start, end);
		add(files, name, start, (size_t)(mark - start));
	}
}

void fuzz_files_remove(struct fuzz_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		unlink(fuzz_path(files->names[i]));
}
