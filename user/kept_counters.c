// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include "cleanup.h"
#include "counters.h"
#include "counters_layout.h"
#include "kept_counters.h"
#include "writefile.h"

#define NO_SERVICE_NAME "-"

/* A line of what is kept. */
struct kept {
	char direction[8], service[LAYOUT_WORD_MAX + 1], family[8], verdict[8],
		reason[LAYOUT_WORD_MAX + 1];
	uint64_t packets, bytes;
};

static const char *kept_path(const struct paths *paths, const char *interface,
			     char buf[static PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s/counters-%s", paths->run, interface);
	return buf;
}

/* Reading: all that the rows of one service, or of none, have counted. */
struct reading {
	const struct counters_layout *layout;
	int map, cpus;
	uint64_t
		*per_cpu; /* pairs of packets and bytes: by reason, then drop reasons that passed */
	uint32_t pairs;
	uint32_t words; /* of a row: the pairs, and what else there is behind them */
	FILE *f;
};

/* The row's size is the map's word: behind the counters there may be more. */
static int fits(struct reading *r, struct error *err)
{
	const struct counters_layout *l = r->layout;
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(r->map, &info, &size) ||
	    info.type != BPF_MAP_TYPE_PERCPU_ARRAY ||
	    info.value_size < r->pairs * 2 * sizeof(uint64_t) ||
	    info.value_size % sizeof(uint64_t) ||
	    info.max_entries != l->directions * (l->services + 1) * l->families)
		return error_set(err, EINVAL, "it is of another shape than its layout says");
	r->words = info.value_size / sizeof(uint64_t);
	return 0;
}

static uint64_t sum(const struct reading *r, uint32_t n)
{
	uint64_t total = 0;

	for (int cpu = 0; cpu < r->cpus; cpu++)
		total += r->per_cpu[(size_t)cpu * r->words + n];
	return total;
}

static int keep_row(const struct reading *r, const struct counters_layout_service *s,
		    uint32_t family)
{
	const struct counters_layout *l = r->layout;
	uint32_t index = (s->direction * (l->services + 1) + s->slot) * l->families + family;
	uint32_t reasons = l->n_drop + l->n_pass;

	if (bpf_map_lookup_elem(r->map, &index, r->per_cpu))
		return -errno;
	for (uint32_t n = 0; n < r->pairs; n++) {
		uint32_t reason = n < reasons ? n : n - reasons;
		uint64_t packets = sum(r, n * 2), bytes = sum(r, n * 2 + 1);

		if (packets || bytes)
			fprintf(r->f, "%s %s %s %s %s %" PRIu64 " %" PRIu64 "\n",
				direction_name(s->direction), s->name, family_name(family),
				verdict_name(n < l->n_drop ? AXP_DROP : AXP_PASS),
				l->reasons[reason], packets, bytes);
	}
	return 0;
}

static int keep_service(const struct reading *r, const struct counters_layout_service *s,
			struct error *err)
{
	int rc = 0;

	for (uint32_t family = 0; !rc && family < r->layout->families; family++)
		rc = keep_row(r, s, family);
	return rc ? error_set(err, -rc, "cannot read it: %s", strerror(-rc)) : 0;
}

static int keep_all(const struct reading *r, struct error *err)
{
	const struct counters_layout *l = r->layout;
	int rc = 0;

	for (uint32_t d = 0; !rc && d < l->directions; d++) {
		const struct counters_layout_service none = { NO_SERVICE_NAME, l->services, d };

		rc = keep_service(r, &none, err);
	}
	for (uint32_t i = 0; !rc && i < l->n_names; i++)
		rc = keep_service(r, &l->names[i], err);
	return rc;
}

static int read_map(struct reading *r, int map, const struct counters_layout *l, FILE *f,
		    struct error *err)
{
	_cleanup_free_ uint64_t *per_cpu = NULL;
	int cpus = libbpf_num_possible_cpus();

	int rc;

	*r = (struct reading){ l, map, cpus, NULL, 2 * l->n_drop + l->n_pass, 0, f };
	rc = fits(r, err);
	if (rc)
		return rc;
	if (cpus > 0)
		per_cpu = calloc((size_t)cpus * r->words, sizeof(*per_cpu));
	if (!per_cpu)
		return error_set(err, ENOMEM, "out of memory");
	r->per_cpu = per_cpu;
	return keep_all(r, err);
}

int counters_keep(const struct paths *paths, const char *interface, int map, struct error *err)
{
	_cleanup_free_ struct counters_layout *l = calloc(1, sizeof(*l));
	struct new_file file _cleanup_new_file_ = { 0 };
	char path[PATH_MAX];
	struct reading reading;
	int rc;

	if (!l)
		return error_set(err, ENOMEM, "out of memory");
	rc = counters_layout_read(paths, l, err);
	if (!rc)
		rc = new_file_open(&file, kept_path(paths, interface, path), err);
	if (rc)
		return rc;
	/* Packets may still be on their way through them: this is synchronize_rcu(). */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	rc = read_map(&reading, map, l, file.f, err);
	return rc ? rc : new_file_publish(&file, err);
}

