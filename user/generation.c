// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "generation.h"

enum { BATCH = 16384 };

struct trie_key {
	uint32_t prefixlen;
	uint8_t addr[16]; /* IPv4: the first four */
};

static size_t key_size(uint8_t family)
{
	return family == AXP_IPV4 ? sizeof(struct axp_lpm4_key) : sizeof(struct axp_lpm6_key);
}

static void node_key(const struct prefix *p, void *key)
{
	struct axp_lpm6_key k = { .prefixlen = p->len };

	memcpy(k.addr, p->addr, sizeof(k.addr));
	memcpy(key, &k, key_size(p->family));
}

/* "lpm4_2": pin of the trie of a family in a slot, so that later commands can change it. */
static const char *trie_pin(const struct instance *i, uint8_t family, uint32_t slot, char *buf)
{
	char name[16];

	snprintf(name, sizeof(name), "lpm%c_%u", family == AXP_IPV4 ? '4' : '6', slot);
	return instance_pin(i->paths, name, NULL, buf);
}

static int outer_map(const struct instance *i, uint8_t family)
{
	return i->maps[family == AXP_IPV4 ? MAP_TRIES4 : MAP_TRIES6];
}

static int create_trie(uint8_t family)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);

	return bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, family == AXP_IPV4 ? "lpm4" : "lpm6",
			      (uint32_t)key_size(family), sizeof(struct axp_lpm_value),
			      AXP_MAX_PREFIXES, &opts);
}

static uint64_t wall_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* Keys of map `timed` are given out once and never again: a packet that holds an old one finds the
 * old steps. */
static int insert_steps(const struct instance *i, const struct node_steps *steps, uint32_t *key)
{
	uint64_t boot = boot_time(), wall = wall_time();
	struct axp_timed value = { 0 };
	uint32_t next = (uint32_t)i->shared->next_timed + 1;

	for (uint32_t n = 0; n < steps->n; n++) {
		uint64_t at = steps->at[n] * 1000000000ULL;

		/* what is past stays past; 0 would end the steps */
		value.at[n] = boot + (at > wall ? at - wall : 0);
		value.services[n] = steps->services[n];
	}
	i->shared->next_timed = next;
	*key = next;
	return bpf_map_update_elem(i->maps[MAP_TIMED], key, &value, BPF_ANY);
}

static int node_value(const struct instance *i, const struct node *node,
		      const struct node_steps *steps, struct axp_lpm_value *value)
{
	memset(value, 0, sizeof(*value));
	value->services = node->services;
	return steps ? insert_steps(i, steps, &value->timed) : 0;
}

static const struct node_steps *steps_of(const struct nodes *nodes, const struct node *node)
{
	return node->timed ? &nodes->timed[node->timed - 1] : NULL;
}

/* A part of sorted nodes, all of one family. */
struct range {
	const struct nodes *nodes;
	size_t from, n;
	uint8_t family;
};

static int insert_one_by_one(const struct instance *i, int trie, const struct range *r, size_t done)
{
	for (; done < r->n; done++) {
		const struct node *node = &r->nodes->v[r->from + done];
		struct axp_lpm_value value;
		struct axp_lpm6_key key;
		int rc = node_value(i, node, steps_of(r->nodes, node), &value);

		node_key(&node->prefix, &key);
		if (!rc)
			rc = bpf_map_update_elem(trie, &key, &value, BPF_ANY);
		if (rc)
			return rc;
	}
	return 0;
}

/* In batches, sorted as they are: three times as fast as unsorted. One by one where the kernel has
 * none. */
static int insert_nodes(const struct instance *i, int trie, const struct range *r)
{
	size_t key_bytes = key_size(r->family);
	_cleanup_free_ char *keys = malloc(BATCH * key_bytes);
	_cleanup_free_ struct axp_lpm_value *values = malloc(BATCH * sizeof(*values));
	size_t done = 0;

	if (!keys || !values)
		return -ENOMEM;
	while (done < r->n) {
		uint32_t count = (uint32_t)(r->n - done < BATCH ? r->n - done : BATCH);
		int rc;

		for (uint32_t n = 0; n < count; n++) {
			const struct node *node = &r->nodes->v[r->from + done + n];

			node_key(&node->prefix, keys + n * key_bytes);
			rc = node_value(i, node, steps_of(r->nodes, node), &values[n]);
			if (rc)
				return rc;
		}
		rc = bpf_map_update_batch(trie, keys, values, &count, NULL);
		if (rc == -ENOTSUP || rc == -524 || rc == -EINVAL)
			return insert_one_by_one(i, trie, r, done);
		if (rc)
			return rc;
		done += count;
	}
	return 0;
}

