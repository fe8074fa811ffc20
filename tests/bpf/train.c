// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "train.h"

enum { UDP_PROTOCOL = 17, FRAGMENT_PROTOCOL = 44, DESTINATION_PROTOCOL = 60 };

/* What all fragments of a train share. */
struct line {
	struct generator *g;
	struct train *train;
	enum axp_family family;
	const char *source;
	__u32 id;
};

/* A stretch of a datagram, its first byte's place in units of eight. */
struct piece {
	const __u8 *bytes;
	size_t size;
	__u32 offset, more, next;
};

static size_t build_datagram(__u8 *out, __u16 port, bool options, size_t payload)
{
	struct layer layers[4] = { EXT(DESTINATION_PROTOCOL), UDP(9, port), PAYLOAD(payload) };
	static struct packet p;

	packet_build(&p, options ? layers : layers + 1);
	memcpy(out, p.data, p.len);
	return p.len;
}

static void emit_ipv4(const struct line *line, const struct piece *piece)
{
	struct layer layers[] = {
		ETH(),
		IPV4(.src = line->source, .id = line->id & 0xffff,
		     .frag = piece->more << 13 | piece->offset),
		NEXT(piece->next),
		{ .kind = LAYER_BYTES, .bytes = { (const char *)piece->bytes, piece->size } },
		{ LAYER_END },
	};

	packet_build(&line->train->packets[line->train->n++], layers);
}

static void emit_ipv6(const struct line *line, const struct piece *piece, __u32 id)
{
	struct layer layers[] = {
		ETH(),
		IPV6(.src = line->source),
		FRAG(.offset = piece->offset, .more = piece->more, .id = id),
		NEXT(piece->next),
		{ .kind = LAYER_BYTES, .bytes = { (const char *)piece->bytes, piece->size } },
		{ LAYER_END },
	};

	packet_build(&line->train->packets[line->train->n++], layers);
}

/* A fragment header and what it carries, itself cut in two. */
static void emit_nested(const struct line *line, const struct piece *piece)
{
	struct layer layers[] = {
		FRAG(.offset = piece->offset, .more = piece->more, .id = line->id),
		NEXT(piece->next),
		{ .kind = LAYER_BYTES, .bytes = { (const char *)piece->bytes, piece->size } },
		{ LAYER_END },
	};
	__u32 id = line->id + 1000000 + random_below(line->g, 1000000), cut;
	static struct packet inner;

	line->train->whole = false; /* Linux takes no fragments of fragments */
	packet_build(&inner, layers);
	cut = 8 * random_below(line->g, inner.len / 8);
	if (cut > 0)
		emit_ipv6(line, &(struct piece){ inner.data, cut, 0, 1, FRAGMENT_PROTOCOL }, id);
	emit_ipv6(
		line,
		&(struct piece){ inner.data + cut, inner.len - cut, cut / 8, 0, FRAGMENT_PROTOCOL },
		id);
}

static void emit(const struct line *line, struct piece piece)
{
	if (line->train->n + 2 > TRAIN_MAX)
		return;
	if (piece.offset > 0 && chance(line->g, 20)) {
		piece.next = random_below(line->g, 256); /* IPv6: only the first one's counts */
		line->train->whole &= line->family == AXP_IPV6;
	}
	if (line->family == AXP_IPV4)
		emit_ipv4(line, &piece);
	else if (chance(line->g, 15))
		emit_nested(line, &piece);
	else
		emit_ipv6(line, &piece, line->id);
}

static void shuffle(struct generator *g, struct train *t)
{
	static struct packet spare;

	for (size_t i = t->n; i > 1; i--) {
		size_t j = random_below(g, i);

		spare = t->packets[i - 1];
		t->packets[i - 1] = t->packets[j];
		t->packets[j] = spare;
	}
}

void generate_train(struct generator *g, struct train *t, enum axp_family family,
		    const char *source, __u16 port, __u16 decoy)
{
	bool options = family == AXP_IPV6 && chance(g, 20), clean = chance(g, 40);
	__u32 next = options ? DESTINATION_PROTOCOL : UDP_PROTOCOL;
	static __u32 id; /* never twice: what a train lacks must not come from another */
	struct line line = { g, t, family, source, ++id };
	__u8 real[TRAIN_DATAGRAM], other[TRAIN_DATAGRAM];
	size_t size, payload = random_below(g, 120);

	t->n = 0;
	t->whole = clean;
	size = build_datagram(real, port, options, payload);
	build_datagram(other, decoy, options, payload);
	for (size_t from = 0, to; from < size; from = to) {
		size_t end;

		to = from + 8 * (1 + random_below(g, 6));
		end = clean || chance(g, 80) ? to : to + 8; /* into the next piece */
		to = to < size ? to : size;
		end = end < size ? end : size;
		if (options && to == 8)
			t->whole = false; /* the first is without ports (RFC 7112) */
		if (clean || chance(g, 70))
			emit(&line,
			     (struct piece){ real + from, end - from, from / 8, end < size, next });
		if (!clean && chance(g, 50))
			emit(&line, (struct piece){ other + from, end - from, from / 8, end < size,
						    next });
	}
	if (chance(g, 50))
		shuffle(g, t);
}
