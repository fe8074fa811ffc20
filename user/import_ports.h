/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From "these sources on these ports" to services: ports that the same sources may reach become one
 * service with one list.
 */
#ifndef ALLOWXDP_IMPORT_PORTS_H
#define ALLOWXDP_IMPORT_PORTS_H

#include "import.h"

struct import_rule {
	struct prefix prefix;    /* of a set: its family alone */
	int set;                 /* list that is referred to, in place of a prefix; or -1 */
	struct import_item item; /* item.carve: such packets are dropped */
	struct port_range ports;
	bool any_port; /* no port was named: all of the protocol */
	bool unless;   /* drops all but some: "! -s PREFIX -j DROP" */
};

struct import_rules {
	struct import_rule *v;
	size_t n, cap;
};

int import_rule_push(struct import_rules *rules, const struct import_rule *rule, struct error *err);

struct import_port_groups {
	const char *name;   /* names of lists and services begin with it; "": with the ports */
	const char *origin; /* for the heads of list files */
	bool first_match;   /* the first rule that fits decides; else the most specific prefix */
};

/* Makes lists and services of the rules. The config's services say what is guarded, if any do. */
int import_port_groups(struct import *im, const struct import_rules *rules,
		       const struct import_port_groups *how, struct error *err);

#endif
