// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "model.h"

/* A frame while it is taken apart. `left` counts what may still be read from `at` on. */
struct reading {
	const __u8 *at;
	size_t left;
	enum axp_family family;
	const __u8 *source;
};

static __u32 word(const __u8 *bytes)
{
	return bytes[0] * 256 + bytes[1];
}

static struct expect outcome(enum axp_reason reason, __u32 service, enum axp_family family)
{
	struct expect e = { .reason = reason, .service = service, .family = family };

	switch (reason) {
	case AXP_REASON_UNLISTED:
	case AXP_REASON_TRUNCATED:
	case AXP_REASON_BAD_HEADER:
	case AXP_REASON_EXT_CHAIN:
	case AXP_REASON_VLAN_DEPTH:
		e.verdict = AXP_DROP;
		break;
	default:
		e.verdict = AXP_PASS;
	}
	return e;
}

static struct expect unguarded(enum axp_reason reason, const struct reading *r)
{
	return outcome(reason, AXP_NO_SERVICE, r->family);
}

static bool covers(const struct prefix_bits *prefix, const struct reading *r)
{
	if (prefix->family != r->family)
		return false;
	for (__u32 bit = 0; bit < prefix->len; bit++) {
		__u8 mask = 0x80 >> bit % 8;

		if ((prefix->addr[bit / 8] & mask) != (r->source[bit / 8] & mask))
			return false;
	}
	return true;
}

static __u64 opened_by_longest(const struct node *nodes, const struct reading *r)
{
	__u64 services = 0;
	int longest = -1;

	for (; nodes->prefix; nodes++) {
		struct prefix_bits prefix = prefix_bits(nodes->prefix);

		if (covers(&prefix, r) && (int)prefix.len > longest) {
			longest = prefix.len;
			services = nodes->services;
		}
	}
	return services;
}

/* RFC 2131: servers listen on 67, clients on 68. RFC 8415 section 7.2: clients 546, servers 547. */
static bool dhcp(enum axp_family family, __u32 source, __u32 destination)
{
	__u32 one = family == AXP_IPV4 ? 67 : 546;
	__u32 other = one + 1;

	return (source == one || source == other) && (destination == one || destination == other);
}

static struct expect ports(const struct rules *rules, const struct reading *r,
			   enum axp_protocol protocol)
{
	__u32 source = word(r->at), destination = word(r->at + 2);
	const struct guard *g;
	__u64 matching;

	for (g = rules->guards; g->services; g++)
		if (g->direction == AXP_IN && g->protocol == protocol && g->from <= destination &&
		    destination <= g->to)
			break;
	if (!g->services)
		return unguarded(AXP_REASON_NOT_GUARDED, r);
	if (protocol == AXP_UDP && dhcp(r->family, source, destination))
		return unguarded(AXP_REASON_DHCP, r);

	matching = g->services & opened_by_longest(rules->nodes, r);
	if (!matching)
		return outcome(AXP_REASON_UNLISTED, g->first, r->family);
	if (matching & BIT(g->first))
		return outcome(AXP_REASON_LISTED, g->first, r->family);
	for (__u32 slot = 0;; slot++)
		if (matching & BIT(slot))
			return outcome(AXP_REASON_LISTED, slot, r->family);
}

static struct expect transport(const struct rules *rules, const struct reading *r, __u32 protocol)
{
	switch (protocol) {
	case 6: /* RFC 9293: twenty bytes before the options */
		if (r->left < 20)
			return unguarded(AXP_REASON_TRUNCATED, r);
		return ports(rules, r, AXP_TCP);
	case 17: /* RFC 768 */
		if (r->left < 8)
			return unguarded(AXP_REASON_TRUNCATED, r);
		return ports(rules, r, AXP_UDP);
	default:
		return unguarded(AXP_REASON_OTHER_PROTOCOL, r);
	}
}

/* What lies behind the length that IP announces is padding (RFC 894). */
static void end_after(struct reading *r, size_t announced)
{
	if (announced < r->left)
		r->left = announced;
}

