// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "allowxdp.skel.h"
#include "cleanup.h"
#include "instance.h"
#include "twin.h"

enum { SCRATCH_ENTRIES = 64 /* of tables that a program writes to; enough for a packet */ };

/*
 * What the twin shares. A map that is missing here is an empty one to the twin, whose word would
 * then be another than the policy's: that is noticed. The other way round packets would be counted
 * that never were.
 */
static const char *const policy_maps[] = {
	"policies", "tries4", "tries6", "directories4", "directories6", "timed",
};

struct attached {
	uint8_t tag[8];
	uint32_t maps[TWIN_MAPS_MAX];
	uint32_t n_maps;
};

static int read_attached(uint32_t program, struct attached *a, struct error *err)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(program);
	struct bpf_prog_info info = {
		.nr_map_ids = ARRAY_SIZE(a->maps),
		.map_ids = (uint64_t)(uintptr_t)a->maps,
	};
	uint32_t size = sizeof(info);

	if (fd == -EPERM)
		return error_set(
			err, EPERM,
			"the kernel lets only CAP_SYS_ADMIN look at program %u: run it with "
			"sudo",
			program);
	if (fd < 0)
		return error_set(err, -fd, "cannot open program %u: %s", program, strerror(-fd));
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return error_set(err, errno, "cannot read program %u: %s", program,
				 strerror(errno));
	memcpy(a->tag, info.tag, sizeof(a->tag));
	a->n_maps = info.nr_map_ids < ARRAY_SIZE(a->maps) ? info.nr_map_ids : ARRAY_SIZE(a->maps);
	return 0;
}

static bool is_policy_map(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(policy_maps); i++) {
		if (!strcmp(name, policy_maps[i]))
			return true;
	}
	return false;
}

/* The kernel keeps the constants' map under a name of its own: part of the object's, and this. */
static bool is_constants(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && !strcmp(dot, ".rodata");
}

static int map_name(int fd, char name[static BPF_OBJ_NAME_LEN])
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	name[BPF_OBJ_NAME_LEN - 1] = '\0';
	return 0;
}

static int share_constants(struct allowxdp_bpf *skel, int fd)
{
	struct {
		_Bool have_frags;
		char rest[255];
	} constants = { 0 };
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info), zero = 0;

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (info.value_size != sizeof(*skel->rodata) || sizeof(*skel->rodata) > sizeof(constants))
		return -ESTALE; /* another build's */
	if (bpf_map_lookup_elem(fd, &zero, &constants))
		return -errno;
	if (constants.have_frags)
		bpf_program__set_flags(skel->progs.allowxdp_in, BPF_F_XDP_HAS_FRAGS);
	return bpf_map__reuse_fd(skel->maps.rodata, fd);
}

/* Past an unconfirmed deadline it goes by the word to fall back to, as the program does. */
static int read_word(int fd, uint64_t *word)
{
	struct axp_control control = { 0 };
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(fd, &zero, &control))
		return -errno;
	*word = control.active;
	if (control.deadline && boot_time() > control.deadline)
		*word = control.fallback;
	return 0;
}

static int share_map(struct twin *t, uint32_t id, int fd, const char *name)
{
	bool control = !strcmp(name, instance_object_name(MAP_CONTROL));
	struct bpf_map *map;

	if (is_constants(name))
		return share_constants(t->skel, fd);
	if (!control && !is_policy_map(name))
		return 0;
	t->shared[t->n_shared++] = id;
	if (control)
		return read_word(fd, &t->word);
	map = bpf_object__find_map_by_name(t->skel->obj, name);
	return map ? bpf_map__reuse_fd(map, fd) : -ESTALE;
}

static int share_maps(struct twin *t, const struct attached *a, struct error *err)
{
	for (uint32_t i = 0; i < a->n_maps; i++) {
		_cleanup_close_ int fd = bpf_map_get_fd_by_id(a->maps[i]);
		char name[BPF_OBJ_NAME_LEN];
		int rc = fd < 0 ? fd : map_name(fd, name);

		if (!rc)
			rc = share_map(t, a->maps[i], fd, name);
		if (rc)
			return error_set(err, -rc, "cannot share map %u: %s", a->maps[i],
					 strerror(-rc));
	}
	return 0;
}

static void shrink_scratch(const struct allowxdp_bpf *skel)
{
	struct bpf_map *map;

	bpf_object__for_each_map (map, skel->obj) {
		if (bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH)
			bpf_map__set_max_entries(map, SCRATCH_ENTRIES);
	}
}

static struct bpf_program *program_of(const struct twin *t)
{
	return t->direction == AXP_IN ? t->skel->progs.allowxdp_in : t->skel->progs.allowxdp_out;
}

static int read_tag(struct twin *t)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program_of(t)), &info, &size))
		return -errno;
	memcpy(t->tag, info.tag, sizeof(t->tag));
	return 0;
}

