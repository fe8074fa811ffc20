// SPDX-License-Identifier: GPL-2.0-or-later
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "cmd.h"

enum { MAX_OPTIONS = 24, FIRST_SPEC = 256 };

int fail(const struct error *err)
{
	fprintf(stderr, "allowxdp: %s\n", err->text);
	return EXIT_FAILED;
}

int usage(const struct app *app, const char *fmt, ...)
{
	va_list args;

	fputs("allowxdp: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	if (app->command)
		fprintf(stderr, ": see `allowxdp %s --help`\n", app->command->name);
	else
		fputs(": see `allowxdp --help`\n", stderr);
	return EXIT_USAGE;
}

int print_json(struct json_object *object)
{
	int flags =
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE;

	puts(json_object_to_json_string_ext(object, flags));
	json_object_put(object);
	return EXIT_DONE;
}

static bool is_letter(const struct option_spec *spec)
{
	return !spec->name[1];
}

static int print_help(const struct app *app, const struct option_spec *specs, size_t n)
{
	const struct command *c = app->command;

	printf("allowxdp %s%s%s\n  %s\n", c->name, *c->arguments ? " " : "", c->arguments,
	       c->summary);
	if (n)
		puts("\nOptions:");
	for (size_t i = 0; i < n; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s%s%s", is_letter(&specs[i]) ? "-" : "--",
			 specs[i].name, specs[i].argument ? " " : "",
			 specs[i].argument ? specs[i].argument : "");
		printf("  %-24s %s%s\n", name, specs[i].help,
		       specs[i].kind == OPTION_NOT_YET ? " (not there yet)" : "");
	}
	puts("\nGlobal: -c, --config FILE; --instance NAME; --json; -v, --verbose; --help; "
	     "--version");
	return EXIT_DONE;
}

static const struct option global_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "instance", required_argument, NULL, 'i' },
	{ "json", no_argument, NULL, 'j' },         { "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },         { "version", no_argument, NULL, 'V' },
};

static int take_another(const struct app *app, const struct option_spec *spec)
{
	struct option_texts *texts = spec->target;

	if (texts->n == OPTION_TEXTS_MAX)
		return usage(app, "--%s is given more than %d times", spec->name, OPTION_TEXTS_MAX);
	texts->v[texts->n++] = optarg;
	return -1;
}

static int take_spec(struct app *app, const struct option_spec *spec)
{
	switch (spec->kind) {
	case OPTION_FLAG:
		*(bool *)spec->target = true;
		return -1;
	case OPTION_TEXT:
		*(const char **)spec->target = optarg;
		return -1;
	case OPTION_TEXTS:
		return take_another(app, spec);
	case OPTION_NOT_YET:
		break;
	}
	return usage(app, "--%s is not there yet in this version", spec->name);
}

/* -1: go on. */
static int take_global(struct app *app, int c)
{
	switch (c) {
	case 'c':
		app->config = optarg;
		return -1;
	case 'i':
		app->instance = optarg;
		return -1;
	case 'j':
		app->json = true;
		return -1;
	case 'v':
		app->verbose = true;
		return -1;
	case 'V':
		puts("allowxdp " ALLOWXDP_VERSION);
		return EXIT_DONE;
	default:
		return EXIT_USAGE;
	}
}

/* NULL: a global option. */
static const struct option_spec *spec_of(int c, const struct option_spec *specs, size_t n)
{
	if (c >= FIRST_SPEC)
		return &specs[c - FIRST_SPEC];
	for (size_t i = 0; i < n; i++) {
		if (is_letter(&specs[i]) && specs[i].name[0] == c)
			return &specs[i];
	}
	return NULL;
}

int command_options(struct app *app, int argc, char **argv, const struct option_spec *specs,
		    size_t n, int *first)
{
	struct option options[MAX_OPTIONS] = { 0 };
	size_t count = ARRAY_SIZE(global_options), letters;
	char shorts[16 + 2 * MAX_OPTIONS];
	int c;

	memcpy(options, global_options, sizeof(global_options));
	letters = (size_t)sprintf(shorts, "%s", app->command ? ":c:vh" : "+:c:vh");
	for (size_t i = 0; i < n && count < MAX_OPTIONS - 1; i++) {
		if (is_letter(&specs[i])) {
			letters += (size_t)sprintf(shorts + letters, "%c%s", specs[i].name[0],
						   specs[i].argument ? ":" : "");
			continue;
		}
		options[count].name = specs[i].name;
		options[count].has_arg = specs[i].argument ? required_argument : no_argument;
		options[count++].val = FIRST_SPEC + (int)i;
	}
	optind = 0; /* glibc: start anew, for this argv */
	while ((c = getopt_long(argc, argv, shorts, options, NULL)) != -1) {
		const struct option_spec *spec;
		int status = -1;

		if (c == ':')
			return usage(app, "%s needs an argument", argv[optind - 1]);
		if (c == '?')
			return usage(app, "there is no option %s here", argv[optind - 1]);
		if (c == 'h' && !app->command)
			return *first = optind, 'h';
		if (c == 'h')
			return print_help(app, specs, n);
		spec = spec_of(c, specs, n);
		status = spec ? take_spec(app, spec) : take_global(app, c);
		if (status >= 0)
			return status;
	}
	*first = optind;
	return -1;
}

int command_arguments(struct app *app, int argc, char **argv, int min, int max, int *first)
{
	int status = command_options(app, argc, argv, NULL, 0, first);

	if (status >= 0)
		return status;
	if (argc - *first < min)
		return usage(app, "%s needs %s", app->command->name, app->command->arguments);
	if (argc - *first > max)
		return usage(app, "%s does not take '%.64s'", app->command->name,
			     argv[*first + max]);
	return -1;
}
