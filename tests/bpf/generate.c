// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "generate.h"

/* A Weyl sequence, its numbers mixed well: any seed will do, 0 too. */
static __u64 random64(struct generator *g)
{
	__u64 x = g->state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 32) * 0xd6e8feb86659fd93ULL;
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93ULL;
	return x ^ x >> 32;
}

__u32 random_below(struct generator *g, __u32 limit)
{
	return limit ? (__u32)(random64(g) >> 32) % limit : 0;
}

bool chance(struct generator *g, __u32 percent)
{
	return random_below(g, 100) < percent;
}

static __u64 random_services(struct generator *g, __u32 at_most)
{
	__u64 services = 0;

	for (__u32 n = random_below(g, at_most + 1); n > 0; n--)
		services |= BIT(random_below(g, AXP_MAX_SERVICES));
	return services;
}

/* One guard in a corner of its own, over the ports that DHCP has. */
static struct guard guard_dhcp(struct generator *g)
{
	__u32 first = random_below(g, AXP_MAX_SERVICES);

	return (struct guard){ AXP_UDP, 67, 547, random_services(g, 2) | BIT(first), first };
}

static void generate_guards(struct generator *g, struct guard *guards)
{
	size_t n = 0;

	if (chance(g, 50))
		guards[n++] = guard_dhcp(g);
	for (int set = 0; set < AXP_DIRECTIONS * AXP_PROTOCOLS; set++) {
		__u32 port = 600 + random_below(g, 3000);

		while (port < 65536 && n < (size_t)GENERATED_GUARDS / 4 * (set + 1)) {
			__u32 width = chance(g, 50) ? 0 : random_below(g, 20000);
			__u64 services =
				random_services(g, 3) | BIT(random_below(g, AXP_MAX_SERVICES));
			__u32 first = random_below(g, AXP_MAX_SERVICES);

			while (!(services & BIT(first)))
				first = (first + 1) % AXP_MAX_SERVICES;
			guards[n++] = (struct guard){
				.protocol = set % AXP_PROTOCOLS,
				.direction = set / AXP_PROTOCOLS,
				.from = port,
				.to = port + width < 65535 ? port + width : 65535,
				.services = services,
				.first = first,
				.no_replies = chance(g, 20),
			};
			port += width + 1 + (chance(g, 30) ? 0 : random_below(g, 20000));
		}
	}
	guards[n].services = 0;
}

static void random_bits(struct generator *g, __u8 *addr, __u32 from, __u32 to)
{
	for (__u32 bit = from; bit < to; bit++) {
		addr[bit / 8] &= ~(0x80 >> bit % 8);
		if (random64(g) >> 63)
			addr[bit / 8] |= 0x80 >> bit % 8;
	}
}

static __u32 address_bits(enum axp_family family)
{
	return family == AXP_IPV4 ? 32 : 128;
}

/* Anywhere, or around or inside a prefix that is there already. */
static void generate_prefix(struct generator *g, const struct node *nodes, size_t n, char *text)
{
	struct prefix_bits prefix = { .family = chance(g, 50) ? AXP_IPV4 : AXP_IPV6 };
	char address[INET6_ADDRSTRLEN];
	__u32 bits, len;

	if (n > 0 && chance(g, 70))
		prefix = prefix_bits(nodes[random_below(g, n)].prefix);
	else
		random_bits(g, prefix.addr, 0, address_bits(prefix.family));
	bits = address_bits(prefix.family);
	len = chance(g, 10) ? bits : random_below(g, bits + 1);
	random_bits(g, prefix.addr, prefix.len, bits);
	for (__u32 bit = len; bit < bits; bit++)
		prefix.addr[bit / 8] &= ~(0x80 >> bit % 8);
	inet_ntop(prefix.family == AXP_IPV4 ? AF_INET : AF_INET6, prefix.addr, address,
		  sizeof(address));
	snprintf(text, INET6_ADDRSTRLEN + 4, "%s/%u", address, len);
}

static bool has_prefix(const struct node *nodes, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(nodes[i].prefix, text))
			return true;
	return false;
}

static const struct expiry *generate_expiry(struct generator *g, struct expiry *e)
{
	e->steps = 1 + random_below(g, AXP_TIMED_STEPS);
	e->passed = random_below(g, e->steps + 1);
	e->lost = chance(g, 5);
	for (__u32 i = 0; i < e->steps; i++)
		e->services[i] = random64(g) & random64(g);
	return e;
}

