/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The YAML document as a tree that knows its lines. libcyaml loads the values; this says where each
 * of them stands, and refuses what libcyaml would let pass or explain badly: syntax errors, tags
 * (an unquoted `!10.0.0.0/8` is one), keys given twice, control characters, a second document.
 */
#ifndef ALLOWXDP_YAML_LINES_H
#define ALLOWXDP_YAML_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>
#include "error.h"

struct yaml_lines {
	yaml_document_t doc;
	bool loaded;
};

#define _cleanup_yaml_lines_ __attribute__((cleanup(yaml_lines_close)))

/*
 * Parses n bytes into *l (all zero before). err->text has "path:LINE: " in front. Returns 0,
 * -EINVAL or -ENOMEM. A document without content is -EINVAL as well.
 */
int yaml_lines_open(struct yaml_lines *l, const char *path, const char *data, size_t n,
		    struct error *err);
void yaml_lines_close(struct yaml_lines *l);

/* A node is named by its number; 0 is no node, and every function takes it and finds nothing there.
 */
int yaml_lines_root(struct yaml_lines *l);
int yaml_lines_key(struct yaml_lines *l, int node, const char *key);
int yaml_lines_item(struct yaml_lines *l, int node, size_t i);

/* Line of a node, or of the key `key` in a mapping (of the mapping, where there is no such key). */
unsigned int yaml_lines_of(struct yaml_lines *l, int node);
unsigned int yaml_lines_of_key(struct yaml_lines *l, int node, const char *key);

#endif
