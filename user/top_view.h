/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `top` shows: an instance's state beside its rates (top_model.h), and how it is looked at. */
#ifndef ALLOWXDP_TOP_VIEW_H
#define ALLOWXDP_TOP_VIEW_H

#include "top_model.h"

struct top_interface {
	char name[16];
	const char *attach, *egress;
};

/* One whose packets are dropped, or would be. */
struct top_refused {
	char address[64];
	char ports[64]; /* "udp/5060 5061", most frequent first */
	char service[POLICY_NAME_MAX + 1];
	const char *direction; /* "out": the address is the destination */
	enum top_fate fate;    /* TOP_DROP or TOP_WOULD_DROP */
	struct top_flow flow;
	uint64_t error; /* the total is exact if 0, else by about so much too small or large */
};

struct top_view {
	char instance[INSTANCE_NAME_MAX + 1];
	char clock[16];    /* "12:34:56" */
	char problem[256]; /* why there is nothing to show, if there is nothing; else "" */
	const char *mode;
	uint64_t generation;
	bool pending, rolled_back;
	uint64_t seconds_left; /* to confirm */
	struct top_interface interfaces[POLICY_MAX_INTERFACES];
	size_t n_interfaces;
	struct top_refused *refused; /* most of them first */
	size_t n_refused;
};

void top_view_free(struct top_view *v);

enum top_sort { TOP_BY_CONFIG, TOP_BY_DROP, TOP_BY_PASS, TOP_BY_NAME, TOP_SORTS };

enum { TOP_FILTER_MAX = 40 };

struct top_options {
	enum top_sort sort;
	char filter[TOP_FILTER_MAX + 1]; /* rows without this text, in any case, are left out */
	bool typing;                     /* the filter is being typed */
	bool paused;
	bool help;
	bool utf8;        /* the terminal shows Unicode */
	uint32_t seconds; /* between two looks */
};

#endif
