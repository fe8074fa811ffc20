/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `allowxdp import` leaves behind: list files, a piece of config, a report. */
#ifndef ALLOWXDP_IMPORT_OUTPUT_H
#define ALLOWXDP_IMPORT_OUTPUT_H

#include <json-c/json_object.h>
#include "import.h"

/* Paths of the list files; NULL: the list has none. */
struct import_files {
	char **paths; /* of each list of the policy */
	size_t n;     /* lists */
	bool written;
};

#define _cleanup_import_files_ __attribute__((cleanup(import_files_free)))
void import_files_free(struct import_files *f);

/* Decides on the paths. `into`: a directory or, for a single list, a file; NULL: names alone. */
int import_files_name(struct import_files *f, const struct import *im, const char *into,
		      struct error *err);

/*
 * Writes them all, or none. A file that is there already is left alone and refused, unless `force`.
 */
int import_files_write(struct import_files *f, const struct import *im, const char *format,
		       bool force, struct error *err);

/* Services and lists for the config, as YAML. */
void import_snippet(FILE *out, const struct import *im, const struct import_files *f);

/* Notes, on stderr. */
void import_warn(const struct import *im);

struct json_object *import_json(const struct import *im, const struct import_files *f,
				const char *format);

#endif
