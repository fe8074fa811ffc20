// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "cleanup.h"
#include "large_pages.h"
#include "policy.h"

/*
 * Who owns what. In a policy that was read from a config, every pointer is malloc'd. In a `mapped`
 * one, services, lists, sources, interfaces, base.v and strings.blob point into the mapping, and
 * only added.v is malloc'd. strings.cap == 0 says that the blob is not ours: policy_intern moves it
 * to the heap before it grows, which sets cap, so the blob alone may be owned in a mapped policy.
 */
void policy_free(struct policy *p)
{
	if (p->strings.cap)
		free(p->strings.blob);
	free(p->added.v);
	if (p->mapped) {
		munmap(p->mapping, p->mapping_size);
	} else {
		free(p->services);
		free(p->lists);
		free(p->sources);
		free(p->interfaces);
		free(p->base.v);
	}
	*p = (struct policy){ 0 };
}

struct settings policy_defaults(void)
{
	return (struct settings){
		.mode = AXP_MODE_ENFORCE,
		.flow_capacity = 131072,
		.idle_udp = 180,
		.idle_tcp = 7200,
		.idle_tcp_closing = 60,
		.dns_ttl_min = 30,
		.dns_ttl_max = 3600,
		.dns_grace = 600,
	};
}

bool entry_expired(const struct policy *p, const struct entry *e)
{
	return e->until && e->until <= p->now;
}

const char *policy_string(const struct policy *p, uint32_t offset)
{
	return offset < p->strings.n ? p->strings.blob + offset : "";
}

static int strings_reserve(struct strings *s, size_t more)
{
	size_t cap = s->cap ? s->cap : 1024;
	char *blob;

	if (s->cap && s->n + more <= s->cap)
		return 0;
	while (cap < s->n + more)
		cap *= 2;
	blob = realloc(s->cap ? s->blob : NULL, cap);
	if (!blob)
		return -ENOMEM;
	if (!s->cap && s->n)
		memcpy(blob, s->blob, s->n); /* not ours until now, see policy_free */
	s->blob = blob;
	s->cap = cap;
	return 0;
}

static bool is_last_string(const struct strings *s, const char *text, size_t n)
{
	return s->n >= n + 2 && s->blob[s->n - n - 2] == '\0' &&
	       memcmp(s->blob + s->n - n - 1, text, n) == 0;
}

int policy_intern(struct policy *p, const char *text, size_t n, uint32_t *offset)
{
	struct strings *s = &p->strings;

	*offset = 0;
	if (!n)
		return 0;
	if (is_last_string(s, text, n)) {
		*offset = (uint32_t)(s->n - n - 1);
		return 0;
	}
	if (n > UINT32_MAX - 2 || s->n + n + 2 > UINT32_MAX || strings_reserve(s, n + 2))
		return -ENOMEM;
	if (!s->n)
		s->blob[s->n++] = '\0'; /* offset 0 is "" */
	*offset = (uint32_t)s->n;
	memcpy(s->blob + s->n, text, n);
	s->n += n;
	s->blob[s->n++] = '\0';
	return 0;
}

const char *source_kind_name(enum source_kind kind)
{
	static const char *const names[] = { "name", "srv", "url", "command" };

	return names[kind];
}

