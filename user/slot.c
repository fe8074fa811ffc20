// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "cleanup.h"
#include "slot.h"

static const uint8_t families[] = { AXP_IPV4, AXP_IPV6 };

static const char *trie_pin(const struct instance *i, uint8_t family, uint32_t slot, char *buf)
{
	char name[16];

	snprintf(name, sizeof(name), "lpm%c_%u", family == AXP_IPV4 ? '4' : '6', slot);
	return instance_pin(i->paths, name, NULL, buf);
}

static const char *page_pin(const struct instance *i, uint8_t family, uint32_t slot, uint32_t page,
			    char *buf)
{
	char name[32];

	snprintf(name, sizeof(name), "dir%c_%u_%u", family == AXP_IPV4 ? '4' : '6', slot, page);
	return instance_pin(i->paths, name, NULL, buf);
}

static int tries(const struct instance *i, uint8_t family)
{
	return i->maps[family == AXP_IPV4 ? MAP_TRIES4 : MAP_TRIES6];
}

static int directories(const struct instance *i, uint8_t family)
{
	return i->maps[family == AXP_IPV4 ? MAP_DIRECTORIES4 : MAP_DIRECTORIES6];
}

static int create_trie(uint8_t family)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	uint32_t key =
		family == AXP_IPV4 ? sizeof(struct axp_lpm4_key) : sizeof(struct axp_lpm6_key);

	return bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, family == AXP_IPV4 ? "lpm4" : "lpm6", key,
			      sizeof(struct axp_lpm_value), AXP_MAX_PREFIXES, &opts);
}

static uint32_t count_pages(const struct instance *i, uint8_t family, uint32_t slot)
{
	char path[INSTANCE_PIN_MAX];
	uint32_t n = 0;

	while (n < AXP_DIR_PAGES && !access(page_pin(i, family, slot, n, path), F_OK))
		n++;
	return n;
}

bool slot_in_use(const struct instance *i, uint32_t slot)
{
	char path[INSTANCE_PIN_MAX];

	if (i->policies[slot].filled)
		return true;
	for (size_t n = 0; n < ARRAY_SIZE(families); n++) {
		if (!access(trie_pin(i, families[n], slot, path), F_OK) ||
		    count_pages(i, families[n], slot))
			return true;
	}
	return false;
}

/* Pins go last, the highest page's first: killed in between, what is left says what is to do. */
static void clear_family(const struct instance *i, uint8_t family, uint32_t slot)
{
	uint32_t pages = count_pages(i, family, slot);
	char path[INSTANCE_PIN_MAX];

	directory_pages_clear(directories(i, family), slot, pages);
	while (pages)
		unlink(page_pin(i, family, slot, --pages, path));
	bpf_map_delete_elem(tries(i, family), &slot);
	unlink(trie_pin(i, family, slot, path));
}

void slot_clear(const struct instance *i, uint32_t slot)
{
	for (size_t n = 0; n < ARRAY_SIZE(families); n++)
		clear_family(i, families[n], slot);
	i->policies[slot].filled = 0;
}

struct directory_pages slot_pages(const struct instance *i, uint8_t family, uint32_t slot)
{
	return (struct directory_pages){
		.family = family,
		.policy = &i->policies[slot],
		.policies = i->maps[MAP_POLICIES],
		.slot = slot,
	};
}

int slot_put_pages(const struct instance *i, const struct directory_pages *pages, uint32_t from)
{
	char path[INSTANCE_PIN_MAX];
	int rc = 0;

	for (uint32_t n = from; !rc && n < pages->n; n++)
		rc = bpf_obj_pin(pages->map[n], page_pin(i, pages->family, pages->slot, n, path));
	return rc ? rc : directory_pages_put(pages, from, directories(i, pages->family));
}

int slot_open_pages(const struct instance *i, struct directory_pages *pages)
{
	uint32_t n = count_pages(i, pages->family, pages->slot);
	char path[INSTANCE_PIN_MAX];

	for (; pages->n < n; pages->n++) {
		int map = bpf_obj_get(page_pin(i, pages->family, pages->slot, pages->n, path));

		if (map < 0)
			return map;
		pages->map[pages->n] = map;
	}
	return 0;
}

int slot_add_pages(const struct instance *i, uint32_t more, struct directory_pages *pages)
{
	uint32_t from = pages->n, room = directory_pages_max(pages->family) - from;
	int rc = 0;

	if (room && more > room)
		more = room;
	while (rc >= 0 && pages->n < from + more)
		rc = directory_pages_add(pages);
	return rc < 0 ? rc : slot_put_pages(i, pages, from);
}

static int make_trie(const struct instance *i, uint8_t family, uint32_t slot)
{
	_cleanup_close_ int trie = create_trie(family);
	char path[INSTANCE_PIN_MAX];
	int rc = trie < 0 ? trie : bpf_obj_pin(trie, trie_pin(i, family, slot, path));

	if (!rc)
		rc = bpf_map_update_elem(tries(i, family), &slot, &trie, BPF_ANY);
	return rc ? rc : TAKE_FD(trie);
}

int slot_open_trie(const struct instance *i, uint8_t family, uint32_t slot, bool make)
{
	char path[INSTANCE_PIN_MAX];
	int trie = bpf_obj_get(trie_pin(i, family, slot, path));

	return trie == -ENOENT && make ? make_trie(i, family, slot) : trie;
}

int wait_for_packets(const struct instance *i)
{
	_cleanup_close_ int trie = create_trie(AXP_IPV4);
	uint32_t slot = AXP_BARRIER_SLOT;

	return trie < 0 ? trie : bpf_map_update_elem(tries(i, AXP_IPV4), &slot, &trie, BPF_ANY);
}
