// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "tables.h"

#define NANOSECONDS 1000000000ULL

enum { BATCH = 4096, FRAGMENT_SECONDS = 5 /* bpf/fragment.h */ };

/* Seconds after its last packet for which an element counts; 0: for as long as it is there. */
struct life {
	uint64_t seconds;
	uint64_t tcp_seconds; /* where the key is a flow's, and it is TCP's */
};

static bool counts(const struct life *life, const void *key, const void *value, uint64_t now)
{
	const struct axp_flow_key *flow = key;
	uint64_t limit = life->seconds;
	uint64_t seen;

	if (!limit)
		return true;
	if (life->tcp_seconds && flow->protocol == AXP_TCP)
		limit = life->tcp_seconds;
	memcpy(&seen, value, sizeof(seen)); /* first in each of them */
	return now < seen || now - seen <= limit * NANOSECONDS;
}

static uint64_t monotonic_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NANOSECONDS + (uint64_t)ts.tv_nsec;
}

static int count_elements(int map, const struct bpf_map_info *info, const struct life *life,
			  uint64_t *n)
{
	_cleanup_free_ char *keys = calloc(BATCH, info->key_size);
	_cleanup_free_ char *values = calloc(BATCH, info->value_size);
	uint64_t now = monotonic_now();
	uint32_t position, *from = NULL;
	int rc = 0;

	*n = 0;
	if (!keys || !values)
		return -ENOMEM;
	while (!rc) {
		uint32_t count = BATCH;

		rc = bpf_map_lookup_batch(map, from, &position, keys, values, &count, NULL);
		if (rc && rc != -ENOENT)
			return rc;
		for (uint32_t k = 0; k < count; k++)
			*n += counts(life, keys + (size_t)k * info->key_size,
				     values + (size_t)k * info->value_size, now);
		from = &position;
	}
	return 0;
}

static int read_map(const struct instance *i, enum instance_map which, const struct life *life,
		    struct table *out, struct error *err)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	int rc = bpf_obj_get_info_by_fd(i->maps[which], &info, &size);

	out->name = instance_map_name(which);
	out->capacity = info.max_entries;
	if (!rc)
		rc = count_elements(i->maps[which], &info, life, &out->used);
	return rc ? error_set(err, -rc, "cannot read the map %s: %s", out->name, strerror(-rc)) : 0;
}

/* Pages that a generation's directory takes: they are there from the first one on. IPv4's front
 * counts for one. */
static struct table read_directory(const struct instance *i, enum instance_map which, uint32_t slot)
{
	struct table t = { instance_map_name(which), which == MAP_DIRECTORIES4, AXP_DIR_PAGES };
	uint32_t key = AXP_DIR_PAGE_KEY(slot, 0), id;

	while (t.used < t.capacity && !bpf_map_lookup_elem(i->maps[which], &key, &id)) {
		t.used++;
		key++;
	}
	return t;
}

int tables_read(const struct instance *i, uint32_t slot, const struct policy *p,
		const struct inventory *inventory, const struct flow_stats *flows,
		struct table out[static TABLES], struct error *err)
{
	const struct settings *s = &p->settings;
	const struct {
		enum instance_map map;
		struct life life;
	} maps[] = {
		{ MAP_TIMED, { 0 } },
		{ MAP_STRANGERS, { .seconds = s->idle_udp } },
		{ MAP_ANSWERS, { .seconds = s->idle_udp, .tcp_seconds = s->idle_tcp } },
		{ MAP_FRAGMENTS, { .seconds = FRAGMENT_SECONDS } },
	};
	struct table *t = out;
	int rc = 0;

	*t++ = (struct table){ "services", p->n_services, AXP_MAX_SERVICES };
	*t++ = (struct table){ "prefixes-ipv4", inventory->prefixes[AXP_IPV4], AXP_MAX_PREFIXES };
	*t++ = (struct table){ "prefixes-ipv6", inventory->prefixes[AXP_IPV6], AXP_MAX_PREFIXES };
	*t++ = read_directory(i, MAP_DIRECTORIES4, slot);
	*t++ = read_directory(i, MAP_DIRECTORIES6, slot);
	*t++ = (struct table){ "flows", flows->alive, flows->capacity };
	for (size_t n = 0; !rc && n < ARRAY_SIZE(maps); n++)
		rc = read_map(i, maps[n].map, &maps[n].life, t++, err);
	return rc;
}
