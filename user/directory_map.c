// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "cleanup.h"
#include "directory_map.h"

void directory_pages_close(struct directory_pages *pages)
{
	for (uint32_t i = 0; i < pages->n; i++)
		close(pages->map[i]);
	pages->n = 0;
}

/* Or it could not be mapped. */
_Static_assert(offsetof(struct axp_policy, front4) % 65536 == 0, "AXP_POLICY_PAD");
_Static_assert(sizeof(struct axp_policy) % 65536 == 0, "AXP_POLICY_PAD");
_Static_assert(sizeof(union axp_dir4_front) == AXP_DIR4_FRONT, "AXP_DIR4_FRONT");

/* Bytes of units that are in the policy. */
static size_t front_bytes(uint8_t family)
{
	return family == AXP_IPV4 ? AXP_DIR4_FRONT : 0;
}

uint32_t directory_pages_max(uint8_t family)
{
	return family == AXP_IPV4 ? AXP_DIR4_PAGES : AXP_DIR_PAGES;
}

int directory_pages_add(struct directory_pages *pages)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int map;

	if (pages->n == directory_pages_max(pages->family))
		return -E2BIG;
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "directory_page", sizeof(uint32_t), AXP_DIR_PAGE,
			     1, &opts);
	if (map >= 0)
		pages->map[pages->n++] = map;
	return map;
}

static int map_at(uint8_t *at, size_t bytes, int map, off_t offset)
{
	void *p = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, map, offset);

	return p == MAP_FAILED ? -errno : 0;
}

int directory_map(struct directory *d, const struct directory_pages *pages)
{
	size_t front = front_bytes(pages->family);
	size_t size = front + (size_t)pages->n * AXP_DIR_PAGE;
	uint8_t *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rc = 0;

	if (base == MAP_FAILED)
		return -errno;
	*d = (struct directory){ .family = pages->family, .fixed = true, .units = base };
	d->room = (uint32_t)(size / directory_unit(d->family));
	if (front) {
		d->head = &pages->policy->dir4;
		rc = map_at(base, front, pages->policies,
			    (off_t)(pages->slot * sizeof(struct axp_policy) +
				    offsetof(struct axp_policy, front4)));
	}
	for (uint32_t i = 0; !rc && i < pages->n; i++)
		rc = map_at(base + front + (size_t)i * AXP_DIR_PAGE, AXP_DIR_PAGE, pages->map[i],
			    0);
	if (rc)
		directory_unmap(d);
	return rc;
}

void directory_unmap(struct directory *d)
{
	if (d->units)
		munmap(d->units, (size_t)d->room * directory_unit(d->family));
	memset(d, 0, sizeof(*d));
}

int directory_pages_fill(struct directory_pages *pages, const struct directory *d)
{
	size_t bytes = (size_t)directory_used(d) * directory_unit(d->family);
	struct directory copy;
	int rc = 0;

	while (rc >= 0 && front_bytes(d->family) + (size_t)pages->n * AXP_DIR_PAGE < bytes)
		rc = directory_pages_add(pages);
	if (rc >= 0)
		rc = directory_map(&copy, pages);
	if (rc < 0) {
		directory_pages_close(pages);
		return rc;
	}
	memcpy(copy.units, d->units, bytes);
	if (d->head)
		*copy.head = *d->head;
	directory_unmap(&copy);
	return 0;
}

/*
 * In a batch where the kernel has it for maps of maps (5.18): it waits for packets under way once,
 * and not for each page.
 */
static int put_maps(int directories, uint32_t *keys, uint32_t *maps, uint32_t n)
{
	uint32_t done = n;

	if (!bpf_map_update_batch(directories, keys, maps, &done, NULL))
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		int rc = bpf_map_update_elem(directories, &keys[i], &maps[i], BPF_ANY);

		if (rc)
			return rc;
	}
	return 0;
}

int directory_pages_put(const struct directory_pages *pages, uint32_t from, int directories)
{
	uint32_t keys[AXP_DIR_PAGES], maps[AXP_DIR_PAGES], n = 0;

	for (uint32_t i = from; i < pages->n; i++, n++) {
		keys[n] = AXP_DIR_PAGE_KEY(pages->slot, i);
		maps[n] = (uint32_t)pages->map[i];
	}
	return n ? put_maps(directories, keys, maps, n) : 0;
}

/*
 * There is no batch to delete from a map of maps: one empty page takes the place of all, and is
 * then deleted from the first, without which nobody looks for the others.
 */
void directory_pages_clear(int directories, uint32_t slot, uint32_t n)
{
	_cleanup_pages_ struct directory_pages empty = { .n = 0 };
	uint32_t keys[AXP_DIR_PAGES], maps[AXP_DIR_PAGES];
	int map = n > 1 ? directory_pages_add(&empty) : -1;

	for (uint32_t i = 0; map >= 0 && i < n; i++) {
		keys[i] = AXP_DIR_PAGE_KEY(slot, i);
		maps[i] = (uint32_t)map;
	}
	if (map >= 0)
		put_maps(directories, keys, maps, n);
	keys[0] = AXP_DIR_PAGE_KEY(slot, 0);
	if (n)
		bpf_map_delete_elem(directories, &keys[0]);
}
