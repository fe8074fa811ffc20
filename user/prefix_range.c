// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include "abi.h"
#include "prefix_range.h"
#include "text.h"

static unsigned __int128 number_of(const struct prefix *p)
{
	unsigned __int128 value = 0;

	for (int i = 0; i < prefix_max_len(p->family) / 8; i++)
		value = value << 8 | p->addr[i];
	return value;
}

static struct prefix prefix_at(unsigned __int128 value, uint8_t family, uint8_t len)
{
	struct prefix p = { .family = family, .len = len };

	for (int i = prefix_max_len(family) / 8 - 1; i >= 0; i--) {
		p.addr[i] = (uint8_t)value;
		value >>= 8;
	}
	return p;
}

/* Of the last `bits` bits, all set. */
static unsigned __int128 ones(unsigned int bits)
{
	return bits >= 128 ? ~(unsigned __int128)0 : ((unsigned __int128)1 << bits) - 1;
}

struct prefix_range prefix_range_of(const struct prefix *p)
{
	unsigned __int128 low = number_of(p);

	return (struct prefix_range){
		.low = low,
		.high = low | ones(prefix_max_len(p->family) - p->len),
		.family = p->family,
	};
}

bool prefix_range_next(struct prefix_range *r, struct prefix *out)
{
	uint8_t max = prefix_max_len(r->family);
	unsigned int bits = 0;

	if (r->low > r->high)
		return false;
	while (bits < max && !(r->low & ones(bits + 1)) && (r->low | ones(bits + 1)) <= r->high)
		bits++;
	*out = prefix_at(r->low, r->family, (uint8_t)(max - bits));
	if ((r->low | ones(bits)) == r->high) {
		r->low = 1; /* past the end, also where the end is the last address that there is */
		r->high = 0;
	} else {
		r->low = (r->low | ones(bits)) + 1;
	}
	return true;
}

/* Of a dotted mask; -1: it is none, or has holes. */
static int mask_len(const char *text, size_t n)
{
	struct error ignored;
	struct prefix mask;
	uint32_t bits;

	if (prefix_parse(text, n, &mask, &ignored) || mask.family != AXP_IPV4 || mask.len != 32)
		return -1;
	bits = (uint32_t)number_of(&mask);
	if (~bits & (~bits + 1))
		return -1;
	return __builtin_popcount(bits);
}

static int plain_len(const char *text, size_t n)
{
	int value = 0;

	if (!n || n > 3)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + text[i] - '0';
	}
	return value;
}

static int bad_len(const char *text, size_t n, int max, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];

	return error_set(err, EINVAL, "%s: not a prefix length or mask: use /0 to /%d",
			 text_shown(text, n, shown), max);
}

static int parse_prefix(const char *text, size_t n, size_t slash, struct prefix_range *out,
			struct error *err)
{
	const char *len_text = text + slash + 1;
	size_t len_n = n - slash - 1;
	struct prefix address, network;
	bool mapped;
	int len, max;

	if (prefix_parse(text, slash, &address, err))
		return -EINVAL;
	mapped = address.family == AXP_IPV4 && memchr(text, ':', slash);
	max = mapped ? 128 : prefix_max_len(address.family);
	len = plain_len(len_text, len_n);
	if (len < 0 && address.family == AXP_IPV4 && !mapped)
		len = mask_len(len_text, len_n);
	if (mapped)
		len -= 96;
	if (len < 0 || len > prefix_max_len(address.family))
		return bad_len(text, n, max, err);
	network = prefix_shorten(&address, (uint8_t)len);
	*out = prefix_range_of(&network);
	out->host_bits = memcmp(network.addr, address.addr, sizeof(address.addr)) != 0;
	return 0;
}

static void trim(const char **text, size_t *n)
{
	while (*n && text_is_blank(**text)) {
		(*text)++;
		(*n)--;
	}
	while (*n && text_is_blank((*text)[*n - 1]))
		(*n)--;
}

int prefix_range_parse(const char *text, size_t n, struct prefix_range *out, struct error *err)
{
	const char *slash, *dash, *high_text;
	struct prefix low, high;
	char shown[TEXT_SHOWN_MAX];
	size_t low_n, high_n;

	trim(&text, &n);
	slash = n ? memchr(text, '/', n) : NULL;
	dash = n ? memchr(text, '-', n) : NULL;
	if (slash && !dash)
		return parse_prefix(text, n, (size_t)(slash - text), out, err);
	if (!dash) {
		if (prefix_parse(text, n, &low, err))
			return -EINVAL;
		*out = prefix_range_of(&low);
		return 0;
	}
	low_n = (size_t)(dash - text);
	high_text = dash + 1;
	high_n = n - low_n - 1;
	trim(&text, &low_n);
	trim(&high_text, &high_n);
	if (slash)
		return error_set(err, EINVAL, "%s: a range goes from one address to another",
				 text_shown(text, n, shown));
	if (prefix_parse(text, low_n, &low, err) || prefix_parse(high_text, high_n, &high, err))
		return -EINVAL;
	if (low.family != high.family)
		return error_set(err, EINVAL, "%s: a range from IPv4 to IPv6",
				 text_shown(text, n, shown));
	*out = prefix_range_of(&low);
	out->high = number_of(&high);
	if (out->low > out->high)
		return error_set(err, EINVAL, "%s: the range is upside down: put the lower first",
				 text_shown(text, n, shown));
	return 0;
}
