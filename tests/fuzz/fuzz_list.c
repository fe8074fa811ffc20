// SPDX-License-Identifier: GPL-2.0-or-later
/* List files, and the ones in the same format that `add` keeps. */
#include "state.h"
#include "target.h"

/* What was read as a list file, written as a state file and read again, is the same. */
static void again(struct policy *p)
{
	_cleanup_free_ char *before = fuzz_entries_text(p, &p->base), *after = NULL;
	struct policy copy _cleanup_policy_ = { 0 };
	struct error err = { "" };

	p->added = p->base;
	p->base = (struct entries){ 0 };
	fuzz_check(!state_write(fuzz_paths(), p, 0, &err));
	fuzz_policy(&copy);
	if (state_read(fuzz_paths(), &copy, true, &err))
		fuzz_fails(err.text, __LINE__);
	fuzz_sorted(&copy, &copy.added);
	after = fuzz_entries_text(&copy, &copy.added);
	fuzz_check(!strcmp(before, after));
}

void fuzz_list(const uint8_t *data, size_t n)
{
	struct policy p _cleanup_policy_ = { 0 };
	struct error err = { "" };

	fuzz_policy(&p);
	fuzz_write("a.list", data, n);
	if (list_file_read(&p, &p.base, fuzz_path("a.list"), 0, 0, &err) ||
	    policy_sort_entries(&p, &p.base, &err)) {
		fuzz_one_line(&err);
		return;
	}
	fuzz_sorted(&p, &p.base);
	again(&p);
}
