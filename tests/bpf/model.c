// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include "model.h"

enum {
	PORTS = -1,           /* no reason yet: the ports are known */
	FRAGMENTS_LIVE = 5000 /* ms */
};

/* A frame while it is taken apart. `left` counts what may still be read from `at` on. */
struct reading {
	const __u8 *at;
	size_t left;
	enum axp_family family;
	__u8 src[16], dst[16];
	enum axp_protocol protocol;
	__u32 source, destination; /* ports */
	__u8 flags;                /* TCP's */
	bool first, later;         /* fragment */
	__u32 id, id_protocol;
};

/* The rules and what else decides. */
struct judge {
	struct memory *memory;
	const struct rules *rules;
	enum axp_mode mode;
	enum axp_direction direction;
};

static __u32 word(const __u8 *bytes)
{
	return bytes[0] * 256 + bytes[1];
}

static bool drops(enum axp_reason reason)
{
	switch (reason) {
	case AXP_REASON_UNLISTED:
	case AXP_REASON_TRUNCATED:
	case AXP_REASON_BAD_HEADER:
	case AXP_REASON_EXT_CHAIN:
	case AXP_REASON_VLAN_DEPTH:
	case AXP_REASON_TINY_FRAGMENT:
	case AXP_REASON_FRAGMENT_DROPPED:
	case AXP_REASON_FRAGMENT_REFUSED:
		return true;
	default:
		return false;
	}
}

static struct expect outcome(const struct judge *j, enum axp_reason reason, __u32 service,
			     enum axp_family family)
{
	bool drop = drops(reason);

	return (struct expect){
		.direction = j->direction,
		.reason = reason,
		.service = service,
		.family = family,
		.verdict = drop && j->mode == AXP_MODE_ENFORCE ? AXP_DROP : AXP_PASS,
		.monitored = drop && j->mode != AXP_MODE_ENFORCE,
	};
}

/* ---- what a frame is ---- */

/* RFC 1858, RFC 7112: what a packet's first fragment must have with it. */
static int too_short(const struct reading *r)
{
	return r->first ? AXP_REASON_TINY_FRAGMENT : AXP_REASON_TRUNCATED;
}

static void skip(struct reading *r, size_t bytes)
{
	r->at += bytes;
	r->left -= bytes;
}

static int transport(struct reading *r, __u32 protocol)
{
	if (protocol != 6 && protocol != 17)
		return AXP_REASON_OTHER_PROTOCOL;
	r->protocol = protocol == 6 ? AXP_TCP : AXP_UDP;
	/* RFC 9293: twenty bytes before the options. RFC 768: eight. */
	if (r->left < (r->protocol == AXP_TCP ? 20 : 8))
		return too_short(r);
	r->source = word(r->at);
	r->destination = word(r->at + 2);
	if (r->protocol == AXP_TCP)
		r->flags = r->at[13];
	return PORTS;
}

/* What lies behind the length that IP announces is padding (RFC 894). */
static void end_after(struct reading *r, size_t announced)
{
	if (announced < r->left)
		r->left = announced;
}

