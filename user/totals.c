// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cleanup.h"
#include "counters.h"
#include "totals.h"
#include "writefile.h"

static const char *path_of(const struct paths *paths, char buf[static PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s/totals", paths->run);
	return buf;
}

/* A line: a name, or the name `elsewhere` with a service, family and verdict; and the number. */
static void add_line(const char *line, const struct policy *p, struct totals *t)
{
	char service[POLICY_NAME_MAX + 1], family[8], verdict[8];
	uint64_t n;
	int s;

	if (sscanf(line, "flows-created %" SCNu64, &n) == 1)
		t->flows_created += n;
	if (sscanf(line, "flows-not-remembered %" SCNu64, &n) == 1)
		t->flows_not_remembered += n;
	if (sscanf(line, "elsewhere %63s %7s %7s %" SCNu64, service, family, verdict, &n) != 4)
		return;
	s = policy_find_service(p, service);
	for (uint32_t f = 0; s >= 0 && f < AXP_FAMILIES; f++) {
		if (!strcmp(family, family_name(f)))
			t->elsewhere[s][f][strcmp(verdict, verdict_name(AXP_PASS)) != 0] += n;
	}
}

static void add_kept(const struct paths *paths, const struct policy *p, struct totals *t)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX], line[256];

	f = fopen(path_of(paths, path), "re");
	while (f && fgets(line, sizeof(line), f))
		add_line(line, p, t);
}

static int add_service(const struct instance *i, uint32_t slot, uint64_t out[AXP_FAMILIES][2])
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *values = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*values));

	if (!values)
		return -ENOMEM;
	for (uint32_t n = 0; n < AXP_FAMILIES * 2; n++) {
		uint32_t index = AXP_ELSEWHERE_INDEX(slot, n / 2, n % 2);

		if (bpf_map_lookup_elem(i->maps[MAP_ELSEWHERE], &index, values))
			return -errno;
		for (int cpu = 0; cpu < cpus; cpu++)
			out[n / 2][n % 2] += values[cpu];
	}
	return 0;
}

int totals_read(const struct instance *i, const struct policy *p, const struct flow_stats *flows,
		struct totals *out, struct error *err)
{
	int rc = 0;

	*out = (struct totals){
		.flows_created = flows->created,
		.flows_not_remembered = flows->insert_failed,
	};
	for (size_t s = 0; !rc && s < p->n_services; s++)
		rc = add_service(i, p->services[s].slot, out->elsewhere[s]);
	if (rc)
		return error_set(err, -rc, "cannot read the map elsewhere: %s", strerror(-rc));
	add_kept(i->paths, p, out);
	return 0;
}

static void write_service(FILE *f, const char *name, const uint64_t counts[AXP_FAMILIES][2])
{
	for (uint32_t n = 0; n < AXP_FAMILIES * 2; n++) {
		if (counts[n / 2][n % 2])
			fprintf(f, "elsewhere %s %s %s %" PRIu64 "\n", name, family_name(n / 2),
				verdict_name(n % 2), counts[n / 2][n % 2]);
	}
}

void totals_keep(const struct paths *paths, const struct policy *p, const struct totals *totals)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	struct error ignored;
	char path[PATH_MAX];

	if (new_file_open(&file, path_of(paths, path), &ignored))
		return;
	fprintf(file.f, "flows-created %" PRIu64 "\nflows-not-remembered %" PRIu64 "\n",
		totals->flows_created, totals->flows_not_remembered);
	for (size_t s = 0; s < p->n_services; s++)
		write_service(file.f, p->services[s].name, totals->elsewhere[s]);
	new_file_publish(&file, &ignored);
}

void totals_sweep(const struct paths *paths)
{
	char path[PATH_MAX], half[PATH_MAX + 8];

	snprintf(half, sizeof(half), "%s" NEW_FILE_SUFFIX, path_of(paths, path));
	unlink(half);
}

int totals_reset_service(const struct instance *i, uint32_t slot, struct error *err)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *zeros = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*zeros));
	int rc = zeros ? 0 : -ENOMEM;

	for (uint32_t n = 0; !rc && n < AXP_FAMILIES * 2; n++) {
		uint32_t index = AXP_ELSEWHERE_INDEX(slot, n / 2, n % 2);

		rc = bpf_map_update_elem(i->maps[MAP_ELSEWHERE], &index, zeros, BPF_ANY);
	}
	return rc ? error_set(err, -rc, "cannot reset the map elsewhere: %s", strerror(-rc)) : 0;
}
