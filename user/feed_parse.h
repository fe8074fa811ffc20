/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a feed says, as prefixes. All or nothing: one entry that is no prefix, a document that ends
 * too soon or a web page in its stead fails the whole feed, with place and reason. Pure.
 */
#ifndef ALLOWXDP_FEED_PARSE_H
#define ALLOWXDP_FEED_PARSE_H

#include <stddef.h>
#include "error.h"
#include "prefix.h"

enum { FEED_MAX_ENTRIES = 1000000 };

enum feed_format {
	FEED_TEXT, /* one prefix a line, "#" or ";" before a label */
	FEED_CSV,  /* with or without a header line */
	FEED_JSON,
};

/* How it is to be read. "" or NULL: not given. */
struct feed_shape {
	enum feed_format format;
	const char *column; /* FEED_CSV: a number from 1, or a name of the header; default 1 */
	const char *path;   /* FEED_JSON: "prefixes[].ip_prefix, ipv6_prefixes[].ipv6_prefix" */
	const char *filter; /* not FEED_TEXT: "service=EC2, region=ap-south-1|ap-south-2" */
};

/* The label points into the feed, and is one that a list file can carry. */
struct feed_item {
	struct prefix prefix;
	const char *label;
	size_t label_len;
};

struct feed_items {
	struct feed_item *v;
	size_t n, cap;
};

#define _cleanup_feed_items_ __attribute__((cleanup(feed_items_free)))

void feed_items_free(struct feed_items *items);

/* Sorts by prefix; of the same prefix only the first stays. */
void feed_items_sort(struct feed_items *items);

/* text, csv or json; -EINVAL. */
int feed_format_parse(const char *text, enum feed_format *format);
const char *feed_format_name(enum feed_format format);

/* Can it be used? err->text: "\"KEY\" ...: how to mend it". 0 or -EINVAL. */
int feed_shape_check(const struct feed_shape *shape, struct error *err);

/*
 * Reads n bytes into *items, empty before; nothing found is no error here. err->text: "PLACE:
 * what is wrong". 0, -EINVAL or -ENOMEM.
 */
int feed_parse(const struct feed_shape *shape, const char *data, size_t n, struct feed_items *items,
	       struct error *err);

/* Appends; -EINVAL where they are too many, or -ENOMEM. */
int feed_items_push(struct feed_items *items, const struct feed_item *item, struct error *err);

/* For the formats: parses `text` and appends; err->text has no place in front. */
int feed_items_add(struct feed_items *items, const char *text, size_t n, struct error *err);

int feed_text_parse(const char *data, size_t n, struct feed_items *items, struct error *err);
int feed_csv_check(const struct feed_shape *shape, struct error *err);
int feed_csv_parse(const struct feed_shape *shape, const char *data, size_t n,
		   struct feed_items *items, struct error *err);
int feed_json_check(const struct feed_shape *shape, struct error *err);
int feed_json_parse(const struct feed_shape *shape, const char *data, size_t n,
		    struct feed_items *items, struct error *err);

#endif
