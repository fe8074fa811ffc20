// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "allowxdp.skel.h"
#include "cleanup.h"
#include "hits_table.h"
#include "instance.h"
#include "kernel.h"

static const char *const mode_names[] = {
	[AXP_MODE_OFF] = "off",
	[AXP_MODE_MONITOR] = "monitor",
	[AXP_MODE_ENFORCE] = "enforce",
	[AXP_MODE_LEARN] = "monitor", /* to people, for a moment */
};

#define MAP_NAME(symbol, name) [MAP_##symbol] = #name,
static const char *const map_names[] = { INSTANCE_MAPS(MAP_NAME) };

const char *instance_map_name(enum instance_map map)
{
	return map_names[map];
}

const char *instance_object_name(enum instance_map map)
{
	if (map == MAP_CONTROL)
		return AXP_CONTROL_SECTION;
	return map == MAP_FLOW_PORTS ? AXP_FLOW_PORTS_SECTION : map_names[map];
}

const char *mode_name(uint32_t mode)
{
	return mode < ARRAY_SIZE(mode_names) ? mode_names[mode] : "unknown";
}

int mode_parse(const char *text)
{
	for (size_t i = 0; i <= AXP_MODE_ENFORCE; i++) {
		if (!strcmp(text, mode_names[i]))
			return (int)i;
	}
	return -1;
}

const char *instance_pin(const struct paths *paths, const char *name, const char *interface,
			 char buf[static INSTANCE_PIN_MAX])
{
	size_t n = (size_t)snprintf(buf, INSTANCE_PIN_MAX, "%s/%s", paths->pins, name);

	for (const char *c = interface; c && *c && n + 4 < INSTANCE_PIN_MAX; c++) {
		if (isalnum((unsigned char)*c) || *c == '-')
			buf[n++] = *c;
		else
			n += (size_t)sprintf(buf + n, "%%%02x", (unsigned char)*c);
	}
	buf[n] = '\0';
	return buf;
}

bool instance_pin_interface(const char *file, const char *name, char interface[static 16])
{
	size_t prefix = strlen(name), n = 0;

	if (strncmp(file, name, prefix))
		return false;
	for (const char *c = file + prefix; *c && n < 15; c++) {
		unsigned int byte;

		if (*c == '%' && sscanf(c + 1, "%2x", &byte) == 1) {
			interface[n++] = (char)byte;
			c += 2;
		} else {
			interface[n++] = *c;
		}
	}
	interface[n] = '\0';
	return n > 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool is_among(char (*names)[16], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(names[i], name))
			return true;
	}
	return false;
}

/* Of pins that are called so. */
static size_t add_interfaces(const struct paths *paths, const char *pin, char (*names)[16],
			     size_t n, size_t max)
{
	_cleanup_closedir_ DIR *dir = opendir(paths->pins);
	const struct dirent *d;

	while (dir && n < max && (d = readdir(dir))) {
		if (instance_pin_interface(d->d_name, pin, names[n]) &&
		    !is_among(names, n, names[n]))
			n++;
	}
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	return n;
}

size_t instance_interfaces(const struct paths *paths, char (*names)[16], size_t max)
{
	return add_interfaces(paths, "link_", names, 0, max);
}

size_t instance_traces(const struct paths *paths, char (*names)[16], size_t max)
{
	size_t n = add_interfaces(paths, "link_", names, 0, max);

	n = add_interfaces(paths, "egress_", names, n, max);
	return add_interfaces(paths, "counters_", names, n, max);
}

bool instance_left_over(const struct paths *paths)
{
	return !access(paths->pins, F_OK);
}

void instance_close(struct instance *i)
{
	if (i->shared)
		munmap(i->shared, sizeof(*i->shared));
	if (i->policies)
		munmap(i->policies, AXP_SLOTS * sizeof(*i->policies));
	for (size_t n = 0; n < INSTANCE_MAP_COUNT; n++)
		cleanup_close(&i->maps[n]);
	*i = (struct instance)INSTANCE_EMPTY;
}

static int open_pin(const struct paths *paths, const char *name)
{
	char path[INSTANCE_PIN_MAX];

	return bpf_obj_get(instance_pin(paths, name, NULL, path));
}

