/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command's own directory builder, for rules of these tests: what packets look up is then the
 * work of builder and program together, and the model's word decides on both.
 */
#ifndef ALLOWXDP_TEST_DIRECTORIES_H
#define ALLOWXDP_TEST_DIRECTORIES_H

#include "leaves.h"

/* The directory of these leaves, in any order, all of one family, into a slot; none clears it.
 * Gives up on the process when it cannot. */
void directory_set_slot(int directories, int policies, struct axp_policy *policy, __u32 slot,
			enum axp_family family, const struct leaf *leaves, size_t n);

#endif