int policy_add_source(struct policy *p, const struct news_source *source, const char *text)
{
	static const char *const origins[] = { "name", "srv", "feed", "feed" };
	_cleanup_free_ char *origin = NULL;
	struct news_source *v, *s;

	v = reallocarray(p->sources, p->n_sources + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	p->sources = v;
	s = &v[p->n_sources];
	*s = *source;
	if (policy_intern(p, text, strlen(text), &s->text) ||
	    asprintf(&origin, "%s %s", origins[s->kind], text) < 0 ||
	    policy_intern(p, origin, strlen(origin), &s->origin))
		return -ENOMEM;
	p->n_sources++;
	return 0;
}

int entries_reserve(struct entries *e, size_t n)
{
	struct entry *v;

	if (n > SIZE_MAX / 2 || e->cap - e->n >= n)
		return n > SIZE_MAX / 2 ? -ENOMEM : 0;
	v = reallocarray(e->v, e->n + n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	e->v = v;
	e->cap = e->n + n;
	large_pages(v, e->cap * sizeof(*v));
	return 0;
}

int entries_double(struct entries *e)
{
	size_t cap = e->cap ? e->cap * 2 : 256;
	struct entry *v = reallocarray(e->v, cap, sizeof(*v));

	if (!v)
		return -ENOMEM;
	e->v = v;
	e->cap = cap;
	return 0;
}

size_t entries_lower_bound(const struct entries *e, const struct prefix *prefix)
{
	size_t low = 0, n = e->n, half;

	while (n) {
		half = n / 2;
		if (prefix_compare(&e->v[low + half].prefix, prefix) < 0) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

int policy_find_list(const struct policy *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->n_lists; i++)
		if (strcmp(p->lists[i].name, name) == 0)
			return (int)i;
	return -1;
}

int policy_find_service(const struct policy *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->n_services; i++)
		if (strcmp(p->services[i].name, name) == 0)
			return (int)i;
	return -1;
}

static const struct entry *find_from(const struct entries *e, size_t i, const struct prefix *prefix,
				     int list)
{
	for (; i < e->n; i++) {
		if (prefix_compare(&e->v[i].prefix, prefix) != 0)
			break;
		if (e->v[i].list == list)
			return &e->v[i];
	}
	return NULL;
}

static const struct entry *find_at(const struct policy *p, const struct prefix *prefix, int list,
				   size_t at)
{
	const struct entry *found = find_from(&p->base, at, prefix, list), *added;

	if (found && !entry_expired(p, found))
		return found;
	added = find_from(&p->added, entries_lower_bound(&p->added, prefix), prefix, list);
	return added ? added : found;
}

const struct entry *policy_find_entry(const struct policy *p, const struct prefix *prefix, int list)
{
	return find_at(p, prefix, list, entries_lower_bound(&p->base, prefix));
}

const struct entry *policy_find_entry_next(const struct policy *p, const struct prefix *prefix,
					   int list, size_t *at)
{
	while (*at < p->base.n && prefix_compare(&p->base.v[*at].prefix, prefix) < 0)
		(*at)++;
	return find_at(p, prefix, list, *at);
}

static bool service_allows(const struct service *s, size_t list)
{
	return s->allow[list / 64] >> (list % 64) & 1;
}

uint64_t policy_list_services(const struct policy *p, size_t list)
{
	uint64_t set = 0;
	size_t i;

	for (i = 0; i < p->n_services; i++)
		if (service_allows(&p->services[i], list))
			set |= 1ULL << p->services[i].slot;
	return set;
}

static void count_entries(const struct policy *p, const struct entries *e, struct list_size *sizes)
{
	size_t i;

	for (i = 0; i < e->n; i++) {
		if (e->v[i].list >= p->n_lists)
			continue;
		sizes[e->v[i].list].entries++;
		sizes[e->v[i].list].positive +=
			!(e->v[i].flags & ENTRY_CARVE) && !entry_expired(p, &e->v[i]);
	}
}

void policy_list_sizes(const struct policy *p, struct list_size *sizes)
{
	if (!p->n_lists)
		return;
	memset(sizes, 0, p->n_lists * sizeof(*sizes));
	count_entries(p, &p->base, sizes);
	count_entries(p, &p->added, sizes);
}

static void find_positive(const struct policy *p, const struct entries *e, struct list_size *sizes,
			  size_t *left)
{
	for (size_t i = 0; i < e->n && *left; i++) {
		struct list_size *size = &sizes[e->v[i].list];

		if (size->positive || e->v[i].flags & ENTRY_CARVE || entry_expired(p, &e->v[i]))
			continue;
		size->positive = 1;
		(*left)--;
	}
}

void policy_list_samples(const struct policy *p, struct list_size *sizes)
{
	size_t left = p->n_lists;

	memset(sizes, 0, p->n_lists * sizeof(*sizes));
	find_positive(p, &p->base, sizes, &left);
	find_positive(p, &p->added, sizes, &left);
}

bool policy_service_empty(const struct policy *p, const struct service *s,
			  const struct list_size *sizes)
{
	size_t i;

	for (i = 0; i < p->n_lists; i++)
		if (service_allows(s, i) && sizes[i].positive)
			return false;
	return true;
}

static uint64_t slots_of(const struct policy *p)
{
	uint64_t set = 0;
	size_t i;

	for (i = 0; i < p->n_services; i++)
		if (p->services[i].slot < AXP_MAX_SERVICES)
			set |= 1ULL << p->services[i].slot;
	return set;
}

/* The slot that `name` had, or -1: also when `taken` holds it, which a sound policy never does. */
static int previous_slot(const struct policy *previous, const char *name, uint64_t taken)
{
	int i = previous ? policy_find_service(previous, name) : -1;
	int slot = i >= 0 ? previous->services[i].slot : AXP_MAX_SERVICES;

	return slot < AXP_MAX_SERVICES && !(taken >> slot & 1) ? slot : -1;
}

int policy_assign_slots(struct policy *p, const struct policy *previous, struct error *err)
{
	uint64_t before = previous ? slots_of(previous) : 0, taken = 0, news = 0, avoid;
	size_t i;
	int slot;

	if (p->n_services > AXP_MAX_SERVICES)
		return error_set(err, E2BIG, "%zu services are more than %d: merge some of them",
				 p->n_services, AXP_MAX_SERVICES);
	for (i = 0; i < p->n_services; i++) {
		slot = previous_slot(previous, p->services[i].name, taken);
		if (slot < 0) {
			news |= 1ULL << i;
			continue;
		}
		p->services[i].slot = (uint8_t)slot;
		taken |= 1ULL << slot;
	}
	for (i = 0; i < p->n_services; i++) {
		if (!(news >> i & 1))
			continue;
		/* when every slot was in use, one whose service is gone has to do */
		avoid = taken | before;
		if (avoid == UINT64_MAX)
			avoid = taken;
		slot = __builtin_ctzll(~avoid);
		p->services[i].slot = (uint8_t)slot;
		taken |= 1ULL << slot;
	}
	return 0;
}

bool policy_name_ok(const char *name)
{
	size_t i;

	if (!isalnum((unsigned char)name[0]) || !isascii(name[0]))
		return false;
	for (i = 0; name[i]; i++)
		if (!isascii(name[i]) ||
		    (!isalnum((unsigned char)name[i]) && !strchr("_-.", name[i])))
			return false;
	return i <= POLICY_NAME_MAX;
}
