/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where profiles are: in the directory `profiles` beside the config, where the administrator's own
 * and edited ones stand before the installed ones of the same name, and in the one that was
 * installed.
 */
#ifndef ALLOWXDP_PROFILES_H
#define ALLOWXDP_PROFILES_H

#include <limits.h>
#include "error.h"

#define PROFILE_SUFFIX ".yaml"

struct profile_dirs {
	char config[PATH_MAX];    /* that of the config */
	char local[PATH_MAX];     /* config/profiles */
	char installed[PATH_MAX]; /* ALLOWXDP_PROFILE_DIR, or ../share/allowxdp/profiles of the
				     program */
};

/* `config` is the path of the config, which need not be there. */
int profile_dirs_init(struct profile_dirs *d, const char *config, struct error *err);

/*
 * The file that an item of `include` means: NAME is profiles/NAME.yaml beside the config, or else
 * the installed one; a path is relative to the config's directory, and profiles/FILE that is not
 * there is looked for among the installed ones. Writes the path into `out`; -ENOENT: there is none,
 * -EINVAL: it cannot be one.
 */
int profile_find(const struct profile_dirs *d, const char *item, char out[static PATH_MAX],
		 struct error *err);

#endif
