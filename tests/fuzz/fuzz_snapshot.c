// SPDX-License-Identifier: GPL-2.0-or-later
/* A snapshot of a policy with bytes changed (three bytes each: place, place, value), or cut off. */
#include <sys/stat.h>
#include "readfile.h"
#include "snapshot.h"
#include "target.h"

/* A text of the snapshot ends within it. */
static void check_text(const struct policy *p, uint32_t text)
{
	fuzz_check(strlen(policy_string(p, text)) <= p->strings.n);
}

/* Any of it can be asked for. */
static void walk(const struct policy *p)
{
	int office = policy_find_list(p, "office");

	for (size_t i = 0; i < p->base.n; i++) {
		check_text(p, p->base.v[i].label);
		check_text(p, p->base.v[i].source);
	}
	for (size_t i = 0; i < p->n_lists; i++)
		check_text(p, p->lists[i].file);
	check_text(p, p->config);
	fuzz_check(office < (int)p->n_lists &&
		   (office < 0 || !strcmp(p->lists[office].name, "office")));
}

static void make(char **bytes, size_t *n)
{
	static const char list[] = "192.0.2.0/24 # a\n!192.0.2.7\n2001:db8::/32 # b\n";
	struct policy p _cleanup_policy_ = { 0 };
	struct error err = { "" };

	fuzz_policy(&p);
	fuzz_write("a.list", list, strlen(list));
	fuzz_check(!list_file_read(&p, &p.base, fuzz_path("a.list"), 1, 0, &err));
	fuzz_check(!policy_sort_entries(&p, &p.base, &err));
	fuzz_check(!snapshot_write(fuzz_paths(), 7, &p, &err));
	fuzz_check(!file_read_all(fuzz_path("policy-7"), 1 << 20, bytes, n, &err));
}

void fuzz_snapshot(const uint8_t *data, size_t n)
{
	static char *whole;
	static size_t size;
	struct policy p _cleanup_policy_ = { 0 };
	_cleanup_free_ char *bytes = NULL;
	struct error err = { "" };
	size_t cut;

	if (!whole)
		make(&whole, &size);
	bytes = fuzz_text((uint8_t *)whole, size);
	cut = size;
	for (; n >= 3; n -= 3, data += 3) {
		size_t at = (size_t)data[0] << 8 | data[1];

		if (at < size)
			bytes[at] = (char)data[2];
	}
	if (n == 2)
		cut = ((size_t)data[0] << 8 | data[1]) % (size + 1);
	fuzz_write("policy-7", bytes, cut);
	if (snapshot_read(fuzz_paths(), 7, &p, &err))
		fuzz_one_line(&err);
	else
		walk(&p);
}
