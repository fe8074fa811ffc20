// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "special.h"

static const struct prefix translated = { .family = AXP_IPV6,
					  .len = 96,
					  .addr = { 0x00, 0x64, 0xff, 0x9b } };

struct reserved prefix_special(const struct prefix *p)
{
	const struct reserved none = { .kind = RESERVED_NONE };
	struct reserved r;

	if (!prefix_may_be_special(p))
		return none;
	if (!prefix_too_wide(p) && prefix_covers(p, &translated))
		return reserved_covering(&translated);
	r = reserved_covering(p);
	return r.kind == RESERVED_PRIVATE ? none : r;
}

bool prefix_translated(const struct prefix *p, struct prefix *out)
{
	if (!prefix_covers(&translated, p))
		return false;
	*out = (struct prefix){ .family = AXP_IPV4, .len = (uint8_t)(p->len - translated.len) };
	memcpy(out->addr, p->addr + translated.len / 8, 4);
	return true;
}
