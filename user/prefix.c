// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "abi.h"
#include "prefix.h"
#include "text.h"

/* ::ffff:0:0/96, the IPv4-mapped addresses */
static const uint8_t mapped_start[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

uint8_t prefix_max_len(uint8_t family)
{
	return family == AXP_IPV4 ? 32 : 128;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* As strict as inet_pton: four decimal numbers, no leading zeros. The address is all of text. */
static bool parse_ipv4(const char *text, size_t n, uint8_t *addr)
{
	const char *end = text + n;
	unsigned int value;
	int part;

	for (part = 0; part < 4; part++) {
		if (part && (text == end || *text++ != '.'))
			return false;
		if (text == end || !is_digit(*text))
			return false;
		value = (unsigned int)(*text++ - '0');
		while (value && text != end && is_digit(*text)) {
			value = value * 10 + (unsigned int)(*text++ - '0');
			if (value > 255)
				return false;
		}
		addr[part] = (uint8_t)value;
	}
	return text == end;
}

/* Value + 1 of a hexadecimal digit. A table, because which digit comes next is past guessing. */
static const uint8_t hex_digit[256] = {
	['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* Reads one to four hexadecimal digits and moves *text behind them; -1: there are none, or more. */
static int read_group(const char **text, const char *end)
{
	int value = 0, digits = 0, digit;

	for (; *text != end && (digit = hex_digit[(uint8_t) * *text]); (*text)++) {
		value = value << 4 | (digit - 1);
		if (++digits > 4)
			return -1;
	}
	return digits ? value : -1;
}

/* Puts the zeros that "::" stands for at `gap`, behind which the bytes up to `used` move to the
 * end. */
static bool fill_gap(uint8_t *addr, size_t gap, size_t used)
{
	size_t tail = used - gap;

	if (used > 14)
		return false; /* "::" stands for one group at least */
	memmove(addr + 16 - tail, addr + gap, tail);
	memset(addr + gap, 0, 16 - used);
	return true;
}

/* What inet_pton(AF_INET6) takes (RFC 4291 section 2.2), some three times as fast: lists are long.
 */
static bool parse_ipv6(const char *text, size_t n, uint8_t *addr)
{
	const char *end = text + n, *group_start;
	size_t used = 0, gap = SIZE_MAX;
	int value;

	if (n >= 2 && text[0] == ':' && text[1] == ':') {
		gap = 0;
		text += 2;
	}
	while (text != end) {
		if (used == 16)
			return false;
		group_start = text;
		value = read_group(&text, end);
		if (text != end && *text == '.') {
			/* an IPv4 address, which ends the text */
			if (used > 12 ||
			    !parse_ipv4(group_start, (size_t)(end - group_start), addr + used))
				return false;
			used += 4;
			break;
		}
		if (value < 0)
			return false;
		addr[used++] = (uint8_t)(value >> 8);
		addr[used++] = (uint8_t)value;
		if (text == end)
			break;
		if (*text++ != ':' || text == end)
			return false;
		if (*text != ':')
			continue;
		if (gap != SIZE_MAX)
			return false;
		gap = used;
		text++;
	}
	return gap == SIZE_MAX ? used == 16 : fill_gap(addr, gap, used);
}

/* A plain decimal number: -1 when it is none, and anything over 999 is 999. */
static int parse_len(const char *text, size_t n)
{
	int value = 0;
	size_t i;

	if (!n || (n > 1 && text[0] == '0'))
		return -1;
	for (i = 0; i < n; i++) {
		if (!is_digit(text[i]))
			return -1;
		value = value * 10 + (text[i] - '0');
		if (value > 999)
			value = 999;
	}
	return value;
}

static bool host_bits_set(const struct prefix *p)
{
	size_t i = p->len / 8;

	if (p->len % 8 && p->addr[i++] & (0xff >> (p->len % 8)))
		return true;
	for (; i < sizeof(p->addr); i++)
		if (p->addr[i])
			return true;
	return false;
}

static void unmap_ipv4(struct prefix *p)
{
	if (p->family != AXP_IPV6 || p->len < 96 || memcmp(p->addr, mapped_start, 12) != 0)
		return;
	p->family = AXP_IPV4;
	p->len -= 96;
	memcpy(p->addr, p->addr + 12, 4);
	memset(p->addr + 4, 0, 12);
}

static int not_a_prefix(const char *text, size_t n, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];

	if (!n)
		return error_set(err, EINVAL,
				 "no prefix here: write one like 203.0.113.0/24 or 2001:db8::/32");
	text_shown(text, n, shown);
	if (memchr(text, '%', n))
		return error_set(err, EINVAL,
				 "%s: a prefix has no scope: remove \"%%\" and what follows it",
				 shown);
	return error_set(err, EINVAL,
			 "%s: not an IPv4 or IPv6 prefix: write it like 203.0.113.0/24 or "
			 "2001:db8::/32",
			 shown);
}

static int bad_len(const char *text, size_t n, int len, int max, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];

	text_shown(text, n, shown);
	if (len < 0)
		return error_set(err, EINVAL, "%s: length is not a plain number: use /0 to /%d",
				 shown, max);
	return error_set(err, EINVAL, "%s: length is over %d: use /0 to /%d", shown, max, max);
}

static int has_host_bits(const char *text, size_t n, const struct prefix *p, struct error *err)
{
	char shown[TEXT_SHOWN_MAX], net_text[PREFIX_TEXT_MAX], host_text[PREFIX_TEXT_MAX];
	struct prefix net = prefix_shorten(p, p->len), host = *p;

	host.len = prefix_max_len(p->family);
	return error_set(err, EINVAL, "%s has host bits set: write %s or %s",
			 text_shown(text, n, shown), prefix_text(&net, net_text),
			 prefix_text(&host, host_text));
}

int prefix_parse(const char *text, size_t n, struct prefix *out, struct error *err)
{
	const char *slash = n ? memchr(text, '/', n) : NULL;
	size_t addr_len = slash ? (size_t)(slash - text) : n;
	struct prefix p = { 0 };
	int len, max;

	if (parse_ipv4(text, addr_len, p.addr))
		p.family = AXP_IPV4;
	else if (memset(p.addr, 0, sizeof(p.addr)), parse_ipv6(text, addr_len, p.addr))
		p.family = AXP_IPV6;
	else
		return not_a_prefix(text, n, err);

	max = prefix_max_len(p.family);
	len = slash ? parse_len(slash + 1, n - addr_len - 1) : max;
	if (len < 0 || len > max)
		return bad_len(text, n, len, max, err);
	p.len = (uint8_t)len;
	unmap_ipv4(&p);
	if (host_bits_set(&p))
		return has_host_bits(text, n, &p, err);
	*out = p;
	return 0;
}

const char *prefix_text(const struct prefix *p, char buf[static PREFIX_TEXT_MAX])
{
	size_t n;

	if (p->family == AXP_IPV4) {
		snprintf(buf, PREFIX_TEXT_MAX, "%u.%u.%u.%u/%u", p->addr[0], p->addr[1], p->addr[2],
			 p->addr[3], p->len);
		return buf;
	}
	inet_ntop(AF_INET6, p->addr, buf, PREFIX_TEXT_MAX);
	n = strlen(buf);
	snprintf(buf + n, PREFIX_TEXT_MAX - n, "/%u", p->len);
	return buf;
}

/* Eight bytes of an address, so that their order is that of numbers. */
static uint64_t half(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return be64toh(word);
}

/* Not by memcmp(): millions of entries are compared many times. */
int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	uint64_t x, y;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	x = half(a->addr);
	y = half(b->addr);
	if (x == y) {
		x = half(a->addr + sizeof(x));
		y = half(b->addr + sizeof(y));
	}
	if (x != y)
		return x < y ? -1 : 1;
	return (int)a->len - (int)b->len;
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	size_t bytes = outer->len / 8;
	uint8_t mask = (uint8_t) ~(0xff >> (outer->len % 8));

	if (outer->family != inner->family || outer->len > inner->len ||
	    memcmp(outer->addr, inner->addr, bytes) != 0)
		return false;
	return !mask || !((outer->addr[bytes] ^ inner->addr[bytes]) & mask);
}

struct prefix prefix_shorten(const struct prefix *p, uint8_t len)
{
	struct prefix out = *p;
	size_t bytes = len / 8;

	out.len = len;
	if (len % 8) {
		out.addr[bytes] &= (uint8_t) ~(0xff >> (len % 8));
		bytes++;
	}
	memset(out.addr + bytes, 0, sizeof(out.addr) - bytes);
	return out;
}