/* RFC 791 */
static int ipv4(struct reading *r)
{
	__u32 version, header, total, offset, protocol;
	bool more;

	r->family = AXP_IPV4;
	if (r->left < 20)
		return AXP_REASON_TRUNCATED;
	version = r->at[0] / 16;
	header = r->at[0] % 16 * 4;
	total = word(r->at + 2);
	more = word(r->at + 6) & 0x2000;
	offset = word(r->at + 6) % 8192;
	protocol = r->at[9];
	memcpy(r->src, r->at + 12, 4);
	memcpy(r->dst, r->at + 16, 4);

	if (version != 4 || header < 20 || total < header)
		return AXP_REASON_BAD_HEADER;
	if (r->left < header)
		return AXP_REASON_TRUNCATED;
	r->first = more && offset == 0;
	r->later = offset > 0;
	r->id = word(r->at + 4);
	r->id_protocol = protocol;
	/* RFC 3128: nobody sends TCP in such pieces. */
	if (offset == 1 && protocol == 6)
		return AXP_REASON_TINY_FRAGMENT;
	if (r->later)
		return AXP_REASON_FRAGMENT;
	end_after(r, total);
	skip(r, header);
	return transport(r, protocol);
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

/* RFC 8200 section 4.5. One that says it is all there is (RFC 6946) is no fragment. */
static void fragment_header(struct reading *r)
{
	__u32 offset = word(r->at + 2) / 8;
	bool more = r->at[3] & 1;

	if (!offset && !more)
		return;
	r->first = !offset;
	r->later = offset;
	r->id = word(r->at + 4) << 16 | word(r->at + 6);
}

static int ipv6(struct reading *r)
{
	__u32 next, payload, followed = 0;
	size_t size;

	r->family = AXP_IPV6;
	if (r->left < 40)
		return AXP_REASON_TRUNCATED;
	if (r->at[0] / 16 != 6)
		return AXP_REASON_BAD_HEADER;
	payload = word(r->at + 4);
	next = r->at[6];
	memcpy(r->src, r->at + 8, 16);
	memcpy(r->dst, r->at + 24, 16);
	skip(r, 40);
	/* RFC 2675: the length is in the hop-by-hop header. Linux takes all there is, then looks.
	 */
	if (payload > 0 || next != 0)
		end_after(r, payload);

	while (extension(next)) {
		if (followed++ == AXP_MAX_EXT_HEADERS)
			return AXP_REASON_EXT_CHAIN;
		if (r->left < 8)
			return too_short(r);
		if (next == 44)
			fragment_header(r);
		if (r->later)
			return AXP_REASON_FRAGMENT;
		size = extension_size(next, r->at[1]);
		if (r->left < size)
			return too_short(r);
		next = r->at[0];
		skip(r, size);
	}
	return transport(r, next);
}

/* A reason that ends it, or PORTS; AXP_REASON_FRAGMENT says no more than that it is a later one. */
static int ethernet(struct reading *r)
{
	__u32 type, tags = 0;

	if (r->left < 14)
		return AXP_REASON_TRUNCATED;
	type = word(r->at + 12);
	skip(r, 14);
	while (type == 0x8100 || type == 0x88a8) {
		if (tags++ == AXP_MAX_VLAN_TAGS)
			return AXP_REASON_VLAN_DEPTH;
		if (r->left < 4)
			return AXP_REASON_TRUNCATED;
		type = word(r->at + 2);
		skip(r, 4);
	}
	if (type == 0x0800)
		return ipv4(r);
	if (type == 0x86dd)
		return ipv6(r);
	return AXP_REASON_NOT_IP;
}

/* ---- what the lists say ---- */

static bool covers(const struct prefix_bits *prefix, enum axp_family family, const __u8 *address)
{
	if (prefix->family != family)
		return false;
	for (__u32 bit = 0; bit < prefix->len; bit++) {
		__u8 mask = 0x80 >> bit % 8;

		if ((prefix->addr[bit / 8] & mask) != (address[bit / 8] & mask))
			return false;
	}
	return true;
}

static __u64 opened_now(const struct node *node)
{
	const struct expiry *e = node->expiry;

	return e && !e->lost && e->passed ? e->services[e->passed - 1] : node->services;
}

static __u64 opened_by_longest(const struct node *nodes, enum axp_family family,
			       const __u8 *address)
{
	__u64 services = 0;
	int longest = -1;

	for (; nodes->prefix; nodes++) {
		struct prefix_bits prefix = prefix_bits(nodes->prefix);

		if (covers(&prefix, family, address) && (int)prefix.len > longest) {
			longest = prefix.len;
			services = opened_now(nodes);
		}
	}
	return services;
}

/* RFC 2131: servers listen on 67, clients on 68. RFC 8415 section 7.2: clients 546, servers 547. */
static bool dhcp(const struct reading *r)
{
	__u32 one = r->family == AXP_IPV4 ? 67 : 546;
	__u32 other = one + 1;

	return r->protocol == AXP_UDP && (r->source == one || r->source == other) &&
	       (r->destination == one || r->destination == other);
}

static const struct guard *guard_of(const struct rules *rules, enum axp_direction direction,
				    enum axp_protocol protocol, __u32 port)
{
	for (const struct guard *g = rules->guards; g->services; g++)
		if (g->direction == direction && g->protocol == protocol && g->from <= port &&
		    port <= g->to)
			return g;
	return NULL;
}

static struct expect by_lists(const struct judge *j, const struct reading *r)
{
	const struct guard *g = guard_of(j->rules, j->direction, r->protocol, r->destination);
	const __u8 *other = j->direction == AXP_IN ? r->src : r->dst;
	__u64 matching;

	if (!g)
		return outcome(j, AXP_REASON_NOT_GUARDED, AXP_NO_SERVICE, r->family);
	if (dhcp(r))
		return outcome(j, AXP_REASON_DHCP, AXP_NO_SERVICE, r->family);
	matching = g->services & opened_by_longest(j->rules->nodes, r->family, other);
	if (!matching)
		return outcome(j, AXP_REASON_UNLISTED, g->first, r->family);
	if (matching & BIT(g->first))
		return outcome(j, AXP_REASON_LISTED, g->first, r->family);
	for (__u32 slot = 0;; slot++)
		if (matching & BIT(slot))
			return outcome(j, AXP_REASON_LISTED, slot, r->family);
}

/* ---- fragments ---- */

static struct known_fragment *find_fragment(const struct judge *j, const struct reading *r)
{
	struct memory *m = j->memory;

	for (size_t i = 0; m && i < m->n_fragments; i++) {
		struct known_fragment *f = &m->fragments[i];

		if (f->direction == j->direction && f->family == r->family && f->id == r->id &&
		    f->protocol == r->id_protocol && !memcmp(f->src, r->src, sizeof(f->src)) &&
		    !memcmp(f->dst, r->dst, sizeof(f->dst)))
			return f;
	}
	return NULL;
}

static void *new_entry(void *entries, size_t *n, size_t size)
{
	if (*n == MEMORY_ROOM)
		abort();
	return (char *)entries + (*n)++ * size;
}

static void keep_fragment(const struct judge *j, const struct reading *r, const struct expect *e)
{
	struct known_fragment *f = find_fragment(j, r);
	struct memory *m = j->memory;

	if (!m || !r->first)
		return;
	if (!f)
		f = new_entry(m->fragments, &m->n_fragments, sizeof(*f));
	*f = (struct known_fragment){
		.direction = j->direction,
		.family = r->family,
		.id = r->id,
		.protocol = r->id_protocol,
		.seen = m->now,
		.dropped = drops(e->reason),
		.service = e->service,
	};
	memcpy(f->src, r->src, sizeof(f->src));
	memcpy(f->dst, r->dst, sizeof(f->dst));
}

static struct expect later_fragment(const struct judge *j, const struct reading *r)
{
	const struct known_fragment *f = find_fragment(j, r);
	const __u8 *other = j->direction == AXP_IN ? r->src : r->dst;

	if (f && j->memory->now - f->seen <= FRAGMENTS_LIVE)
		return outcome(j, f->dropped ? AXP_REASON_FRAGMENT_DROPPED : AXP_REASON_FRAGMENT,
			       f->service, r->family);
	if (opened_by_longest(j->rules->nodes, r->family, other))
		return outcome(j, AXP_REASON_FRAGMENT_LISTED, AXP_NO_SERVICE, r->family);
	return outcome(j,
		       j->rules->refuse_fragments ? AXP_REASON_FRAGMENT_REFUSED
						  : AXP_REASON_FRAGMENT_UNMATCHED,
		       AXP_NO_SERVICE, r->family);
}

/* ---- flows ---- */

static struct tuple tuple_of(const struct judge *j, const struct reading *r)
{
	bool in = j->direction == AXP_IN;
	struct tuple t;

	memset(&t, 0, sizeof(t)); /* to be compared as bytes */
	t.family = r->family;
	t.protocol = r->protocol;
	t.local_port = in ? r->destination : r->source;
	t.remote_port = in ? r->source : r->destination;
	memcpy(t.local, in ? r->dst : r->src, sizeof(t.local));
	memcpy(t.remote, in ? r->src : r->dst, sizeof(t.remote));
	return t;
}

static bool same_tuple(const struct tuple *a, const struct tuple *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static struct known_flow *find_flow(struct memory *m, const struct tuple *t)
{
	for (size_t i = 0; m && i < m->n_flows; i++)
		if (same_tuple(&m->flows[i].tuple, t))
			return &m->flows[i];
	return NULL;
}

static struct known_tuple *find_tuple(struct known_tuple *tuples, size_t n, const struct tuple *t)
{
	for (size_t i = 0; i < n; i++)
		if (same_tuple(&tuples[i].tuple, t))
			return &tuples[i];
	return NULL;
}

static __u64 limit_ms(const struct rules *rules, enum axp_protocol protocol, bool closing)
{
	struct limits l = limits_of(rules);

	return 1000ULL * (protocol == AXP_UDP ? l.udp : closing ? l.tcp_closing : l.tcp);
}

static bool alive(const struct judge *j, const struct known_flow *f)
{
	return j->memory->now - f->seen <= limit_ms(j->rules, f->tuple.protocol, f->closing);
}

static void refresh(const struct memory *m, __u64 *seen)
{
	if (m->now - *seen >= 1000)
		*seen = m->now;
}

static void note_stranger(struct memory *m, const struct tuple *t)
{
	struct known_tuple *known = find_tuple(m->strangers, m->n_strangers, t);

	if (known) {
		refresh(m, &known->seen);
		return;
	}
	known = new_entry(m->strangers, &m->n_strangers, sizeof(*known));
	*known = (struct known_tuple){ .tuple = *t, .seen = m->now };
}

static bool recent(const struct judge *j, const struct known_tuple *known)
{
	return known &&
	       j->memory->now - known->seen <= limit_ms(j->rules, known->tuple.protocol, false);
}

/* Answers to one who sent first: he stays that one for as long as they go on. */
static bool to_stranger(const struct judge *j, const struct tuple *t)
{
	struct memory *m = j->memory;
	struct known_tuple *known = find_tuple(m->strangers, m->n_strangers, t);

	if (!recent(j, known))
		return false;
	refresh(m, &known->seen);
	return true;
}

static bool is_reply(const struct judge *j, const struct reading *r)
{
	const struct guard *g = guard_of(j->rules, AXP_IN, r->protocol, r->destination);
	struct tuple t = tuple_of(j, r);
	const struct known_flow *f = find_flow(j->memory, &t);

	return f && !g->no_replies && !f->listed && alive(j, f);
}

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

/* RFC 9293 section 3.5: a connection begins with a segment that has SYN and not ACK. */
static bool begins(const struct reading *r)
{
	return r->protocol == AXP_UDP || (r->flags & (SYN | ACK)) == SYN;
}

static void keep_alive(const struct judge *j, const struct reading *r, struct known_flow *f)
{
	if (r->protocol == AXP_TCP && r->flags & (FIN | RST))
		f->closing = true;
	refresh(j->memory, &f->seen);
}

/* A packet between this host and a port guarded outbound: the flow is his who began it. */
static void keep_side(const struct judge *j, const struct reading *r)
{
	struct memory *m = j->memory;
	struct tuple t = tuple_of(j, r);
	struct known_tuple *known = find_tuple(m->answers, m->n_answers, &t);
	bool ours = j->direction == AXP_OUT;

	if (recent(j, known)) {
		if (known->ours == ours)
			refresh(m, &known->seen);
		return;
	}
	if (!ours && !begins(r))
		return;
	if (!known)
		known = new_entry(m->answers, &m->n_answers, sizeof(*known));
	*known = (struct known_tuple){ .tuple = t, .seen = m->now, .ours = ours };
}

static bool is_answer(const struct judge *j, const struct reading *r)
{
	struct memory *m = j->memory;
	struct tuple t = tuple_of(j, r);
	struct known_tuple *known = find_tuple(m->answers, m->n_answers, &t);

	return recent(j, known) && !known->ours;
}

/* A packet leaves: it keeps its flow alive, or begins one. */
static void keep_flow(const struct judge *j, const struct reading *r)
{
	const struct guard *g = guard_of(j->rules, AXP_IN, r->protocol, r->source);
	struct tuple t = tuple_of(j, r);
	struct memory *m = j->memory;
	struct known_flow *f = find_flow(m, &t);
	bool listed;

	if (!m || !g || g->no_replies)
		return;
	if (f && alive(j, f) && !(f->closing && r->protocol == AXP_TCP && begins(r))) {
		keep_alive(j, r, f);
		return;
	}
	if (!begins(r))
		return;
	listed = g->services & opened_by_longest(j->rules->nodes, r->family, r->dst);
	/* Learning, whoever this host sends to is a peer of its choice. */
	if (!listed && r->protocol == AXP_UDP && j->mode != AXP_MODE_LEARN && to_stranger(j, &t))
		return;
	if (!f)
		f = new_entry(m->flows, &m->n_flows, sizeof(*f));
	*f = (struct known_flow){ .tuple = t, .seen = m->now, .listed = listed };
}

/* ---- both directions ---- */

static struct expect come_in(const struct judge *j, const struct reading *r)
{
	struct expect e = by_lists(j, r);
	struct tuple t = tuple_of(j, r);
	struct memory *m = j->memory;

	if (e.reason == AXP_REASON_UNLISTED && is_reply(j, r))
		return outcome(j, AXP_REASON_REPLY, e.service, r->family);
	if (!m)
		return e;
	if (e.monitored && j->mode == AXP_MODE_MONITOR && r->protocol == AXP_UDP &&
	    !guard_of(j->rules, AXP_IN, AXP_UDP, r->destination)->no_replies)
		note_stranger(m, &t);
	if (e.verdict == AXP_PASS && guard_of(j->rules, AXP_OUT, r->protocol, r->source))
		keep_side(j, r);
	return e;
}

struct expect model_in(struct memory *m, const struct rules *rules, enum axp_mode mode,
		       const __u8 *frame, size_t len)
{
	struct reading r = { .at = frame, .left = len, .family = AXP_FAMILY_NONE };
	struct judge j = { m, rules, mode, AXP_IN };
	struct expect e;
	int reason;

	if (mode == AXP_MODE_OFF)
		return outcome(&j, AXP_REASON_OFF, AXP_NO_SERVICE, AXP_FAMILY_NONE);
	reason = ethernet(&r);
	if (reason == AXP_REASON_FRAGMENT)
		return later_fragment(&j, &r);
	e = reason == PORTS ? come_in(&j, &r) : outcome(&j, reason, AXP_NO_SERVICE, r.family);
	keep_fragment(&j, &r, &e);
	return e;
}

static struct expect go_out(const struct judge *j, const struct reading *r)
{
	struct expect e = by_lists(j, r);

	if (j->memory && e.reason == AXP_REASON_LISTED)
		keep_side(j, r);
	if (j->memory && e.reason == AXP_REASON_UNLISTED && is_answer(j, r))
		return outcome(j, AXP_REASON_ANSWER, e.service, r->family);
	return e;
}

/* What no service is asked about goes, whatever is wrong with it, and is not counted. */
static struct expect judge_out(const struct judge *j, const struct reading *r, int reason)
{
	struct expect e = outcome(j, AXP_REASON_NOT_GUARDED, AXP_NO_SERVICE, r->family);

	if (!guards_out(j->rules)) {
		e.uncounted = true;
		return e;
	}
	if (reason == AXP_REASON_FRAGMENT)
		e = later_fragment(j, r);
	else
		e = reason == PORTS ? go_out(j, r) : outcome(j, reason, AXP_NO_SERVICE, r->family);
	keep_fragment(j, r, &e);
	if (e.service == AXP_NO_SERVICE) {
		e.uncounted = true;
		e.monitored = false;
		e.verdict = AXP_PASS;
	}
	return e;
}

struct expect model_out(struct memory *m, const struct rules *rules, enum axp_mode mode,
			const __u8 *frame, size_t len)
{
	struct reading r = { .at = frame, .left = len, .family = AXP_FAMILY_NONE };
	struct judge j = { m, rules, mode, AXP_OUT };
	struct expect e;
	int reason;

	if (mode == AXP_MODE_OFF) {
		e = outcome(&j, AXP_REASON_OFF, AXP_NO_SERVICE, AXP_FAMILY_NONE);
		e.uncounted = true;
		return e;
	}
	reason = ethernet(&r);
	e = judge_out(&j, &r, reason);
	if (e.verdict == AXP_PASS && reason == PORTS)
		keep_flow(&j, &r);
	return e;
}

struct expect model(const struct rules *rules, enum axp_mode mode, const __u8 *frame, size_t len)
{
	return model_in(NULL, rules, mode, frame, len);
}

void model_forget(struct memory *m)
{
	m->now = 3600000; /* so that nothing began before time did */
	m->n_flows = m->n_strangers = m->n_answers = m->n_fragments = 0;
}

void model_age(struct memory *m, __u32 ms)
{
	m->now += ms;
}
