/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes into a trie: nodes that the directory asks about. */
#ifndef ALLOWXDP_TRIE_H
#define ALLOWXDP_TRIE_H

#include "compile.h"
#include "instance.h"

/* Puts nodes into a trie, all of one family: v[n] are indices into nodes->v, ascending. */
int trie_fill(const struct instance *i, int trie, const struct nodes *nodes, const size_t *v,
	      size_t n);

/* Sets one node, with its steps (NULL: none). */
int trie_set(const struct instance *i, int trie, const struct node *node,
	     const struct node_steps *steps);

/* Takes one away; no matter if it is not there. */
int trie_delete(int trie, const struct prefix *prefix);

/* Key in map `timed` of a node that is in the trie; 0: none. (A look-up of a prefix that is not
 * there would find the one above it.) */
uint32_t trie_timed(int trie, const struct prefix *prefix);

#endif
