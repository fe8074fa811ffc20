// SPDX-License-Identifier: GPL-2.0-or-later
/* allowxdp: an allowlist packet filter at XDP. This file is the table of its subcommands. */
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "cmd.h"

static const struct command commands[] = {
	{ "init", "", "write a starter config, from what runs on this host", cmd_init },
	{ "load", "[IFACE...]", "attach to interfaces and apply the config", cmd_load },
	{ "unload", "IFACE... | --all", "detach from interfaces", cmd_unload },
	{ "reload", "", "apply the config to what is loaded, all or nothing", cmd_reload },
	{ "confirm", "", "keep a change that was made with --confirm", cmd_confirm },
	{ "rollback", "", "undo a change that was made with --confirm", cmd_rollback },
	{ "mode", "[enforce|monitor|off]", "show or set the mode", cmd_mode },
	{ "add", "LIST PREFIX", "add an entry to a list, at once and for good", cmd_add },
	{ "remove", "LIST PREFIX", "remove an entry that add added", cmd_remove },
	{ "list", "[LIST]", "show entries, with labels and origins", cmd_list },
	{ "review", "", "audit the entries: unused, too wide, duplicate, expiring...", cmd_review },
	{ "check", "ADDRESS PROTO/PORT", "explain what happens to a packet", cmd_check },
	{ "profile", "list|show|copy [NAME]", "what providers publish, to be included",
	  cmd_profile },
	{ "validate", "", "read the config and its lists, change nothing", cmd_validate },
	{ "status", "", "show what is loaded", cmd_status },
	{ "stats", "", "show the packet counters", cmd_stats },
	{ "top", "[--once]", "watch packet rates and drops, live", cmd_top },
	{ "watch", "", "show drops as they happen", cmd_watch },
	{ "capture", "-w FILE", "write drops to a pcapng file, with the reasons", cmd_capture },
	{ "learn", "[SERVICE]", "propose entries for who was refused", cmd_learn },
	{ "doctor", "[IFACE...]", "see whether this machine is fit, and how to mend it",
	  cmd_doctor },
	{ "import", "FILE|-", "make list files of what another tool prints", cmd_import },
	{ "export", "[LIST...]", "print the policy for nft or ipset", cmd_export },
	{ "metrics", "", "print metrics in Prometheus's text format", cmd_metrics },
	{ "run", "", "keep names and feeds up to date, and serve metrics", cmd_run },
	{ "fetch", "[LIST...]", "fetch the feeds of lists, once", cmd_fetch },
	{ "exporter", "", "serve metrics over HTTP", cmd_exporter },
};

static void print_usage(FILE *f)
{
	fputs("allowxdp: an allowlist packet filter at XDP\n\n"
	      "Usage: allowxdp [-c FILE] [--instance NAME] [--json] [-v] COMMAND ...\n\n",
	      f);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		char line[64];

		snprintf(line, sizeof(line), "%s %s", commands[i].name, commands[i].arguments);
		fprintf(f, "  %-30s %s\n", line, commands[i].summary);
	}
	fputs("\nGlobal options, before or after the command:\n"
	      "  -c, --config FILE   config (default " DEFAULT_CONFIG ")\n"
	      "  --instance NAME     one of several policies on a host (default: default)\n"
	      "  --json              print one JSON object\n"
	      "  -v, --verbose       let libbpf and the kernel's verifier speak\n"
	      "  --help, --version\n\n"
	      "Exit status: 0 done; 1 it failed, and nothing changed; 2 usage; `check`: 3 would be "
	      "dropped.\n",
	      f);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

static int be_silent(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

static bool asks_to_be_verbose(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "-v") || !strcmp(argv[i], "--verbose"))
			return true;
	}
	return false;
}

/* A full disk, say. What the command was to do is done all the same, so one must know of it. */
static bool output_lost(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return false;
	fputs("allowxdp: standard output could not be written: what was to be done is done, see "
	      "`allowxdp status`\n",
	      stderr);
	return true;
}

int main(int argc, char **argv)
{
	struct app app = { .instance = "default", .argv = argv };
	int first, status;

	if (!asks_to_be_verbose(argc, argv))
		libbpf_set_print(be_silent);
	status = command_options(&app, argc, argv, NULL, 0, &first);
	if (status == 'h') {
		print_usage(stdout);
		return EXIT_DONE;
	}
	if (status >= 0)
		return status;
	if (first == argc) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	app.command = find_command(argv[first]);
	if (!app.command)
		return usage(&app, "there is no command '%.64s'", argv[first]);
	status = app.command->run(&app, argc - first, argv + first);
	return status == EXIT_DONE && output_lost() ? EXIT_FAILED : status;
}
