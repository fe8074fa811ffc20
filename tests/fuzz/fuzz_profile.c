// SPDX-License-Identifier: GPL-2.0-or-later
/* Profiles: read alone, copied to be edited, included by a config. The list files: files.h. */
#include <unistd.h>
#include "config.h"
#include "files.h"
#include "profile_copy.h"

/* Where it comes from can be shown. */
static void check_provenance(const struct policy *p, const struct provenance *from)
{
	const uint32_t texts[] = { from->name, from->title, from->provider, from->source,
				   from->date };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		fuzz_check(*policy_string(p, texts[i]));
	fuzz_check(from->n_missing <= PROVENANCE_MISSING_MAX);
	for (size_t i = 0; i < from->n_missing; i++)
		fuzz_check(*policy_string(p, from->missing[i]));
}

/* It reads the same from where it was copied to, unless it leans on what lies elsewhere. */
static void check_copy(const struct policy *p, const char *path)
{
	_cleanup_free_ char *before = fuzz_entries_text(p, &p->base), *after = NULL;
	struct policy copy _cleanup_policy_ = { 0 };
	struct provenance from;
	struct error err = { "" };

	if (profile_copy(p, path, fuzz_path("copied"), &err)) {
		fuzz_one_line(&err);
		return;
	}
	if (config_read_profile(&copy, fuzz_path("copied/p.yaml"), &from, &err)) {
		fuzz_one_line(&err);
		return;
	}
	after = fuzz_entries_text(&copy, &copy.base);
	fuzz_check(!strcmp(before, after));
}

static void remove_copy(const struct fuzz_files *files)
{
	char name[FUZZ_FILE_NAME_MAX + 16];

	for (size_t i = 0; i < files->n; i++) {
		const char *slash = strchr(files->names[i], '/');

		snprintf(name, sizeof(name), "copied/%s", slash ? slash + 1 : files->names[i]);
		unlink(fuzz_path(name));
	}
}

/* What can be read alone can be included. */
static void include(void)
{
	static const char config[] = "include: [p]\n";
	struct policy p _cleanup_policy_ = { 0 };
	struct error err = { "" };

	fuzz_write("including.yaml", config, strlen(config));
	if (config_read(&p, fuzz_path("including.yaml"), &err))
		fuzz_fails(err.text, __LINE__);
	fuzz_sorted(&p, &p.base);
	fuzz_services(&p);
}

void fuzz_profile(const uint8_t *data, size_t n)
{
	struct fuzz_files files _cleanup_fuzz_files_ = { .n = 0 };
	struct policy p _cleanup_policy_ = { 0 };
	struct provenance from = { 0 };
	struct error err = { "" };

	fuzz_files_write(&files, "profiles/p.yaml", (const char *)data, n);
	if (config_read_profile(&p, fuzz_path("profiles/p.yaml"), &from, &err)) {
		fuzz_one_line(&err);
		return;
	}
	fuzz_sorted(&p, &p.base);
	fuzz_services(&p);
	check_provenance(&p, &from);
	check_copy(&p, fuzz_path("profiles/p.yaml"));
	remove_copy(&files);
	include();
}
