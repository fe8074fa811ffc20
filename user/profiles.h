/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where profiles are: in the directory `profiles` beside the config, where the administrator's own
 * and edited ones stand before the installed ones of the same name, and in the one that was
 * installed.
 */
#ifndef ALLOWXDP_PROFILES_H
#define ALLOWXDP_PROFILES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
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

/* A profile that can be included by its name. */
struct profile_file {
	char *name; /* without .yaml */
	bool local;
};

struct profile_files {
	struct profile_file *v; /* by name; a local one instead of an installed one */
	size_t n;
};

/* All there are. A directory that is not there has none. */
int profile_files_find(const struct profile_dirs *d, struct profile_files *out, struct error *err);
void profile_files_free(struct profile_files *f);

#define _cleanup_profile_files_ __attribute__((cleanup(profile_files_free)))

#endif