static int map_control(struct instance *i, struct error *err)
{
	void *p = mmap(NULL, sizeof(*i->shared), PROT_READ | PROT_WRITE, MAP_SHARED,
		       i->maps[MAP_CONTROL], 0);

	if (p == MAP_FAILED)
		return error_set(err, errno, "cannot map the control map: %s", strerror(errno));
	i->shared = p;
	return 0;
}

static int map_policies(struct instance *i, struct error *err)
{
	void *p = mmap(NULL, AXP_SLOTS * sizeof(*i->policies), PROT_READ | PROT_WRITE, MAP_SHARED,
		       i->maps[MAP_POLICIES], 0);

	if (p == MAP_FAILED)
		return error_set(err, errno, "cannot map the policies map: %s", strerror(errno));
	i->policies = p;
	return 0;
}

static int open_others(struct instance *i, struct error *err)
{
	for (size_t n = 0; n < INSTANCE_MAP_COUNT; n++) {
		if (i->maps[n] < 0)
			i->maps[n] = open_pin(i->paths, map_names[n]);
		if (i->maps[n] < 0)
			return error_set(
				err, EIO,
				"%s/%s is missing: run `allowxdp unload --all`, then load again",
				i->paths->pins, map_names[n]);
	}
	return 0;
}

int instance_not_loaded(const struct paths *paths, struct error *err)
{
	return error_set(err, ENOENT, "instance %s is not loaded: run `allowxdp load IFACE`",
			 paths->instance);
}

int instance_open_control(struct instance *i, const struct paths *paths, struct error *err)
{
	int rc;

	*i = (struct instance)INSTANCE_EMPTY;
	i->paths = paths;
	i->maps[MAP_CONTROL] = open_pin(paths, "control");
	if (i->maps[MAP_CONTROL] == -ENOENT)
		return instance_not_loaded(paths, err);
	if (i->maps[MAP_CONTROL] < 0)
		return kernel_blame(error_set(err, -i->maps[MAP_CONTROL],
					      "cannot open %s/control: %s", paths->pins,
					      strerror(-i->maps[MAP_CONTROL])),
				    err);
	rc = map_control(i, err);
	if (rc)
		instance_close(i);
	return rc;
}

int instance_open(struct instance *i, const struct paths *paths, struct error *err)
{
	int rc = instance_open_control(i, paths, err);

	if (!rc && !i->shared->abi)
		rc = error_set(
			err, EPROTO,
			"instance %s is being taken over from another version of allowxdp, "
			"or a command was killed in that: complete it with `allowxdp reload`",
			paths->instance);
	if (!rc && i->shared->abi != AXP_ABI_VERSION)
		rc = error_set(err, EPROTO,
			       "instance %s is run by another version of allowxdp (ABI %u, this "
			       "one has %u): take it over, without a gap, with `allowxdp reload`",
			       paths->instance, i->shared->abi, AXP_ABI_VERSION);
	if (!rc)
		rc = open_others(i, err);
	if (!rc)
		rc = map_policies(i, err);
	if (rc)
		instance_close(i);
	return rc;
}

static int pin_map(const struct instance *i, size_t map, struct error *err)
{
	char path[INSTANCE_PIN_MAX];
	int rc = bpf_obj_pin(i->maps[map], instance_pin(i->paths, map_names[map], NULL, path));

	return rc ? error_set(err, -rc, "cannot pin %s: %s", path, strerror(-rc)) : 0;
}

/* Only the maps are wanted here: programs are loaded for each interface (attach.h). */
static struct allowxdp_bpf *load_maps(uint32_t flow_capacity, const struct paths *keep,
				      struct error *err)
{
	struct allowxdp_bpf *skel = allowxdp_bpf__open();
	struct bpf_program *program;
	int rc;

	if (!skel) {
		error_set(err, errno, "cannot open the BPF object: %s", strerror(errno));
		return NULL;
	}
	bpf_object__for_each_program (program, skel->obj)
		bpf_program__set_autoload(program, false);
	bpf_map__set_autocreate(skel->maps.counters, false);
	bpf_map__set_max_entries(skel->maps.flows, flow_capacity);
	rc = keep ? instance_keep_maps(skel->obj, keep) : 0;
	if (!rc)
		rc = allowxdp_bpf__load(skel);
	if (rc) {
		kernel_blame(error_set(err, -rc, "the kernel refused the BPF maps: %s (see `-v`)",
				       strerror(-rc)),
			     err);
		allowxdp_bpf__destroy(skel);
		return NULL;
	}
	return skel;
}

