/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of the reader of nft's JSON share: sets, and rules. */
#ifndef ALLOWXDP_IMPORT_NFT_H
#define ALLOWXDP_IMPORT_NFT_H

#include <json-c/json_object.h>
#include <stdlib.h>
#include "import_ports.h"

struct nft {
	struct import *im;
	struct error *err;
	struct json_object *sets[POLICY_MAX_LISTS]; /* of the lists; NULL: of no set */
	struct import_rules rules;
};

static inline void nft_free(struct nft *n)
{
	free(n->rules.v);
}

/* "" or NULL where there is none, or of another type. */
const char *nft_text(struct json_object *o, const char *key);
struct json_object *nft_get(struct json_object *o, const char *key);

/* Reads an address, prefix or range; what is none is an error that names the set. */
int nft_range(struct nft *n, const char *set, struct json_object *value, struct prefix_range *out);

/* The list that was made of a set, by its name in a rule of the same table; -1: none. */
int nft_find_set(const struct nft *n, struct json_object *rule, const char *name);

/* Takes a rule to n->rules if it says no more than "these sources may reach these ports". */
int nft_rule(struct nft *n, struct json_object *rule);

#endif
