// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "feed_filter.h"
#include "feed_path.h"
#include "text.h"

#define EXAMPLE "path: \"prefixes[].ip_prefix, ipv6_prefixes[].ipv6_prefix\""

static bool add_step(struct feed_path *p, int kind, const char *key, size_t n)
{
	struct feed_step *step = &p->steps[p->n];

	if (p->n == FEED_STEPS || n >= FEED_KEY_MAX)
		return false;
	*step = (struct feed_step){ .kind = kind };
	memcpy(step->key, key, n);
	p->n++;
	return true;
}

static bool add_key(struct feed_path *p, const char *key, size_t n)
{
	if (n == 1 && *key == '*')
		return add_step(p, STEP_EACH_KEY, "", 0);
	return add_step(p, STEP_KEY, key, n);
}

/* A key, any number of "[]", and then "." or the end. A document may be an array itself. */
static bool read_path(struct feed_path *p)
{
	const char *at = p->text, *end = p->text + p->text_len;
	size_t n;

	while (at < end) {
		n = strcspn(at, ".[],");
		if (n > (size_t)(end - at))
			n = (size_t)(end - at);
		if (n ? !add_key(p, at, n) : at != p->text || *at != '[')
			return false;
		at += n;
		for (; end - at >= 2 && at[0] == '[' && at[1] == ']'; at += 2) {
			if (!add_step(p, STEP_EACH_ITEM, "", 0))
				return false;
		}
		if (at == end)
			return p->n;
		if (*at != '.' || ++at == end)
			return false;
	}
	return false;
}

int feed_paths_parse(const char *text, struct feed_paths *out, struct error *err)
{
	struct feed_path *p;
	char shown[TEXT_SHOWN_MAX];

	out->n = 0;
	for (;;) {
		if (out->n == FEED_PATHS)
			return error_set(err, EINVAL, "\"path\" has %d paths or more: remove some",
					 FEED_PATHS);
		p = &out->v[out->n];
		*p = (struct feed_path){ 0 };
		if (!feed_next_part(&text, &p->text, &p->text_len))
			break;
		if (!read_path(p))
			return error_set(
				err, EINVAL,
				"\"path\" holds \"%s\", which is no path: write it like " EXAMPLE,
				text_shown(p->text, p->text_len, shown));
		out->n++;
	}
	if (!out->n)
		return error_set(err, EINVAL,
				 "\"path\" is missing, which \"format: json\" needs: write it "
				 "like " EXAMPLE);
	return 0;
}
