// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "cleanup.h"
#include "cmd.h"
#include "config.h"
#include "import_output.h"
#include "large_pages.h"

enum { INPUT_LIMIT = 1 << 30, INPUT_START = 1 << 16 };

struct asked {
	const char *from, *into, *only;
	const char *input;
	bool force, all_ports;
};

/* Reads a file, a pipe or standard input to its end; a NUL follows. */
static int read_input(int fd, const char *name, char **data, size_t *n, struct error *err)
{
	_cleanup_free_ char *buf = NULL;
	size_t cap = 0;
	struct stat st;

	*n = 0;
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode))
		return error_set(err, EISDIR, "%s: is a directory: name a file in it", name);
	for (;;) {
		ssize_t got;

		if (*n + 1 >= cap) {
			char *more = realloc(buf, cap ? cap * 2 : INPUT_START);

			if (!more)
				return error_set(err, ENOMEM, "%s: not enough memory to read it",
						 name);
			buf = more;
			cap = cap ? cap * 2 : INPUT_START;
		}
		got = read(fd, buf + *n, cap - *n - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, errno, "%s: cannot read it: %s", name,
					 strerror(errno));
		if (!got)
			break;
		*n += (size_t)got;
		if (*n > INPUT_LIMIT)
			return error_set(err, EFBIG,
					 "%s: is larger than %d MiB: import it in parts", name,
					 INPUT_LIMIT >> 20);
	}
	buf[*n] = '\0';
	*data = TAKE_PTR(buf);
	return 0;
}

static int open_input(const char *name, char **data, size_t *n, struct error *err)
{
	_cleanup_close_ int fd = -1;

	if (!strcmp(name, "-"))
		return read_input(STDIN_FILENO, "(stdin)", data, n, err);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_set(err, errno, "%s: %s", name, strerror(errno));
	return read_input(fd, name, data, n, err);
}

/* The config says which ports are guarded. One that was named must be right. */
static int read_config(const struct app *app, struct policy *config, bool *found, struct error *err)
{
	int rc = config_read(config, app->config ? app->config : DEFAULT_CONFIG, err);

	*found = !rc && config->n_services;
	if (rc && app->config)
		return rc;
	if (rc && rc != -ENOENT && rc != -EACCES)
		warn_line("%s", err->text);
	return 0;
}

static void warn_taken_names(struct import *im)
{
	for (size_t i = 0; im->config && i < im->policy.n_lists; i++) {
		const char *name = im->policy.lists[i].name;

		if (policy_find_list(im->config, name) >= 0)
			import_note(im, IMPORT_KNOW, 0, name,
				    "lists of such a name are in the config already: rename one");
	}
	for (size_t i = 0; im->config && i < im->policy.n_services; i++) {
		const char *name = im->policy.services[i].name;

		if (policy_find_service(im->config, name) >= 0)
			import_note(im, IMPORT_KNOW, 0, name,
				    "services of such a name are in the config already: rename "
				    "one");
	}
}

static int import(const struct asked *q, struct import *im, enum import_format *format,
		  struct import_files *files, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t n;
	int rc = open_input(q->input, &text, &n, err);

	if (!rc && *format == IMPORT_AUTO) {
		rc = import_detect(im->file, text, n, err);
		if (rc > 0)
			*format = (enum import_format)rc;
		rc = rc > 0 ? 0 : rc;
	}
	if (!rc)
		rc = import_read(im, *format, text, n, err);
	if (!rc)
		rc = import_finish(im, err);
	if (rc)
		return rc;
	warn_taken_names(im);
	rc = import_files_name(files, im, q->into, err);
	if (!rc && q->into)
		rc = import_files_write(files, im, import_format_name(*format), q->force, err);
	return rc;
}

static int run(const struct app *app, const struct asked *q, enum import_format format)
{
	struct import_files files _cleanup_import_files_ = { 0 };
	struct import im _cleanup_import_ = { 0 };
	struct policy config _cleanup_policy_ = { 0 };
	struct error err;
	bool found = false;

	if ((!q->all_ports && read_config(app, &config, &found, &err)) ||
	    import_init(&im, strcmp(q->input, "-") ? q->input : "(stdin)", (uint32_t)time(NULL),
			&err))
		return fail(&err);
	im.only = q->only;
	im.config = found ? &config : NULL;
	if (import(q, &im, &format, &files, &err))
		return fail(&err);
	import_warn(&im);
	if (app->json)
		return print_json(import_json(&im, &files, import_format_name(format)));
	import_snippet(stdout, &im, &files);
	return EXIT_DONE;
}

int cmd_import(struct app *app, int argc, char **argv)
{
	struct asked q = { .from = "auto" };
	const struct option_spec specs[] = {
		{ "from", OPTION_TEXT, &q.from, "FORMAT",
		  "ipset, nft, iptables, fail2ban, plain or auto" },
		{ "into", OPTION_TEXT, &q.into, "DIR|FILE",
		  "write list files there (without it: say what they would be)" },
		{ "set", OPTION_TEXT, &q.only, "NAME,...", "only these sets (ipset, nft)" },
		{ "all-ports", OPTION_FLAG, &q.all_ports, NULL,
		  "all that rules name, not only those of the config's services" },
		{ "force", OPTION_FLAG, &q.force, NULL, "overwrite files that are there" },
	};
	int first, format, status;

	status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);
	if (status >= 0)
		return status;
	if (argc - first != 1)
		return usage(app, "import needs one file, or - for standard input");
	format = import_format_parse(q.from);
	if (format < 0)
		return usage(app, "there is no format '%.64s'", q.from);
	if (q.into && !*q.into)
		return usage(app, "--into needs a directory or a file");
	q.input = argv[first];
	return run(app, &q, (enum import_format)format);
}
