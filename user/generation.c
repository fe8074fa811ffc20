// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include "cleanup.h"
#include "generation.h"
#include "slot.h"
#include "trie.h"

/* Nodes of one family: a part of the sorted ones. */
struct range {
	const struct nodes *nodes;
	size_t from, n;
	uint8_t family;
};

/* Indices of the nodes that the directory asks the trie about. */
static size_t *asked(const struct directory *d, const struct range *r, size_t *n)
{
	size_t *v = calloc(r->n + 1, sizeof(*v));

	*n = 0;
	for (size_t k = r->from; v && k < r->from + r->n; k++) {
		if (directory_asks(d, &r->nodes->v[k]))
			v[(*n)++] = k;
	}
	return v;
}

static int fill_trie(const struct instance *i, uint32_t slot, const struct range *r,
		     const struct directory *d)
{
	size_t n;
	_cleanup_free_ size_t *v = asked(d, r, &n);
	_cleanup_close_ int trie = -1;

	if (!v)
		return -ENOMEM;
	if (!n)
		return 0;
	trie = slot_open_trie(i, r->family, slot, true);
	return trie < 0 ? trie : trie_fill(i, trie, r->nodes, v, n);
}

static int fill_family(const struct instance *i, uint32_t slot, const struct range *r,
		       struct error *err)
{
	_cleanup_directory_ struct directory d = { .family = r->family };
	_cleanup_pages_ struct directory_pages pages = slot_pages(i, r->family, slot);
	int rc;

	if (!r->n && r->family == AXP_IPV6)
		return 0;
	rc = directory_build(&d, r->nodes, r->from, r->n);
	if (!rc)
		rc = directory_pages_fill(&pages, &d);
	if (!rc)
		rc = slot_put_pages(i, &pages, 0);
	if (!rc)
		rc = fill_trie(i, slot, r, &d);
	if (rc)
		return error_set(err, -rc, "the kernel took only part of %zu prefixes: %s", r->n,
				 strerror(-rc));
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
	ports->filled = 1;
	ports->first_timed = (uint32_t)i->shared->next_timed + 1;
	memcpy(&i->policies[slot], ports, offsetof(struct axp_policy, front4));
	return 0;
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

/* Sorted nodes: IPv4's come first. */
static void split(const struct nodes *nodes, struct range r[static 2])
{
	size_t n4 = 0;

	while (n4 < nodes->n && nodes->v[n4].prefix.family == AXP_IPV4)
		n4++;
	r[0] = (struct range){ .nodes = nodes, .n = n4, .family = AXP_IPV4 };
	r[1] = (struct range){ .nodes = nodes, .from = n4, .n = nodes->n - n4, .family = AXP_IPV6 };
}

int generation_fill(struct instance *i, const struct policy *p, struct error *err)
{
	_cleanup_nodes_ struct nodes nodes = { 0 };
	struct range r[2];
	uint32_t slot = idle_slot(i);
	int rc = compile_nodes(p, &nodes);

	if (rc)
		return compile_failed(rc, err);
	split(&nodes, r);
	rc = slot_in_use(i, slot) ? wait_for_packets(i) : 0;
	if (rc)
		return error_set(err, -rc, "cannot update a map of maps: %s", strerror(-rc));
	slot_clear(i, slot);
	rc = fill_ports(i, p, slot, err);
	for (size_t n = 0; !rc && n < ARRAY_SIZE(r); n++)
		rc = fill_family(i, slot, &r[n], err);
	if (!rc)
		return (int)slot;
	slot_clear(i, slot);
	return rc;
}

uint64_t generation_word(const struct instance *i, uint32_t slot, uint32_t mode)
{
	return AXP_ACTIVE(AXP_ACTIVE_GENERATION(instance_active(i)) + 1, mode, slot);
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

static bool is_kept(struct instance *i, uint32_t slot)
{
	return slot == AXP_ACTIVE_SLOT(instance_active(i)) ||
	       (instance_pending(i) && slot == AXP_ACTIVE_SLOT(i->shared->fallback));
}

bool generation_left_over(struct instance *i)
{
	for (uint32_t slot = 0; slot < AXP_SLOTS; slot++) {
		if (!is_kept(i, slot) && slot_in_use(i, slot))
			return true;
	}
	return false;
}

void generation_prune(struct instance *i)
{
	uint32_t active = AXP_ACTIVE_SLOT(instance_active(i));
	uint32_t fallback = instance_pending(i) ? AXP_ACTIVE_SLOT(i->shared->fallback) : active;
	uint32_t keep_from = i->policies[active].first_timed;

	if (wait_for_packets(i))
		return; /* the next fill waits and clears */
	for (uint32_t slot = 0; slot < AXP_SLOTS; slot++) {
		if (!is_kept(i, slot))
			slot_clear(i, slot);
	}
	if (i->policies[fallback].first_timed < keep_from)
		keep_from = i->policies[fallback].first_timed;
	prune_timed(i, keep_from);
}
