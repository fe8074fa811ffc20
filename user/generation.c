// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	return i->tries[family == AXP_IPV4 ? 0 : 1];
}

static int create_trie(uint8_t family)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);

	return bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, family == AXP_IPV4 ? "lpm4" : "lpm6",
			      (uint32_t)key_size(family), sizeof(struct axp_lpm_value),
			      AXP_MAX_PREFIXES, &opts);
}

static int insert_one_by_one(int trie, const struct node *nodes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct axp_lpm_value value = { .services = nodes[i].services };
		struct axp_lpm6_key key;
		int rc;

		node_key(&nodes[i].prefix, &key);
		rc = bpf_map_update_elem(trie, &key, &value, BPF_ANY);
		if (rc)
			return rc;
	}
	return 0;
}

/* In batches, sorted as they are (three times as fast as unsorted); one by one where batches are
 * not known. */
static int insert_nodes(int trie, uint8_t family, const struct node *nodes, size_t n)
{
	_cleanup_free_ char *keys = malloc(BATCH * key_size(family));
	_cleanup_free_ struct axp_lpm_value *values = malloc(BATCH * sizeof(*values));
	size_t done = 0;

	if (!keys || !values)
		return -ENOMEM;
	while (done < n) {
		uint32_t count = (uint32_t)(n - done < BATCH ? n - done : BATCH);
		int rc;

		for (uint32_t i = 0; i < count; i++) {
			node_key(&nodes[done + i].prefix, keys + i * key_size(family));
			values[i].services = nodes[done + i].services;
		}
		rc = bpf_map_update_batch(trie, keys, values, &count, NULL);
		if (rc == -ENOTSUP || rc == -524 || rc == -EINVAL)
			return insert_one_by_one(trie, nodes + done, n - done);
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

static int fill_trie(struct instance *i, uint8_t family, uint32_t slot, const struct node *nodes,
		     size_t n, struct error *err)
{
	_cleanup_close_ int trie = create_trie(family);
	char path[INSTANCE_PIN_MAX];
	int rc;

	if (trie < 0)
		return error_set(err, -trie, "cannot create a trie: %s", strerror(-trie));
	rc = insert_nodes(trie, family, nodes, n);
	if (rc)
		return error_set(err, -rc, "the kernel took only part of %zu prefixes: %s", n,
				 strerror(-rc));
	rc = bpf_obj_pin(trie, trie_pin(i, family, slot, path));
	if (rc)
		return error_set(err, -rc, "cannot pin %s: %s", path, strerror(-rc));
	rc = bpf_map_update_elem(outer_map(i, family), &slot, &trie, BPF_ANY);
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
	rc = bpf_map_update_elem(i->policies, &slot, ports, BPF_ANY);
	return rc ? error_set(err, -rc, "cannot fill the port tables: %s", strerror(-rc)) : 0;
}

int generation_fill(struct instance *i, const struct policy *p, struct error *err)
{
	uint32_t slot = (AXP_ACTIVE_SLOT(instance_active(i)) + 1) % AXP_SLOTS;
	_cleanup_nodes_ struct nodes nodes = { 0 };
	size_t n4 = 0;
	int rc;

	if (compile_nodes(p, &nodes))
		return error_set(err, ENOMEM, "out of memory");
	while (n4 < nodes.n && nodes.v[n4].prefix.family == AXP_IPV4)
		n4++;
	rc = slot_in_use(i, slot) ? wait_for_packets(i, err) : 0;
	if (rc)
		return rc;
	clear_slot(i, slot);
	rc = fill_ports(i, p, slot, err);
	if (!rc)
		rc = fill_trie(i, AXP_IPV4, slot, nodes.v, n4, err);
	if (!rc)
		rc = fill_trie(i, AXP_IPV6, slot, nodes.v + n4, nodes.n - n4, err);
	if (!rc)
		return (int)slot;
	clear_slot(i, slot);
	return rc;
}

uint64_t generation_flip(struct instance *i, uint32_t slot, uint32_t mode)
{
	uint64_t generation = AXP_ACTIVE_GENERATION(instance_active(i)) + 1;

	instance_set_active(i, AXP_ACTIVE(generation, mode, slot));
	return generation;
}

void generation_prune(struct instance *i)
{
	uint32_t active = AXP_ACTIVE_SLOT(instance_active(i));
	struct error ignored;

	if (wait_for_packets(i, &ignored))
		return; /* the next fill waits and clears */
	for (uint32_t n = 1; n < AXP_SLOTS; n++)
		clear_slot(i, (active + n) % AXP_SLOTS);
}

int generation_change(struct instance *i, const struct changes *changes, struct error *err)
{
	uint32_t slot = AXP_ACTIVE_SLOT(instance_active(i));
	int tries[2] = { -1, -1 };
	char path[INSTANCE_PIN_MAX];
	int rc = 0;

	for (size_t n = 0; !rc && n < changes->n; n++) {
		const struct node *node = &changes->v[n].node;
		struct axp_lpm_value value = { .services = node->services };
		int *trie = &tries[node->prefix.family == AXP_IPV4 ? 0 : 1];
		struct axp_lpm6_key key;

		if (*trie < 0)
			*trie = bpf_obj_get(trie_pin(i, node->prefix.family, slot, path));
		if (*trie < 0) {
			rc = *trie;
			break;
		}
		node_key(&node->prefix, &key);
		if (changes->v[n].remove)
			rc = bpf_map_delete_elem(*trie, &key);
		else
			rc = bpf_map_update_elem(*trie, &key, &value, BPF_ANY);
	}
	cleanup_close(&tries[0]);
	cleanup_close(&tries[1]);
	return rc ? error_set(err, -rc, "cannot change the trie: %s", strerror(-rc)) : 0;
}
