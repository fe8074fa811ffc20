// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "cmd.h"
#include "export.h"
#include "subject.h"

/* Marks the lists that were named. */
static int choose(const struct policy *p, char **names, int n, bool *lists, struct error *err)
{
	for (int i = 0; i < n; i++) {
		int list = policy_find_list(p, names[i]);

		if (list < 0)
			return error_set(err, ENOENT,
					 "there is no list '%.64s': see `allowxdp list`", names[i]);
		lists[list] = true;
	}
	return 0;
}

/*
 * Their names come to stand in a ruleset and in a script for the shell: the kernel allows nearly
 * any byte.
 */
static void drop_odd_interfaces(char (*names)[16], size_t *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		bool plain = names[i][0] && names[i][0] != '-';

		for (const char *c = names[i]; *c; c++)
			plain &= isascii(*c) && (isalnum((unsigned char)*c) || strchr("_.:@-", *c));
		if (plain)
			memmove(names[kept++], names[i], sizeof(*names));
		else
			warn_line("interface %.15s is left out: its name cannot stand in a rule",
				  names[i]);
	}
	*n = kept;
}

static int print(const struct subject *s, const struct export_about *a, bool nft)
{
	struct error err;

	if (nft ? export_nft(stdout, a) : export_ipset(stdout, a)) {
		error_set(&err, 0, "not enough memory");
		return fail(&err);
	}
	if (fflush(stdout) || ferror(stdout))
		return EXIT_DONE; /* main() says so */
	if (!s->loaded)
		warn_line("nothing is loaded: this is the policy of the files (%s)",
			  policy_string(a->policy, a->policy->config));
	if (!a->n_interfaces && !a->lists)
		warn_line("no interface is named: the rules are for all but lo");
	return EXIT_DONE;
}

static int export(struct app *app, bool nft, char **names, int n)
{
	struct subject s _cleanup_subject_ = SUBJECT_EMPTY;
	char interfaces[POLICY_MAX_INTERFACES][16];
	bool lists[POLICY_MAX_LISTS] = { false };
	struct export_about a = { .now = (uint32_t)time(NULL) };
	struct error err;

	if (subject_open(&s, app, &err))
		return fail(&err);
	a.policy = &s.running.policy;
	if (choose(a.policy, names, n, lists, &err))
		return fail(&err);
	if (n)
		a.lists = lists;
	s.running.policy.now = a.now; /* what has expired since it was loaded */
	a.mode = s.loaded ? AXP_ACTIVE_MODE(s.running.active) : a.policy->settings.mode;
	a.interfaces = (const char(*)[16])interfaces;
	a.n_interfaces = a.policy->n_interfaces;
	if (s.loaded)
		a.n_interfaces =
			instance_interfaces(&app->paths, interfaces, POLICY_MAX_INTERFACES);
	else if (a.n_interfaces)
		memcpy(interfaces, a.policy->interfaces, a.n_interfaces * sizeof(*interfaces));
	drop_odd_interfaces(interfaces, &a.n_interfaces);
	return print(&s, &a, nft);
}

int cmd_export(struct app *app, int argc, char **argv)
{
	const char *format = NULL;
	const struct option_spec specs[] = {
		{ "format", OPTION_TEXT, &format, "FORMAT", "nft or ipset" },
	};
	int first, status;

	status = command_options(app, argc, argv, specs, ARRAY_SIZE(specs), &first);
	if (status >= 0)
		return status;
	if (!format)
		return usage(app, "export needs --format nft or --format ipset");
	if (strcmp(format, "nft") && strcmp(format, "ipset"))
		return usage(app, "there is no format '%.64s': nft or ipset", format);
	if (app->json)
		return usage(app, "export prints what nft or ipset read: there is no --json");
	return export(app, !strcmp(format, "nft"), argv + first, argc - first);
}
