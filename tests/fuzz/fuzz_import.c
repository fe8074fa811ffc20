// SPDX-License-Identifier: GPL-2.0-or-later
/* What other tools print. The first line is the format, or anything else: it is to be found out. */
#include "import.h"
#include "target.h"
#include "text.h"

static void check_notes(const struct import *im)
{
	for (size_t i = 0; i < im->n_notes; i++) {
		const char *text = im->notes[i].text;

		fuzz_check(text && *text && text_find_control(text, strlen(text)) == strlen(text));
		fuzz_check(memchr(im->notes[i].sample, '\0', IMPORT_SAMPLE_MAX));
		fuzz_check(im->notes[i].count > 0);
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
}
