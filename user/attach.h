/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs on interfaces: one program and one pinned link for each interface of the instance. */
#ifndef ALLOWXDP_ATTACH_H
#define ALLOWXDP_ATTACH_H

#include "egress.h"
#include "instance.h"
#include "policy.h"

enum attach_mode { ATTACH_AUTO, ATTACH_NATIVE, ATTACH_GENERIC };

/* Where the interface is that an instance was loaded on: the link knows it by its device. */
enum attach_place {
	ATTACH_HERE,
	ATTACH_GONE,      /* deleted, or somebody took the program off */
	ATTACH_ELSEWHERE, /* in another network namespace, where the filter goes on */
};

struct attachment {
	char interface[16]; /* as it was called when it was loaded: pins and counters are named so
			     */
	char now[16];       /* as it is called here; else as `interface` */
	enum attach_place place;
	bool attached; /* it is here */
	uint32_t prog_id;
	bool native; /* else generic */
	enum egress_kind egress;
	bool another; /* it is not here, but another interface of that name is: unguarded */
};

/* It has another name now. */
bool attach_renamed(const struct attachment *a);

/* "auto", "native", "generic"; -1 if it is none of them. */
int attach_mode_parse(const char *text);

/*
 * Can the interface be attached to (it exists, carries Ethernet frames, runs no XDP program that is
 * not ours)? *ours is set when this instance is attached to it already.
 */
int attach_check(const struct paths *paths, const char *interface, bool *ours, struct error *err);

/*
 * Loads the programs for the interface and attaches them, by pinned links. Native; generic only if
 * the mode is ATTACH_GENERIC, or ATTACH_AUTO and the driver cannot do native: `note` (may be cut)
 * then says why. Counters that were kept when it was unloaded go on, at the slots of p's services.
 */
int attach(const struct instance *i, const struct policy *p, const char *interface,
	   enum attach_mode mode, char *note, size_t note_size, struct error *err);

/*
 * The programs alone, loaded with the instance's maps and with the counters that are pinned there,
 * or new ones where none are. carry: with allowxdp_carry.
 */
struct allowxdp_bpf;
struct allowxdp_bpf *attach_load(const struct instance *i, const char *counters, bool carry,
				 bool *have_counters, struct error *err);

/* Id of a program, by its fd; 0: not to be had. */
uint32_t program_id(int program);

/* Puts the egress program back on an interface that has only the ingress one left. */
int attach_egress(const struct instance *i, const char *interface, struct error *err);

/*
 * Loads the programs and attaches them where the interface is a new one of that name; its counters
 * go on.
 */
int attach_again(const struct instance *i, const struct policy *p, const char *interface,
		 char *note, size_t note_size, struct error *err);

/* Detaches at once and removes the interface's pins, or what is left of them. */
int detach(const struct paths *paths, const char *interface, struct error *err);

/* The same; what was counted is kept for the next load (kept_counters.h), or it is warned of. */
int detach_keeping(const struct paths *paths, const char *interface, struct error *err);

/* How the interface is attached; 0 or negative errno. */
int attach_query(const struct paths *paths, const char *interface, struct attachment *out);

#endif
