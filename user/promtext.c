// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include "promtext.h"

void prom_head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_value(FILE *f, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			putc('\\', f);
		if (*value == '\n')
			fputs("\\n", f);
		else
			putc(*value, f);
	}
}

void prom_sample(FILE *f, const char *name, const struct prom_label *labels, size_t n,
		 uint64_t value)
{
	fputs(name, f);
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "%c%s=\"", i ? ',' : '{', labels[i].name);
		print_value(f, labels[i].value);
		putc('"', f);
	}
	fprintf(f, "%s %" PRIu64 "\n", n ? "}" : "", value);
}

void prom_number(FILE *f, const char *name, const char *type, const char *help, uint64_t value)
{
	prom_head(f, name, type, help);
	prom_sample(f, name, NULL, 0, value);
}
