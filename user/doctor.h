/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `doctor` finds: is this machine fit for the filter, and which command mends what is not. A
 * check looks and adds findings; it changes nothing on the machine.
 */
#ifndef ALLOWXDP_DOCTOR_H
#define ALLOWXDP_DOCTOR_H

#include "doctor_device.h"
#include "paths.h"
#include "policy.h"

enum finding_level {
	FINDING_OK,
	FINDING_NOTE,    /* works, and this is worth knowing */
	FINDING_WARNING, /* works, but slower or with a risk */
	FINDING_PROBLEM, /* `load` would fail, or calls would suffer */
};

struct finding {
	enum finding_level level;
	const char *topic;  /* one word; borrowed */
	char interface[16]; /* "": of the host */
	char text[640];
	char fix[256]; /* a command; "": there is none */
};

struct findings {
	struct finding *v;
	size_t n, cap;
	bool lost; /* memory ran out: some are missing */
};

#define _cleanup_findings_ __attribute__((cleanup(findings_free)))
void findings_free(struct findings *f);
enum finding_level findings_worst(const struct findings *f);
const char *finding_level_name(enum finding_level level);

/* What the checks may look at, and where they write. */
struct doctor {
	const struct paths *paths;
	const struct policy *policy; /* NULL: no config could be read */
	bool frags;                  /* the kernel takes multi-buffer XDP programs */
	bool refused; /* it has been said why this interface's driver refuses native XDP */
	struct findings findings;
};

/* `interface` may be NULL. */
void finding(struct doctor *d, enum finding_level level, const char *topic, const char *interface,
	     const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The command that mends what the last finding says. */
void finding_fix(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* All checks of the host. Sets d->frags, which those of interfaces need. */
void doctor_host(struct doctor *d);

/* All checks of an interface; that there is none of this name is a finding too. */
void doctor_interface(struct doctor *d, const char *interface);

/* The checks, by concern. */
void doctor_kernel(struct doctor *d);   /* doctor_kernel.c: what the kernel can do */
void doctor_tuning(struct doctor *d);   /* doctor_tuning.c: JIT, clock, statistics */
void doctor_bpffs(struct doctor *d);    /* doctor_tuning.c */
void doctor_ports(struct doctor *d);    /* doctor_ports.c: guarded and ephemeral ports */
void doctor_lists(struct doctor *d);    /* doctor_lists.c: what is not on them yet */
void doctor_exporter(struct doctor *d); /* doctor_exporter.c: its port */
void doctor_attached(struct doctor *d); /* doctor_attached.c: what is loaded, and where */
void doctor_link(struct doctor *d, const struct device *dev);    /* doctor_link.c */
void doctor_mtu(struct doctor *d, const struct device *dev);     /* doctor_native.c */
void doctor_offload(struct doctor *d, const struct device *dev); /* doctor_offload.c */
void doctor_queues(struct doctor *d, const struct device *dev);  /* doctor_queues.c */
void doctor_driver(struct doctor *d, const struct device *dev); /* doctor_native.c: the last word */
void doctor_programs(struct doctor *d, const struct device *dev); /* doctor_programs.c */

/* A number in a file of one line, as in /proc/sys; -1 if it cannot be read. */
long doctor_read_number(const char *path);

#endif
