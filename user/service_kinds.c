// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "service_kinds.h"

enum { MEDIA_LOWEST = 10000, WIDE_RANGE = 1000 };

static const struct {
	const char *name, *list, *about;
	bool usual;
	bool all; /* its usual ports are guarded in any case, not only where it was found */
	struct port_range ports[5];
} kinds[] = {
	[KIND_HTTPS] = { "https",
			 "webhooks",
			 "Webhooks and APIs that providers call. If it serves everyone, take it "
			 "out.",
			 true,
			 false,
			 { { 443, 443, AXP_TCP, 0 }, { 8443, 8443, AXP_TCP, 0 } } },
	[KIND_HTTP] = { "http",
			"web-clients",
			"Plain HTTP. Certificates are often renewed through it, from addresses "
			"that nobody knows.",
			false,
			false,
			{ { 80, 80, AXP_TCP, 0 }, { 8080, 8080, AXP_TCP, 0 } } },
	[KIND_SIP] = { "sip",
		       "sip-providers",
		       "SIP signalling: trunks, and phones from outside.",
		       true,
		       true,
		       { { 5060, 5060, AXP_UDP, 0 }, { 5060, 5061, AXP_TCP, 0 } } },
	[KIND_RTP] = { "rtp",
		       "media-providers",
		       "Media: make it the range that your PBX or SBC is set to use. Answers to "
		       "this host's own\n"
		       "  # queries, which may come to such ports too, pass as replies.",
		       true,
		       true,
		       { { 10000, 20000, AXP_UDP, 0 } } },
	[KIND_TURN] = { "turn",
			"turn-clients",
			"STUN and TURN. Browsers that come from anywhere cannot be listed: then "
			"take it out.",
			true,
			true,
			{ { 3478, 3478, AXP_UDP, 0 },
			  { 3478, 3478, AXP_TCP, 0 },
			  { 5349, 5349, AXP_TCP, 0 } } },
};

static const char *const sip_programs[] = {
	"kamailio", "opensips", "asterisk", "freeswitch",  "drachtio", "flexisip",      "yate",
	"sems",     "baresip",  "sipp",     "resiprocate", "repro",    "3CXPhoneSystem"
};

/* Where programs that handle media have their ports, unless told otherwise. */
static const struct {
	const char *program;
	uint16_t low, high;
} media[] = {
	{ "asterisk", 10000, 20000 },
	{ "freeswitch", 16384, 32768 },
	{ "rtpengine", 30000, 40000 },
	{ "rtpproxy", 35000, 65000 },
};

const char *kind_name(enum service_kind kind)
{
	return kinds[kind].name;
}

const char *kind_list(enum service_kind kind)
{
	return kinds[kind].list;
}

const char *kind_about(enum service_kind kind)
{
	return kinds[kind].about;
}

bool kind_usual(enum service_kind kind)
{
	return kinds[kind].usual;
}

enum service_kind kind_by_name(const char *name, size_t n)
{
	enum service_kind kind = 0;

	while (kind < SERVICE_KINDS &&
	       (strlen(kinds[kind].name) != n || strncmp(kinds[kind].name, name, n)))
		kind++;
	return kind;
}

static bool is_program(const char *program, const char *name)
{
	return !strncmp(program, name, strlen(name));
}

static bool is_sip_program(const char *program)
{
	for (size_t i = 0; i < ARRAY_SIZE(sip_programs); i++) {
		if (is_program(program, sip_programs[i]))
			return true;
	}
	return false;
}

static bool is_media_program(const char *program)
{
	for (size_t i = 0; i < ARRAY_SIZE(media); i++) {
		if (is_program(program, media[i].program))
			return true;
	}
	return is_sip_program(program);
}

static bool is_web_program(const char *program)
{
	static const char *const programs[] = { "nginx", "apache2", "httpd", "haproxy",
						"caddy", "traefik", "envoy", "lighttpd" };

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		if (is_program(program, programs[i]))
			return true;
	}
	return false;
}