void generate_rules(struct generator *g, struct generated_rules *out)
{
	size_t n = 0, wanted = random_below(g, GENERATED_NODES + 1);

	generate_guards(g, out->guards);
	for (size_t i = 0; i < wanted; i++) {
		generate_prefix(g, out->nodes, n, out->text[n]);
		if (has_prefix(out->nodes, n, out->text[n]))
			continue;
		/* Many services, so that a match is likely. */
		out->nodes[n] = (struct node){ out->text[n], random64(g) & random64(g) };
		if (chance(g, 20))
			out->nodes[n].expiry = generate_expiry(g, &out->expiries[n]);
		n++;
	}
	out->nodes[n].prefix = NULL;
	out->rules = (struct rules){ .guards = out->guards,
				     .nodes = out->nodes,
				     .refuse_fragments = chance(g, 30) };
}

static size_t count_nodes(const struct node *nodes)
{
	size_t n = 0;

	while (nodes[n].prefix)
		n++;
	return n;
}

static size_t count_guards(const struct guard *guards)
{
	size_t n = 0;

	while (guards[n].services)
		n++;
	return n;
}

void vary_rules(struct generator *g, const struct rules *from, struct generated_rules *out)
{
	size_t n = 0, guards = count_guards(from->guards);

	if (guards > GENERATED_GUARDS)
		guards = GENERATED_GUARDS;
	memcpy(out->guards, from->guards, guards * sizeof(*from->guards));
	out->guards[guards].services = 0;
	for (const struct node *node = from->nodes; node->prefix && n < GENERATED_NODES; node++) {
		if (chance(g, 30))
			continue;
		snprintf(out->text[n], sizeof(out->text[n]), "%s", node->prefix);
		out->nodes[n] = (struct node){ out->text[n], node->services };
		if (chance(g, 30))
			out->nodes[n].services = random64(g) & random64(g);
		n++;
	}
	out->nodes[n].prefix = NULL;
	out->rules = *from;
	out->rules.guards = out->guards;
	out->rules.nodes = out->nodes;
}

/* Within a prefix, or one bit away from it, or anywhere. */
static void generate_address(struct generator *g, struct peer *peer)
{
	struct prefix_bits address = { .family = peer->family };
	size_t n = count_nodes(g->rules->nodes);
	__u32 bits = address_bits(peer->family);

	for (int tries = 0; n > 0 && tries < 4 && !address.len; tries++) {
		struct prefix_bits prefix = prefix_bits(g->rules->nodes[random_below(g, n)].prefix);

		if (prefix.family == peer->family)
			address = prefix;
	}
	random_bits(g, address.addr, address.len, bits);
	if (chance(g, 25)) {
		__u32 bit = random_below(g, bits);

		address.addr[bit / 8] ^= 0x80 >> bit % 8;
	}
	inet_ntop(peer->family == AXP_IPV4 ? AF_INET : AF_INET6, address.addr, peer->address,
		  sizeof(peer->address));
}

/* Near one of the guards, of this direction for preference. */
static const struct guard *choose_guard(struct generator *g, size_t n, enum axp_direction direction)
{
	const struct guard *guard = &g->rules->guards[random_below(g, n)];

	for (int tries = 0; tries < 4 && guard->direction != direction; tries++)
		guard = &g->rules->guards[random_below(g, n)];
	return guard;
}

static __u32 generate_port(struct generator *g, enum axp_direction direction)
{
	static const __u16 special[] = { 0, 53, 67, 68, 546, 547, 22, 65535 };
	size_t n = count_guards(g->rules->guards);
	const struct guard *guard;

	if (chance(g, 15))
		return special[random_below(g, sizeof(special) / sizeof(special[0]))];
	if (n == 0 || chance(g, 15))
		return random_below(g, 65536);
	guard = choose_guard(g, n, direction);
	if (chance(g, 60))
		return guard->from + random_below(g, guard->to - guard->from + 1);
	return (chance(g, 50) ? guard->from - 1 : guard->to + 1) & 0xffff;
}

static const struct peer *generate_peer(struct generator *g)
{
	struct peer *peer = &g->peers[random_below(g, GENERATED_PEERS)];

	if (peer->family && chance(g, g->again))
		return peer;
	peer->family = chance(g, 50) ? AXP_IPV4 : AXP_IPV6;
	peer->protocol = random_below(g, AXP_PROTOCOLS);
	peer->port = generate_port(g, AXP_OUT);
	peer->local_port = generate_port(g, AXP_IN);
	generate_address(g, peer);
	return peer;
}

/* A lie, seldom: the field is whatever it likes to be. */
static __u32 lie(struct generator *g, __u32 limit)
{
	return chance(g, 3) ? FORCE(random_below(g, limit)) : 0;
}

static struct layer generate_ipv4(struct generator *g, const struct peer *peer)
{
	struct layer l = IPV4(.src = peer->address, .id = random_below(g, 3));