static void skip(struct reading *r, size_t bytes)
{
	r->at += bytes;
	r->left -= bytes;
}

/* RFC 791 */
static struct expect ipv4(const struct rules *rules, struct reading *r)
{
	__u32 version, header, total, offset, protocol;

	r->family = AXP_IPV4;
	if (r->left < 20)
		return unguarded(AXP_REASON_TRUNCATED, r);
	version = r->at[0] / 16;
	header = r->at[0] % 16 * 4;
	total = word(r->at + 2);
	offset = word(r->at + 6) % 8192;
	protocol = r->at[9];
	r->source = r->at + 12;

	if (version != 4 || header < 20 || total < header)
		return unguarded(AXP_REASON_BAD_HEADER, r);
	if (r->left < header)
		return unguarded(AXP_REASON_TRUNCATED, r);
	if (offset > 0)
		return unguarded(AXP_REASON_FRAGMENT, r);
	end_after(r, total);
	skip(r, header);
	return transport(rules, r, protocol);
}

/* The headers that may stand before what a packet carries: RFC 8200 section 4, RFC 4302. */
static bool extension(__u32 type)
{
	return type == 0 || type == 43 || type == 44 || type == 51 || type == 60;
}

static size_t extension_size(__u32 type, __u8 length)
{
	if (type == 44)
		return 8;
	if (type == 51)
		return 4 * (length + 2);
	return 8 * (length + 1);
}

static struct expect ipv6(const struct rules *rules, struct reading *r)
{
	__u32 next, payload, followed = 0;
	size_t size;

	r->family = AXP_IPV6;
	if (r->left < 40)
		return unguarded(AXP_REASON_TRUNCATED, r);
	if (r->at[0] / 16 != 6)
		return unguarded(AXP_REASON_BAD_HEADER, r);
	payload = word(r->at + 4);
	next = r->at[6];
	r->source = r->at + 8;
	skip(r, 40);
	/* RFC 2675: the length is in the hop-by-hop header. Linux takes all there is, then looks.
	 */
	if (payload > 0 || next != 0)
		end_after(r, payload);

	while (extension(next)) {
		if (followed++ == AXP_MAX_EXT_HEADERS)
			return unguarded(AXP_REASON_EXT_CHAIN, r);
		if (r->left < 8)
			return unguarded(AXP_REASON_TRUNCATED, r);
		if (next == 44 && word(r->at + 2) / 8 > 0)
			return unguarded(AXP_REASON_FRAGMENT, r);
		size = extension_size(next, r->at[1]);
		if (r->left < size)
			return unguarded(AXP_REASON_TRUNCATED, r);
		next = r->at[0];
		skip(r, size);
	}
	return transport(rules, r, next);
}

static struct expect ethernet(const struct rules *rules, struct reading *r)
{
	__u32 type, tags = 0;

	if (r->left < 14)
		return unguarded(AXP_REASON_TRUNCATED, r);
	type = word(r->at + 12);
	skip(r, 14);
	while (type == 0x8100 || type == 0x88a8) {
		if (tags++ == AXP_MAX_VLAN_TAGS)
			return unguarded(AXP_REASON_VLAN_DEPTH, r);
		if (r->left < 4)
			return unguarded(AXP_REASON_TRUNCATED, r);
		type = word(r->at + 2);
		skip(r, 4);
	}
	if (type == 0x0800)
		return ipv4(rules, r);
	if (type == 0x86dd)
		return ipv6(rules, r);
	return unguarded(AXP_REASON_NOT_IP, r);
}

struct expect model(const struct rules *rules, enum axp_mode mode, const __u8 *frame, size_t len)
{
	struct reading r = { .at = frame, .left = len, .family = AXP_FAMILY_NONE };
	struct expect e;

	if (mode == AXP_MODE_OFF)
		return outcome(AXP_REASON_OFF, AXP_NO_SERVICE, AXP_FAMILY_NONE);
	e = ethernet(rules, &r);
	if (mode == AXP_MODE_MONITOR && e.verdict == AXP_DROP) {
		e.verdict = AXP_PASS;
		e.monitored = true;
	}
	return e;
}