void counters_forget(const struct paths *paths, const char *interface)
{
	char path[PATH_MAX];

	unlink(kept_path(paths, interface, path));
}

static bool parse_kept(const char *line, struct kept *k)
{
	return sscanf(line, "%7s %63s %7s %7s %63s %" SCNu64 " %" SCNu64, k->direction, k->service,
		      k->family, k->verdict, k->reason, &k->packets, &k->bytes) == 7;
}

static int index_of(const char *name, const char *(*name_of)(uint32_t), uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!strcmp(name, name_of(i)))
			return (int)i;
	}
	return -1;
}

/* The slot of a service that the policy has, in this direction; -1: it has none. */
static int slot_of(const struct policy *p, const char *name, uint32_t direction)
{
	int i;

	if (!strcmp(name, NO_SERVICE_NAME))
		return AXP_NO_SERVICE;
	i = policy_find_service(p, name);
	return i >= 0 && p->services[i].direction == direction ? p->services[i].slot : -1;
}

/* What this version or policy does not know is left out. */
static void put(struct axp_counts *rows, const struct policy *p, const struct kept *k)
{
	int direction = index_of(k->direction, direction_name, AXP_DIRECTIONS);
	int family = index_of(k->family, family_name, AXP_FAMILIES);
	int reason = index_of(k->reason, reason_name, AXP_REASONS);
	bool passed = !strcmp(k->verdict, verdict_name(AXP_PASS));
	struct axp_count *count;
	struct axp_counts *row;
	int slot;

	if (direction < 0 || family < 0 || reason < 0)
		return;
	slot = slot_of(p, k->service, (uint32_t)direction);
	if (slot < 0)
		return;
	row = &rows[AXP_COUNTS_INDEX(direction, slot, family)];
	count = &row->by_reason[reason];
	if (passed && reason < AXP_DROP_REASONS)
		count = &row->monitored[reason];
	count->packets += k->packets;
	count->bytes += k->bytes;
}

/* Puts a row that is not zero somewhere. */
typedef int (*row_fn)(int fd, uint32_t index, const struct axp_counts *row);

/* All of it on one CPU: only the sum is ever looked at. */
static int put_row(int map, uint32_t index, const struct axp_counts *row)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct axp_counts *per_cpu = NULL;

	if (cpus > 0)
		per_cpu = calloc((size_t)cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	per_cpu[0] = *row;
	return bpf_map_update_elem(map, &index, per_cpu, BPF_ANY);
}

static int carry_row(int program, uint32_t index, const struct axp_counts *row)
{
	struct axp_carried more = { .index = index };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &more, .data_size_in = sizeof(more),
		    .repeat = 1);
	int rc;

	memcpy(more.by_reason, row->by_reason, sizeof(more.by_reason));
	memcpy(more.monitored, row->monitored, sizeof(more.monitored));
	rc = bpf_prog_test_run_opts(program, &run);
	if (!rc && run.retval != XDP_PASS)
		rc = -EIO;
	return rc;
}

static int put_rows(row_fn put_one, int fd, const struct axp_counts *rows)
{
	static const struct axp_counts zero;
	int rc = 0;

	for (uint32_t index = 0; !rc && index < AXP_COUNTS_ENTRIES; index++) {
		if (memcmp(&rows[index], &zero, sizeof(zero)) != 0)
			rc = put_one(fd, index, &rows[index]);
	}
	return rc;
}

static int restore(const struct paths *paths, const char *interface, row_fn put_one, int fd,
		   const struct policy *p, struct error *err)
{
	_cleanup_free_ struct axp_counts *rows = calloc(AXP_COUNTS_ENTRIES, sizeof(*rows));
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX], line[256];
	struct kept k;
	int rc;

	f = fopen(kept_path(paths, interface, path), "re");
	if (!f)
		return error_set(err, errno, "cannot read %s: %s", path, strerror(errno));
	if (!rows)
		return error_set(err, ENOMEM, "out of memory");
	while (fgets(line, sizeof(line), f)) {
		if (parse_kept(line, &k))
			put(rows, p, &k);
	}
	rc = put_rows(put_one, fd, rows);
	return rc ? error_set(err, -rc, "cannot fill a counter map: %s", strerror(-rc)) : 0;
}

int counters_restore(const struct paths *paths, const char *interface, int map,
		     const struct policy *p, struct error *err)
{
	return restore(paths, interface, put_row, map, p, err);
}

int counters_carry(const struct paths *paths, const char *interface, int program,
		   const struct policy *p, struct error *err)
{
	return restore(paths, interface, carry_row, program, p, err);
}
