/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to who sits at the terminal. */
#ifndef ALLOWXDP_QUESTIONS_H
#define ALLOWXDP_QUESTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Are stdin and stderr, where questions are asked, a terminal? */
bool questions_possible(void);

/*
 * Asks on stderr; an empty answer is `otherwise`. false: there is no answer, the input has ended.
 */
bool ask(const char *question, const char *otherwise, char *answer, size_t n);

#endif