/* `control`, the first of them, comes last. */
static int pin_maps(const struct instance *i, struct error *err)
{
	int rc = 0;

	for (size_t left = INSTANCE_MAP_COUNT; !rc && left; left--)
		rc = pin_map(i, left - 1, err);
	return rc;
}

int instance_create(struct instance *i, const struct paths *paths, uint32_t flow_capacity,
		    const struct paths *keep, struct error *err)
{
	struct allowxdp_bpf *skel;
	int rc;

	*i = (struct instance)INSTANCE_EMPTY;
	instance_destroy(paths);
	skel = load_maps(flow_capacity, keep, err);
	if (!skel)
		return -EIO;
	i->paths = paths;
	for (size_t n = 0; n < INSTANCE_MAP_COUNT; n++)
		i->maps[n] =
			dup(bpf_object__find_map_fd_by_name(skel->obj, instance_object_name(n)));
	allowxdp_bpf__destroy(skel);

	rc = map_control(i, err);
	if (!rc)
		rc = map_policies(i, err);
	if (!rc) {
		i->shared->abi = AXP_ABI_VERSION;
		if (getrandom(&i->shared->seed, sizeof(i->shared->seed), 0) < 0)
			i->shared->seed = boot_time();
		rc = hits_table_replace(i, err);
		if (!rc)
			rc = pin_maps(i, err);
	}
	if (rc) {
		instance_close(i);
		instance_destroy(paths);
	}
	return rc;
}

static void unlink_all(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		if (d->d_type != DT_DIR) {
			unlinkat(fd, d->d_name, 0);
			continue;
		}
		unlink_all(fd, d->d_name); /* of a takeover that was killed */
		unlinkat(fd, d->d_name, AT_REMOVEDIR);
	}
}

void instance_destroy(const struct paths *paths)
{
	char path[INSTANCE_PIN_MAX];

	unlink(instance_pin(paths, "control", NULL, path));
	unlink_all(AT_FDCWD, paths->pins);
}

uint64_t instance_active(const struct instance *i)
{
	return __atomic_load_n(&i->shared->active, __ATOMIC_ACQUIRE);
}

void instance_set_active(struct instance *i, uint64_t word)
{
	__atomic_store_n(&i->shared->active, word, __ATOMIC_RELEASE);
}

uint64_t word_with_mode(uint64_t word, uint32_t mode)
{
	return AXP_ACTIVE(AXP_ACTIVE_GENERATION(word), mode, AXP_ACTIVE_SLOT(word));
}

uint64_t boot_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

bool instance_pending(const struct instance *i)
{
	return __atomic_load_n(&i->shared->deadline, __ATOMIC_ACQUIRE) != 0;
}

uint64_t instance_effective(const struct instance *i)
{
	uint64_t active = instance_active(i);
	uint64_t deadline = __atomic_load_n(&i->shared->deadline, __ATOMIC_ACQUIRE);

	if (deadline && boot_time() > deadline)
		return __atomic_load_n(&i->shared->fallback, __ATOMIC_ACQUIRE);
	return active;
}

void instance_set_pending(struct instance *i, uint64_t word, uint64_t fallback, uint64_t deadline)
{
	__atomic_store_n(&i->shared->fallback, fallback, __ATOMIC_RELEASE);
	__atomic_store_n(&i->shared->deadline, deadline, __ATOMIC_RELEASE);
	instance_set_active(i, word);
}

void instance_confirm(struct instance *i)
{
	__atomic_store_n(&i->shared->deadline, 0, __ATOMIC_RELEASE);
}

void instance_rollback(struct instance *i)
{
	instance_set_active(i, __atomic_load_n(&i->shared->fallback, __ATOMIC_ACQUIRE));
	__atomic_store_n(&i->shared->deadline, 0, __ATOMIC_RELEASE);
}

void instance_set_fallback_mode(struct instance *i, uint32_t mode)
{
	uint64_t word = __atomic_load_n(&i->shared->fallback, __ATOMIC_ACQUIRE);

	__atomic_store_n(&i->shared->fallback, word_with_mode(word, mode), __ATOMIC_RELEASE);
}
