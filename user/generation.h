/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generations: a whole policy is filled into a slot that no packet looks at, then one store makes
 * every packet see it. Live changes alter the active one's tries and
 * directories, address by address.
 */
#ifndef ALLOWXDP_GENERATION_H
#define ALLOWXDP_GENERATION_H

#include "compile.h"
#include "instance.h"

/*
 * Compiles the policy into an idle slot, which is returned; packets see nothing of it yet. Both
 * families' tries and the port tables are filled. Negative errno on failure: the active generation
 * is as it was.
 */
int generation_fill(struct instance *i, const struct policy *p, struct error *err);

/* The control word that makes a filled slot the active one, as the next generation. */
uint64_t generation_word(const struct instance *i, uint32_t slot, uint32_t mode);

/*
 * Frees all slots but the active one, and the one to fall back to while a confirmation is pending,
 * once no packet can still be looking at them.
 */
void generation_prune(struct instance *i);

/* Is there a slot to be freed? A command was killed before it could. */
bool generation_left_over(struct instance *i);

/*
 * Makes what the policy says within some prefixes, none inside another, true in a slot that packets
 * may be looking at. `changes` are those of all nodes there. First the trie learns what the
 * directory is going to ask it, then the directory changes, then the trie forgets what it is not
 * asked any more: each address goes from its old services to its new ones at once.
 * *wasteful is set when so much was left behind by changes that the policy had better be filled
 * into another slot.
 */
int generation_change(struct instance *i, uint32_t slot, const struct policy *p,
		      const struct prefix *prefixes, size_t n, const struct changes *changes,
		      bool *wasteful, struct error *err);

#endif
