// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "trie.h"

enum { BATCH = 16384 };

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

int trie_set(const struct instance *i, int trie, const struct node *node,
	     const struct node_steps *steps)
{
	struct axp_lpm_value value;
	struct axp_lpm6_key key;
	int rc = node_value(i, node, steps, &value);

	node_key(&node->prefix, &key);
	return rc ? rc : bpf_map_update_elem(trie, &key, &value, BPF_ANY);
}

int trie_delete(int trie, const struct prefix *prefix)
{
	struct axp_lpm6_key key;
	int rc;

	node_key(prefix, &key);
	rc = bpf_map_delete_elem(trie, &key);
	return rc == -ENOENT ? 0 : rc;
}

uint32_t trie_timed(int trie, const struct prefix *prefix)
{
	struct axp_lpm_value value = { 0 };
	struct axp_lpm6_key key;

	node_key(prefix, &key);
	return bpf_map_lookup_elem(trie, &key, &value) ? 0 : value.timed;
}

static const struct node_steps *steps_of(const struct nodes *nodes, const struct node *node)
{
	return node->timed ? &nodes->timed[node->timed - 1] : NULL;
}

static int fill_one_by_one(const struct instance *i, int trie, const struct nodes *nodes,
			   const size_t *v, size_t n)
{
	int rc = 0;

	for (size_t k = 0; !rc && k < n; k++) {
		const struct node *node = &nodes->v[v[k]];

		rc = trie_set(i, trie, node, steps_of(nodes, node));
	}
	return rc;
}

/* In batches, sorted as they are: three times as fast as unsorted. One by one where the kernel has
 * none. */
int trie_fill(const struct instance *i, int trie, const struct nodes *nodes, const size_t *v,
	      size_t n)
{
	size_t key_bytes = n ? key_size(nodes->v[v[0]].prefix.family) : 0;
	_cleanup_free_ char *keys = malloc(BATCH * (key_bytes + 1));
	_cleanup_free_ struct axp_lpm_value *values = malloc(BATCH * sizeof(*values));

	if (!keys || !values)
		return -ENOMEM;
	for (size_t done = 0; done < n;) {
		uint32_t count = (uint32_t)(n - done < BATCH ? n - done : BATCH);
		int rc;

		for (uint32_t k = 0; k < count; k++) {
			const struct node *node = &nodes->v[v[done + k]];

			node_key(&node->prefix, keys + k * key_bytes);
			rc = node_value(i, node, steps_of(nodes, node), &values[k]);
			if (rc)
				return rc;
		}
		rc = bpf_map_update_batch(trie, keys, values, &count, NULL);
		if (rc == -ENOTSUP || rc == -524 || rc == -EINVAL)
			return fill_one_by_one(i, trie, nodes, v + done, n - done);
		if (rc)
			return rc;
		done += count;
	}
	return 0;
}