	if (g->out) {
		l.ipv4.src = "203.0.113.1";
		l.ipv4.dst = peer->address;
	}
	if (chance(g, 15))
		l.ipv4.options = 4 * random_below(g, 11);
	if (chance(g, 25) && !g->no_fragments)
		l.ipv4.frag = random_below(g, 8) << 13;
	if (chance(g, 10) && !g->no_fragments)
		l.ipv4.frag |= random_below(g, chance(g, 50) ? 4 : 8192);
	l.ipv4.version = lie(g, 16);
	l.ipv4.ihl = lie(g, 16);
	l.ipv4.tot_len = lie(g, chance(g, 80) ? 100 : 65536);
	return l;
}

static struct layer generate_ipv6(struct generator *g, const struct peer *peer)
{
	struct layer l = IPV6(.src = peer->address);

	if (g->out) {
		l.ipv6.src = "2001:db8:ffff::1";
		l.ipv6.dst = peer->address;
	}
	l.ipv6.version = lie(g, 16);
	l.ipv6.payload_len = lie(g, chance(g, 80) ? 100 : 65536);
	if (chance(g, 2))
		l.ipv6.payload_len = FORCE(0);
	return l;
}

static struct layer generate_extension(struct generator *g)
{
	static const __u8 types[] = { 0, 43, 60 };
	struct layer l = EXT(types[random_below(g, 3)]);

	switch (random_below(g, 6)) {
	case 0:
		l = (struct layer)FRAG(.more = g->no_fragments ? 0 : random_below(g, 2),
				       .id = random_below(g, 3));
		if (chance(g, 20) && !g->no_fragments)
			l.frag.offset = random_below(g, 8192);
		break;
	case 1:
		l = (struct layer)AH(.words = random_below(g, 8));
		l.ah.len = lie(g, 256);
		break;
	default:
		l.ext.units = random_below(g, chance(g, 90) ? 4 : 256);
		l.ext.len = lie(g, 256);
	}
	return l;
}

static struct layer generate_transport(struct generator *g, const struct peer *peer)
{
	static const __u8 flags[] = { 0x02, 0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x06, 0x03 };
	__u32 sport = g->out ? peer->local_port : peer->port;
	__u32 dport = g->out ? peer->port : peer->local_port;

	if (chance(g, 5)) {
		__u32 server = chance(g, 50) ? 67 : 546;

		return (struct layer)UDP(server + random_below(g, 2), server + random_below(g, 2));
	}
	switch (random_below(g, 12)) {
	case 0:
		return (struct layer)ICMP(random_below(g, 20));
	case 1:
		return (struct layer)ICMPV6(random_below(g, 256));
	case 2:
		return (struct layer)NEXT(random_below(g, 256));
	default:
		if (chance(g, 80) ? peer->protocol == AXP_UDP : chance(g, 50))
			break;
		return (struct layer)TCP(sport, dport, flags[random_below(g, sizeof(flags))],
					 .options = 4 * random_below(g, 11));
	}
	return (struct layer)UDP(sport, dport, lie(g, 65536));
}

static struct layer *generate_ip(struct generator *g, struct layer *l)
{
	const struct peer *peer = generate_peer(g);

	if (peer->family == AXP_IPV4) {
		*l++ = generate_ipv4(g, peer);
	} else {
		*l++ = generate_ipv6(g, peer);
		for (__u32 n = chance(g, 50) ? 0 : random_below(g, 11); n > 0; n--)
			*l++ = generate_extension(g);
	}
	if (chance(g, 5))
		*l++ = (struct layer)IP_END();
	*l++ = generate_transport(g, peer);
	return l;
}

void generate_packet(struct generator *g, struct packet *p)
{
	struct layer layers[PACKET_LAYERS] = { ETH() }, *l = &layers[1];
	__u32 tags = chance(g, 60) ? 0 : random_below(g, 4);

	for (; tags > 0; tags--) {
		*l = (struct layer)VLAN(.vid = chance(g, 50) ? 0 : random_below(g, 4096));
		l++->vlan.tpid = chance(g, 50) ? 0x8100 : 0x88a8;
	}
	if (chance(g, 4))
		*l++ = (struct layer)ARP(1);
	else if (chance(g, 4))
		*l++ = (struct layer)NEXT(random_below(g, 65536));
	else
		l = generate_ip(g, l);
	*l++ = (struct layer)PAYLOAD(random_below(g, chance(g, 95) ? 64 : 6000));
	*l = (struct layer){ LAYER_END };
	packet_build(p, layers);
	if (chance(g, 8))
		p->len = 14 + random_below(g, p->len - 14);
}

void mutate_packet(struct generator *g, struct packet *p)
{
	for (__u32 n = 1 + random_below(g, 4); n > 0; n--) {
		size_t reach = chance(g, 80) && p->len > 80 ? 80 : p->len;
		__u8 *byte = &p->data[12 + random_below(g, reach - 12)];

		if (chance(g, 50))
			*byte ^= 1 << random_below(g, 8);
		else
			*byte = random_below(g, 256);
	}
}
