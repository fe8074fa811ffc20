/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both families' directories share: units to give out, and the table of sets. */
#ifndef ALLOWXDP_DIRECTORY_POOL_H
#define ALLOWXDP_DIRECTORY_POOL_H

#include "directory.h"

/* Unit n; valid until more units are taken. */
void *directory_at(const struct directory *d, uint32_t n);
struct axp_dir_header *directory_header(const struct directory *d);

/*
 * Gives out n units in a row, all zero: the first, or a negative errno (-ENOSPC in a fixed one).
 */
int64_t directory_take(struct directory *d, uint32_t n);

/* Id of the set of services of a node, entered into the table if it is new. */
uint8_t directory_set(const struct directory *d, const struct node *node);

/* Services of an id. */
uint64_t directory_services(const struct directory *d, uint8_t set);

/* Kind (enum axp_dir_kind) of a group or node whose addresses all have this set. */
uint8_t directory_kind(uint8_t set);

/* One 32-bit word that packets may be reading: they see all that was written before, or none. */
void directory_publish(uint32_t *word, uint32_t value);
void directory_publish_root(__u64 *word, uint64_t value); /* the same of 64 bits */

int directory4_build(struct directory *d, const struct node *v, size_t n);
int directory4_change(struct directory *d, const struct policy *p, const struct prefix *prefix);
int directory6_build(struct directory *d, const struct node *v, size_t n);
int directory6_change(struct directory *d, const struct policy *p, const struct prefix *prefix);

#endif
