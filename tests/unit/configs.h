/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configs of the unit tests: written into the scratch directory as CONFIG_FILE, and read. */
#ifndef ALLOWXDP_UNIT_CONFIGS_H
#define ALLOWXDP_UNIT_CONFIGS_H

#include "unit.h"
#include "config.h"

#ifndef CONFIG_FILE
#define CONFIG_FILE "c.yaml"
#endif

static inline int read_config(const struct scratch *s, const char *yaml, struct policy *p,
			      struct error *err)
{
	scratch_write(s, CONFIG_FILE, yaml);
	return config_read(p, scratch_path(s, CONFIG_FILE), err);
}

static inline struct policy accepted(const struct scratch *s, const char *yaml)
{
	struct error err = { "" };
	struct policy p = { 0 };

	if (read_config(s, yaml, &p, &err))
		fail_msg("%s", err.text);
	return p;
}

#endif