static bool in_range(const struct port_range *r, uint8_t protocol, uint16_t port)
{
	return r->protocol == protocol && r->low <= port && port <= r->high;
}

static bool is_usual_port(enum service_kind kind, const struct listener *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds[kind].ports) && kinds[kind].ports[i].low; i++) {
		if (in_range(&kinds[kind].ports[i], l->protocol, l->port))
			return true;
	}
	return false;
}

/* Ports of managers and consoles, which are no business of providers. */
static bool is_management(const struct listener *l)
{
	static const uint16_t ports[] = { 5038, 5039, 5432 };

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		if (l->protocol == AXP_TCP && l->port == ports[i])
			return true;
	}
	return false;
}

enum service_kind kind_of_listener(const struct listener *l)
{
	static const enum service_kind by_port[] = { KIND_SIP, KIND_TURN, KIND_HTTPS, KIND_HTTP };

	if (is_management(l))
		return SERVICE_KINDS;
	for (size_t i = 0; i < ARRAY_SIZE(by_port); i++) {
		if (is_usual_port(by_port[i], l))
			return by_port[i];
	}
	if (l->protocol == AXP_UDP && l->port >= MEDIA_LOWEST && is_media_program(l->program))
		return KIND_RTP;
	if (l->port >= 5000 && l->port < 6000 && is_sip_program(l->program))
		return KIND_SIP;
	/* 4443, 9443: as people number their second one */
	if (l->protocol == AXP_TCP && l->port % 1000 == 443 && is_web_program(l->program))
		return KIND_HTTPS;
	return SERVICE_KINDS;
}

enum service_kind kind_of_service(const char *name, const struct ports *ports)
{
	for (size_t i = 0; i < ports->n; i++) {
		const struct port_range *r = &ports->v[i];

		if (r->protocol == AXP_UDP && r->high - r->low >= WIDE_RANGE)
			return KIND_RTP;
	}
	if (strcasestr(name, "sip"))
		return KIND_SIP;
	for (size_t i = 0; i < ports->n; i++) {
		const struct port_range *r = &ports->v[i];

		for (enum service_kind k = 0; k < SERVICE_KINDS; k++) {
			if (in_range(&kinds[k].ports[0], r->protocol, r->low))
				return k;
		}
	}
	return SERVICE_KINDS;
}

bool kind_found(enum service_kind kind, const struct listeners *l)
{
	for (size_t i = 0; i < l->n; i++) {
		enum service_kind found = kind_of_listener(&l->v[i]);

		if (found == kind || (kind == KIND_RTP && found == KIND_SIP))
			return true;
	}
	return false;
}

static void add(struct ports *out, struct port_range r)
{
	for (size_t i = 0; i < out->n; i++) {
		if (in_range(&out->v[i], r.protocol, r.low) &&
		    in_range(&out->v[i], r.protocol, r.high))
			return;
	}
	if (out->n < ARRAY_SIZE(out->v))
		out->v[out->n++] = r;
}

/* The ranges of the programs that were found; else the usual one. */
static void media_ports(const struct listeners *l, struct ports *out)
{
	for (size_t i = 0; i < l->n; i++) {
		for (size_t m = 0; m < ARRAY_SIZE(media); m++) {
			if (is_program(l->v[i].program, media[m].program))
				add(out,
				    (struct port_range){ media[m].low, media[m].high, AXP_UDP, 0 });
		}
	}
	if (!out->n)
		add(out, kinds[KIND_RTP].ports[0]);
}

void kind_ports(enum service_kind kind, const struct listeners *l, struct ports *out)
{
	out->n = 0;
	if (kind == KIND_RTP) {
		media_ports(l, out);
		return;
	}
	for (size_t i = 0; kinds[kind].all && kinds[kind].ports[i].low; i++)
		add(out, kinds[kind].ports[i]);
	for (size_t i = 0; i < l->n; i++) {
		const struct listener *v = &l->v[i];

		if (kind_of_listener(v) == kind)
			add(out, (struct port_range){ v->port, v->port, v->protocol, 0 });
	}
	if (!out->n)
		add(out, kinds[kind].ports[0]);
}
