/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prometheus's text exposition format, version 0.0.4. */
#ifndef ALLOWXDP_PROMTEXT_H
#define ALLOWXDP_PROMTEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct prom_label {
	const char *name, *value;
};

/* `type`: "gauge" or "counter". All samples of a name follow its head. */
void prom_head(FILE *f, const char *name, const char *type, const char *help);

/* A sample; label values may hold anything. */
void prom_sample(FILE *f, const char *name, const struct prom_label *labels, size_t n,
		 uint64_t value);

/* Head and only sample. */
void prom_number(FILE *f, const char *name, const char *type, const char *help, uint64_t value);

#endif
