// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include "feed_filter.h"
#include "text.h"

static void trim(const char **text, size_t *n)
{
	while (*n && text_is_blank(**text)) {
		(*text)++;
		(*n)--;
	}
	while (*n && text_is_blank((*text)[*n - 1]))
		(*n)--;
}

bool feed_next_part(const char **text, const char **part, size_t *n)
{
	if (!*text || !**text)
		return false;
	*part = *text;
	*n = strcspn(*text, ",");
	*text += *n;
	if (**text)
		(*text)++;
	trim(part, n);
	return true;
}

static int read_condition(const char *text, size_t n, struct feed_condition *c, struct error *err)
{
	const char *sign = n ? memchr(text, '=', n) : NULL;
	char shown[TEXT_SHOWN_MAX];

	*c = (struct feed_condition){ .key = text };
	if (sign) {
		c->values = sign + 1;
		c->values_len = n - (size_t)(sign + 1 - text);
		c->negated = sign > text && sign[-1] == '!';
		c->key_len = (size_t)(sign - text) - c->negated;
		trim(&c->key, &c->key_len);
		trim(&c->values, &c->values_len);
	}
	if (c->key_len && c->values_len)
		return 0;
	return error_set(err, EINVAL,
			 "\"filter\" holds \"%s\", which is no condition: write it like "
			 "filter: \"service=EC2, region=ap-south-1|eu-*\"",
			 text_shown(text, n, shown));
}

int feed_filter_parse(const char *text, struct feed_filter *out, struct error *err)
{
	const char *part;
	size_t n;
	int rc;

	*out = (struct feed_filter){ 0 };
	while (feed_next_part(&text, &part, &n)) {
		if (out->n == FEED_CONDITIONS)
			return error_set(err, EINVAL,
					 "\"filter\" has more than %d conditions: remove some",
					 FEED_CONDITIONS);
		rc = read_condition(part, n, &out->v[out->n], err);
		if (rc)
			return rc;
		out->n++;
	}
	return 0;
}

static bool same(const char *wanted, size_t wanted_len, const char *value, size_t n)
{
	if (wanted_len && wanted[wanted_len - 1] == '*')
		return n >= wanted_len - 1 && !memcmp(wanted, value, wanted_len - 1);
	return n == wanted_len && !memcmp(wanted, value, n);
}

bool feed_condition_names(const struct feed_condition *c, const char *value, size_t n)
{
	const char *at = c->values, *end = c->values + c->values_len, *bar;
	size_t len;

	for (;; at = bar + 1) {
		bar = memchr(at, '|', (size_t)(end - at));
		len = (size_t)((bar ? bar : end) - at);
		if (same(at, len, value, n))
			return true;
		if (!bar)
			return false;
	}
}

int feed_filter_check_seen(const struct feed_filter *f, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];

	for (size_t i = 0; i < f->n; i++) {
		if (!f->v[i].seen)
			return error_set(err, EINVAL, "nothing in it has the filter's key \"%s\"",
					 text_shown(f->v[i].key, f->v[i].key_len, shown));
	}
	return 0;
}