/*
 * Waits until every packet that was under way has gone. The kernel waits so (synchronize_rcu)
 * before it returns from an update of a map of maps: maybe_wait_bpf_programs() in
 * kernel/bpf/syscall.c.
 */
static int wait_for_packets(const struct instance *i, struct error *err)
{
	_cleanup_close_ int trie = create_trie(AXP_IPV4);
	uint32_t slot = AXP_BARRIER_SLOT;
	int rc = trie < 0 ? trie
			  : bpf_map_update_elem(outer_map(i, AXP_IPV4), &slot, &trie, BPF_ANY);

	return rc ? error_set(err, -rc, "cannot update a map of maps: %s", strerror(-rc)) : 0;
}

static bool slot_in_use(const struct instance *i, uint32_t slot)
{
	char path[INSTANCE_PIN_MAX];

	return !access(trie_pin(i, AXP_IPV4, slot, path), F_OK) ||
	       !access(trie_pin(i, AXP_IPV6, slot, path), F_OK);
}

static void clear_slot(const struct instance *i, uint32_t slot)
{
	static const uint8_t families[] = { AXP_IPV4, AXP_IPV6 };
	char path[INSTANCE_PIN_MAX];

	for (size_t n = 0; n < ARRAY_SIZE(families); n++) {
		bpf_map_delete_elem(outer_map(i, families[n]), &slot);
		unlink(trie_pin(i, families[n], slot, path));
	}
}

static int fill_trie(struct instance *i, uint32_t slot, const struct range *r, struct error *err)
{
	_cleanup_close_ int trie = create_trie(r->family);
	char path[INSTANCE_PIN_MAX];
	int rc;

	if (trie < 0)
		return error_set(err, -trie, "cannot create a trie: %s", strerror(-trie));
	rc = insert_nodes(i, trie, r);
	if (rc)
		return error_set(err, -rc, "the kernel took only part of %zu prefixes: %s", r->n,
				 strerror(-rc));
	rc = bpf_obj_pin(trie, trie_pin(i, r->family, slot, path));
	if (rc)
		return error_set(err, -rc, "cannot pin %s: %s", path, strerror(-rc));
	rc = bpf_map_update_elem(outer_map(i, r->family), &slot, &trie, BPF_ANY);
	if (rc)
		return error_set(err, -rc, "cannot put a trie in place: %s", strerror(-rc));
	return 0;
}

static int fill_ports(struct instance *i, const struct policy *p, uint32_t slot, struct error *err)
{
	_cleanup_free_ struct axp_policy *ports = calloc(1, sizeof(*ports));
	int rc;

	if (!ports)
		return error_set(err, ENOMEM, "out of memory");
	rc = compile_ports(p, ports, err);
	if (rc)
		return rc;
	ports->first_timed = (uint32_t)i->shared->next_timed + 1;
	rc = bpf_map_update_elem(i->maps[MAP_POLICIES], &slot, ports, BPF_ANY);
	return rc ? error_set(err, -rc, "cannot fill the port tables: %s", strerror(-rc)) : 0;
}

/* One that neither packets nor a rollback need. */
static uint32_t idle_slot(const struct instance *i)
{
	uint32_t slot = AXP_ACTIVE_SLOT(instance_active(i));
	uint32_t fallback = AXP_ACTIVE_SLOT(i->shared->fallback);

	do {
		slot = (slot + 1) % AXP_SLOTS;
	} while (instance_pending(i) && slot == fallback);
	return slot;
}

int generation_fill(struct instance *i, const struct policy *p, struct error *err)
{
	_cleanup_nodes_ struct nodes nodes = { 0 };
	struct range r4 = { .nodes = &nodes, .family = AXP_IPV4 };
	struct range r6 = { .nodes = &nodes, .family = AXP_IPV6 };
	uint32_t slot = idle_slot(i);
	int rc = compile_nodes(p, &nodes);

	if (rc)
		return compile_failed(rc, err);
	while (r4.n < nodes.n && nodes.v[r4.n].prefix.family == AXP_IPV4)
		r4.n++;
	r6.from = r4.n;
	r6.n = nodes.n - r4.n;
	rc = slot_in_use(i, slot) ? wait_for_packets(i, err) : 0;
	if (rc)
		return rc;
	clear_slot(i, slot);
	rc = fill_ports(i, p, slot, err);
	if (!rc)
		rc = fill_trie(i, slot, &r4, err);
	if (!rc)
		rc = fill_trie(i, slot, &r6, err);
	if (!rc)
		return (int)slot;
	clear_slot(i, slot);
	return rc;
}

