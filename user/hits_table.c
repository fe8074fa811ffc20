// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "hits_table.h"

#define PIN_PREFIX  "hits_"
#define NANOSECONDS 1000000000LL

enum { BATCH = 4096 };

static const char *table_pin(const struct instance *i, uint32_t id, char *buf)
{
	char name[32];

	snprintf(name, sizeof(name), PIN_PREFIX "%u", id);
	return instance_pin(i->paths, name, NULL, buf);
}

static int table_id(int fd, uint32_t *id)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	*id = info.id;
	return 0;
}

/* 0 with *id 0: there is none. */
static int current_table(const struct instance *i, uint32_t *id)
{
	uint32_t zero = 0;
	int rc = bpf_map_lookup_elem(i->maps[MAP_HITS], &zero, id);

	if (rc)
		*id = 0;
	return rc == -ENOENT ? 0 : rc;
}

uint32_t hits_table_current(const struct instance *i)
{
	uint32_t id;

	current_table(i, &id);
	return id;
}

void hits_boot_id(char out[static HITS_BOOT_MAX + 1])
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || fscanf(f, "%63s", out) != 1)
		strcpy(out, "unknown");
}

bool hits_is_merged(const struct hits *h, const char *boot, uint32_t id)
{
	for (size_t i = 0; i < h->n_merged; i++) {
		if (h->merged[i] == id)
			return !strcmp(h->boot, boot);
	}
	return false;
}

/* With the place for those that find no room. */
static int make_table(void)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	const struct axp_hit_key nobody = { .family = AXP_FAMILY_NONE };
	const struct axp_hit none = { 0 };
	_cleanup_close_ int fd =
		bpf_map_create(BPF_MAP_TYPE_HASH, "hit_table", sizeof(struct axp_hit_key),
			       sizeof(struct axp_hit), AXP_HITS, &opts);
	int rc = fd < 0 ? fd : bpf_map_update_elem(fd, &nobody, &none, BPF_ANY);

	return rc ? rc : TAKE_FD(fd);
}

/* The kernel returns from the update of a map of maps when no packet can be in the old one. */
int hits_table_replace(const struct instance *i, struct error *err)
{
	_cleanup_close_ int fd = make_table();
	char path[INSTANCE_PIN_MAX];
	uint32_t zero = 0, id = 0;
	int rc = fd < 0 ? fd : table_id(fd, &id);

	if (!rc)
		rc = bpf_obj_pin(fd, table_pin(i, id, path));
	if (!rc)
		rc = bpf_map_update_elem(i->maps[MAP_HITS], &zero, &fd, BPF_ANY);
	return rc ? error_set(err, -rc, "cannot make a table of hits: %s", strerror(-rc)) : 0;
}

bool hits_table_used(const struct instance *i)
{
	struct axp_hit_key first, second;
	char path[INSTANCE_PIN_MAX];
	_cleanup_close_ int fd = bpf_obj_get(table_pin(i, hits_table_current(i), path));

	/* One key stands there from the beginning; alone it has nothing to tell. */
	return fd >= 0 && !bpf_map_get_next_key(fd, NULL, &first) &&
	       !bpf_map_get_next_key(fd, &first, &second);
}

size_t hits_tables_old(const struct instance *i, uint32_t *ids, size_t max)
{
	_cleanup_closedir_ DIR *dir = opendir(i->paths->pins);
	const struct dirent *d;
	uint32_t current, id;
	size_t n = 0;
	char end;

	if (current_table(i, &current))
		return 0; /* any of them may be the one that packets fill */
	while (dir && n < max && (d = readdir(dir))) {
		if (sscanf(d->d_name, PIN_PREFIX "%u%c", &id, &end) == 1 && id != current)
			ids[n++] = id;
	}
	return n;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NANOSECONDS + ts.tv_nsec;
}

/* `offset`: from the clock of the table to that of people. */
static struct hit_sample take(const struct axp_hit_key *key, const struct axp_hit *hit,
			      int64_t offset)
{
	struct hit_sample s = {
		.address = { .family = key->family, .len = prefix_max_len(key->family) },
		.service = key->service,
		.direction = key->direction,
		.packets = hit->packets,
		.first = (uint32_t)(((int64_t)hit->first + offset) / NANOSECONDS),
		.last = (uint32_t)(((int64_t)hit->last + offset) / NANOSECONDS),
	};

	memcpy(s.address.addr, key->address, key->family == AXP_IPV4 ? 4 : 16);
	return s;
}

static int64_t to_realtime(void)
{
	return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
}

bool hits_table_find(const struct instance *i, uint32_t id, struct hit_sample *s)
{
	struct axp_hit_key key = {
		.family = s->address.family,
		.service = s->service,
		.direction = s->direction,
	};
	char path[INSTANCE_PIN_MAX];
	_cleanup_close_ int fd = bpf_obj_get(table_pin(i, id, path));
	struct axp_hit hit;

	memcpy(key.address, s->address.addr, key.family == AXP_IPV4 ? 4 : 16);
	if (fd < 0 || bpf_map_lookup_elem(fd, &key, &hit))
		return false;
	*s = take(&key, &hit, to_realtime());
	return true;
}

struct batch {
	struct axp_hit_key keys[BATCH];
	struct axp_hit values[BATCH];
};

static int read_all(int fd, struct batch *b, struct hit_sample **samples, size_t *n,
		    uint64_t *left_out)
{
	int64_t offset = to_realtime();
	uint32_t position, *from = NULL;
	int rc = 0;

	while (!rc) {
		uint32_t count = BATCH;
		struct hit_sample *more;

		rc = bpf_map_lookup_batch(fd, from, &position, b->keys, b->values, &count, NULL);
		if (rc && rc != -ENOENT)
			return rc;
		more = reallocarray(*samples, *n + count + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		*samples = more;
		for (uint32_t k = 0; k < count; k++) {
			if (b->keys[k].family == AXP_FAMILY_NONE)
				*left_out += b->values[k].packets;
			else
				more[(*n)++] = take(&b->keys[k], &b->values[k], offset);
		}
		from = &position;
	}
	return 0;
}

int hits_table_read(const struct instance *i, uint32_t id, struct hit_sample **samples, size_t *n,
		    uint64_t *left_out, struct error *err)
{
	char path[INSTANCE_PIN_MAX];
	_cleanup_close_ int fd = bpf_obj_get(table_pin(i, id, path));
	_cleanup_free_ struct batch *b = calloc(1, sizeof(*b));
	int rc = fd < 0 ? fd : b ? read_all(fd, b, samples, n, left_out) : -ENOMEM;

	return rc ? error_set(err, -rc, "cannot read the table of hits %s: %s", path, strerror(-rc))
		  : 0;
}

void hits_table_forget(const struct instance *i, uint32_t id)
{
	char path[INSTANCE_PIN_MAX];

	unlink(table_pin(i, id, path));
}
