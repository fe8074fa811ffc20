/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where an entry comes from, in words, and what to do to be rid of it. Pure. */
#ifndef ALLOWXDP_ORIGIN_H
#define ALLOWXDP_ORIGIN_H

#include "policy.h"

/*
 * "FILE:LINE", "command" for an entry that `add` added, or what `allowxdp run` has it from: "name
 * pstn.example.com", "feed https://...". Returns buf.
 */
const char *origin_text(const struct policy *p, const struct entry *e, char *buf, size_t n);

/* The source that brought the entry, or NULL. */
const struct news_source *origin_source(const struct policy *p, const struct entry *e);

/* Where it stands in a file of the administrator's: its own line, or that of its source. */
void origin_place(const struct policy *p, const struct entry *e, const char **file, uint32_t *line);

#endif