uint64_t generation_word(const struct instance *i, uint32_t slot, uint32_t mode)
{
	return AXP_ACTIVE(AXP_ACTIVE_GENERATION(instance_active(i)) + 1, mode, slot);
}

/* First key of map `timed` that the slot's nodes may hold. */
static uint32_t first_timed(const struct instance *i, uint32_t slot)
{
	_cleanup_free_ struct axp_policy *ports = calloc(1, sizeof(*ports));

	if (!ports || bpf_map_lookup_elem(i->maps[MAP_POLICIES], &slot, ports))
		return 0;
	return ports->first_timed;
}

/* Keys ascend with time: all below the oldest generation that is kept belong to ones that are gone.
 */
static void prune_timed(const struct instance *i, uint32_t keep_from)
{
	int map = i->maps[MAP_TIMED];
	uint32_t key, next;
	bool more = !bpf_map_get_next_key(map, NULL, &next);

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (key < keep_from)
			bpf_map_delete_elem(map, &key);
	}
}

void generation_prune(struct instance *i)
{
	uint32_t active = AXP_ACTIVE_SLOT(instance_active(i));
	uint32_t fallback = instance_pending(i) ? AXP_ACTIVE_SLOT(i->shared->fallback) : active;
	uint32_t keep_from = first_timed(i, active);
	struct error ignored;

	if (wait_for_packets(i, &ignored))
		return; /* the next fill waits and clears */
	for (uint32_t slot = 0; slot < AXP_SLOTS; slot++) {
		if (slot != active && slot != fallback)
			clear_slot(i, slot);
	}
	if (first_timed(i, fallback) < keep_from)
		keep_from = first_timed(i, fallback);
	prune_timed(i, keep_from);
}

/*
 * Key in map `timed` of a node that is in the trie; 0: none. (A look-up of a prefix that is not
 * there would find the one above it.)
 */
static uint32_t timed_of(int trie, const struct axp_lpm6_key *key)
{
	struct axp_lpm_value value = { 0 };

	return bpf_map_lookup_elem(trie, key, &value) ? 0 : value.timed;
}

static int apply_change(const struct instance *i, int trie, const struct change *c, uint32_t *old)
{
	struct axp_lpm_value value;
	struct axp_lpm6_key key;
	int rc;

	node_key(&c->node.prefix, &key);
	*old = c->known ? timed_of(trie, &key) : 0;
	if (c->remove)
		return bpf_map_delete_elem(trie, &key);
	rc = node_value(i, &c->node, c->steps, &value);
	return rc ? rc : bpf_map_update_elem(trie, &key, &value, BPF_ANY);
}

int generation_change(struct instance *i, uint32_t slot, const struct changes *changes,
		      struct error *err)
{
	_cleanup_free_ uint32_t *old = calloc(changes->n + 1, sizeof(*old));
	_cleanup_close_ int trie4 = -1, trie6 = -1;
	char path[INSTANCE_PIN_MAX];
	struct error ignored;
	size_t n, n_old = 0;
	int rc = 0;

	if (!old)
		return error_set(err, ENOMEM, "out of memory");
	for (n = 0; !rc && n < changes->n; n++) {
		uint8_t family = changes->v[n].node.prefix.family;
		int *trie = family == AXP_IPV4 ? &trie4 : &trie6;

		if (*trie < 0)
			*trie = bpf_obj_get(trie_pin(i, family, slot, path));
		rc = *trie < 0 ? *trie : apply_change(i, *trie, &changes->v[n], &old[n_old]);
		n_old += !rc && old[n_old];
	}
	/* Packets under way may still hold the keys of steps that no node has any more. */
	if (n_old && !wait_for_packets(i, &ignored)) {
		for (n = 0; n < n_old; n++)
			bpf_map_delete_elem(i->maps[MAP_TIMED], &old[n]);
	}
	return rc ? error_set(err, -rc, "cannot change the trie: %s", strerror(-rc)) : 0;
}
