// SPDX-License-Identifier: GPL-2.0-or-later
/* Counters that were kept, and how the last reload went. There is no map to be filled here. */
#include <stddef.h>
#include "instance.h"
#include "kept_counters.h"
#include "last_reload.h"
#include "target.h"

/* No instance is opened here: its source wants the BPF object. */
const char *instance_pin(const struct paths *paths, const char *name, const char *interface,
			 char buf[static INSTANCE_PIN_MAX])
{
	(void)paths;
	(void)name;
	(void)interface;
	(void)buf;
	abort();
}

void fuzz_kept(const uint8_t *data, size_t n)
{
	struct policy p _cleanup_policy_ = { 0 };
	struct last_reload last;
	struct error err = { "" };

	fuzz_policy(&p);
	fuzz_write("counters-eth0", data, n);
	fuzz_write("layout", data, n);
	fuzz_write("last-reload", data, n);
	if (counters_restore(fuzz_paths(), "eth0", -1, &p, &err))
		fuzz_one_line(&err);
	*err.text = '\0';
	fuzz_check(counters_keep(fuzz_paths(), "eth1", -1, &err));
	fuzz_one_line(&err);
	last_reload_read(fuzz_paths(), &last);
	fuzz_check(memchr(last.failure.text, '\0', sizeof(last.failure.text)));
	fuzz_check(!last.done || last.at);
}
