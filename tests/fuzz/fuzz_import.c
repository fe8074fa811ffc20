// SPDX-License-Identifier: GPL-2.0-or-later
/* What other tools print. The first line is the format, or anything else: it is to be found out. */
#include <unistd.h>
#include "config.h"
#include "import_output.h"
#include "target.h"
#include "text.h"

static void check_notes(const struct import *im)
{
	for (size_t i = 0; i < im->n_notes; i++) {
		const char *text = im->notes[i].text;

		fuzz_check(text && *text && text_find_control(text, strlen(text)) == strlen(text));
		fuzz_check(memchr(im->notes[i].sample, '\0', IMPORT_SAMPLE_MAX));
	}
}

static void check_policy(const struct import *im)
{
	const struct policy *p = &im->policy;
	_cleanup_free_ char *text = NULL;
	size_t entries = 0;

	fuzz_check(p->n_lists <= POLICY_MAX_LISTS && p->n_services <= AXP_MAX_SERVICES);
	for (size_t i = 0; i < p->n_lists; i++) {
		fuzz_check(policy_name_ok(p->lists[i].name));
		fuzz_check(policy_find_list(p, p->lists[i].name) == (int)i);
		entries += im->lists[i].entries;
	}
	fuzz_check(entries == p->base.n);
	for (size_t i = 0; i < p->n_services; i++)
		fuzz_check(policy_name_ok(p->services[i].name) &&
			   p->services[i].n_ports <= POLICY_MAX_PORT_RANGES);
	fuzz_sorted(p, &p->base);
	text = fuzz_entries_text(p, &p->base);
}

/* What is printed of it, as a config: of lists alone it is none yet. */
static void write_config(const struct import *im, const struct import_files *files)
{
	FILE *f = fopen(fuzz_path("imported.yaml"), "we");

	fuzz_check(f);
	import_snippet(f, im, files);
	if (!im->policy.n_services)
		fprintf(f, "services: [{name: any, ports: [tcp/1], allow: [%s]}]\n",
			im->policy.lists[0].name);
	fuzz_check(!fclose(f));
}

static bool all_here(const struct import *im)
{
	for (size_t i = 0; i < im->policy.n_lists; i++) {
		if (im->lists[i].elsewhere)
			return false;
	}
	return true;
}

static void remove_files(const struct import_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		if (files->paths[i])
			unlink(files->paths[i]);
	}
}

/* Nothing has to be changed in what it leaves behind: it is a config that says the same. */
static void check_config(const struct import *im)
{
	_cleanup_free_ char *before = fuzz_entries_text(&im->policy, &im->policy.base);
	struct import_files files _cleanup_import_files_ = { 0 };
	struct policy p _cleanup_policy_ = { 0 };
	_cleanup_free_ char *after = NULL;
	struct error err = { "" };

	fuzz_check(!import_files_name(&files, im, fuzz_path("copied"), &err));
	if (import_files_write(&files, im, "plain", true, &err))
		fuzz_fails(err.text, __LINE__);
	write_config(im, &files);
	import_warn(im);
	if (!all_here(im)) {
		remove_files(&files);
		return;
	}
	if (config_read(&p, fuzz_path("imported.yaml"), &err))
		fuzz_fails(err.text, __LINE__);
	remove_files(&files);
	after = fuzz_entries_text(&p, &p.base);
	fuzz_check(!strcmp(before, after));
	fuzz_check(p.n_services == im->policy.n_services + !im->policy.n_services &&
		   p.n_lists == im->policy.n_lists);
}

void fuzz_import(const uint8_t *data, size_t n)
{
	struct import im _cleanup_import_ = { 0 };
	_cleanup_free_ char *name = NULL, *text = NULL;
	const char *rest = (const char *)data;
	struct error err = { "" };
	size_t head = fuzz_first_line(&rest, &n);
	int format;

	name = fuzz_text(data, head);
	text = fuzz_text((const uint8_t *)rest, n);
	format = import_format_parse(name);
	if (format <= IMPORT_AUTO)
		format = import_detect("in", text, n, &err);
	if (format < 0) {
		fuzz_one_line(&err);
		return;
	}
	fuzz_check(!import_init(&im, "in", 1700000000, &err));
	if (import_read(&im, (enum import_format)format, text, n, &err) ||
	    import_finish(&im, &err)) {
		fuzz_one_line(&err);
		return;
	}
	check_notes(&im);
	check_policy(&im);
	check_config(&im);
}
