/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of iptables-save: how they are read, and what a walk through their chains lets in. */
#ifndef ALLOWXDP_IMPORT_IPTABLES_H
#define ALLOWXDP_IMPORT_IPTABLES_H

#include "import_ports.h"

enum { IPT_NAME_MAX = 64, IPT_CHAINS_MAX = 1024, IPT_PORTS_MAX = 32, IPT_SOURCES_MAX = 16 };

enum ipt_target { IPT_NOTHING, IPT_ACCEPT, IPT_DROP, IPT_RETURN, IPT_JUMP };

/* Where packets come from. */
struct ipt_sources {
	struct prefix_range v[IPT_SOURCES_MAX];
	size_t n;        /* 0: from anywhere */
	int set;         /* list of a set that they are in; -1: none */
	bool impossible; /* nowhere */
};

struct ipt_ports {
	struct port_range v[IPT_PORTS_MAX];
	size_t n; /* 0: any */
	bool impossible;
};

struct ipt_rule {
	unsigned int line;
	uint16_t chain;
	uint16_t to; /* of IPT_JUMP */
	enum ipt_target target;
	int protocol; /* enum axp_protocol, -1: any, -2: none of ours */
	struct ipt_sources sources;
	struct ipt_ports ports;
	bool unless;     /* drops all but these: the sources are the others already, a set is not */
	const char *odd; /* a condition that has no counterpart; NULL: none */
	bool ignored;    /* says nothing that matters here */
	uint32_t label;
};

struct ipt_chain {
	char name[IPT_NAME_MAX];
	bool policy_accept;
	unsigned long rules;
};

/* One table of one family. */
struct ipt_table {
	struct import *im;
	struct error *err;
	unsigned int line;
	char name[IPT_NAME_MAX];
	uint8_t family;
	struct ipt_chain *chains;
	size_t n_chains;
	struct ipt_rule *rules;
	size_t n_rules, cap_rules;
	struct import_rules found; /* of all tables */
	bool passes_rest;          /* INPUT lets in whom no rule mentions */
};

/* Index of the chain, made if there is none; or a negative errno. */
int ipt_chain(struct ipt_table *t, const char *name);

/* Reads what follows -A. */
int ipt_rule(struct ipt_table *t, char *rest);

/* Goes through INPUT and the chains that it jumps to, and adds to t->found. */
int ipt_walk(struct ipt_table *t);

#endif
