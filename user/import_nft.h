/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of the reader of nft's JSON share: sets, and rules. */
#ifndef ALLOWXDP_IMPORT_NFT_H
#define ALLOWXDP_IMPORT_NFT_H

#include <json-c/json_object.h>
#include <errno.h>
#include <stdlib.h>
#include "import_ports.h"

/* Elements of a set that were taken out of the text. */
struct nft_part {
	char *text; /* values with commas between them */
	size_t values;
};

struct nft {
	struct import *im;
	struct error *err;
	struct json_object *sets[POLICY_MAX_LISTS]; /* of the lists; NULL: of no set */
	struct import_rules rules;
	struct nft_part *parts;
	size_t n_parts;
};

static inline void nft_free(struct nft *n)
{
	for (size_t i = 0; i < n->n_parts; i++)
		free(n->parts[i].text);
	free(n->parts);
	free(n->rules.v);
}

/* "" or NULL where there is none, or of another type. */
const char *nft_text(struct json_object *o, const char *key);
struct json_object *nft_get(struct json_object *o, const char *key);

/* Takes the elements of long sets out of the text. 0 or -ENOMEM. */
int nft_split(struct nft *n, char *text);

/* What was taken out of this array; NULL: nothing. */
const struct nft_part *nft_part(const struct nft *n, struct json_object *elements);

/* Calls for each of its values; 0, or what the first one returned that failed. */
int nft_each(struct nft *n, const struct nft_part *part, const char *set,
	     int (*fn)(struct nft *n, int list, const char *set, struct json_object *value),
	     int list);

/* Reads an address, prefix or range; what is none is an error that names the set. */
int nft_range(struct nft *n, const char *set, struct json_object *value, struct prefix_range *out);

/* The list that was made of a set, by its name in a rule of the same table; -1: none. */
int nft_find_set(const struct nft *n, struct json_object *rule, const char *name);

/* Takes a rule to n->rules if it says no more than "these sources may reach these ports". */
int nft_rule(struct nft *n, struct json_object *rule);

#endif
