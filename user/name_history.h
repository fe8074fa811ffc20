/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which addresses a name stands for, given what its answers were up to now. New ones are taken at
 * once; one that is missing from the answers is kept for a while, and as long as nobody answers.
 * Pure.
 */
#ifndef ALLOWXDP_NAME_HISTORY_H
#define ALLOWXDP_NAME_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "hostname.h"
#include "prefix.h"

enum { NAME_ADDRESSES_MAX = 512 /* of one name */ };

struct name_address {
	struct prefix prefix;
	char host[HOSTNAME_MAX + 1]; /* whose address it is: the name, or a target of SRV */
	uint64_t missing_since;      /* seconds since 1970; 0: the last answer has it */
};

struct name_history {
	struct name_address *v; /* sorted by prefix, then host */
	size_t n, cap;
};

/* What was not answered: of these addresses nothing is known. */
struct name_gap {
	char host[HOSTNAME_MAX + 1]; /* "": any */
	uint8_t family;              /* enum axp_family */
};

/* One round of queries, all answers put together. Zero is an empty one. */
struct name_round {
	struct name_history found;
	struct name_gap *gaps;
	size_t n_gaps;
	size_t omitted; /* addresses beyond NAME_ADDRESSES_MAX */
};

void name_history_free(struct name_history *h);
void name_round_free(struct name_round *r);

/* -ENOMEM. Adding what is there already is no change. */
int name_history_add(struct name_history *h, const struct prefix *prefix, const char *host,
		     uint64_t missing_since);
int name_round_add(struct name_round *r, const struct prefix *prefix, const char *host);
int name_round_gap(struct name_round *r, const char *host, uint8_t family);

/*
 * What follows from a round at the time `now`. Returns 1 where the addresses are others than
 * before, 0 where they are not, -ENOMEM. A round that found nothing changes nothing.
 */
int name_history_merge(struct name_history *h, const struct name_round *r, uint64_t now,
		       uint32_t grace);

/* How many are kept although the last answer did not have them. */
size_t name_history_missing(const struct name_history *h);

/* When to ask again: after an answer that holds for `ttl`; after so many failures in a row. */
uint32_t name_refresh_after(uint32_t ttl, uint32_t min, uint32_t max);
uint32_t name_retry_after(uint32_t failures, uint32_t min);

#endif
