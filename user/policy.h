/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy as the administrator wrote it: services, lists, entries. Plain data in flat arrays, so
 * that it can be compiled (compile.h), explained (explain.h) and kept in a file (snapshot.h) as it
 * is.
 */
#ifndef ALLOWXDP_POLICY_H
#define ALLOWXDP_POLICY_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi.h"
#include "error.h"
#include "prefix.h"

enum {
	POLICY_NAME_MAX = 63,   /* bytes in the name of a service or list */
	POLICY_LABEL_MAX = 255, /* bytes of UTF-8 */
	POLICY_MAX_LISTS = 256,
	POLICY_MAX_PORT_RANGES = 64, /* per service */
	POLICY_MAX_INTERFACES = 16,
	POLICY_MAX_SOURCES = 1024,
};

struct port_range {
	uint16_t low, high; /* inclusive, 1 to 65535 */
	uint8_t protocol;   /* enum axp_protocol */
	uint8_t pad;
};

struct service {
	char name[POLICY_NAME_MAX + 1];
	uint64_t allow[POLICY_MAX_LISTS / 64]; /* bit n: policy->lists[n] */
	struct port_range ports[POLICY_MAX_PORT_RANGES];
	uint32_t n_ports;
	uint32_t source;   /* string: path of the file that it stands in, config or profile */
	uint32_t line;     /* in that file */
	uint8_t direction; /* enum axp_direction */
	uint8_t slot;      /* bit in the kernel's sets and row of its counters; assign_slots() */
	uint8_t replies;   /* 1: replies to flows that this host opened are let in */
	uint8_t pad[1];
};

struct list {
	char name[POLICY_NAME_MAX + 1];
	uint32_t file;        /* string: path of its list file; 0: none */
	uint32_t source;      /* string: path of the file that it stands in, config or profile */
	uint32_t line;        /* in that file */
	uint32_t unpublished; /* string: whom to ask for what the provider does not publish; 0 */
};

/* Strings live in one blob; a string is named by its offset, 0 being "". */
struct entry {
	struct prefix prefix;
	uint16_t list;   /* index into policy->lists */
	uint16_t flags;  /* ENTRY_* */
	uint32_t label;  /* string */
	uint32_t source; /* string: path of the file that the entry stands in */
	uint32_t line;   /* in that file; 0 with ENTRY_NEWS, whose source is a struct news_source's
			  * origin
			  */
	uint32_t until;  /* seconds since 1970: matches no more from then on; 0: for good */
};

enum {
	ENTRY_CARVE = 1 << 0,   /* !PREFIX: a hole in this list */
	ENTRY_COMMAND = 1 << 1, /* added by `allowxdp add`, kept in the state directory */
	ENTRY_NEWS = 1 << 2, /* brought by `allowxdp run`, kept in the state directory (news.h) */
};

/* What `allowxdp run` brings a list's entries from. */
enum source_kind {
	SOURCE_NAME,    /* a host name: its addresses */
	SOURCE_SRV,     /* a service's name in DNS: the addresses of its targets */
	SOURCE_URL,     /* what is to be had there */
	SOURCE_COMMAND, /* what a program prints */
	SOURCE_KINDS,
};

enum {
	SOURCE_ALLOW_PRIVATE = 1 << 0, /* flag: private, documentation... addresses are taken */
	SOURCE_TEXTS = 8,
	SOURCE_NUMBERS = 8,
};

struct news_source {
	uint16_t list; /* index into policy->lists */
	uint16_t kind; /* enum source_kind */
	uint32_t flags;
	uint32_t text;   /* string: the name, URL or command line */
	uint32_t origin; /* string: "name pstn.example.com", as its entries' source */
	uint32_t file;   /* string: the file that it stands in, config or profile */
	uint32_t line;   /* in that file */
	/* Options of the kind: strings, and numbers. */
	uint32_t texts[SOURCE_TEXTS];
	uint64_t numbers[SOURCE_NUMBERS];
};

struct entries {
	struct entry *v; /* sorted: prefix_compare, then list; no two alike */
	size_t n, cap;
	bool expire; /* one of them does, or did */
};

/* An entry that policy_sort_entries() dropped, and where the one that stays was written. */
struct repeated {
	struct entry entry;
	uint32_t first_source, first_line;
};

enum { REPEATED_KEPT = 32 };

struct repeats {
	size_t n; /* all; the first REPEATED_KEPT of them are in v */
	struct repeated v[REPEATED_KEPT];
};

struct strings {
	char *blob;
	size_t n, cap;
};

/* Beside services and lists; defaults in policy_defaults(). */
struct settings {
	uint32_t mode;           /* enum axp_mode, as the config says */
	uint32_t fragments_drop; /* 1: later fragments without a known first one are dropped */
	uint32_t flow_capacity;
	uint32_t idle_udp, idle_tcp, idle_tcp_closing; /* seconds */
	uint32_t resolvers; /* string: "ADDR:PORT,[ADDR]:PORT"; 0: the system's */
	uint32_t dns_ttl_min, dns_ttl_max, dns_grace; /* seconds */
};

