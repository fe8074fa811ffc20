/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy in the words of other filters, for those who leave. */
#ifndef ALLOWXDP_EXPORT_H
#define ALLOWXDP_EXPORT_H

#include <stdio.h>
#include "policy.h"

/* What is exported. */
struct export_about {
	const struct policy *policy;
	uint32_t mode; /* enum axp_mode */
	const char (*interfaces)[16];
	size_t n_interfaces; /* 0: on all of them */
	uint32_t now;
	const bool *lists; /* only the sets of these, and no rules; NULL: all of it */
};

/* A prefix that is listed, and until when; no two overlap. */
struct export_piece {
	struct prefix prefix;
	uint32_t until; /* 0: for good */
	uint32_t label; /* string */
};

struct export_pieces {
	struct export_piece *v;
	size_t n, cap;
	size_t holes_kept; /* holes that expire one day, which pieces cannot */
};

#define _cleanup_export_pieces_ __attribute__((cleanup(export_pieces_free)))
void export_pieces_free(struct export_pieces *p);

/*
 * What a list lets in of a family, in order: what is carved out of larger prefixes is left out by
 * splitting those, and what others cover is part of them. -ENOMEM.
 */
int export_cut(const struct policy *p, size_t list, uint8_t family, struct export_pieces *out);

/*
 * The entries themselves, for filters where the most specific one decides too: one for each prefix.
 * Carve-outs are marked.
 */
struct export_entry {
	struct prefix prefix;
	bool carve;
	uint32_t until, label;
};

struct export_entries {
	struct export_entry *v;
	size_t n, cap;
};

#define _cleanup_export_entries_ __attribute__((cleanup(export_entries_free)))
void export_entries_free(struct export_entries *e);
int export_entries(const struct policy *p, size_t list, uint8_t family, struct export_entries *out);

/* Room for the ranges of export_ports(). */
struct export_ports {
	struct port_range *v;
	size_t n;
};

#define _cleanup_export_ports_ __attribute__((cleanup(export_ports_free)))
void export_ports_free(struct export_ports *p);

/*
 * The ports of a protocol that services of a direction guard, in order, without overlap. `only`:
 * one service; `replies`: only where replies are let in.
 */
int export_ports(const struct policy *p, const struct service *only, enum axp_direction direction,
		 uint8_t protocol, bool replies, struct export_ports *out);

/* Is there a service of this direction? */
bool export_guards(const struct policy *p, enum axp_direction direction);

/* A label that may stand in double quotes of nft and ipset: at most `max` bytes. Returns buf. */
const char *export_label(const struct policy *p, uint32_t label, size_t max,
			 char buf[static POLICY_LABEL_MAX + 1]);

/* What both formats say at the top. */
void export_head(FILE *f, const struct export_about *a, const char *format, const char *how);

/* 0 or -ENOMEM; writing is checked by the caller (ferror). */
int export_nft(FILE *f, const struct export_about *a);
int export_ipset(FILE *f, const struct export_about *a);

#endif
