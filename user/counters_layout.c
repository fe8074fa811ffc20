// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "counters.h"
#include "counters_layout.h"
#include "writefile.h"

_Static_assert(offsetof(struct axp_counts, monitored) == AXP_REASONS * sizeof(struct axp_count),
	       "a row begins as the layout says");

static const char *layout_path(const struct paths *paths, char buf[static PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s/layout", paths->run);
	return buf;
}

static void write_service(FILE *f, const struct service *s)
{
	fprintf(f, "service %u %u %s\n", s->slot, s->direction, s->name);
}

static bool slot_taken(const struct policy *p, uint8_t slot)
{
	for (size_t i = 0; i < p->n_services; i++) {
		if (p->services[i].slot == slot)
			return true;
	}
	return false;
}

int counters_layout_write(const struct paths *paths, const struct policy *next,
			  const struct policy *previous, struct error *err)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	char path[PATH_MAX];
	int rc = new_file_open(&file, layout_path(paths, path), err);

	if (rc)
		return rc;
	fprintf(file.f, "shape %d %d %d\n", AXP_DIRECTIONS, AXP_MAX_SERVICES, AXP_FAMILIES);
	for (uint32_t r = 0; r < AXP_REASONS; r++)
		fprintf(file.f, "%s %s\n", r < AXP_DROP_REASONS ? "drop" : "pass", reason_name(r));
	for (size_t i = 0; i < next->n_services; i++)
		write_service(file.f, &next->services[i]);
	for (size_t i = 0; previous && i < previous->n_services; i++) {
		const struct service *s = &previous->services[i];

		if (policy_find_service(next, s->name) < 0 && !slot_taken(next, s->slot))
			write_service(file.f, s);
	}
	return new_file_publish(&file, err);
}

static bool layout_line(struct counters_layout *l, const char *line)
{
	struct counters_layout_service *s = &l->names[l->n_names];
	uint32_t n = l->n_drop + l->n_pass;

	if (sscanf(line, "shape %" SCNu32 " %" SCNu32 " %" SCNu32, &l->directions, &l->services,
		   &l->families) == 3)
		return true;
	if (n < LAYOUT_REASONS && !l->n_pass && sscanf(line, "drop %63s", l->reasons[n]) == 1)
		return ++l->n_drop;
	if (n < LAYOUT_REASONS && sscanf(line, "pass %63s", l->reasons[n]) == 1)
		return ++l->n_pass;
	if (l->n_names < LAYOUT_SERVICES && sscanf(line, "service %" SCNu32 " %" SCNu32 " %63s",
						   &s->slot, &s->direction, s->name) == 3)
		return ++l->n_names;
	return false;
}

static bool layout_sound(const struct counters_layout *l)
{
	for (uint32_t i = 0; i < l->n_names; i++) {
		if (l->names[i].slot >= l->services || l->names[i].direction >= l->directions)
			return false;
	}
	return l->directions && l->services && l->families && l->n_drop && l->n_pass;
}

int counters_layout_read(const struct paths *paths, struct counters_layout *l, struct error *err)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX], line[256];

	f = fopen(layout_path(paths, path), "re");
	if (!f)
		return error_set(err, errno, "cannot read %s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (!layout_line(l, line))
			return error_set(err, EINVAL, "%s is damaged", path);
	}
	return layout_sound(l) ? 0 : error_set(err, EINVAL, "%s is damaged", path);
}

static bool same_layout(const struct counters_layout *l)
{
	if (l->directions != AXP_DIRECTIONS || l->services != AXP_MAX_SERVICES ||
	    l->families != AXP_FAMILIES || l->n_drop != AXP_DROP_REASONS ||
	    l->n_drop + l->n_pass != AXP_REASONS)
		return false;
	for (uint32_t r = 0; r < AXP_REASONS; r++) {
		if (strcmp(l->reasons[r], reason_name(r)) != 0)
			return false;
	}
	return true;
}

bool counters_layout_fits(const struct paths *paths, int map)
{
	_cleanup_free_ struct counters_layout *l = calloc(1, sizeof(*l));
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	struct error ignored;

	return l && !counters_layout_read(paths, l, &ignored) && same_layout(l) &&
	       !bpf_obj_get_info_by_fd(map, &info, &size) &&
	       info.type == BPF_MAP_TYPE_PERCPU_ARRAY &&
	       info.value_size == sizeof(struct axp_counts) &&
	       info.max_entries == AXP_COUNTS_ENTRIES;
}

int counters_layout_services(const struct paths *paths, struct policy *p)
{
	_cleanup_free_ struct counters_layout *l = calloc(1, sizeof(*l));
	struct error ignored;

	if (!l || counters_layout_read(paths, l, &ignored))
		return -ENOENT;
	p->services = calloc(l->n_names + 1, sizeof(*p->services));
	if (!p->services)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->n_names; i++) {
		struct service *s = &p->services[p->n_services];

		if (l->names[i].slot >= AXP_MAX_SERVICES ||
		    l->names[i].direction >= AXP_DIRECTIONS || !policy_name_ok(l->names[i].name) ||
		    slot_taken(p, (uint8_t)l->names[i].slot))
			continue;
		strcpy(s->name, l->names[i].name);
		s->slot = (uint8_t)l->names[i].slot;
		s->direction = (uint8_t)l->names[i].direction;
		p->n_services++;
	}
	return 0;
}
