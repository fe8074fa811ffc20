// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include "table.h"

enum { BUCKETS = 4096 };

struct table_entry {
	struct table_entry *next;
	void *key, *value;
};

static void *copy_of(const void *data, size_t n)
{
	void *copy = malloc(n);

	if (!copy)
		abort();
	memcpy(copy, data, n);
	return copy;
}

static void *zeros(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		abort();
	return p;
}

void table_init(struct table *t, enum table_kind kind, __u32 key_size, __u32 value_size,
		__u32 max_entries)
{
	*t = (struct table){ t, kind, key_size, value_size, max_entries, NULL, NULL, NULL, 0 };
	if (kind == TABLE_HASH)
		t->buckets = zeros(BUCKETS, sizeof(*t->buckets));
	if (kind == TABLE_ARRAY || kind == TABLE_MAPS)
		t->values = zeros(max_entries, sizeof(*t->values));
	for (__u32 i = 0; kind == TABLE_ARRAY && i < max_entries; i++)
		t->values[i] = zeros(1, value_size);
}

static void drop_entries(struct table_entry **from)
{
	while (*from) {
		struct table_entry *e = *from;

		*from = e->next;
		free(e->key);
		free(e->value);
		free(e);
	}
}

void table_clear(struct table *t)
{
	if (!t->n)
		return;
	for (size_t i = 0; t->buckets && i < BUCKETS; i++)
		drop_entries(&t->buckets[i]);
	drop_entries(&t->entries);
	t->n = 0;
}

static struct table_entry **bucket(struct table *t, const void *key)
{
	const __u8 *bytes = key;
	__u64 hash = 14695981039346656037ULL;

	for (__u32 i = 0; i < t->key_size; i++)
		hash = (hash ^ bytes[i]) * 1099511628211ULL;
	return &t->buckets[(hash ^ hash >> 32) % BUCKETS];
}

static struct table_entry *find(struct table *t, struct table_entry *among, const void *key)
{
	while (among && memcmp(among->key, key, t->key_size))
		among = among->next;
	return among;
}

/* A key is a length in bits and an address: does the node's cover it? */
static bool covers(const void *node, const void *key)
{
	const __u8 *a = (const __u8 *)node + 4, *b = (const __u8 *)key + 4;
	__u32 len;

	memcpy(&len, node, sizeof(len));
	for (__u32 bit = 0; bit < len; bit++)
		if ((a[bit / 8] ^ b[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static void *longest(struct table *t, const void *key)
{
	__u32 best = 0, len;
	void *value = NULL;

	for (struct table_entry *e = t->entries; e; e = e->next) {
		memcpy(&len, e->key, sizeof(len));
		if ((!value || len > best) && covers(e->key, key)) {
			best = len;
			value = e->value;
		}
	}
	return value;
}

void *table_look_up(struct table *t, const void *key)
{
	struct table_entry *e;
	__u32 index;

	switch (t->kind) {
	case TABLE_TRIE:
		return longest(t, key);
	case TABLE_HASH:
		e = find(t, *bucket(t, key), key);
		return e ? e->value : NULL;
	default:
		memcpy(&index, key, sizeof(index));
		return index < t->max_entries ? t->values[index] : NULL;
	}
}

int table_update(struct table *t, const void *key, const void *value, __u64 flags)
{
	struct table_entry **list, *e;

	if (t->kind != TABLE_HASH && t->kind != TABLE_TRIE) {
		void *at = table_look_up(t, key);

		if (!at || t->kind == TABLE_MAPS)
			return -E2BIG;
		memcpy(at, value, t->value_size);
		return 0;
	}
	list = t->kind == TABLE_HASH ? bucket(t, key) : &t->entries;
	e = find(t, *list, key);
	if (e && flags == BPF_NOEXIST)
		return -EEXIST;
	if (e) {
		memcpy(e->value, value, t->value_size);
		return 0;
	}
	if (t->n >= t->max_entries)
		return -E2BIG;
	e = zeros(1, sizeof(*e));
	e->key = copy_of(key, t->key_size);
	e->value = copy_of(value, t->value_size);
	e->next = *list;
	*list = e;
	t->n++;
	return 0;
}