static int load(struct twin *t, const struct attached *a, struct error *err)
{
	struct bpf_program *program;
	int rc;

	bpf_object__for_each_program (program, t->skel->obj)
		bpf_program__set_autoload(program, program == program_of(t));
	shrink_scratch(t->skel);
	rc = share_maps(t, a, err);
	if (rc)
		return rc;
	rc = allowxdp_bpf__load(t->skel);
	if (!rc)
		rc = read_tag(t);
	if (rc)
		return error_set(err, -rc, "the kernel refused the program's twin: %s",
				 strerror(-rc));
	if (memcmp(t->tag, a->tag, sizeof(t->tag)))
		return error_set(err, ESTALE,
				 "the program is not of this build, which cannot speak for it");
	return 0;
}

void twin_close(struct twin *t)
{
	allowxdp_bpf__destroy(t->skel);
	t->skel = NULL;
}

int twin_open(struct twin *t, uint32_t program, enum axp_direction direction, struct error *err)
{
	struct attached a;
	int rc;

	memset(t, 0, sizeof(*t));
	t->direction = direction;
	rc = read_attached(program, &a, err);
	if (rc)
		return rc;
	t->skel = allowxdp_bpf__open();
	if (!t->skel)
		return error_set(err, errno, "cannot open the BPF object: %s", strerror(errno));
	rc = load(t, &a, err);
	if (rc)
		twin_close(t);
	return rc;
}

static bool uses(const struct attached *a, uint32_t map)
{
	for (uint32_t i = 0; i < a->n_maps; i++) {
		if (a->maps[i] == map)
			return true;
	}
	return false;
}

bool twin_is_also_of(const struct twin *t, uint32_t program)
{
	struct error ignored;
	struct attached a;

	if (!t->skel || read_attached(program, &a, &ignored) ||
	    memcmp(t->tag, a.tag, sizeof(a.tag)))
		return false;
	for (size_t i = 0; i < t->n_shared; i++) {
		if (!uses(&a, t->shared[i]))
			return false;
	}
	return true;
}

/* The one count of a row, if it has one. */
static bool find_count(const struct axp_counts *c, struct testimony *out)
{
	for (uint32_t reason = 0; reason < AXP_REASONS; reason++) {
		bool passed = reason < AXP_DROP_REASONS && c->monitored[reason].packets;

		if (!passed && !c->by_reason[reason].packets)
			continue;
		out->counted = true;
		out->reason = reason;
		return true;
	}
	return false;
}

/* Where the packet was counted; the counters are zero again afterwards. */
static int take_count(int counters, struct testimony *out)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct axp_counts *per_cpu = NULL;

	if (cpus > 0)
		per_cpu = calloc((size_t)cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	for (uint32_t index = 0; index < AXP_COUNTS_ENTRIES; index++) {
		bool found = false;

		if (bpf_map_lookup_elem(counters, &index, per_cpu))
			return -errno;
		for (int cpu = 0; cpu < cpus && !found; cpu++)
			found = find_count(&per_cpu[cpu], out);
		if (!found)
			continue;
		out->service = index / AXP_FAMILIES % (AXP_MAX_SERVICES + 1);
		memset(per_cpu, 0, (size_t)cpus * sizeof(*per_cpu));
		return bpf_map_update_elem(counters, &index, per_cpu, BPF_ANY);
	}
	return 0;
}

static int verdict_of(enum axp_direction direction, int32_t returned)
{
	enum { TC_UNSPEC = -1, TC_SHOT = 2 };

	if (returned == (direction == AXP_IN ? (int32_t)XDP_PASS : TC_UNSPEC))
		return AXP_PASS;
	if (returned == (direction == AXP_IN ? (int32_t)XDP_DROP : TC_SHOT))
		return AXP_DROP;
	return -EPROTO;
}

int twin_ask(struct twin *t, uint64_t word, const void *frame, size_t n, struct testimony *out,
	     struct error *err)
{
	struct axp_control control = { .active = word, .abi = AXP_ABI_VERSION };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = (uint32_t)n,
		    .repeat = 1);
	uint32_t zero = 0;
	int rc;

	memset(out, 0, sizeof(*out));
	out->service = AXP_NO_SERVICE;
	rc = bpf_map_update_elem(bpf_map__fd(t->skel->maps.data_control), &zero, &control, BPF_ANY);
	if (!rc)
		rc = bpf_prog_test_run_opts(bpf_program__fd(program_of(t)), &run);
	if (!rc)
		rc = take_count(bpf_map__fd(t->skel->maps.counters), out);
	if (rc)
		return error_set(err, -rc, "a test run of the program failed: %s", strerror(-rc));
	rc = verdict_of(t->direction, (int32_t)run.retval);
	if (rc < 0)
		return error_set(err, -rc, "a test run of the program returned %d",
				 (int32_t)run.retval);
	out->verdict = (enum axp_verdict)rc;
	return 0;
}