struct policy {
	struct service *services; /* in the config's order */
	size_t n_services;
	struct list *lists;
	size_t n_lists;
	struct news_source *sources; /* in the lists' order */
	size_t n_sources;
	char (*interfaces)[16];
	size_t n_interfaces;
	struct settings settings;
	uint32_t config;      /* string: path of the config file */
	struct entries base;  /* from the config and list files, and news of sources */
	struct entries added; /* from `allowxdp add` */
	struct strings strings;
	struct repeats repeats; /* while it was read; a snapshot has none */
	uint32_t now;           /* when it was read, seconds since 1970: what has expired by then */
	bool mapped; /* services, lists, sources, interfaces, base: in a file mapping, not to be
			freed */
	void *mapping;
	size_t mapping_size;
};

#define _cleanup_policy_ __attribute__((cleanup(policy_free)))

/* Releases what the policy holds and leaves it empty. An all-zero policy is a valid, empty one. */
void policy_free(struct policy *p);

struct settings policy_defaults(void);

/* Has the entry expired when the policy was read? */
bool entry_expired(const struct policy *p, const struct entry *e);

const char *policy_string(const struct policy *p, uint32_t offset);

/* Stores n bytes of text and sets *offset; -ENOMEM. The same text as the last one is stored once.
 */
int policy_intern(struct policy *p, const char *text, size_t n, uint32_t *offset);

/*
 * Appends a source of a list and sets its text and origin; its other fields are *source's. -ENOMEM.
 */
int policy_add_source(struct policy *p, const struct news_source *source, const char *text);

/* "name", "srv", "url", "command": in file names, JSON and metrics. */
const char *source_kind_name(enum source_kind kind);

/* Room for n more at once. -ENOMEM. */
int entries_reserve(struct entries *e, size_t n);

/* Makes room for as many again, a few at least. -ENOMEM. */
int entries_double(struct entries *e);

/* Appends; entries stay unsorted until policy_sort_entries. -ENOMEM. */
static inline int entries_push(struct entries *e, const struct entry *entry)
{
	if (e->n == e->cap && entries_double(e))
		return -ENOMEM;
	e->v[e->n++] = *entry;
	e->expire |= entry->until != 0;
	return 0;
}

/*
 * Sorts and drops exact duplicates (same prefix, list, sign: the first one stays), which are noted
 * in p->repeats. The same prefix both listed and carved out in one list is refused, naming both
 * places; but where news contradict what the administrator wrote, they give way.
 */
int policy_sort_entries(struct policy *p, struct entries *e, struct error *err);

/* Index of the list or service called so, or -1. */
int policy_find_list(const struct policy *p, const char *name);
int policy_find_service(const struct policy *p, const char *name);

/* The entry of exactly this prefix in this list (base first, then added; one that has
 * not expired before one that has), or NULL. */
const struct entry *policy_find_entry(const struct policy *p, const struct prefix *prefix,
				      int list);

/*
 * The same for many prefixes in ascending order: *at, 0 before the first, says how far in base the
 * last one was.
 */
const struct entry *policy_find_entry_next(const struct policy *p, const struct prefix *prefix,
					   int list, size_t *at);

/* Index of the first entry whose prefix is not less than `prefix`. */
size_t entries_lower_bound(const struct entries *e, const struct prefix *prefix);

/* Bit set of the services (by slot) that allow this list. */
uint64_t policy_list_services(const struct policy *p, size_t list);

/* Number of entries of a list, and of those that are neither carve-outs nor expired. */
struct list_size {
	size_t entries, positive;
};
/* One pass for all lists: fills sizes[n_lists]. */
void policy_list_sizes(const struct policy *p, struct list_size *sizes);

/* Only whether there is any positive one, 1 or 0: where lists are long, that is seen at once. */
void policy_list_samples(const struct policy *p, struct list_size *sizes);

/*
 * Gives every service a slot: the one its name had in `previous` (which may be NULL), else one that
 * no service of previous used, so that counters never change their owner while packets are counted.
 */
int policy_assign_slots(struct policy *p, const struct policy *previous, struct error *err);

/*
 * No list of the service holds an entry other than carve-outs: enforcing would drop everyone.
 * `sizes` as policy_list_sizes() or _samples() filled them.
 */
bool policy_service_empty(const struct policy *p, const struct service *s,
			  const struct list_size *sizes);

/*
 * A copy of p in *out (all zero before) that owns all it has, and may be changed. Entries are taken
 * where `keep` says so (NULL: all). Strings that nothing uses are left behind. -ENOMEM.
 */
int policy_clone(const struct policy *p,
		 bool (*keep)(const struct policy *p, const struct entry *e, const void *arg),
		 const void *arg, struct policy *out);

/* Names of lists and services: letters, digits, '_', '-', '.'; begins with a letter or digit. */
bool policy_name_ok(const char *name);

#endif
