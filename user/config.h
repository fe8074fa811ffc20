/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file (YAML), and the list files that it names. */
#ifndef ALLOWXDP_CONFIG_H
#define ALLOWXDP_CONFIG_H

#include "policy.h"

enum { PROVENANCE_MISSING_MAX = 16 };

/*
 * Reads the config, the profiles that it includes, and their list files into *p (all zero before):
 * everything but p->added and the services' slots. Entries are sorted. A bad config is refused as
 * "FILE:LINE: what: how to mend it". Returns 0 or a negative errno; -ENOENT when there is no config
 * file.
 */
int config_read(struct policy *p, const char *path, struct error *err);

/* Where a profile comes from: strings of its policy. */
struct provenance {
	uint32_t name, title, provider, source, date;
	uint32_t missing[PROVENANCE_MISSING_MAX];
	size_t n_missing;
};

/*
 * Reads a profile alone as a policy of its own, with its provenance. It must not lean on lists that
 * a config would bring.
 */
int config_read_profile(struct policy *p, const char *path, struct provenance *out,
			struct error *err);

/* Parses "tcp/443" or "udp/10000-60000"; err->text names what is wrong, without place. 0 or
 * -EINVAL. */
int port_range_parse(const char *text, struct port_range *out, struct error *err);

/* Writes "tcp/443" or "udp/10000-60000"; returns buf. */
const char *port_range_text(const struct port_range *r, char buf[static 24]);

#endif
