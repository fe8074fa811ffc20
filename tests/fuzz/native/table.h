/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BPF maps in ordinary memory. Each value is an allocation of its own, so that the sanitizer sees
 * who reads or writes past it. A variable that is a map to the programs begins with a pointer to
 * its table (native.c puts it there).
 */
#ifndef ALLOWXDP_NATIVE_TABLE_H
#define ALLOWXDP_NATIVE_TABLE_H

#include <stddef.h>
#include <linux/types.h>

enum table_kind {
	TABLE_ARRAY,
	TABLE_HASH, /* LRU ones too: they are emptied before they are full */
	TABLE_TRIE, /* a list, searched from end to end */
	TABLE_MAPS, /* array of maps */
};

struct table {
	struct table *self; /* first, so that a table is a map, too: an inner one */
	enum table_kind kind;
	__u32 key_size, value_size, max_entries;
	void **values; /* TABLE_ARRAY; TABLE_MAPS: the maps themselves, or NULL */
	struct table_entry **buckets;
	struct table_entry *entries; /* TABLE_TRIE */
	size_t n;
};

void table_init(struct table *t, enum table_kind kind, __u32 key_size, __u32 value_size,
		__u32 max_entries);
/* Hashes and tries: nothing is left in them. */
void table_clear(struct table *t);

/* As the helpers of the kernel: NULL; 0 or a negative errno. */
void *table_look_up(struct table *t, const void *key);
int table_update(struct table *t, const void *key, const void *value, __u64 flags);

#endif
