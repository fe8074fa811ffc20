/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What subcommands share: the options before them, their own options, their exit status. */
#ifndef ALLOWXDP_CMD_H
#define ALLOWXDP_CMD_H

#include <stddef.h>
#include <json-c/json_object.h>
#include <stdbool.h>
#include "error.h"
#include "paths.h"

#define DEFAULT_CONFIG "/etc/allowxdp/allowxdp.yaml"

/* Exit statuses: part of the contract. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DROPPED = 3 };

struct app {
	const char *config; /* -c; NULL: not given */
	const char *instance;
	bool json;
	bool verbose;
	struct paths paths;
	const struct command *command; /* the one that runs */
	char **argv;                   /* of the process */
};

struct command {
	const char *name;
	const char *arguments; /* after the name, in usage lines */
	const char *summary;
	int (*run)(struct app *app, int argc, char **argv); /* returns an exit status */
};

enum option_kind {
	OPTION_FLAG,    /* target: bool */
	OPTION_TEXT,    /* target: const char * */
	OPTION_TEXTS,   /* target: struct option_texts; may be given more than once */
	OPTION_NOT_YET, /* known, to be refused; target unused */
};

enum { OPTION_TEXTS_MAX = 32 };

struct option_texts {
	const char *v[OPTION_TEXTS_MAX];
	size_t n;
};

struct option_spec {
	const char *name; /* a single letter: -w, else --name */
	enum option_kind kind;
	void *target;
	const char *argument; /* of OPTION_TEXT and OPTION_TEXTS, in help */
	const char *help;
};

/*
 * Parses the options of a subcommand, and the global ones, wherever they stand among its arguments.
 * Sets *first to the index of the first argument. Returns -1 to go on, else the exit status to
 * return: help was asked for, or something was wrong and has been said.
 */
int command_options(struct app *app, int argc, char **argv, const struct option_spec *specs,
		    size_t n, int *first);

/* The same for a subcommand without options of its own that takes `min` to `max` arguments. */
int command_arguments(struct app *app, int argc, char **argv, int min, int max, int *first);

/* Prints "allowxdp: TEXT" on stderr; returns EXIT_FAILED, or EXIT_USAGE. */
int fail(const struct error *err);
int usage(const struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints the object on stdout and releases it; EXIT_DONE: main() looks whether it was written. */
int print_json(struct json_object *object);

int cmd_load(struct app *app, int argc, char **argv);
int cmd_unload(struct app *app, int argc, char **argv);
int cmd_reload(struct app *app, int argc, char **argv);
int cmd_confirm(struct app *app, int argc, char **argv);
int cmd_rollback(struct app *app, int argc, char **argv);
int cmd_mode(struct app *app, int argc, char **argv);
int cmd_add(struct app *app, int argc, char **argv);
int cmd_remove(struct app *app, int argc, char **argv);
int cmd_list(struct app *app, int argc, char **argv);
int cmd_review(struct app *app, int argc, char **argv);
int cmd_check(struct app *app, int argc, char **argv);
int cmd_init(struct app *app, int argc, char **argv);
int cmd_profile(struct app *app, int argc, char **argv);
int cmd_validate(struct app *app, int argc, char **argv);
int cmd_status(struct app *app, int argc, char **argv);
int cmd_stats(struct app *app, int argc, char **argv);
int cmd_top(struct app *app, int argc, char **argv);
int cmd_doctor(struct app *app, int argc, char **argv);
int cmd_metrics(struct app *app, int argc, char **argv);
int cmd_run(struct app *app, int argc, char **argv);
int cmd_fetch(struct app *app, int argc, char **argv);
int cmd_exporter(struct app *app, int argc, char **argv);
int cmd_watch(struct app *app, int argc, char **argv);
int cmd_capture(struct app *app, int argc, char **argv);
int cmd_learn(struct app *app, int argc, char **argv);
int cmd_import(struct app *app, int argc, char **argv);
int cmd_export(struct app *app, int argc, char **argv);

#endif
